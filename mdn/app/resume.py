"""Check that a run can go on from a checkpoint, and that something is left to do."""

from collections.abc import Mapping

from mdn.app.trained import Limits, Trained
from mdn.data.fingerprint import changed
from mdn.model import registry
from mdn.model.card import ModelCard
from mdn.model.checkpoint import CARD, overrides_of, read_checkpoint
from mdn.report.run_settings import flat
from mdn.training.resumed_loop import was_stopped
from mdn.training.siblings import is_first

_LASTING = ("inputs", "targets", "model")
"""Fields of the card that must match the checkpoint, besides the rows."""

_FREE = (
    *("model.optimizer.", "model.schedule.", "model.gradient_clip", "model.patience"),
    *("model.max_epochs", "model.batch_size"),
    *("model.recalibration", "model.smoothing", "model.guard", "model.rare_components"),
    # The rows tell.
    *("model.seed", "model.val_fraction", "model.dequantize", "model.cross_fit"),
    *("model.averaging", "model.refit_spread"),
)
"""Settings among them that may change."""

_OF_ROWS = ("data.", "model.cross_fit")
"""Settings that decide which rows are learned."""

_KIND = "model.kind"
_KINDS = ("model.optimizer.kind",)
"""Among these what may not, since the optimizer of the checkpoint goes on."""

_LEAVE = "a run goes on with its own settings: leave out what changes this one"
_RESTORE = "put it back as it was, or train a new run, without ckpt_path"
_REPEAT = "it keeps no settings of its run: repeat the overrides of that run"


def check_resume(
    ckpt_path: str,
    max_epochs: int | None,
    card: ModelCard,
    max_steps: int = -1,
    kept: Mapping[str, object] | None = None,
) -> int:
    """Refuse a checkpoint that a run cannot go on from; return how many steps it has logged.

    A run that was killed behind its last epoch goes on with what follows on that.

    Args:
        ckpt_path: the checkpoint.
        max_epochs: of the run, those of the checkpoint included.
        card: of the run.
        max_steps: of the run, too; negative for no limit.
        kept: what the checkpoints of this run keep beside the card.

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
    trained = Trained.of(ckpt_path, checkpoint)
    limits = Limits(max_epochs, max_steps, was_stopped(checkpoint, kept or {}))
    over = trained.over(limits)
    if over and not trained.was_cut(ckpt_path, limits):
        raise ValueError(f"{ckpt_path} {over}")
    if is_first():
        test = f"no epoch is left to train: the run of {ckpt_path} only has to be tested"
        print(test if over else f"goes on     {trained.place}")
    return trained.steps


def _check_rows(ckpt_path: str, before: ModelCard, card: ModelCard, advice: str) -> None:
    """Refuse another split: the model would learn rows that it is then tested on."""
    others = changed(before.rows, card.rows) if before.rows else []
    if others:
        asked = _differences(before, card, ("data", "model"))
        asked = {key: asked[key] for key in asked if key.startswith(_OF_ROWS)}
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
