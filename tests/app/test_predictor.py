"""Results of parallel work come in their order."""

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
