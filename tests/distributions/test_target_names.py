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
from named_mixtures import FRAME, NAMED, NAMES, ROWS, TURNED, UNNAMED, Y, mixture

from mdn import metrics
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.origin import Origin
from mdn.distributions.target_names import agreed, check_names

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
    "convolved": lambda m: m.convolved(2.0),
    "dispersed": lambda m: m.dispersed(2.0),
    "dispersed about": lambda m: m.dispersed(2.0, Y),
    "component": lambda m: m.component(0),
    "prune": lambda m: m.prune(0.1),
    "pool": lambda m: m.pool(),
    "merge": lambda m: m.merge([m]),
    "merge with one without names": lambda m: m.merge([replace(m, target_names=None)]),
    "merge of one without names": lambda m: replace(m, target_names=None).merge([m]),
    "with_origin": lambda m: m.with_origin(Origin(torch.arange(ROWS))),
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
