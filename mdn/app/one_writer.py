"""Claim the directory of a run or of a sweep before Hydra writes anything in it."""

import copy
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from mdn.app.claims import CLAIMS, Claim
from mdn.app.command_line import fail
from mdn.app.errors import UserError, readable
from mdn.app.taken import CHECKS, check_free, check_sweep
from mdn.data.write_errors import WriteError
from mdn.training.siblings import is_first


class OneWriter(Callback):
    """Ends a command at once whose directory is another one's.

    Hydra calls it before it makes the directory, and goes on after every error but an exit.
    """

    def on_run_start(self, config: DictConfig, **kwargs: object) -> None:
        command = str(config.hydra.job.config_name)
        if command not in CHECKS:
            return  # it leaves nothing but a file
        if not _is_first_of_all():
            _leave_settings_alone(config)
            return
        with _one_sentence("hydra.run.dir"):
            claim = CLAIMS.take(Path(config.hydra.run.dir), command, "hydra.run.dir")
            ckpt_path = OmegaConf.select(config, "ckpt_path")
            if check_free(claim, command, ckpt_path, with_settings=True):
                claim.settings = _settings(config, claim)
                _leave_settings_alone(config)

    def on_multirun_start(self, config: DictConfig, **kwargs: object) -> None:
        if not _is_first_of_all():
            return
        with _one_sentence("hydra.sweep.dir"):
            check_sweep(CLAIMS.take(Path(config.hydra.sweep.dir), "sweep", "hydra.sweep.dir"))


def claim_rest(command: str, config: Mapping[str, object]) -> None:
    """Claim the directories of a job that Hydra does not ask for: a sweep's job, and `run_dir`.

    Raises:
        UserError: if one is another command's, or holds what would be overwritten.
    """
    if command not in CHECKS or not _is_first_of_all():
        return
    places = {"hydra.sweep.subdir": HydraConfig.get().runtime.output_dir}
    for key, place in (places | {"run_dir": config["run_dir"]}).items():
        directory = Path(os.path.relpath(str(place)))
        if CLAIMS.of(directory) is None:
            claim = CLAIMS.take(directory, command, key)
            check_free(claim, command, config.get("ckpt_path"), with_settings=False)


def _is_first_of_all() -> bool:
    return is_first() and os.environ.get("NODE_RANK", "0") in ("", "0")


@contextmanager
def _one_sentence(key: str) -> Iterator[None]:
    try:
        yield
    except (UserError, WriteError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"the directory of the run cannot be made: {readable(error)}; set {key}")


def _leave_settings_alone(config: DictConfig) -> None:
    with read_write(config.hydra):
        config.hydra.output_subdir = None


def _settings(config: DictConfig, claim: Claim) -> dict[str, str]:
    # As Hydra writes them.
    whole = copy.deepcopy(config)
    with read_write(whole.hydra.runtime), open_dict(whole.hydra.runtime):
        whole.hydra.runtime.output_dir = str(claim.directory)
    task = OmegaConf.masked_copy(whole, [str(key) for key in whole if key != "hydra"])
    parts = {
        "config": task,
        "hydra": OmegaConf.masked_copy(whole, ["hydra"]),
        "overrides": whole.hydra.overrides.task,
    }
    return {f".hydra/{name}.yaml": OmegaConf.to_yaml(part) for name, part in parts.items()}
