"""Names of arguments in messages of the library, spelled as keys of the configuration.

The library writes the names of its arguments in backquotes, with or without a value: `targets`,
`dequantize=True`. Whoever calls it from Python reads them as they are; a command writes
data.targets and data.dequantize=true in their place.
"""

import re

KEYS = {
    "accelerator": "trainer.accelerator",
    "batch_size": "data.batch_size",
    "cross_fit": "model.cross_fit",
    "dequantize": "data.dequantize",
    "ensemble_size": "model.ensemble_size",
    "exclude": "data.exclude",
    "gradient_clip": "model.gradient_clip",
    "group_by": "data.group_by",
    "inputs": "data.inputs",
    "kinds": "data.kinds",
    "lr": "optimizer.lr",
    "max_epochs": "trainer.max_epochs",
    "guard": "model.guard",
    "refit_spread": "model.refit_spread",
    "smoothing": "model.smoothing",
    "min_scale": "family.min_scale",
    "num_components": "model.num_components",
    "path": "data.path",
    "principal": "encoding.principal",
    "split_by": "data.split_by",
    "stratify": "data.stratify",
    "stream": "data.stream",
    "target_transform": "model.target_transform",
    "targets": "data.targets",
    "test_fraction": "data.test_fraction",
    "test_path": "data.test_path",
    "test_rows": "data.test_rows",
    "time_by": "data.time_by",
    "time_gap": "data.time_gap",
    "train_rows": "data.train_rows",
    "val_fraction": "data.val_fraction",
    "val_path": "data.val_path",
    "val_rows": "data.val_rows",
    "weight": "data.weight",
}
"""The key of each argument that a message of the library names."""

_ARGUMENT = re.compile(r"`(\w+)(?:(=)([^`\n]*))?`")
_BRACKETS = re.compile(r"[()\[\]=]")
_PLAIN = re.compile(r"[\w./ +-]*", re.ASCII)
_SPLIT = re.compile(r"[^\w./,+-]")
"""Characters that a shell would split at or read in its own way."""

_VALUES = {"True": "true", "False": "false", "None": "null"}


_REGISTER = re.compile(r"mdn\.register\('(\w+)', '([\w.]+)', part\)")


def in_keys(message: str) -> str:
    """Write the arguments in a message as the command line spells them."""
    return _ARGUMENT.sub(_in_key, _REGISTER.sub(r"parts.\1=\2 on the command line", message))


def _in_key(found: re.Match[str]) -> str:
    name, equals, value = found.groups(default="")
    if name not in KEYS:
        return found[0]
    return _typed(f"{KEYS[name]}{equals}", _VALUES.get(value, value))


def _typed(key: str, value: str) -> str:
    """A setting as a shell and Hydra take it, whatever is in the names of columns."""
    if value.startswith("{"):
        value = _BRACKETS.sub(r"\\\g<0>", value)
    elif not (value.startswith("[") or _PLAIN.fullmatch(value)):
        value = f'"{value}"'
    return f"'{key}{value}'" if _SPLIT.search(value) and "'" not in value else f"{key}{value}"
