import os

import pytest
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping

from mdn.training.callbacks.best_and_last import BestCheckpoint, LastCheckpoint, SealedCheckpointIO


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
