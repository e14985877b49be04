"""Offers of another scale: for values that Gaussians would put where none is."""

import pytest
import torch
from small_runs import targets_alone

from mdn.data.transform_remarks import transform_remarks


def remarks(values):
    return list(transform_remarks(targets_alone(values).profile))


def test_skewed_positive_values_are_offered_a_log_scale():
    (said,) = remarks(torch.randn(500).double().exp())
    assert said.startswith("target 'y0' lies above 0 in every row")
    assert "`target_transform=log`" in said


def test_shares_are_offered_a_logit_scale():
    (said,) = remarks((2 * torch.randn(500).double()).sigmoid())
    assert "between 0 and 1" in said
    assert "`target_transform=logit`" in said


@pytest.mark.parametrize(
    "values",
    [
        torch.randn(500).double(),
        torch.randn(500).double() + 100,
        torch.randn(500).double().exp() - 0.5,
        torch.rand(500).double().mul(0.1) + 0.5,
        torch.randn(500).double().exp().floor(),
    ],
    ids=["around 0", "far above 0", "some below 0", "shares near a half", "some at 0"],
)
def test_nothing_is_offered_where_it_would_not_help(values):
    assert remarks(values) == []


def test_one_of_several_targets_is_offered_it_by_name():
    values = torch.randn(500).double()
    (said,) = transform_remarks(targets_alone(values, values.exp()).profile)
    assert "`target_transform={y1: log}`" in said


def test_several_offers_are_one_setting():
    values = torch.randn(500).double()
    table = targets_alone(values.exp(), values, (2 * values).sigmoid())
    said = list(transform_remarks(table.profile))
    assert len(said) == 2
    assert all("`target_transform={y0: log, y2: logit}`" in each for each in said)
