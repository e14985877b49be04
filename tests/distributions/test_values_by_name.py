"""Values are picked by the names of the targets, whatever form they have."""

import pandas
import polars
import pytest
import torch
from named_mixtures import FRAME, NAMED, NAMES, ROWS, TURNED, UNNAMED, Y

from mdn import metrics
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale
from mdn.metrics.running import Calibration, RowMean

ONE = NAMED.marginal("price")

BY_NAME = {
    "pandas": TURNED,
    "polars": polars.from_pandas(TURNED),
    "pyarrow": polars.from_pandas(TURNED).to_arrow(),
    "mapping": {"size": Y[:, 2], "price": FRAME["price"], "rent": Y[:, 0].tolist()},
    "mapping and more": {"town": "a", "size": Y[:, 2], "price": Y[:, 1], "rent": Y[:, 0]},
}

QUESTIONS = {
    "log_prob": lambda m, y: m.log_prob(y),
    "component_log_prob": lambda m, y: m.component_log_prob(y),
    "log_responsibilities": lambda m, y: m.log_responsibilities(y),
    "cdf": lambda m, y: m.cdf(y),
    "log_cdf": lambda m, y: m.log_cdf(y),
    "dispersed": lambda m, y: m.dispersed(2.0, y).mu,
    "nll": metrics.nll,
    "nll_bits": metrics.nll_bits,
    "target_nll": metrics.target_nll,
    "crps": metrics.crps,
    "energy_score": metrics.energy_score,
    "pit": metrics.pit,
    "rosenblatt": metrics.rosenblatt,
    "density_rank": lambda m, y: metrics.density_rank(m, y, 50, torch.Generator().manual_seed(1)),
    "squared_error": lambda m, y: metrics.squared_error(m, y, "mean"),
    "absolute_error": lambda m, y: metrics.absolute_error(m, y, "mean"),
    "pinball": lambda m, y: metrics.pinball(m, y, 0.3),
    "gain": lambda m, y: metrics.gain(m, y, m[:1].expand(ROWS)),
    "grid_nll": lambda m, y: metrics.grid_nll(m, y, [0.1, 0.2, 0.3]),
    "coverage": lambda m, y: metrics.central_coverage(metrics.pit(m, y), 0.5),
}


@pytest.mark.parametrize("form", BY_NAME)
@pytest.mark.parametrize("question", QUESTIONS)
def test_values_are_picked_by_name(question, form):
    ask = QUESTIONS[question]
    expected = ask(UNNAMED, Y)
    torch.testing.assert_close(ask(NAMED, BY_NAME[form]), expected, rtol=0, atol=0)
    torch.testing.assert_close(ask(NAMED, Y), expected, rtol=0, atol=0)


def test_running_metrics_pick_by_name():
    for make in (
        lambda: RowMean(metrics.crps, (3,)),
        lambda: Calibration(metrics.pit, metrics.central_coverage),
    ):
        by_name, by_place = make(), make()
        by_name.update(NAMED, TURNED)
        by_place.update(NAMED, Y)
        torch.testing.assert_close(by_name.compute(), by_place.compute(), rtol=0, atol=0)


def test_a_labelled_row_is_picked_by_its_labels():
    for row in (TURNED.iloc[2], TURNED.drop(columns="town").iloc[2]):
        torch.testing.assert_close(NAMED[2].log_prob(row), NAMED[2].log_prob(Y[2]))
    for wrong in (TURNED[["rent", "size"]].iloc[2], FRAME.iloc[2].rename({"rent": "town"})):
        with pytest.raises(ValueError, match=r"y lacks the target '(price|rent)'"):
            NAMED[2].log_prob(wrong)
    twice = pandas.Series([1.0, 2, 3, 4], index=["rent", "rent", "price", "size"])
    with pytest.raises(ValueError, match="entries of the same name"):
        NAMED[2].log_prob(twice)


def test_a_column_is_read_for_its_own_target():
    expected = ONE.log_prob(Y[:, 1])
    towns = FRAME.set_index(TURNED["town"])
    for column in (FRAME["price"], towns["price"], polars.Series("", Y[:, 1].numpy())):
        torch.testing.assert_close(ONE.log_prob(column), expected)
    for column in (FRAME["rent"], polars.from_pandas(FRAME)["rent"]):
        with pytest.raises(ValueError, match=r"none of the targets \['price'\], got \['rent'\]"):
            ONE.log_prob(column)
    torch.testing.assert_close(ONE.log_prob(FRAME["rent"].to_numpy()), ONE.log_prob(Y[:, 0]))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            TURNED.drop(columns="price"),
            r"y lacks the target 'price', got \['town', 'size', 'rent'\]",
        ),
        (FRAME.rename(columns={"price": "prize"}), r"'price', got .* \(did you mean 'prize'\?\)"),
        (
            FRAME.set_axis(list("abc"), axis=1),
            r"none of the targets .* got \['a', 'b', 'c'\]; rename",
        ),
        (FRAME.set_axis([0, 1, 2], axis=1), "none of the targets"),
        ({"rent": 1.0, "price": 2.0}, "y lacks the target 'size'"),
        ({}, "none of the targets"),
    ],
)
def test_values_that_lack_a_target_are_refused(values, said):
    for ask in (NAMED.log_prob, lambda y: metrics.crps(NAMED, y)):
        with pytest.raises(ValueError, match=said):
            ask(values)


def test_without_names_columns_are_read_in_order_and_mappings_refused():
    torch.testing.assert_close(
        UNNAMED.log_prob(FRAME.set_axis(list("abc"), axis=1)), UNNAMED.log_prob(Y)
    )
    with pytest.raises(ValueError, match=r"by the names \['rent'\], and the mixture has none"):
        UNNAMED.log_prob({"rent": 1.0})
    with pytest.raises(ValueError, match=r"got \['rent'\]; they are counted, not named"):
        UNNAMED.marginal(["rent"])
    with pytest.raises(ValueError, match="counted, not named"):
        UNNAMED.condition({"rent": 1.0})


def test_one_target_takes_a_vector_by_mapping():
    single = GaussianMixture(
        torch.zeros(ROWS, 1).double(),
        Y[:, None, :1],
        DiagonalScale(torch.ones(1, 1).double(), 1),
        ("y",),
    )
    torch.testing.assert_close(single.log_prob({"y": Y[:, 0]}), single.log_prob(Y[:, 0]))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"rent": Y[:, :1], "price": Y[:, 1:2], "size": 1.0}, r"no axis for the targets, got"),
        ({"rent": FRAME[["rent"]], "price": 1.0, "size": 1.0}, r"give values\[:, 0\]"),
        ({"rent": [1.0, 2.0], "price": Y[:, 1], "size": 1.0}, r"as many rows .* \[\[2\], \[5\]"),
    ],
)
def test_rows_of_a_mapping_that_could_mean_two_things_are_refused(values, said):
    with pytest.raises(ValueError, match=said):
        NAMED.log_prob(values)
    known = {name: value for name, value in values.items() if name != "size"}
    with pytest.raises(ValueError, match=said):
        NAMED.condition(known)


def test_the_widest_type_of_a_mapping_counts():
    single = NAMED.to(dtype=torch.float32)
    mixed = {"rent": Y[:, 0].float(), "price": Y[:, 1], "size": Y[:, 2].float()}
    assert single.log_prob(mixed).dtype == torch.float64
    assert single.log_prob({name: Y[:, i].float() for i, name in enumerate(NAMES)}).dtype == (
        torch.float32
    )
