"""Numbers of any type and form: which type computes, what is missing, and what is left alone."""

import math
import warnings

import numpy as np
import pandas
import polars
import pytest
import torch
from rows_of_values import COLUMN, POINTS, ROWS, row, two_targets
from scipy.stats import norm

from mdn import metrics
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.numbers import as_tensor
from mdn.distributions.scale import DiagonalScale
from mdn.distributions.values import as_values
from mdn.metrics.running import RowMean


def test_the_wider_type_computes():
    """Unix seconds: single precision knows them to two minutes."""
    mu = torch.tensor([[[1.7e9]]])
    single = GaussianMixture(torch.zeros(1, 1), mu, DiagonalScale(torch.ones_like(mu), 1))
    at = mu.double().item() + 0.5
    for values in (at, [at], np.array([[at]]), torch.tensor([[at]]).double()):
        expected = norm.logpdf(0.5) if not isinstance(values, torch.Tensor) else None
        found = single.log_prob(values)
        assert found.dtype == torch.float64
        if expected is not None:
            assert found.item() == pytest.approx(expected)
    assert single.log_prob(torch.tensor([[1.7e9]])).dtype == torch.float32
    assert single.log_prob(torch.tensor([[1.7e9]]).bfloat16()).dtype == torch.float32


def test_whole_numbers_keep_their_digits():
    assert as_tensor(np.array([2**31 + 1]), "y").item() == 2**31 + 1
    assert as_tensor(torch.tensor([2**31 + 1]), "y").item() == 2**31 + 1


def test_missing_entries_are_not_numbers():
    for column in (polars.Series([1.0, None]), pandas.Series([1, None], dtype="Int64")):
        found = as_tensor(column, "y")
        assert found[0] == 1
        assert found[1].isnan()


def test_the_columns_of_a_frame_are_the_targets():
    frame = pandas.DataFrame({"a": POINTS, "b": -POINTS})
    mixture = two_targets(row())
    torch.testing.assert_close(
        mixture.log_prob(frame), mixture.log_prob(torch.from_numpy(frame.to_numpy().copy()))
    )
    torch.testing.assert_close(mixture.log_prob(frame.iloc[0]), mixture.log_prob([0.1, -0.1]))
    for wrong in (frame[["a"]], frame["a"], 0.5, frame.assign(c=1.0)):
        with pytest.raises(ValueError, match="one number for the 2 targets"):
            mixture.log_prob(wrong)


def test_values_of_one_mixture_may_leave_out_the_axis():
    one = row(1)[0]
    found = one.log_prob(POINTS)
    torch.testing.assert_close(found, one.log_prob(COLUMN))
    assert one.cdf(POINTS).shape == (ROWS, 1)
    assert one.log_prob([0.1]).shape == ()


def test_values_of_ready_type_and_shape_are_not_touched():
    y = torch.from_numpy(COLUMN.copy())
    assert as_values(row(), y)[1] is y


def test_gradients_pass_through_the_reading():
    y = torch.from_numpy(POINTS.copy()).requires_grad_()
    row().log_prob(y).sum().backward()
    assert y.grad is not None
    torch.testing.assert_close(y.grad, row().mu.flatten() - y.detach())


def test_running_metrics_read_values_too():
    expected = metrics.nll(row(), COLUMN).mean()
    for y, weight in ((POINTS, None), (pandas.Series(POINTS), [2, 2, 2, 2])):
        mean = RowMean(metrics.nll)
        mean.update(row(), y, weight)
        torch.testing.assert_close(mean.compute(), expected)
    for weight in ([1, 2], [1.0, math.nan, 1.0, 1.0], [-1, 1, 1, 1]):
        with pytest.raises(ValueError, match="one number of at least 0 for each of 4 rows"):
            RowMean(metrics.nll).update(row(), POINTS, weight)


def test_directions_and_steps_are_of_each_target():
    mixture = row()
    torch.testing.assert_close(mixture.project([2]).mean, 2 * mixture.mean)
    torch.testing.assert_close(mixture.project(2.0).mean, 2 * mixture.mean)
    torch.testing.assert_close(mixture.affine([2], np.array([1])).mean, 2 * mixture.mean + 1)
    step = metrics.grid_nll(mixture, POINTS, 0.5)
    torch.testing.assert_close(step, metrics.grid_nll(mixture, COLUMN, torch.tensor([0.5])))
    for wrong in ([1.0, 1.0], [], [[1.0]]):
        for question in (mixture.project, lambda v: metrics.grid_nll(mixture, COLUMN, v)):
            with pytest.raises(ValueError, match="one number for each of 1 targets"):
                question(wrong)


def test_arrays_that_may_not_be_written_are_read_without_a_warning():
    frozen = POINTS.copy()
    frozen.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        row().log_prob(frozen)
