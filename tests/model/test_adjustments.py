"""What is done to mixtures after the head, against covariances and components written out."""

from dataclasses import replace

import pytest
import torch
from checkpoints import rows, untrained

import mdn
from mdn import metrics
from mdn.distributions.families import FAMILIES
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor
from mdn.model.adjustments import adjusted, guard_widths, in_words
from mdn.model.card import ModelCard
from mdn.model.exportable import PlainModel
from mdn.model.guard import guard_alone

SMOOTHING, GUARD, WIDTH = 0.2, 0.06, 1.5
CHOICES = [f"family={name}" for name in FAMILIES] + ["family.factor=precision"]


def adjusted_model(*overrides, targets=2):
    model = untrained("model.ensemble_size=2", *overrides, num_targets=targets).double()
    model.target_covariance.copy_(0.4 * model.target_covariance)
    model.recalibrate(1.2)
    model.keep_smoothing(SMOOTHING)
    model.keep_guard(GUARD, WIDTH)
    return model


def dense(model, x):
    """The mixture of a model, in the units of the user, from covariances that are added up."""
    learned = model.network(model.inputs(x, model.dtype)).dispersed(1.2)
    targets, unit = model.targets.factor, model.targets.factor.diag()
    eye = torch.eye(len(targets), dtype=torch.float64)
    covariance = learned.scale.covariance() + SMOOTHING**2 * eye
    marginal = model.target_correlation @ model.target_correlation.T
    marginal = marginal if learned.scale.correlated else marginal.diagonal().diag()
    new = torch.stack([(width * WIDTH) ** 2 * marginal for width in (1, 5)])
    batch = learned.batch_shape
    covariance = covariance.expand(*batch, learned.num_components, *eye.shape)
    covariance = torch.cat([covariance, new.expand(*batch, 2, *eye.shape)], -3)
    pi = [(1 - GUARD) * learned.pi, torch.tensor([0.9, 0.1]).double().mul(GUARD).expand(*batch, 2)]
    mu = torch.cat([learned.mu, torch.zeros_like(learned.mu[..., :2, :])], -2)
    scale = CovarianceFactor.from_tril(torch.linalg.cholesky(unit @ covariance @ unit))
    moved = mu * targets + model.targets.shift
    return GaussianMixture(torch.cat(pi, -1).log(), moved, scale, tuple(model.card.targets))


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("choice", CHOICES)
@torch.no_grad()
def test_every_answer_is_the_dense_one(choice, targets):
    model, x = adjusted_model(choice, targets=targets), rows(6)
    found, wanted = model(x), dense(model, x)
    y = wanted.sample()
    for ask in (
        lambda m: m.log_prob(y),
        lambda m: m.cdf(y),
        lambda m: m.quantile([0.02, 0.5, 0.97]),
        lambda m: torch.stack(m.interval(0.9)),
        lambda m: m.mean,
        lambda m: m.covariance,
        lambda m: metrics.crps(m, y),
        lambda m: metrics.energy_score(m, y),
        lambda m: m.marginal("y0").log_prob(y[:, :1]),
        lambda m: m.sample((3,), torch.Generator().manual_seed(0)),
        lambda m: m.log_responsibilities(y),
    ):
        torch.testing.assert_close(ask(found), ask(wanted))
    if targets > 1:
        given = (m.condition("y0", y[:, 0]).log_prob(y[:, 1:]) for m in (found, wanted))
        torch.testing.assert_close(*given)


@pytest.mark.parametrize("choice", CHOICES)
@torch.no_grad()
def test_pool_members_and_tensors_are_one_density(choice):
    model, x = adjusted_model(choice), rows(6)
    y = model(x).sample()
    expected = model(x).log_prob(y)
    pool, members = model.with_members(x)
    torch.testing.assert_close(pool.log_prob(y), expected)
    for each in (members, model.members(x)):
        torch.testing.assert_close(each.pool().log_prob(y), expected)
    standard, z = model.standardized(x, y)
    torch.testing.assert_close(standard.log_prob(z) + model.targets.log_det(), expected)
    each, z = model.per_member(x, y)
    torch.testing.assert_close(each.pool().log_prob(z) + model.targets.log_det(), expected)
    pi, mu, spread = PlainModel(model)(x)
    scale = pool.scale.tril() if pool.scale.correlated else pool.sigma
    for tensor, value in ((pi, pool.pi), (mu, pool.mu), (spread, scale)):
        torch.testing.assert_close(tensor, value)


@torch.no_grad()
def test_a_guard_is_no_learned_component():
    model, x = adjusted_model("family=diagonal"), rows(6)
    model.keep_guard(0.5, 1.0)
    pool, members = model.with_members(x)
    assert (pool.num_components, pool.guards, pool.num_learned) == (8, 2, 6)
    assert pool.num_learned == model.num_learned
    component, _ = pool.most_likely()
    assert (component < 6).all()
    assert (pool.pi.argmax(-1) == 6).all()
    assert pool.modes().y.shape[-2] == 6
    both = members.pool()
    assert (both.num_components, both.guards) == (10, 4)
    torch.testing.assert_close(both.pi[..., 6:].sum(-1), torch.full((6,), 0.5).double())
    torch.testing.assert_close(both.most_likely()[1], pool.most_likely()[1])
    merged = members[0].merge([members[1]])
    assert (merged.num_components, merged.guards) == (10, 4)
    torch.testing.assert_close(merged.log_prob(both.mean), both.log_prob(both.mean))
    assert merged.prune(1e-3).guards == 4
    assert merged.prune(0.2).guards == 0
    assert pool.component(7).guards == 0
    assert pool.marginal("y1").guards == pool[2].guards == 2
    assert "guard" in repr(pool)


@torch.no_grad()
def test_nothing_is_a_mode_for_the_guard_alone():
    narrow = GaussianMixture(
        torch.zeros(1, 1).double(),
        torch.full((1, 1, 1), 8.0).double(),
        CovarianceFactor.from_tril(torch.full((1, 1, 1, 1), 0.01).double()),
    )
    card = ModelCard(["x"], ["y"], guard=0.02)
    found = adjusted(narrow, card, torch.eye(1).double()).modes()
    assert found.found.sum() == 1
    torch.testing.assert_close(found.y[0, 0, 0].item(), 8.0)


@torch.no_grad()
def test_the_density_of_a_guard_alone_serves_for_every_mass():
    model, x = adjusted_model("family=full"), rows(6)
    card = replace(model.card, guard=0.0)
    z = torch.randn(6, 2).double()
    learned = adjusted(model.network(model.inputs(x, model.dtype)), card, None)
    alone = guard_alone(learned, model.target_correlation, guard_widths(card)).log_prob(z)
    for mass in (0.003, 0.1):
        whole = adjusted(
            learned,
            ModelCard([], ["a", "b"], guard=mass, guard_width=WIDTH),
            model.target_correlation,
        )
        parts = torch.stack([learned.log_prob(z), alone]).exp()
        wanted = (torch.tensor([1 - mass, mass]).double() @ parts).log()
        torch.testing.assert_close(whole.log_prob(z), wanted)


@torch.no_grad()
def test_a_checkpoint_keeps_them(tmp_path):
    model, x = adjusted_model("family=full"), rows(6)
    model.save(tmp_path / "a.ckpt")
    again, y = mdn.load(tmp_path / "a.ckpt"), model(x).sample()
    assert (again.smoothing, again.card.guard, again.card.guard_width) == (SMOOTHING, GUARD, WIDTH)
    assert torch.equal(again(x).log_prob(y), model(x).log_prob(y))


def test_a_card_without_them_has_none():
    plain = ModelCard(["x"], ["y"], guard=0.1).plain()
    for name in ("smoothing", "guard_width"):
        del plain[name]
    card = ModelCard.read(plain)
    assert (card.smoothing, card.guard, card.guard_width) == (0.0, 0.1, 1.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"smoothing": -0.1}, "its smoothing must lie within 0 and 10, got -0.1"),
        ({"smoothing": 11.0}, "its smoothing must lie within 0 and 10"),
        ({"smoothing": float("nan")}, "its smoothing must lie within 0 and 10, got nan"),
        ({"guard_width": 0.0}, "its guard_width must lie within 0.1 and 100"),
        ({"guard_width": float("inf")}, "its guard_width must lie within"),
    ],
)
def test_other_numbers_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        ModelCard(["x"], ["y"], **change)


def test_they_are_said_in_words():
    card = ModelCard(["x"], ["y"], recalibration=1.3, smoothing=0.08, guard=0.012)
    assert in_words(card, [50.0]) == {
        "recalibrated": "spread about each mean times 1.3",
        "smoothed": "by 0.08 standard deviations of the target (4 in its units)",
        "guard": "1.2 % of the probability for rows unlike those of training",
    }
    several = replace(card, targets=["y", "z"], guard=0.0, recalibration=1.0)
    assert in_words(several, [50.0, 1.0]) == {
        "smoothed": "by 0.08 standard deviations of each target"
    }
    log = replace(card, transforms={"y": {"kind": "log", "low": 0.0}}, guard_width=2.0)
    said = in_words(log, [0.5])
    assert said["smoothed"] == "by 0.08 standard deviations of the learned target"
    assert said["guard"].endswith("unlike those of training, 2 times as wide as those")
    assert in_words(ModelCard(["x"], ["y"]), [1.0]) == {}
