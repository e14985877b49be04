import os
import shutil

import pytest
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping

from mdn.training.callbacks.best_and_last import BestCheckpoint, LastCheckpoint
from mdn.training.callbacks.whole_checkpoint import SealedCheckpointIO


def pair(directory, every_seconds=0.0):
    best = BestCheckpoint(str(directory), "best", monitor="val/nll", mode="min")
    return [best, LastCheckpoint(str(directory), "last", every_seconds)]


def load(path):
    return torch.load(path, weights_only=True)


def test_best_and_last_are_two_files_of_plain_data(fit, spoil, tmp_path):
    fit([spoil(2), *pair(tmp_path / "checkpoints")], max_epochs=4)
    assert sorted(os.listdir(tmp_path / "checkpoints")) == ["best.ckpt", "last.ckpt"]
    assert load(tmp_path / "checkpoints/best.ckpt")["epoch"] == 1
    assert load(tmp_path / "checkpoints/last.ckpt")["epoch"] == 3


def test_best_holds_the_weights_of_the_best_epoch(fit, spoil, data, make_module, tmp_path):
    run = fit([spoil(2), *pair(tmp_path / "checkpoints")], max_epochs=4)
    best = make_module().double()
    best.load_state_dict(load(tmp_path / "checkpoints/best.ckpt")["state_dict"])
    table = data.tables["val"]
    nll = -best(table.x).log_prob(table.y).mean()
    torch.testing.assert_close(
        nll.item(), run.trainer.checkpoint_callback.best_model_score.item(), rtol=1e-5, atol=0
    )


def test_a_resumed_run_in_its_own_directory_keeps_the_earlier_best(
    fit, spoil, make_module, tmp_path
):
    first, second = tmp_path / "a", tmp_path / "b"
    before = fit(pair(first), max_epochs=3).trainer
    after = fit(
        [spoil(3), *pair(second)],
        make_module(),
        ckpt_path=str(first / "last.ckpt"),
        max_epochs=5,
    ).trainer
    score = before.checkpoint_callback.best_model_score
    assert after.checkpoint_callback.best_model_score == score
    assert after.checkpoint_callback.best_model_path == str(second / "best.ckpt")
    assert (second / "best.ckpt").read_bytes() == (first / "best.ckpt").read_bytes()
    assert load(second / "last.ckpt")["epoch"] == 4


def test_a_failed_write_leaves_the_old_file_whole(tmp_path):
    class Unwritable:
        def __reduce__(self):
            raise OSError("no space left")

    path = tmp_path / "best.ckpt"
    SealedCheckpointIO().save_checkpoint({"value": torch.ones(3)}, path)
    with pytest.raises(OSError, match="no space left"):
        SealedCheckpointIO().save_checkpoint({"a": torch.ones(9), "b": Unwritable()}, path)
    assert os.listdir(tmp_path) == ["best.ckpt"]
    torch.testing.assert_close(load(path)["value"], torch.ones(3))


class Epochs(Callback):
    """The epoch in last.ckpt at the start of each epoch."""

    def __init__(self, path):
        self.path = path
        self.seen = []

    def on_train_epoch_start(self, trainer, pl_module):
        if self.path.exists():
            self.seen.append(load(self.path)["epoch"])


@pytest.mark.parametrize(("every_seconds", "seen"), [(0.0, [0, 1, 2]), (1e6, [0, 0, 0])])
@pytest.mark.parametrize("limit", [{"max_epochs": 4}, {"max_epochs": -1, "max_steps": 12}])
def test_last_is_written_now_and_then_and_always_at_the_end(
    fit, tmp_path, every_seconds, seen, limit
):
    watch = Epochs(tmp_path / "checkpoints/last.ckpt")
    fit([watch, *pair(tmp_path / "checkpoints", every_seconds)], **limit)
    assert watch.seen == seen
    assert load(watch.path)["epoch"] == 3


def test_last_is_written_where_training_stops_early(fit, tmp_path):
    stop = EarlyStopping("val/nll", patience=1, min_delta=100.0)
    fit([*pair(tmp_path / "checkpoints", every_seconds=1e6), stop], max_epochs=9)
    assert load(tmp_path / "checkpoints/last.ckpt")["epoch"] == 1


class Judge(Callback):
    """Spoils the validation score of some epochs, as a row that overflows would."""

    def __init__(self, epochs):
        self.epochs = epochs

    def on_validation_batch_end(self, trainer, pl_module, *args):
        if trainer.current_epoch in self.epochs:
            pl_module._add("val", torch.tensor(torch.nan), 0)


def test_a_score_that_is_not_a_number_chooses_no_epoch(fit, tmp_path):
    fit([Judge([0, 2]), *pair(tmp_path / "checkpoints")], max_epochs=4)
    assert load(tmp_path / "checkpoints/best.ckpt")["epoch"] in (1, 3)


def test_a_run_without_a_finite_score_has_no_best_model(fit, tmp_path):
    with pytest.raises(ValueError, match="no epoch has a finite val/nll, the last is nan"):
        fit([Judge(range(9)), *pair(tmp_path / "checkpoints")], max_epochs=2)
    assert os.listdir(tmp_path / "checkpoints") == ["last.ckpt"]


def resume(fit, make_module, folder, source, *callbacks, **settings):
    return fit(
        [*callbacks, *pair(folder)], make_module(), ckpt_path=str(source / "last.ckpt"), **settings
    ).trainer.checkpoint_callback


@pytest.mark.filterwarnings("ignore:Checkpoint directory")
def test_a_best_model_later_than_the_last_checkpoint_keeps_its_own_score(
    fit, spoil, make_module, tmp_path
):
    """As a run leaves them that is killed while the last one waits for its ten seconds."""
    early, folder = tmp_path / "early", tmp_path / "checkpoints"
    fit(pair(early), max_epochs=1)
    score = resume(fit, make_module, folder, early, max_epochs=4).best_model_score
    shutil.copy(early / "last.ckpt", folder)
    best = (folder / "best.ckpt").read_bytes()
    # Another course, better than the early score and worse than that of the file.
    after = resume(fit, make_module, folder, folder, spoil(1), max_epochs=3)
    assert after.best_model_score == score
    assert (folder / "best.ckpt").read_bytes() == best


@pytest.mark.filterwarnings("ignore:Checkpoint directory")
@pytest.mark.parametrize(
    ("spoiled", "message"),
    [
        (lambda path: path.unlink(), "here is no checkpoint .*best.ckpt"),
        (lambda path: path.write_bytes(path.read_bytes()[:-99]), "best.ckpt"),
        (lambda path: shutil.copy(path.parents[1] / "other/best.ckpt", path), "is of another run"),
    ],
    ids=["missing", "damaged", "of another run"],
)
def test_a_best_model_that_cannot_be_gone_on_with_is_said(
    fit, make_module, tmp_path, spoiled, message
):
    for name in ("other", "checkpoints"):
        fit(pair(tmp_path / name), max_epochs=2)
    folder = tmp_path / "checkpoints"
    spoiled(folder / "best.ckpt")
    with pytest.warns(UserWarning, match=f"best model until now is lost.*{message}"):
        after = resume(fit, make_module, folder, folder, max_epochs=3)
    assert load(folder / "best.ckpt")["epoch"] == 2
    assert after.best_model_path == str(folder / "best.ckpt")


@pytest.mark.filterwarnings("ignore:Checkpoint directory")
def test_nothing_is_said_of_a_best_model_that_never_was(fit, make_module, tmp_path, recwarn):
    last = LastCheckpoint(str(tmp_path), every_seconds=0.0)
    fit([BestCheckpoint(str(tmp_path)), last, SaveAt(last, 1)], max_epochs=1)
    (tmp_path / "best.ckpt").unlink()
    shutil.copy(tmp_path / "kept.ckpt", tmp_path / "last.ckpt")
    resume(fit, make_module, tmp_path, tmp_path, max_epochs=2)
    assert not [each for each in recwarn if "best model" in str(each.message)]


class SaveAt(Callback):
    """Keeps what a stop leaves behind some batch."""

    def __init__(self, last, batch):
        self.last, self.batch = last, batch

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if batch_idx == self.batch:
            self.last.save_now(trainer)
            shutil.copy(self.last.path, self.last.path.with_name("kept.ckpt"))


@pytest.mark.filterwarnings("ignore:Checkpoint directory")
def test_nothing_is_saved_where_nothing_is_fitted(fit, make_module, data, tmp_path):
    last = LastCheckpoint(str(tmp_path), every_seconds=0.0)
    run = fit([last], max_epochs=1)
    last.path.unlink()

    class Save(Callback):
        def on_validation_batch_end(self, trainer, *_):
            last.save_now(trainer)

    run.trainer.callbacks.append(Save())
    run.trainer.validate(run.module, data, verbose=False)
    assert not last.path.exists()


class Longer(Callback):
    """Has a module be what tells the epoch of a pool, which wants longer training."""

    def __init__(self, factor):
        self.factor = factor

    def setup(self, trainer, pl_module, stage):
        kind = type(pl_module)
        pl_module.__class__ = type(kind.__name__, (kind,), {"longer_than_best": self.factor})


@pytest.mark.parametrize(("factor", "epoch"), [(1.0, 3), (1.25, 4), (1.5, 5), (3.0, 7)])
def test_a_pool_gets_later_weights_than_the_best_epoch_of_its_members(
    fit, spoil, tmp_path, factor, epoch
):
    folder = tmp_path / "checkpoints"
    run = fit([Longer(factor), spoil(4), *pair(folder)], max_epochs=8)
    best = load(folder / "best.ckpt")
    assert best["epoch"] in (epoch, epoch + 1)  # Lightning counts the last epoch as over
    last = load(folder / "last.ckpt")["state_dict"]
    same = all(torch.equal(last[name], value) for name, value in best["state_dict"].items())
    assert same == (factor == 3.0)
    assert run.trainer.checkpoint_callback.outcome == {"epochs_kept": epoch + 1}
    assert run.trainer.checkpoint_callback.best_model_path == str(folder / "best.ckpt")


def test_a_resumed_run_still_waits_for_the_later_weights(fit, spoil, make_module, tmp_path):
    def callbacks(folder):
        torch.manual_seed(0)
        return [Longer(1.5), spoil(4), *pair(folder)]

    fit(callbacks(tmp_path / "whole"), max_epochs=8)
    fit(callbacks(tmp_path / "part"), max_epochs=5)
    path = str(tmp_path / "part/last.ckpt")
    fit(callbacks(tmp_path / "rest"), make_module(), ckpt_path=path, max_epochs=8)
    whole, rest = (load(tmp_path / name / "best.ckpt") for name in ("whole", "rest"))
    assert rest["epoch"] == whole["epoch"] == 5
    for name, value in whole["state_dict"].items():
        assert torch.equal(rest["state_dict"][name], value), name
