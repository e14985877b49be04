"""Which overrides of a run are taken from its checkpoint, which may be a stranger's.

Taken are choices among the groups of this project, and plain values for settings that these groups
have: numbers, words, names of columns, and the paths of the rows. They can name neither code nor a
place to write to, and nothing in them is interpolated. Whatever else a run was given has to be
repeated on the command line, which is trusted.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.override_parser.types import Override
from hydra.types import RunMode

from mdn.app.check import like, plain
from mdn.app.config_groups import choices_of, group_names
from mdn.app.errors import UserError
from mdn.app.node import Node
from mdn.app.overrides import is_added, text_of
from mdn.app.paths import CONF
from mdn.app.rules import rule_of
from mdn.app.targets import settings

PATHS = ("data.path", "data.test_path", "data.val_path")
"""Paths that are taken: the rows of the run."""

WORDS = (
    *("backbone.activation", "backbone.norm", "encoding.scaling", "family.factor"),
    *("callbacks.density_plot.table", "callbacks.fit_frames.table"),
    *("callbacks.progress.metrics", "callbacks.progress.monitor"),
    *("callbacks.singularity_reset.on_exhausted", "model.start_from"),
    *("data.kinds", "data.problem.factor"),
    *("trainer.strategy", "trainer.max_time"),
)
"""Keys of free text that names neither a file nor code."""

NUMBERS = (
    *("callbacks.early_stopping.check_on_train_epoch_end",),
    *("callbacks.early_stopping.divergence_threshold",),
    *("callbacks.early_stopping.stopping_threshold",),
    *("trainer.benchmark", "trainer.deterministic", "trainer.min_steps"),
    *("trainer.enable_progress_bar", "trainer.overfit_batches"),
)
"""Keys whose type takes more than the numbers and flags that are taken here."""

TRAINER = (
    *("accumulate_grad_batches", "benchmark", "check_val_every_n_epoch", "detect_anomaly"),
    *("deterministic", "enable_progress_bar", "inference_mode", "limit_test_batches"),
    *("limit_train_batches", "limit_val_batches", "max_steps", "max_time", "min_epochs"),
    *("min_steps", "overfit_batches", "strategy", "sync_batchnorm"),
    *("use_distributed_sampler", "val_check_interval"),
)
"""Settings of Lightning that are taken beside those that the groups have.

num_nodes is none of them: with it a program waits on the network for whoever joins it.
"""

_INTERPOLATION = re.compile(r"(?<!\\)(\\\\)*\$\{")
_NUMBER = (bool, int, float, type(None))


@dataclass(frozen=True)
class Groups:
    """What choices of groups make, without other overrides.

    Attributes:
        node: the settings, interpolations as they are written.
        choices: the choice of each group.
    """

    node: Node
    choices: Mapping[str, object]

    def has(self, key: str) -> bool:
        """Tell whether there is such a key."""
        outer = self._outer(key)
        return outer is not None and key.rpartition(".")[2] in outer

    def get(self, key: str) -> object:
        """Return the value of a key, or None where there is no such key."""
        return (self._outer(key) or {}).get(key.rpartition(".")[2])

    def takes(self, override: Override) -> bool:
        """Tell whether an override sets a harmless value, or takes a setting away."""
        key, outer = override.key_or_group, self._outer(override.key_or_group)
        if outer is None or override.package is not None or override.is_sweep_override():
            return False
        value, name = override.value(), key.rpartition(".")[2]
        if value is None and (override.is_delete() or isinstance(outer.get(name), dict)):
            return name in outer and name[0] != "_" and "." in key
        return _names_setting(name, key, outer) and _is_harmless(key, value, outer)

    def _outer(self, key: str) -> Node | None:
        """Return the node that a key stands in, if there is one."""
        node: object = self.node
        for name in key.split(".")[:-1]:
            node = node.get(name) if isinstance(node, dict) else None
        return node if isinstance(node, dict) else None


def _names_setting(name: str, key: str, outer: Node) -> bool:
    """Tell whether a key is a single setting that the groups have, or that a class takes."""
    if name in outer:
        return name[0] != "_" and not isinstance(outer[name], dict)
    target = str(outer.get("_target_", ""))
    if key.startswith("trainer."):
        return name in TRAINER
    return not target.startswith("mdn.") and name in settings(target)


def _is_harmless(key: str, value: object, outer: Node) -> bool:
    if not _is_plain(value):
        return False
    if key in NUMBERS:
        return isinstance(value, _NUMBER)
    if key in WORDS:
        return _is_words(value)
    rule = rule_of(key, str(outer.get("_target_", ""))) or like(outer.get(key.rpartition(".")[2]))
    if rule is None or (rule.free_text and key not in PATHS):
        return False
    try:
        rule.read(key, value)
    except UserError:
        return False
    return True


def _is_words(value: object) -> bool:
    several = [*value.values()] if isinstance(value, dict) else value
    several = several if isinstance(several, list) else [several]
    return all(each is None or isinstance(each, str) for each in several)


def _is_plain(value: object) -> bool:
    """Tell whether a value holds no interpolation and nothing that could be instantiated."""
    if isinstance(value, dict):
        names = [*map(str, value)]
        return not any(name.startswith("_") for name in names) and _is_plain(
            [*names, *value.values()]
        )
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return isinstance(value, _NUMBER) or (isinstance(value, str) and not interpolates(value))


def interpolates(text: str) -> bool:
    """Tell whether OmegaConf would resolve something in a text."""
    return _INTERPOLATION.search(text) is not None


def is_choice(override: Override) -> bool:
    """Tell whether an override chooses from one of this project's groups."""
    whole = not override.is_sweep_override() and isinstance(override.value(), dict)
    return override.key_or_group in group_names() and not whole


def _is_own_choice(override: Override) -> bool:
    """Tell whether a choice is one of this project."""
    if override.package is not None or override.is_sweep_override() or override.is_delete():
        return False
    value = override.value()
    names = value if isinstance(value, list) else [value]
    return not is_added(override) and all(
        isinstance(name, str) and name in choices_of(override.key_or_group) for name in names
    )


def groups_of(overrides: Sequence[Override]) -> Groups:
    """Compose the groups of this project by the choices among some overrides."""
    chosen = [text_of(each) for each in overrides if is_choice(each) and _is_own_choice(each)]
    return composed(chosen)


def composed(choices: Sequence[str], name: str = "train", folders: Sequence[str] = ()) -> Groups:
    """Compose groups from choices alone; what Hydra is doing meanwhile does not matter.

    Args:
        choices: overrides.
        name: of the configuration.
        folders: directories that add choices.
    """
    places = create_config_search_path(str(CONF))
    for folder in folders:
        places.prepend("command-line", f"file://{folder}", SearchPathQuery(provider="schema"))
    config = ConfigLoaderImpl(places).load_configuration(name, [*choices], RunMode.RUN)
    return Groups(plain(config), dict(config.hydra.runtime.choices))


def untaken(overrides: Collection[Override], groups: Groups) -> list[str]:
    """Return the overrides that are not taken from a checkpoint, as they were typed.

    Args:
        overrides: of a run.
        groups: what its choices make.
    """
    return [
        text_of(each)
        for each in overrides
        if not (_is_own_choice(each) if is_choice(each) else groups.takes(each))
    ]
