"""Hostile arguments of every question: refused in a sentence about the argument, or answered."""

import inspect
import math
import subprocess
import sys

import numpy as np
import pandas
import pytest
import torch
from scipy.stats import norm
from unit_mixtures import ONE, PAIR, SINGLE, rows

from mdn import metrics
from mdn.distributions.mixture import GaussianMixture

NAN, INF = math.nan, math.inf

Y1, Y2 = torch.zeros(4, 1).double(), torch.zeros(4, 2).double()

PIT = torch.tensor([0.1, 0.5, 0.7])

LEVELS = [NAN, -0.1, 1.1, 90, [0.5, NAN], [[0.5]]]

ONE_LEVEL = [NAN, -0.1, 1.1, 90, [0.5, 0.6], [0.5]]

REGION = [*ONE_LEVEL, 0, 1]

DIMS = [[-1], [2], [0, 0], [True, False], [0.0], ["a"], "a", [[0]], 5, None]

COUNTS = [0, -1, True]

WEIGHTS = [[NAN, 1], [INF, 1], [-1, 2], [0, 0], [1], [1, 1, 1], [[1, 1]]]

OTHERS = [rows(4, targets=1), rows(3)]

LEVEL, TARGETS, COUNT = "level", "dims must be different targets", "whole number of at least"

REFUSED = {
    "quantile": (PAIR.quantile, LEVELS, LEVEL),
    "interval": (PAIR.interval, ONE_LEVEL, LEVEL),
    "expected_shortfall": (PAIR.expected_shortfall, [*ONE_LEVEL, 0], "level|share above 0"),
    "highest_density_region": (ONE.highest_density_region, REGION, LEVEL),
    "density_threshold": (PAIR.density_threshold, REGION, LEVEL),
    "density_threshold, samples": (lambda n: PAIR.density_threshold(0.5, n), COUNTS, COUNT),
    "sample_log_prob": (PAIR.sample_log_prob, COUNTS, COUNT),
    "sample": (PAIR.sample, [(-1,), -1, (2, -3), (2.0,), (True,), None], COUNT),
    "rsample": (ONE.rsample, [(-1,), (0.5,)], COUNT),
    "marginal": (PAIR.marginal, [*DIMS, []], "dims must be different targets|at least one target"),
    "condition": (lambda dims: PAIR.condition(dims, Y2), DIMS, TARGETS),
    "condition on all": (lambda dims: PAIR.condition(dims, Y2), [[0, 1]], "no target is left"),
    "condition, values": (
        lambda v: PAIR.condition([0], v),
        [Y2, torch.zeros(3, 1).double(), []],
        "each of dims|rows of shape",
    ),
    "project": (PAIR.project, [[0, 0], [NAN, 1], [INF, 1], [1], [1, 2, 3]], "direction"),
    "affine": (
        lambda f: PAIR.affine(f, [0, 0]),
        [[0, 1], [-1, 1], [NAN, 1], [1, INF], [1], 1],
        "factor",
    ),
    "affine, shift": (lambda s: PAIR.affine([1, 1], s), [[NAN, 1], [1], 0], "shift"),
    "convolved": (PAIR.convolved, [-1, NAN, INF], "at least 0"),
    "dispersed": (PAIR.dispersed, [0, -1, NAN, INF], "positive number"),
    "dispersed, about": (lambda c: PAIR.dispersed(2, c), [[1], torch.ones(3, 2)], "about"),
    "probability_above": (PAIR.probability_above, [0, Y2], r"one target.*marginal\(0\)"),
    "probability_above, y": (ONE.probability_above, [Y2, [1, 2]], "y must hold one number"),
    "probability_below": (PAIR.probability_below, [0, Y2], "about one target, got mixtures of 2"),
    "probability_between": (lambda y: PAIR.probability_between(y, y), [0, Y2], "about one target"),
    "probability_between, high": (
        lambda high: ONE.probability_between(0, high),
        [-1, [1, 2, 3, -1], -INF],
        "low and high in this order, got low 0 and high -",
    ),
    "component": (PAIR.component, [-1, 2], "component must be a number from 0 to 1"),
    "prune": (PAIR.prune, [-1, NAN], "smallest weight to keep"),
    "merge": (lambda w: PAIR.merge([PAIR], w), WEIGHTS, "one weight of at least 0 for each of 2"),
    "variance_split": (lambda w: PAIR.variance_split([PAIR], w), WEIGHTS, "one weight of at least"),
    "merge, others": (lambda other: PAIR.merge([other]), OTHERS, "agree in batch and targets"),
    "pool": (lambda m: m.pool(), [SINGLE, rows(0, 4)], "members are pooled along the first"),
    "std_split": (lambda m: m.std_split(), [SINGLE, rows(0, 4)], "members are pooled along"),
    "kl_to": (PAIR.kl_to, OTHERS, "same targets whose batches broadcast"),
    "kl_by_samples": (PAIR.kl_by_samples, OTHERS, "same targets whose batches broadcast"),
    "kl_by_samples, samples": (lambda n: PAIR.kl_by_samples(PAIR, n), [*COUNTS, 1], COUNT),
    "expand": (lambda batch: PAIR.expand(*batch), [(), (3,), (4, 2)], "cannot be repeated"),
    "half precision": (
        lambda kind: PAIR.to(dtype=kind),
        [torch.float16, torch.bfloat16],
        "float32 or float64",
    ),
    "density_rank": (lambda n: metrics.density_rank(PAIR, Y2, n), COUNTS, COUNT),
    "energy_score": (lambda n: metrics.energy_score(PAIR, Y2, n), COUNTS, COUNT),
    "pinball": (lambda levels: metrics.pinball(PAIR, Y2, levels), LEVELS, LEVEL),
    "interval_width": (lambda level: metrics.interval_width(PAIR, level), ONE_LEVEL, LEVEL),
    "region_size": (lambda level: metrics.region_size(PAIR, level), REGION, LEVEL),
    "small region_size": (
        lambda level: metrics.region_size(PAIR, level),
        [1e-4],
        "none of 1000 samples; set num_samples to at least 10000",
    ),
    "region_size, samples": (lambda n: metrics.region_size(PAIR, 0.5, n), COUNTS, COUNT),
    "gain": (lambda m: metrics.gain(PAIR, Y2, m), OTHERS, "same 2 targets|rows of shape"),
    "grid_nll": (
        lambda step: metrics.grid_nll(PAIR, Y2, step),
        [[-1, 1], [NAN, 1], [INF, 1], [1], [1, 1, 1], 1],
        "step",
    ),
    "marginal_gaussian": (
        metrics.marginal_gaussian,
        [[], [[]], [[NAN]], [[1], [INF]], 1.0, [[[1.0]]]],
        "at least one row of finite numbers",
    ),
    "marginal_gaussian, floor": (
        lambda floor: metrics.marginal_gaussian(Y1, floor),
        [-1, NAN],
        "min_scale",
    ),
    "point_prediction": (lambda p: metrics.point_prediction(PAIR, p), ["best", ""], "one of"),
    "central_coverage": (lambda v: metrics.central_coverage(PIT, v), ONE_LEVEL, LEVEL),
    "region_coverage": (lambda v: metrics.region_coverage(PIT, v), ONE_LEVEL, LEVEL),
    "histogram": (lambda bins: metrics.histogram(PIT, bins), COUNTS, COUNT),
    "histogram of NaN": (metrics.histogram, [[0.5, NAN]], "no bin for NaN"),
    "histogram of none": (metrics.histogram, [[], 0.5], "at least one row"),
    "ks_distance": (metrics.ks_distance, [[], 0.5], "at least one row"),
    "pit_distance": (metrics.pit_distance, [[], 0.5, [[0.5]]], "one target|at least one row"),
    "pit_distance, weight": (
        lambda w: metrics.pit_distance(PIT[:2], w),
        [[1], [-1, 1], [NAN, 1], [0, 0]],
        "a weight of at least 0|one row that counts",
    ),
    "ks_critical": (metrics.ks_critical, [0, -1, NAN], "rows"),
    "drawn_in_cells": (
        lambda names: metrics.drawn_in_cells(PAIR, Y2, metrics.Cells.of(names, {"a": 1.0})),
        [["a"], ["a", "b", "c"]],
        "cells of . targets, for values of 2",
    ),
    "Cells.of": (
        lambda step: metrics.Cells.of(["a"], {"a": step}),
        [-1, NAN, INF],
        "finite and at least 0",
    ),
    "atoms of Cells.of": (
        lambda ends: metrics.Cells.of(["a"], {}, {"a": [ends]}),
        [[1, 0], [NAN, 1]],
        "two numbers in order",
    ),
    "calibration_error": (metrics.calibration_error, [[], 0.5], "at least one row"),
    "central_coverage of none": (lambda v: metrics.central_coverage(v, 0.5), [[]], "at least one"),
    "region_coverage of none": (lambda v: metrics.region_coverage(v, 0.5), [[]], "at least one"),
}
"""For each argument, by its function: what is refused, and what the sentence speaks of."""


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_answered_is_refused(name):
    question, hostile, said = REFUSED[name]
    for argument in hostile:
        with pytest.raises(ValueError, match=said):
            question(argument)


TYPES = {
    "quantile": (PAIR.quantile, ["much", None, [0.5 + 0j], True], "levels must be"),
    "interval": (PAIR.interval, ["much", None, 1j, True], "level must be"),
    "merge, weights": (lambda w: PAIR.merge([PAIR], w), ["much", [None, 1]], "weights must be"),
    "kl_to": (PAIR.kl_to, [None, 1.0, Y2], "from another mixture"),
    "kl_by_samples": (PAIR.kl_by_samples, [None, 1.0], "from another mixture"),
    "project": (PAIR.project, ["much", None], "direction must be"),
    "affine": (lambda f: PAIR.affine(f, [0, 0]), ["much", None], "factor must be"),
    "grid_nll": (lambda s: metrics.grid_nll(PAIR, Y2, s), ["much", None], "step must be"),
    "ks_distance": (metrics.ks_distance, ["much", None, PIT > 0], "transforms must be"),
    "len": (lambda f: f(SINGLE), [len, list], "one mixture has no length"),
}


@pytest.mark.parametrize("name", TYPES)
def test_what_is_not_of_numbers_is_refused(name):
    question, hostile, said = TYPES[name]
    for argument in hostile:
        with pytest.raises(TypeError, match=said):
            question(argument)


# Questions and functions that have no argument to be hostile with, or are tried in another file.
ELSEWHERE = {
    *("component_log_prob", "log_prob", "log_responsibilities", "cdf", "log_cdf", "icdf"),
    *("observed_log_prob", "observed_log_responsibilities"),
    *("crps", "nll", "nll_bits", "target_nll", "pit", "rosenblatt"),
    *("squared_error", "absolute_error"),
    *("modes", "most_likely", "entropy_bounds", "covariance_split", "flatten", "detach", "map"),
    *("to_frame", "with_origin", "properties", "plot"),
    *("to", "sample_with_component", "sample_in_parts", "as_distribution", "sharpness"),
}


def test_every_question_is_tried():
    owners = (GaussianMixture, metrics)
    found = {
        name
        for owner in owners
        for name, f in inspect.getmembers(owner, inspect.isfunction)
        if not name.startswith("_")
    }
    tried = {name.split(",")[0].split()[-1] for name in REFUSED} | set(REFUSED)
    assert found <= tried | ELSEWHERE, f"try hostile arguments of {found - tried - ELSEWHERE}"


UNCHECKED = {
    "m.merge(m)": "a list of other mixtures, got GaussianMixture",
    "m.merge([None])": "a list of other mixtures, got ['NoneType']",
    "m.variance_split(m)": "a list of other mixtures",
    "m.sample(2.5)": "whole number of at least 0, got 2.5",
    "m.kl_by_samples(m, 2.5)": "whole number of at least 2, got 2.5",
    "m.density_threshold(0.5, '9')": "whole number of at least 1, got '9'",
    "m.dispersed('2')": "positive number, got '2'",
    "m.prune('2')": "smallest weight to keep, at least 0, got '2'",
    "m.to(dtype=torch.int64)": "float32 or float64, got torch.int64",
    "m.log_prob('much')": "y must be real numbers, got 'much'",
    "metrics.histogram([0.5], 2.5)": "whole number of at least 1, got 2.5",
    "metrics.energy_score(m, torch.zeros(4, 2), 2.5)": "whole number of at least 1, got 2.5",
    "metrics.marginal_gaussian([[0.0]], None)": "min_scale must be a number of at least 0",
    "metrics.pit(m, torch.zeros(4, 2), 0.5)": "cells must be Cells",
    "metrics.point_prediction(m, ['mean'])": "a point prediction is one of",
}
"""Calls that the types of this test run would refuse by themselves, and what users read."""


def test_refusals_do_not_lean_on_the_types_of_tests():
    program = f"""
import torch
from mdn import metrics
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale
m = GaussianMixture(torch.zeros(4, 1), torch.zeros(4, 1, 2), DiagonalScale(torch.ones(4, 1, 2), 2))
for call in {list(UNCHECKED)!r}:
    try:
        print("answered:", eval(call))
    except (ValueError, TypeError) as error:
        print(str(error).replace("\\n", " "))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    for call, line in zip(UNCHECKED, done.stdout.splitlines(), strict=True):
        assert UNCHECKED[call] in line, call


def test_levels_come_in_any_form():
    expected = PAIR.quantile([0.1, 0.9])
    for levels in (
        (0.1, 0.9),
        np.array([0.1, 0.9]),
        torch.tensor([0.1, 0.9], dtype=torch.float64),
        pandas.Series([0.1, 0.9]),
    ):
        torch.testing.assert_close(PAIR.quantile(levels), expected, rtol=0, atol=0)
        torch.testing.assert_close(
            metrics.pinball(PAIR, Y2, levels), metrics.pinball(PAIR, Y2, [0.1, 0.9])
        )
    for level in (0.9, np.float32(0.9), np.array(0.9), torch.tensor(0.9)):
        torch.testing.assert_close(PAIR.quantile(level), expected[1], rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(
            PAIR.interval(level)[1], PAIR.quantile(0.95), rtol=1e-6, atol=1e-6
        )
    assert PAIR.quantile(0.9).shape == (4, 2)
    assert metrics.pinball(PAIR, Y2, 0.9).shape == (4, 2)
    assert metrics.pinball(PAIR, Y2, []).shape == (0, 4, 2)
    with pytest.raises(ValueError, match=r"ask icdf\(p\)"):
        PAIR.quantile(torch.tensor([0.5], requires_grad=True))


def test_the_widest_and_the_narrowest_interval():
    lower, upper = ONE.interval(1.0)
    assert (lower == -INF).all()
    assert (upper == INF).all()
    lower, upper = ONE.interval(0)
    torch.testing.assert_close(lower, ONE.median)
    torch.testing.assert_close(upper, ONE.median)
    torch.testing.assert_close(ONE.expected_shortfall(1), ONE.mean)
    assert ONE.icdf([[-0.1], [0.0], [1.0], [1.1]]).flatten().tolist()[1:3] == [-INF, INF]
    assert ONE.icdf([[-0.1], [0.5], [0.5], [1.1]]).isnan().flatten().tolist() == [
        *(True, False),
        *(False, True),
    ]


def test_targets_are_counted_in_any_form():
    for dims in ([1, 0], (1, 0), np.array([1, 0]), torch.tensor([1, 0]), range(1, -1, -1)):
        torch.testing.assert_close(PAIR.marginal(dims).mean, PAIR.mean.flip(-1))
    torch.testing.assert_close(PAIR.marginal(1).mean, PAIR.mean[:, [1]])
    assert PAIR.condition(0, [1.0, 2.0, 3.0, 4.0]).batch_shape == (4,)


def test_one_number_is_a_shape_of_samples():
    assert SINGLE.sample(3).shape == (3, 2)
    assert SINGLE.sample(np.int64(3)).shape == (3, 2)
    assert PAIR.sample(0).shape == (0, 4, 2)


def test_weights_of_any_size_count_by_their_ratio():
    expected = ONE.merge([ONE.affine([1], [5])], [1, 3]).mean
    for unit in (1e-300, 1e300, 5e307):
        got = ONE.merge([ONE.affine([1], [5])], [unit, 3 * unit]).mean
        torch.testing.assert_close(got, expected)


def test_mixtures_of_two_types_are_pooled_in_the_wider():
    wide = ONE.merge([ONE.to(dtype=torch.float32)])
    assert {v.dtype for v in (wide.log_pi, wide.mu, wide.scale.std)} == {torch.float64}
    assert wide.log_prob(Y1).shape == (4,)


def test_not_a_number_is_no_cover():
    assert metrics.central_coverage([0.5, NAN], 0.9).isnan()
    assert metrics.region_coverage([0.5, NAN], 0.9).isnan()
    assert metrics.ks_distance([0.5, NAN]).isnan()
    assert metrics.calibration_error([0.5, NAN]).isnan()


def test_quantiles_in_single_precision_of_levels_as_numbers():
    single = rows(2, targets=1, components=1).to(dtype=torch.float32)
    np.testing.assert_allclose(
        single.quantile(np.array([0.01, 0.5]))[:, 0, 0], norm.ppf([0.01, 0.5]), atol=1e-6
    )
