"""Results of parallel work come in their order."""

import os
import threading

import pytest

from mdn.app.predictor import in_order


def test_results_come_in_order_a_few_ahead():
    taken = []

    def items():
        for i in range(1000):
            taken.append(i)
            yield i

    results = in_order(lambda i: i * i, items())
    assert [next(results) for _ in range(5)] == [0, 1, 4, 9, 16]
    assert len(taken) < 900
    assert list(results) == [i * i for i in range(5, 1000)]


def test_items_that_wait_are_not_computed_after_an_error(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    computed, over = [], threading.Event()
    threading.Timer(0.5, over.set).start()

    def square(i):
        if i == 0:
            raise ValueError("stopped")
        over.wait()
        computed.append(i)
        return i * i

    with pytest.raises(ValueError, match="stopped"):
        list(in_order(square, range(1000)))
    assert len(computed) <= 2
