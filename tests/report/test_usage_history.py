"""What a log tells of components is what the monitor of training wrote."""

import pytest
import torch
from torch.utils.tensorboard import SummaryWriter

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale
from mdn.report.usage_history import component_usage
from mdn.training.callbacks.mixture_monitor import TAG, describe

STEPS = 8
"""Of an epoch."""


def mixtures(components):
    generator = torch.Generator().manual_seed(components)
    logits = torch.randn(30, components, generator=generator, dtype=torch.float64)
    mu = torch.randn(30, components, 1, generator=generator, dtype=torch.float64)
    return GaussianMixture(logits.log_softmax(-1), mu, DiagonalScale(mu.exp(), 1))


def log(folder, epochs, components, looked_at=5):
    """As Lightning and the monitor do: an epoch at its last step, from 0, the monitor after it."""
    described = describe(mixtures(components), torch.zeros(30, 1).double())
    with SummaryWriter(str(folder)) as writer:
        for epoch in epochs:
            writer.add_scalar("epoch", epoch, STEPS * (epoch + 1) - 1)
            if (epoch + 1) % looked_at == 0:
                for name, value in described.items():
                    writer.add_scalar(f"{TAG}/{name}", value, STEPS * (epoch + 1))


def test_nothing_logged_is_none(tmp_path):
    assert component_usage(tmp_path) is None
    log(tmp_path, range(3), 4)
    assert component_usage(tmp_path) is None


@pytest.mark.parametrize("components", [1, 11, 20])
def test_few_components_have_a_weight_each(tmp_path, components):
    log(tmp_path, range(12), components)
    usage = component_usage(tmp_path)
    assert usage.is_complete
    assert usage.epoch.tolist() == [5, 10]
    expected = mixtures(components).pi.mean(0).float()
    assert list(usage.weight) == [str(k) for k in range(components)]
    for k, share in enumerate(expected):
        torch.testing.assert_close(usage.weight[str(k)], share.expand(2))


@pytest.mark.parametrize("components", [21, 80, 120])
def test_many_have_their_extremes_their_median_and_effective_numbers(tmp_path, components):
    log(tmp_path, range(12), components)
    usage = component_usage(tmp_path)
    assert not usage.is_complete
    assert usage.epoch.tolist() == [5, 10]
    pi = mixtures(components).pi
    mean = pi.mean(0)
    expected = {"min": mean.min(), "median": mean.quantile(0.5), "max": mean.max()}
    assert usage.weight.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(usage.weight[name], value.float().expand(2))
    of_mean, per_row = usage.effective.values()
    assert of_mean[0].item() == pytest.approx((-(mean * mean.log()).sum()).exp().item(), rel=1e-5)
    assert per_row[0].item() == pytest.approx(
        (-(pi * pi.log()).sum(-1)).exp().mean().item(), rel=1e-5
    )


def test_a_resumed_run_goes_on_in_the_same_directory(tmp_path):
    log(tmp_path, range(17), 80)
    log(tmp_path, range(12, 21), 80)  # from a checkpoint before the last look
    assert component_usage(tmp_path).epoch.tolist() == [5, 10, 15, 20]


@pytest.mark.parametrize(("before", "after"), [(80, 80), (80, 3), (5, 3), (3, 80)])
def test_of_two_runs_in_a_directory_the_last_one_counts(tmp_path, before, after):
    log(tmp_path, range(30), before)
    log(tmp_path, range(12), after, looked_at=4)
    usage = component_usage(tmp_path)
    assert usage.epoch.tolist() == [4, 8, 12]
    assert len(usage.weight) == min(after, 3)


def test_a_damaged_log_is_left_out_by_its_name(tmp_path):
    (tmp_path / "events.out.tfevents.1.damaged").write_bytes(b"\xff" * 50)
    with pytest.warns(UserWarning, match=r"damaged cannot be read .* leaves out what it logged"):
        assert component_usage(tmp_path) is None
