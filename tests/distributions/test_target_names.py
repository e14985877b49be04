"""Targets have names: questions carry them, find targets by them, and never read by place."""

import copy
import pickle
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pandas
import polars
import pytest
import torch

from mdn import metrics
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor, DiagonalScale
from mdn.distributions.target_names import agreed, check_names
from mdn.metrics.running import Calibration, RowMean

NAMES = ("rent", "price", "size")
ROWS = 5


def mixture(names=NAMES, rows=ROWS) -> GaussianMixture:
    generator = torch.Generator().manual_seed(3)

    def normal(*shape):
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    scale = CovarianceFactor(normal(rows, 2, 3).exp(), normal(rows, 2, 3))
    return GaussianMixture(normal(rows, 2).log_softmax(-1), normal(rows, 2, 3), scale, names)


NAMED, UNNAMED = mixture(), mixture(None)
Y = torch.arange(ROWS * 3, dtype=torch.float64).reshape(ROWS, 3) / 7 - 1
FRAME = pandas.DataFrame(Y.numpy(), columns=list(NAMES))
TURNED = FRAME.assign(town=list("abcde"))[["town", "size", "rent", "price"]]

KEPT = {
    "map": lambda m: m.map(torch.clone),
    "to": lambda m: m.to(dtype=torch.float32),
    "to a wider type": lambda m: m.to(dtype=torch.float32).to(dtype=torch.float64),
    "detach": lambda m: m.detach(),
    "affine": lambda m: m.affine([1, 2, 3], [0, 1, 0]),
    "affine in a wider type": lambda m: m.to(dtype=torch.float32).affine([1.0, 2, 3], [0, 1, 0]),
    "expand": lambda m: m.expand(2, ROWS),
    "flatten": lambda m: m.expand(2, ROWS).flatten(),
    "index": lambda m: m[1],
    "slice": lambda m: m[:2],
    "iteration": lambda m: next(iter(m)),
    "dispersed": lambda m: m.dispersed(2.0),
    "dispersed about": lambda m: m.dispersed(2.0, Y),
    "prune": lambda m: m.prune(0.1),
    "pool": lambda m: m.pool(),
    "merge": lambda m: m.merge([m]),
    "merge with one without names": lambda m: m.merge([replace(m, target_names=None)]),
    "merge of one without names": lambda m: replace(m, target_names=None).merge([m]),
    "condition on nothing": lambda m: m.condition([], torch.zeros(ROWS, 0).double()),
    "replace": lambda m: replace(m, mu=m.mu + 1),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda m: pickle.loads(pickle.dumps(m)),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_mixture_of_the_same_targets_keeps_their_names(name):
    assert KEPT[name](NAMED).target_names == NAMES
    if "names" not in name:
        assert KEPT[name](UNNAMED).target_names is None


def test_every_question_that_answers_with_a_mixture_is_listed():
    """A new one fails here until it is held to carry names or to change them."""
    changed = {"marginal", "condition", "project"}
    annotations = {
        name: getattr(getattr(GaussianMixture, name), "__annotations__", {})
        for name in dir(GaussianMixture)
    }
    returns = {name for name, a in annotations.items() if isinstance(a.get("return"), TypeVar)}
    listed = {key.split()[0] for key in KEPT} | changed
    assert {name for name in returns if not name.startswith("_")} <= listed
    assert returns >= {"map", "merge", "pool", "condition"}


def test_some_targets_keep_theirs():
    assert NAMED.marginal(["size", "rent"]).target_names == ("size", "rent")
    assert NAMED.marginal([1]).target_names == NAMED.marginal("price").target_names == ("price",)
    assert NAMED.condition(["price"], Y[:, 1:2]).target_names == ("rent", "size")
    assert NAMED.condition([0, 2], Y[:, [0, 2]]).target_names == ("price",)
    assert NAMED.project([1, 2, 3]).target_names is None
    assert UNNAMED.marginal([1]).target_names is None
    assert UNNAMED.condition([0], Y[:, :1]).target_names is None


def same(found, expected):
    for one, other in zip(numbers(found), numbers(expected), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def numbers(m):
    return m.log_pi, m.mu, *m.scale.tensors()


@pytest.mark.parametrize(
    ("dims", "counted"),
    [
        ("price", [1]),
        (["size", "rent"], [2, 0]),
        (("rent",), [0]),
        (np.array(["size", "price"]), [2, 1]),
        (pandas.Index(["size"]), [2]),
        (polars.Series(["price", "rent"]), [1, 0]),
    ],
)
def test_targets_are_found_by_name(dims, counted):
    same(NAMED.marginal(dims), UNNAMED.marginal(counted))
    same(NAMED.condition(dims, Y[:, counted[:2]]), UNNAMED.condition(counted, Y[:, counted]))


@pytest.mark.parametrize(
    ("known", "dims", "values"),
    [
        ({"price": 3.2}, [1], 3.2),
        ({"price": Y[:, 1]}, [1], Y[:, [1]]),
        ({"size": Y[:, 2], "rent": 0.5}, [2, 0], torch.stack([Y[:, 2], 0.5 + 0 * Y[:, 2]], -1)),
        ({"size": FRAME["size"], "rent": polars.Series(Y[:, 0].numpy())}, [0, 2], Y[:, [0, 2]]),
        ({"rent": [1, 2, 3, 4, 5]}, [0], torch.arange(1.0, 6).double()[:, None]),
        ({1: 3.2}, [1], 3.2),
        ({"price": np.float32(3.2)}, [1], np.float32(3.2)),
        ({}, [], torch.zeros(0).double()),
    ],
)
def test_a_mapping_conditions(known, dims, values):
    found, expected = NAMED.condition(known), UNNAMED.condition(dims, values)
    torch.testing.assert_close(
        found.log_prob(0.1 + 0 * found.mean), expected.log_prob(0.1 + 0 * expected.mean)
    )
    torch.testing.assert_close(found.mean, expected.mean)


def test_a_mapping_brings_its_gradient_and_its_rows():
    price = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    mixed = NAMED[0].condition({"price": price, "rent": Y[:, 0]})
    assert mixed.batch_shape == (ROWS,)
    mixed.mean.sum().backward()
    assert price.grad is not None


def test_condition_takes_a_mapping_alone():
    with pytest.raises(TypeError, match="a mapping alone, or targets and their values; got both"):
        NAMED.condition({"price": 3.2}, [3.2])
    with pytest.raises(TypeError, match=r"their values, or a mapping .* a list alone"):
        NAMED.condition(["price"])
    with pytest.raises(
        TypeError, match=r"a DataFrame alone: .* condition\(names, frame\[names\]\)"
    ):
        NAMED.condition(FRAME)
    with pytest.raises(TypeError, match="values must be real numbers"):
        NAMED.condition({"price": "dear"})


def test_each_target_is_named_or_counted_by_its_own_type():
    """The numbers among names are not names, even where a name looks like one."""
    odd = replace(NAMED, target_names=("2", "1", "0"))
    assert odd.marginal(["2", 1]).target_names == ("2", "1")
    assert odd.marginal([np.int64(2), "1"]).target_names == ("0", "1")
    with pytest.raises(ValueError, match=r"different targets from 0 to 2, got \['2', 0\]"):
        odd.marginal(["2", 0])
    with pytest.raises(ValueError, match=r"different targets from 0 to 2, got \['2', True\]"):
        odd.marginal(["2", True])


def test_condition_picks_the_columns_of_what_is_known():
    expected = NAMED.condition([2, 0], Y[:, [2, 0]])
    same(NAMED.condition(["size", "rent"], TURNED), expected)
    same(NAMED.condition([2, 0], TURNED), expected)


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


@pytest.mark.parametrize(
    ("dims", "said"),
    [
        (["rnet"], r"no target 'rnet'; the targets are .* \(did you mean 'rent'\?\)"),
        (["rent", "rent"], r"different targets from 0 to 2, got \['rent', 'rent'\]"),
        (["rent", 0], r"different targets from 0 to 2, got \['rent', 0\]"),
        (["zebra"], "no target 'zebra'; the targets are"),
        ([["rent"]], "dims must be different targets"),
        ([3], r"different targets from 0 to 2, got \[3\]; by name: \['rent', 'price', 'size'\]"),
        ([True], "dims must be different targets"),
    ],
)
def test_unknown_and_repeated_targets_are_refused(dims, said):
    for ask in (NAMED.marginal, lambda d: NAMED.condition(d, Y)):
        with pytest.raises(ValueError, match=said):
            ask(dims)


def test_unknown_targets_of_a_mapping_are_refused():
    with pytest.raises(ValueError, match="no target 'rnet'"):
        NAMED.condition({"rnet": 1.0})
    with pytest.raises(ValueError, match=r"different targets from 0 to 2, got \[1, 'price'\]"):
        NAMED.condition({1: 1.0, "price": 1.0})
    with pytest.raises(ValueError, match="no target is left to predict"):
        NAMED.condition({"price": 1.0, "rent": 1.0, "size": 2.0})


def test_numbers_for_each_target_have_names_too():
    ordered, by_name = [1.0, 2.0, 3.0], {"size": 3.0, "rent": 1.0, "price": 2.0}
    same(NAMED.affine(by_name, by_name), UNNAMED.affine(ordered, ordered))
    same(NAMED.project(by_name), UNNAMED.project(ordered))
    same(NAMED.project(pandas.Series(by_name)), UNNAMED.project(ordered))
    torch.testing.assert_close(
        metrics.grid_nll(NAMED, TURNED, by_name), metrics.grid_nll(UNNAMED, Y, ordered)
    )
    with pytest.raises(ValueError, match="direction lacks the target 'size'"):
        NAMED.project({"rent": 1.0, "price": 2.0})


OTHER = NAMED.marginal(["price", "rent", "size"])
MEETINGS = {
    "kl_to": lambda m: NAMED.kl_to(m),
    "kl_by_samples": lambda m: NAMED.kl_by_samples(m, 10),
    "merge": lambda m: NAMED.merge([m]),
    "variance_split": lambda m: NAMED.variance_split([m]),
    "gain": lambda m: metrics.gain(NAMED, Y, m),
}


@pytest.mark.parametrize("name", MEETINGS)
def test_mixtures_of_other_targets_do_not_meet(name):
    with pytest.raises(ValueError, match=r"do not belong together; take marginal\(\['rent', "):
        MEETINGS[name](OTHER)
    with pytest.raises(ValueError, match=r"do not belong together$"):
        MEETINGS[name](mixture(("a", "b", "c")))
    MEETINGS[name](OTHER.marginal(NAMES))
    MEETINGS[name](UNNAMED)


def test_a_reference_takes_the_names_of_its_frame():
    reference = metrics.marginal_gaussian(FRAME)
    assert reference.target_names == NAMES
    assert metrics.marginal_gaussian(Y).target_names is None
    assert metrics.marginal_gaussian(FRAME.set_axis([0, 1, 2], axis=1)).target_names is None
    torch.testing.assert_close(reference.log_prob(TURNED), reference.log_prob(Y))


@pytest.mark.parametrize("names", ["abc", ["rent", "price"], ("rent", 1), 3])
def test_names_are_a_tuple_of_text(names):
    with pytest.raises(TypeError, match="target_names takes a tuple of text, got"):
        check_names(names, 3)


def test_there_is_one_different_name_for_each_target():
    with pytest.raises(ValueError, match=r"one name for each of 3 targets, got 1: \['rent'\]"):
        mixture(("rent",))
    with pytest.raises(ValueError, match=r"target_names must be different, got \['a', 'a', 'b'\]"):
        mixture(("a", "a", "b"))


def test_names_agree_where_they_are_equal_or_missing():
    assert agreed([None, None]) is None
    assert agreed([None, NAMES, None, NAMES]) == NAMES


def test_old_values_without_the_field_have_no_names():
    state = {key: value for key, value in vars(NAMED).items() if key != "target_names"}
    old = object.__new__(GaussianMixture)
    old.__dict__.update(state)
    assert old.target_names is None
    torch.testing.assert_close(old.log_prob(Y), NAMED.log_prob(Y))


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
