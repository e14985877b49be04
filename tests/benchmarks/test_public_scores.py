"""Scores of one split, means over splits, and their tables."""

import math

import numpy as np
import pytest
import torch
from benchmarks.public import document
from benchmarks.public.collection import Collection
from benchmarks.public.contenders.prediction import Machine, gaussians
from benchmarks.public.job import Job
from benchmarks.public.known import collection
from benchmarks.public.published import best_of, published
from benchmarks.public.result import Result
from benchmarks.public.scores import figures_of, gridded_nll
from benchmarks.public.split import split_of_arrays
from benchmarks.public.summary import Summary, mean_of, row_of, summaries
from scipy.stats import kstest, norm


@pytest.fixture
def rounded():
    """A split whose target is whole, and its true density."""
    random = np.random.default_rng(0)
    x = random.normal(size=(400, 1))
    y = np.round(3 * x + random.normal(size=(400, 1)))
    split = split_of_arrays(x, y, np.arange(200), 0)
    mean = 3 * split.test.x
    return split, gaussians(mean, torch.ones_like(mean))


def smooth(truth=False):
    random = np.random.default_rng(1)
    x = random.normal(size=(300, 1))
    y = x + random.normal(size=(300, 1))
    split = split_of_arrays(x, y, np.arange(100), 0)
    return split, gaussians(split.test.x, torch.ones_like(split.test.x))


def test_a_coarse_grid_is_scored_by_cells(rounded):
    split, mixture = rounded
    figures = figures_of(mixture, split)
    y, mean = split.test.y.numpy(), 3 * split.test.x.numpy()
    cells = norm.cdf(y + 0.5 - mean) - norm.cdf(y - 0.5 - mean)
    assert figures["score"] == pytest.approx(-np.log(cells).mean())
    assert figures["nll"] == pytest.approx(-norm.logpdf(y - mean).mean())


def test_rounded_targets_are_calibrated_where_the_density_is_right(rounded):
    split, mixture = rounded
    figures = figures_of(mixture, split)
    assert figures == figures_of(mixture, split)
    assert figures["pit_distance"] < 1.36 / math.sqrt(200)
    assert figures["coverage"] == pytest.approx(0.9, abs=0.06)


def test_figures_of_a_smooth_target_are_those_of_the_density():
    split, mixture = smooth()
    figures = figures_of(mixture, split)
    off = (split.test.y - split.test.x).numpy()
    assert figures["score"] == figures["nll"] == pytest.approx(-norm.logpdf(off).mean())
    assert figures["rmse"] == pytest.approx(math.sqrt((off**2).mean()))
    assert figures["coverage"] == pytest.approx((abs(off) < norm.ppf(0.95)).mean())


def test_a_density_on_a_grid_costs_at_most_23_nats():
    split, mixture = smooth()
    assert gridded_nll(mixture, split, 4000) == pytest.approx(
        figures_of(mixture, split)["nll"], abs=0.02
    )
    split.test.y[:] = 100.0
    assert gridded_nll(mixture, split, 200) == pytest.approx(10 * math.log(10))


def result(score, rows=(1.0, 3.0), **figures):
    usual = {"median": 0.0, "nll": score, "crps": 1.0, "coverage": 0.9, "rmse": 1.0}
    figures = usual | {"score": score, "pit_distance": 0.01, "protocol": score} | figures
    chosen = {
        "guard": 0.01 * score,
        "name": "x",
        "held_out": {"nll": 1.0},
        "recipe": {"depth": 2},
    }
    return Result(90, figures, list(rows), 2.0, chosen, {}, "abc1")


def two(scores, contender="default"):
    return Summary("some", contender, {i: result(score) for i, score in enumerate(scores)})


def test_differences_are_paired_by_split():
    ours, theirs = two([1.0, 2.0, 6.0]), two([2.0, 4.0, 4.0], "catboost")
    assert ours.score.value == 3.0
    assert ours.score.error == pytest.approx(np.std([1, 2, 6], ddof=1) / math.sqrt(3))
    assert ours.behind(theirs).value == pytest.approx(-1 / 3)
    assert ours.behind(theirs).error == pytest.approx(np.std([-1, -2, 2], ddof=1) / math.sqrt(3))


def test_only_splits_that_both_have_are_paired():
    ours = two([1.0, 2.0, 100.0])
    assert ours.behind(two([0.0, 0.0])).value == 1.5
    assert math.isnan(ours.behind(Summary("some", "none", {7: result(1.0)})).value)


def test_one_split_is_paired_by_row():
    ours = Summary("some", "default", {0: result(2.0, (1.0, 3.0))})
    theirs = Summary("some", "catboost", {0: result(2.5, (1.0, 4.0))})
    assert ours.behind(theirs).value == -0.5
    assert ours.behind(theirs).error == pytest.approx(0.5)


def test_one_value_has_no_error():
    assert math.isnan(mean_of([1.0]).error)


def test_chance_is_what_uniform_numbers_have():
    random = np.random.default_rng(0)
    distances = [kstest(random.random(1000), "uniform").statistic for _ in range(20)]
    even = {i: result(1.0, [0.0] * 1000, pit_distance=d) for i, d in enumerate(distances)}
    assert Summary("some", "default", even).pit_within_chance
    off = {i: result(1.0, [0.0] * 1000, pit_distance=d + 0.02) for i, d in enumerate(distances)}
    assert not Summary("some", "default", off).pit_within_chance


def boards_results(sets=("kin8nm",)):
    machine = Machine()
    return {
        Job("boards", name, number, contender, None, machine): result(-1.0 - number)
        for name in sets
        for number in range(2)
        for contender in ("default", "marginal")
    }


def test_a_row_of_the_table_on_the_screen():
    [[ours, theirs]] = summaries(boards_results()).values()
    row = row_of(theirs, ours)
    assert row["behind default"] == 0
    assert (row["contender"], row["splits"], row["score"]) == ("marginal", 2, -1.5)


def test_tables_have_published_figures_beside_ours():
    boards: Collection = collection("boards", None)
    text = document.tables("boards", boards, boards_results())
    assert "at abc1" in text
    assert "| kin8nm | 90 | 2 | 1.500 ± 0.500 | 1.500 |" in text
    assert "1.285 (TabPFN-2.5)" in text
    assert "default minus marginal" in text
    assert "guard -0.02, held_out.nll 1 |" in text
    assert "recipe" not in text
    assert "default: PIT within chance on 1 of 1 sets; 90 % intervals hold 0.900 to 0.900" in text


def test_a_page_keeps_what_stands_around_its_tables(tmp_path):
    page = tmp_path / "some.md"
    page.write_text(f"before\n{document.BEGIN}\nold\n{document.END}\nafter\n")
    document.put_into(page, "new")
    assert page.read_text() == f"before\n{document.BEGIN}\n\nnew\n\n{document.END}\nafter\n"
    document.put_into(page, "newer")
    assert page.read_text().count("new") == 1
    page.write_text("no marks")
    with pytest.raises(ValueError, match="has no place for the tables"):
        document.put_into(page, "new")


def test_a_new_page_is_made(tmp_path):
    document.put_into(tmp_path / "some.md", "new")
    document.put_into(tmp_path / "some.md", "newer")
    assert "newer" in (tmp_path / "some.md").read_text()


def test_only_figures_of_the_same_protocol_count_as_the_best():
    figures = published("uci")
    best = best_of(figures, "yacht")
    assert best is not None
    assert (best.method, best.value) == ("WGBoost (WEvidential)", 0.16)
    assert min(each.value for each in figures if each.name == "yacht") == 0.05
    assert published("regret") == []
