"""Check that a run can go on from a checkpoint, and that something is left to do."""

from collections.abc import Mapping

from mdn.data.fingerprint import changed
from mdn.model import registry
from mdn.model.card import ModelCard
from mdn.model.checkpoint import CARD, overrides_of, read_checkpoint
from mdn.report.run_settings import flat

_LASTING = ("inputs", "targets", "model")
"""Fields of the card that must match the checkpoint, besides the rows."""

_FREE = (
    *("model.optimizer.", "model.schedule.", "model.gradient_clip", "model.patience"),
    *("model.max_epochs", "model.batch_size"),
    *("model.recalibration", "model.guard"),
    *("model.seed", "model.val_fraction", "model.dequantize"),  # the rows tell
)
"""Settings among them that may change."""

_KIND = "model.kind"
_KINDS = ("model.optimizer.kind",)
"""Among these what may not, since the optimizer of the checkpoint goes on."""

_STATE = {
    "epoch": int,
    "global_step": int,
    "loops": dict,
    "callbacks": dict,
    "optimizer_states": list,
    "lr_schedulers": list,
}
"""What Lightning restores, with its type."""

_LEAVE = "a run goes on with its own settings: leave out what changes this one"
_RESTORE = "put it back as it was, or train a new run, without ckpt_path"
_REPEAT = "it keeps no settings of its run: repeat the overrides of that run"


def check_resume(ckpt_path: str, max_epochs: int | None, card: ModelCard) -> int:
    """Refuse a checkpoint that a run cannot go on from; return how many steps it has logged.

    Args:
        ckpt_path: the checkpoint.
        max_epochs: of the run, those of the checkpoint included.
        card: of the run.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not a checkpoint, was trained on other rows or has another model, or if
            nothing is left to do.
    """
    checkpoint = read_checkpoint(ckpt_path)
    advice = _REPEAT if overrides_of(checkpoint, ckpt_path) is None else _LEAVE
    before = ModelCard.read(checkpoint[CARD])
    registry.check("model", before.model)
    if before.model.get("kind") == card.model.get("kind"):
        _check_rows(ckpt_path, before, card, advice)
    others = _differences(before, card, _LASTING)
    for key in sorted(others, key=_follows):
        if key in _KINDS or not key.startswith(_FREE):
            was, now = others[key]
            raise ValueError(f"{ckpt_path} has {key} {was} and this run has {now}; {advice}")
    epochs = _trained_epochs(ckpt_path, checkpoint)
    if max_epochs is not None and 0 <= max_epochs <= epochs:
        raise ValueError(
            f"{ckpt_path} has trained {epochs} epochs and trainer.max_epochs is {max_epochs}: "
            "nothing is left to do; raise trainer.max_epochs"
        )
    steps = checkpoint.get("global_step")
    assert isinstance(steps, int)
    return steps


def _trained_epochs(ckpt_path: str, checkpoint: Mapping[str, object]) -> int:
    """Return the epochs behind a checkpoint, without one under way; refuse what is no state."""
    for key, kind in _STATE.items():
        if not isinstance(checkpoint.get(key), kind):
            raise ValueError(
                f"{ckpt_path} holds no state of a run to go on with: its {key} must be of type "
                f"{kind.__name__}; take the last.ckpt of a run"
            )
    epoch = checkpoint["epoch"]
    assert isinstance(epoch, int)
    if epoch < 0:
        raise ValueError(f"{ckpt_path} has trained {epoch} epochs, fewer than none")
    # Inside an epoch, and at its end, `epoch` is its number.
    done: object = checkpoint["loops"]
    for key in ("fit_loop", "epoch_progress", "current", "processed"):
        done = done.get(key) if isinstance(done, dict) else None
    return done if isinstance(done, int) else epoch + 1


def _check_rows(ckpt_path: str, before: ModelCard, card: ModelCard, advice: str) -> None:
    """Refuse another split: the model would learn rows that it is then tested on."""
    others = changed(before.rows, card.rows) if before.rows else []
    if others:
        asked = _differences(before, card, ("data",))
        asked.pop("data.batch_size", None)
        if "data.kind" in asked:  # of another kind everything differs
            asked = {"data.kind": asked["data.kind"]}
        why = [f"{key} was {was} and is {now}" for key, (was, now) in asked.items()]
        cause = f"{', '.join(why)}; {advice}" if why else f"a file has changed since; {_RESTORE}"
        raise ValueError(
            f"{ckpt_path} belongs to other rows, or another split of them ({', '.join(others)}): "
            f"{cause}"
        )


def _follows(key: str) -> tuple[bool, bool]:
    """Order settings: the kind of the model, kinds of its parts, and what differs with those."""
    return key != _KIND, not key.endswith(".kind")


def _differences(
    before: ModelCard, now: ModelCard, keys: tuple[str, ...]
) -> dict[str, tuple[object, object]]:
    """Return the settings that have changed, by their paths: (before, now)."""
    one, other = (dict(flat({key: getattr(each, key) for key in keys})) for each in (before, now))
    pairs = {key: (one.get(key), other.get(key)) for key in sorted(one.keys() | other.keys())}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
