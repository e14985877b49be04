"""Say where the settings of a resumed run come from, and what the command line changes."""

from collections.abc import Iterator, Sequence

from hydra.core.override_parser.types import Override

from mdn.app.merged_overrides import EarlierRun, Merged, chooses_anew
from mdn.app.overrides import followed, is_removal, last_of_each, names_place, text_of
from mdn.app.rule_kinds import shown
from mdn.app.trusted_overrides import PATHS, is_choice


def summary(run: EarlierRun, given: Sequence[Override], both: Merged) -> list[str]:
    """Return one line for each setting that has changed, and for each file that will be read.

    Args:
        run: the run that goes on.
        given: the overrides of the command line.
        both: the overrides that hold now.
    """
    holding = [each for each in last_of_each(given) if not names_place(each)]
    told = [line for each in holding for line in _change(each, run)]
    left_out = [f"left out    {text_of(each)}" for each in both.left_out]
    paths = [each for each in both.stored if each.key_or_group in PATHS]
    return [*told, *left_out, *map(_reading, paths)]


def _reading(path: Override) -> str:
    return f"reads       the checkpoint's {path.key_or_group}: {followed(str(path.value()))}"


def _change(new: Override, run: EarlierRun) -> Iterator[str]:
    key = new.key_or_group
    if is_choice(new):
        if chooses_anew(new, run):
            yield f"changed     {key} from {_said(run.choice(key))} to {_value(new)}"
    elif is_removal(new) and (new.is_delete() or isinstance(run.setting(key), dict)):
        yield f"left out    {key}"
    elif not run.has(key):
        yield f"added       {key}={_value(new)}"
    elif new.is_sweep_override() or new.value() != run.setting(key):
        yield f"changed     {key} from {_said(run.setting(key))} to {_value(new)}"


def _value(override: Override) -> str:
    if override.is_sweep_override():
        return " or ".join(override.sweep_string_iterator())
    return _said(override.value())


def _said(value: object) -> str:
    return value if isinstance(value, str) else shown(value)
