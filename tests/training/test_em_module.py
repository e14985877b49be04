"""EM in a Trainer: whatever the batches, the blocks and the processes, it is EM on all rows."""

import pytest
import torch
from lightning.pytorch import LightningDataModule, Trainer
from sklearn.datasets import load_iris
from small_runs import quiet_trainer

from mdn.data.batches import Batches, Blocks
from mdn.data.table import Table
from mdn.distributions.families import Diagonal, Family, Full, SharedIsotropic
from mdn.fitting.em import fit_em
from mdn.fitting.start import kmeans_start
from mdn.networks.kinds import numbers
from mdn.training.em_module import EMModule
from mdn.training.recipe import EMRecipe

FAMILIES = [Full(1e-3, "covariance"), Diagonal(1e-3), SharedIsotropic(1e-3)]
IRIS = torch.from_numpy(load_iris().data)
WEIGHT = (1 + torch.arange(150) % 3).double()


class Rows(LightningDataModule):
    """Iris as p(y) with one input that says nothing."""

    def __init__(self, batch_size: int, block: int = 1, weight: torch.Tensor | None = None):
        super().__init__()
        names = [f"y{i}" for i in range(4)]
        self.train_table = Table(torch.zeros(150, 1).double(), IRIS, weight, ["x"], names)
        self.tables = {"train": self.train_table, "val": self.train_table}
        self.batch_size = batch_size
        self.block = block

    def train_dataloader(self):
        return Blocks(self._batches(seed=0), self.block)

    def val_dataloader(self):
        return self._batches(seed=None)

    def _batches(self, seed):
        trainer = self.trainer
        assert trainer is not None
        return Batches(
            self.train_table.tensors,
            self.batch_size,
            seed,
            lambda: trainer.current_epoch,
            trainer.global_rank,
            trainer.world_size,
        )


def make_module(family: Family, **changes) -> EMModule:
    settings = {"start_from": "k-means", "n_init": 1, "seed": 0, "tol": 0.0, "relative_tol": 0.0}
    recipe = EMRecipe(num_components=3, family=family, **(settings | changes))
    return EMModule(numbers(1), 4, recipe.resolve())


def fit(module: EMModule, rows: Rows, epochs: int, **settings) -> Trainer:
    trainer = quiet_trainer(max_epochs=epochs, **settings)
    trainer.fit(module, rows)
    return trainer


def reference(family: Family, weight: torch.Tensor | None = None, **settings):
    """The same fit by the plain function, on rows standardised by hand."""
    share = torch.ones(150).double() if weight is None else weight
    mean = torch.from_numpy(load_iris().data).T @ share / share.sum()
    std = ((IRIS - mean).square().T @ share / share.sum()).sqrt()
    z = (IRIS - mean) / std
    start = kmeans_start(z, 3, family, weight)
    return fit_em(z, 3, family, weight=weight, start=start, **settings), mean, std


@pytest.mark.parametrize(("batch_size", "block"), [(150, 1), (32, 1), (7, 4)])
@pytest.mark.parametrize("family", FAMILIES, ids=repr)
def test_the_plain_function_on_all_rows(family, batch_size, block):
    module = make_module(family)
    fit(module, Rows(batch_size, block), epochs=8)
    expected, mean, std = reference(family, max_iter=8, tol=0.0)
    assert module.ascent.lower_bounds == pytest.approx(expected.lower_bounds, abs=1e-9)
    answer = module(torch.zeros(1, 1).double())[0]
    assert torch.allclose(answer.pi, expected.mixture.pi, atol=1e-9)
    assert torch.allclose(answer.mu, expected.mixture.mu * std + mean, atol=1e-9)
    covariance = expected.mixture.scale.covariance() * std[:, None] * std
    assert torch.allclose(answer.scale.covariance(), covariance, atol=1e-9)


def test_row_weights():
    module = make_module(FAMILIES[0])
    fit(module, Rows(32, weight=WEIGHT), epochs=5)
    expected, _, _ = reference(FAMILIES[0], WEIGHT, max_iter=5, tol=0.0)
    assert module.ascent.lower_bounds == pytest.approx(expected.lower_bounds, abs=1e-9)


def test_two_processes_are_one():
    one, two = make_module(FAMILIES[0]), make_module(FAMILIES[0])
    fit(one, Rows(32), epochs=5)
    fit(two, Rows(32), epochs=5, devices=2, strategy="ddp_spawn")
    for mine, theirs in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-9)


def test_logs_what_validation_finds_after_the_update():
    module = make_module(FAMILIES[0])
    trainer = fit(module, Rows(32), epochs=4)
    mixture = module(torch.zeros(150, 1).double())
    nll = -mixture.log_prob(IRIS).mean().item()
    assert trainer.callback_metrics["val/nll"].item() == pytest.approx(nll, abs=1e-6)
    before = -module.ascent.lower_bounds[-1] - module.model.targets.log_det().item()
    assert trainer.callback_metrics["train/nll"].item() == pytest.approx(before, abs=1e-6)
    assert trainer.global_step == 4 * 5


def test_ends_when_the_likelihood_does_not_rise():
    module = make_module(FAMILIES[1], tol=1e-5)
    trainer = fit(module, Rows(32), epochs=500)
    expected, _, _ = reference(FAMILIES[1], tol=1e-5)
    assert module.ascent.converged
    assert trainer.current_epoch == expected.num_iterations < 500


def test_resumes_as_if_it_had_not_stopped(tmp_path):
    whole, half, rest = (make_module(FAMILIES[0]) for _ in range(3))
    fit(whole, Rows(32), epochs=6)
    trainer = fit(half, Rows(32), epochs=3)
    trainer.save_checkpoint(tmp_path / "half.ckpt")
    resumed = quiet_trainer(max_epochs=6, num_sanity_val_steps=2)
    resumed.fit(rest, Rows(32), ckpt_path=tmp_path / "half.ckpt", weights_only=True)
    assert rest.ascent.lower_bounds == pytest.approx(whole.ascent.lower_bounds, abs=1e-9)


def test_the_likeliest_of_several_starts():
    module = make_module(FAMILIES[0], start_from="random", n_init=4)
    rows = Rows(150)
    module.start(rows.train_table)
    z = module.model.targets(IRIS, torch.float64)
    tried = [
        fit_em(z, 3, FAMILIES[0], start="random", seed=s, max_iter=10).lower_bounds[-1]
        for s in range(4)
    ]
    assert module.mixture.log_prob(z).mean().item() >= max(tried)


def test_unknown_start():
    with pytest.raises(ValueError, match=r"one of k-means, .*got 'zeros'"):
        make_module(FAMILIES[0], start_from="zeros")
