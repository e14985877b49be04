"""Each member at its own best epoch, and the better of that pool and the joint best one."""

import json

import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from small_tables import Rows, make_table
from torch.utils.data import DataLoader, TensorDataset

import mdn
from mdn.app.build_lightning import build_data
from mdn.app.compose import compose
from mdn.app.run import read_run
from mdn.app.train import train
from mdn.estimators.regressor import MDNRegressor
from mdn.model.checkpoint import JOINT
from mdn.model.load import model_weights
from mdn.training.callbacks.best_and_last import BestCheckpoint, LastCheckpoint
from mdn.training.callbacks.best_members import BestMembers

MEMBERS = 3
EPOCHS = 12


class ByHand(Callback):
    """The nll of each member on the validation rows after every epoch, and what it was then."""

    def __init__(self):
        self.nll, self.states = [], []

    def on_validation_end(self, trainer, pl_module):
        table = trainer.datamodule.tables["val"]
        members = pl_module.model.members(table.x)
        nll = [-members[m].log_prob(table.y) for m in range(len(members.mu))]
        weight = torch.ones(len(table)) if table.weight is None else table.weight
        self.nll.append([np.average(each, weights=weight) for each in nll])
        state = {name: value.clone() for name, value in pl_module.network.state_dict().items()}
        self.states.append(state)


class Unlike(Callback):
    """Lets all but one member be wrong when they are judged, another one each time."""

    def on_validation_start(self, trainer, pl_module):
        self._shift(pl_module, trainer.current_epoch, 3)

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch:
            self._shift(pl_module, trainer.current_epoch - 1, -3)

    def _shift(self, module, epoch, shift):
        wrong = [m for m in range(MEMBERS) if m != epoch % MEMBERS]
        module.network.head.components.bias.data[wrong] += shift


def checkpoints(folder):
    best = BestCheckpoint(str(folder), "best", monitor="val/nll", mode="min")
    return [best, LastCheckpoint(str(folder), "last", 0.0)]


def overfit(fit, make_module, folder, *others, **settings):
    """Twenty rows, and a rate at which they are soon known by heart."""
    torch.manual_seed(3)
    module = make_module(5e-2, ensemble_size=settings.pop("members", MEMBERS))
    callbacks = [BestMembers(), *others, *checkpoints(folder)]
    return fit(callbacks, module, max_epochs=settings.pop("max_epochs", EPOCHS), **settings)


def load(path):
    return torch.load(path, weights_only=True)


def network_of(state):
    return {
        name.removeprefix("model.network."): v
        for name, v in state.items()
        if name.startswith("model.network.")
    }


def nll_of(module, state, table):
    module.load_state_dict(state)
    with torch.no_grad():
        return -module(table.x).log_prob(table.y).mean().item()


class Weighted(Rows):
    """Training rows that are few, and validation rows that do not count alike."""

    def __init__(self, weight=None):
        val = make_table(64, seed=1)
        val = type(val)(val.x, val.y, weight, ["x"], ["y0"])
        super().__init__({"train": make_table(20), "val": val})

    def val_dataloader(self):
        return DataLoader(TensorDataset(*self.tables["val"].tensors), batch_size=24)


@pytest.fixture
def data(request):
    return Weighted()


@pytest.mark.parametrize("weighted", [False, True])
def test_each_member_is_remembered_as_it_was_at_its_best(
    make_trainer, make_module, tmp_path, weighted
):
    weight = torch.arange(64, dtype=torch.float64) % 5 if weighted else None
    torch.manual_seed(3)
    memory, seen = BestMembers(), ByHand()
    trainer = make_trainer([memory, seen, *checkpoints(tmp_path / "a")], max_epochs=EPOCHS)
    trainer.fit(make_module(5e-2, ensemble_size=MEMBERS), Weighted(weight))
    nll = np.array(seen.nll)
    epochs = nll.argmin(0)
    assert len(set(epochs.tolist())) > 1
    assert max(epochs) < EPOCHS - 1
    factor = trainer.lightning_module.model.targets.log_det().item()
    np.testing.assert_allclose(memory.nll - factor, nll.min(0), atol=1e-5)
    for name, value in memory.weights.items():
        wanted = torch.stack([seen.states[epoch][name][m] for m, epoch in enumerate(epochs)])
        assert torch.equal(value, wanted), name


@pytest.mark.parametrize(("others", "own"), [([Unlike()], True), ([], None)])
def test_the_pool_with_the_lower_nll_is_in_the_checkpoint(
    fit, make_module, data, tmp_path, others, own
):
    run = overfit(fit, make_module, tmp_path / "a", *others)
    memory, checkpoint = run.trainer.callbacks[0], load(tmp_path / "a/best.ckpt")
    joint = checkpoint.get(JOINT, checkpoint["state_dict"])
    mine = joint | {f"model.network.{name}": value for name, value in memory.weights.items()}
    table, module = data.tables["val"], run.module.eval()
    scores = [nll_of(module, state, table) for state in (joint, mine)]
    assert memory.outcome["members_own_epochs"] == (scores[1] < scores[0])
    assert own is None or memory.outcome["members_own_epochs"] == own
    assert nll_of(module, checkpoint["state_dict"], table) == min(scores)
    assert scores[0] == pytest.approx(
        run.trainer.checkpoint_callback.best_model_score.item(), abs=1e-5
    )


def test_of_equals_the_joint_best_stays(fit, make_module, tmp_path):
    run = overfit(fit, make_module, tmp_path / "a", max_epochs=1)
    assert run.trainer.callbacks[0].outcome == {"members_own_epochs": False}
    assert JOINT not in load(tmp_path / "a/best.ckpt")


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* is not empty")
def test_a_fit_that_was_resumed_is_the_fit_that_was_not(fit, make_module, tmp_path):
    whole = overfit(fit, make_module, tmp_path / "whole", Unlike())
    half = overfit(fit, make_module, tmp_path / "half", Unlike(), max_epochs=EPOCHS // 2)
    assert half.trainer.callbacks[0].outcome["members_own_epochs"]
    last = str(tmp_path / "half/last.ckpt")
    for folder in ("elsewhere", "half"):
        after = overfit(fit, make_module, tmp_path / folder, Unlike(), ckpt_path=last)
        one, other = whole.trainer.callbacks[0], after.trainer.callbacks[0]
        assert torch.equal(other.nll, one.nll)
        assert other.outcome == one.outcome
        for part in ("state_dict", JOINT):
            kept = [load(tmp_path / each / "best.ckpt")[part] for each in (folder, "whole")]
            torch.testing.assert_close(*kept, rtol=0, atol=0)


def test_the_joint_best_comes_back_into_the_checkpoint_of_an_earlier_end(
    fit, make_module, tmp_path
):
    run = overfit(fit, make_module, tmp_path / "a", Unlike(), max_epochs=4)
    best = tmp_path / "a/best.ckpt"
    joint = load(best)[JOINT]
    memory = BestMembers()
    memory.nll, memory.weights = torch.zeros(MEMBERS), network_of(joint)
    memory.on_train_end(run.trainer, run.module)
    assert memory.outcome == {"members_own_epochs": False}
    assert JOINT not in load(best)
    torch.testing.assert_close(load(best)["state_dict"], joint, rtol=0, atol=0)


def test_the_weights_of_the_fit_go_on_as_they_were(fit, make_module, tmp_path):
    run = overfit(fit, make_module, tmp_path / "a", Unlike())
    last = load(tmp_path / "a/last.ckpt")["state_dict"]
    torch.testing.assert_close(run.module.state_dict(), last, rtol=0, atol=0)
    assert not run.module._sums


def test_one_network_is_left_alone(fit, make_module, tmp_path):
    run = overfit(fit, make_module, tmp_path / "a", members=1)
    memory = run.trainer.callbacks[0]
    assert memory.nll is None
    assert memory.outcome == {}
    assert memory.state_key not in load(tmp_path / "a/last.ckpt")["callbacks"]
    assert JOINT not in load(tmp_path / "a/best.ckpt")


def test_without_a_checkpoint_nothing_is_kept(fit, make_module):
    memory = BestMembers()
    fit([memory], make_module(ensemble_size=2))
    assert memory.outcome == {}


def test_a_member_that_is_not_a_number_is_not_remembered():
    memory = BestMembers()
    memory._remember(torch.tensor([1.0, 2.0]), {"a": torch.tensor([10, 20])})
    memory._remember(torch.tensor([torch.nan, 1.5]), {"a": torch.tensor([11, 21])})
    memory._remember(torch.tensor([0.5, 1.5]), {"a": torch.tensor([12, 22])})
    assert memory.nll.tolist() == [0.5, 1.5]
    assert memory.weights["a"].tolist() == [12, 21]


RUN = [
    "data=heteroscedastic",
    "data.train_rows=60",
    "data.val_rows=200",
    "data.test_rows=100",
    "model.ensemble_size=3",
    "trainer.max_epochs=40",
    "model.smoothing=0",
    "model.guard=0",
    "optimizer.lr=2e-2",
    "trainer.accelerator=cpu",
    "~callbacks.density_plot",
]


def test_a_run_answers_with_what_was_kept(tmp_path, capfd):
    train(compose("train", RUN, tmp_path))
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["members_own_epochs"] is True
    assert "each member at its own best epoch" in capfd.readouterr().out
    best = tmp_path / "checkpoints/best.ckpt"
    run = read_run(compose("train", RUN, tmp_path))
    table = build_data(run.data).tables["val"]
    model = mdn.load(best)
    own = -model.predict(table.x).log_prob(table.y).mean().item()
    assert own == pytest.approx(metrics["val/nll"], abs=1e-5)
    model.load_state_dict(model_weights({"state_dict": load(best)[JOINT]}))
    joint = -model.predict(table.x).log_prob(table.y).mean().item()
    assert own < joint
    train(compose("train", [*RUN, "~callbacks.best_members"], tmp_path / "without"))
    without = json.loads((tmp_path / "without/metrics.json").read_text())
    assert "members_own_epochs" not in without
    assert without["val/nll"] == pytest.approx(joint, abs=1e-5)


def test_a_regressor_has_them_too(monkeypatch):
    random = np.random.default_rng(0)
    x = random.normal(size=(120, 1))
    y = x[:, 0] ** 2 + random.normal(size=120)
    settings = {"optimizer.lr": 2e-2}
    predicted = []
    for use in (BestMembers, Callback):
        monkeypatch.setattr(mdn.training.fit, "BestMembers", use)
        model = MDNRegressor(
            5, max_epochs=40, val_fraction=0.5, ensemble_size=3, settings=settings, random_state=0
        ).fit(x, y)
        predicted.append(model.predict(x))
    assert not np.allclose(*predicted)


def test_a_member_is_never_best_by_a_score_that_is_not_a_number():
    memory = BestMembers()
    for epoch, nll in enumerate([[torch.nan, 2.0], [3.0, torch.nan], [torch.nan, torch.nan]]):
        memory._remember(torch.tensor(nll), {"weight": torch.full((2, 1), float(epoch))})
    assert memory.nll is not None
    assert memory.nll.tolist() == [3, 2]
    assert memory.weights["weight"].squeeze(-1).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("own", "joint", "kept"),
    [(1.0, torch.nan, True), (torch.nan, 1.0, False), (torch.nan, torch.nan, False)],
)
def test_a_pool_whose_score_is_not_a_number_is_not_the_better(
    fit, make_module, tmp_path, monkeypatch, own, joint, kept
):
    scores = iter([own, joint])
    monkeypatch.setattr("mdn.training.callbacks.best_members.pooled_nll", lambda *_: next(scores))
    run = overfit(fit, make_module, tmp_path / "a", max_epochs=1)
    assert run.trainer.callbacks[0].outcome == {"members_own_epochs": kept}
