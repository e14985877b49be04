"""The arithmetic and the files of the benchmarks; no test asserts a time."""

import csv
import importlib.util
import json
from pathlib import Path

import pytest
import torch
from benchmarks import BY_NAME, NEED_DATA, SUITES, likelihood_speed, time_to_nll
from benchmarks.options import Options, parse
from benchmarks.output import report
from benchmarks.race import Contender, Timing, peak_bytes, race
from torch.distributions import Distribution

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmark.py"


@pytest.fixture
def main():
    spec = importlib.util.spec_from_file_location("benchmark_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def test_figures_of_a_race():
    timing = Timing(
        torch.tensor([1.0, 2, 4], dtype=torch.float64), torch.tensor([3.0, 4, 4]).double()
    )
    assert timing.median == 2
    assert timing.spread == pytest.approx((3 - 1.5) / 2)
    assert timing.speedup == 2


def test_contenders_take_turns():
    turns = []
    contenders = [
        Contender(name, lambda: None, lambda name=name: turns.append(name)) for name in "ab"
    ]
    timings = race(contenders, seconds=0.0)
    assert len(timings) == 2
    assert "".join(turns[4:]) == "ab" * (len(turns[4:]) // 2)


def test_peak_memory_counts_what_lives_at_once():
    first = torch.zeros(1000)

    def call():
        second = first + 1
        third = second + 1
        del second
        return third + 1

    # Scalars of a few bytes come on top.
    assert peak_bytes(Contender("a", call), torch.device("cpu")) == pytest.approx(8000, abs=100)


def test_a_report_is_a_table_and_two_files_of_the_same_rows(tmp_path, capsys):
    rows = [{"way": "ours", "ms": 0.123456}, {"way": "theirs", "ms": 2.0}]
    report("suite", iter(rows), tmp_path)
    assert "0.123 " in capsys.readouterr().out
    assert json.loads((tmp_path / "suite.json").read_text()) == rows
    with (tmp_path / "suite.csv").open() as file:
        assert [(r["way"], float(r["ms"])) for r in csv.DictReader(file)] == [
            (r["way"], r["ms"]) for r in rows
        ]


def test_options_are_read_from_the_command_line():
    options = parse(["suite=likelihood", "threads=1,4", "seconds=2", "out=here"])
    expected = Options(suite="likelihood", threads=(1, 4), seconds=2.0, out=Path("here"))
    assert options == expected


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("suit=all", r"got 'suit=all', wanted key=value with one of the keys \['suite'"),
        ("seconds", "got 'seconds', wanted key=value"),
        ("threads=many", "cannot read 'threads=many'"),
        ("device=abacus", "cannot read 'device=abacus'"),
        ("splits=0", "cannot read 'splits=0': at least 1 is needed"),
    ],
)
def test_bad_options_are_refused(argument, message):
    with pytest.raises(ValueError, match=message):
        parse([argument])


def test_an_unknown_suite_is_refused(main):
    with pytest.raises(ValueError, match=r"suite must be one of .*, got 'speed'"):
        main(["suite=speed"])


def test_all_suites_are_those_that_need_no_data_or_have_it(main, monkeypatch):
    measured = []
    monkeypatch.setitem(main.__globals__, "report", lambda name, *_: measured.append(name))
    main([])
    assert measured == [name for name in SUITES if name not in (*NEED_DATA, *BY_NAME)]
    measured.clear()
    main(["data=here"])
    assert measured == [name for name in SUITES if name not in BY_NAME]


@pytest.mark.parametrize("name", likelihood_speed.FAMILIES)
@pytest.mark.parametrize("targets", [1, 3])
def test_all_ways_find_the_same_gradients(name, targets, monkeypatch):
    monkeypatch.setattr(Distribution, "_validate_args", False)
    family = likelihood_speed.FAMILIES[name]
    if name == "full_precision" and targets > 1:
        pytest.skip("torch.distributions takes the same numbers for a covariance factor")
    batch = likelihood_speed.make_batch(family, 7, 4, targets, torch.device("cpu"))
    theirs, ours, *_ = (contender.call() for contender in likelihood_speed.contend(batch)[:2])
    for got, expected in zip((ours[0].mT, *ours[1:]), theirs, strict=True):
        if got is not None:
            torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-5)


def test_seconds_to_the_best_of_a_rival():
    theirs = [
        [(1.0, 3.0), (2.0, 2.0), (9.0, 2.5)],
        [(4.0, 1.0), (5.0, 1.5)],
        [(8.0, 9.0), (12.0, 5.0)],
    ]
    ours = [
        [(0.5, 2.5), (1.0, 1.9), (1.5, 1.0)],
        [(1.0, 2.0), (2.0, 1.1)],
        [(3.0, 4.0)],
    ]
    assert time_to_nll.compare(theirs, ours) == {  # no median of these is their mean
        "test NLL to reach": 2.0,  # of 2, 1, 5
        "tutorial, seconds": 4.0,  # of 2, 4, 12
        "seconds": 3.0,  # of 1, never, 3
        "times sooner": 2.0,  # of 2, 0, 4
        "least": 0.0,
        "most": 4.0,
        "best": 1.1,  # of 1, 1.1, 4
    }
