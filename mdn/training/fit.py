"""From a recipe and rows to a model.

`fit` is for programs. The command line has a Trainer, callbacks and a run directory of its own, and
hands them to `train`, as `fit` does with quiet ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import singledispatch
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from lightning.pytorch.utilities import rank_zero_warn

from mdn.data.missing_targets import dropped_remark
from mdn.data.rounding import rounding_remarks
from mdn.data.splits.settings import SplitBy
from mdn.data.summary import TableSummary
from mdn.data.table import ColumnKeys, SaidKinds, Table
from mdn.data.transform_remarks import transform_remarks
from mdn.model import registry
from mdn.model.card import ModelCard
from mdn.model.model import Model
from mdn.model.target_transforms import described
from mdn.training.adjust import candidates_of
from mdn.training.base_recipe import BaseRecipe
from mdn.training.callbacks.best_and_last import BestCheckpoint
from mdn.training.callbacks.best_members import BestMembers
from mdn.training.callbacks.finite import FiniteLoss
from mdn.training.callbacks.progress import EpochProgress
from mdn.training.callbacks.singularity_reset import SingularityReset
from mdn.training.callbacks.stop_on_signal import StopOnSignal
from mdn.training.choose import choose
from mdn.training.datamodule import TableModule
from mdn.training.devices import usable_accelerator
from mdn.training.file_rows import in_file
from mdn.training.lightning_parts import keyboard_interrupts
from mdn.training.memory import held_in_memory
from mdn.training.mixture_module import MixtureModule
from mdn.training.modules import module_of
from mdn.training.processes import look_after_processes
from mdn.training.recipe import Recipe, as_recipe
from mdn.training.silence_lightning import silence_lightning
from mdn.training.stop_signals import sigterm_awaits_batch
from mdn.training.target_values import check_target_values
from mdn.training.usefulness import warn_if_useless


def fit(
    recipe: BaseRecipe | Mapping[str, object],
    rows: Table | object,
    targets: ColumnKeys | None = None,
    inputs: ColumnKeys | None = None,
    weight: str | int | None = None,
    *,
    exclude: ColumnKeys = (),
    kinds: SaidKinds | None = None,
    split_by: str | int | None = None,
    group_by: ColumnKeys | None = None,
    time_by: str | int | None = None,
    time_gap: float | str | None = None,
    progress: bool = False,
    trainer: Mapping[str, object] | None = None,
) -> Model:
    """Train a model, as the command line does; nothing is left on disk.

    Args:
        recipe: a recipe, or the settings that are not to have their defaults, as
            `Recipe.from_settings` takes them: {"family": "diagonal", "backbone.width": 128}; with
            {"kind": "gmm_em"} those of `EMRecipe`.
        rows: a frame, a `Table`, or the path of a file, of a folder or a pattern of Parquet files,
            which may hold more rows than memory; each network holds out an eighth of its own, or
            all hold out one part, as `Recipe.cross_fit` and `val_fraction` say.
        targets: columns of the frame whose density is learned, by name or position.
        inputs: as targets; None for all the rest, or for none where the recipe looks at none; an
            empty list for a density of the targets.
        weight: the column that says how often each row counts, or None.
        exclude: as targets; columns of the frame that are no inputs.
        kinds: what columns of the frame hold that would be taken for something else, as in
            {"zip": "category"}: number, boolean, category or time.
        split_by: the column of the frame that names the part of each row, train or val.
        group_by: columns whose values together tell a group, all of whose rows go into one part.
        time_by: the column of the time; the last rows are held out.
        time_gap: what lies between the times of both parts at least: a number in the unit of the
            column, or "7d", "12h" or "30min" for dates.
        progress: show what is done with each column, and the progress over epochs.
        trainer: settings of Lightning's Trainer, such as {"accelerator": "gpu"}.

    Raises:
        ValueError: on a setting out of range, and on rows from which nothing can be learned.
        TypeError: on rows that are neither a frame nor a table.
    """
    recipe = as_recipe(recipe)
    _check_trainer(trainer or {})
    split = SplitBy.of(split_by, group_by, time_by, time_gap)
    if isinstance(rows, str | Path):
        columns = (targets, inputs, weight, exclude, None if kinds is None else dict(kinds))
        data = in_file(recipe, rows, columns, split)
    else:
        table = as_table(recipe, rows, targets, inputs, weight, exclude, kinds, split)
        data = held_in_memory(recipe, table)
    if progress:
        print(summary_for(recipe, data), end="\n\n")
    elif dropped := data.tables["train"].dropped:
        rank_zero_warn(dropped_remark(dropped), stacklevel=4)
    warn_of_rounding(recipe, data)
    return fit_data(recipe, data, progress, trainer or {})


def _check_trainer(settings: Mapping[str, object]) -> None:
    for name in ("max_epochs", "callbacks"):
        if name in settings:
            raise ValueError(f"the recipe decides {name}; leave it out of the trainer")


def fit_data(
    recipe: BaseRecipe, data: TableModule, progress: bool, trainer: Mapping[str, object]
) -> Model:
    """Train a model on rows that are read and split; say where it is useless.

    Args:
        recipe: what is wanted.
        data: the rows.
        progress: show the progress over epochs.
        trainer: settings of Lightning's Trainer.
    """
    recipe = resolve(recipe, data)
    with TemporaryDirectory() as folder, torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        callbacks = [*fit_callbacks(recipe, Path(folder)), *([EpochProgress()] if progress else [])]
        lightning = quiet_trainer(recipe, callbacks, trainer, Path(folder))
        module = train(recipe, data, lightning, card_of(recipe, data))
    model = module.model.cpu().eval()
    warn_if_useless(model, data.val_table)
    return model


def as_table(
    recipe: BaseRecipe,
    rows: Table | object,
    targets: ColumnKeys | None,
    inputs: ColumnKeys | None,
    weight: str | int | None,
    exclude: ColumnKeys = (),
    kinds: SaidKinds | None = None,
    split: SplitBy | None = None,
) -> Table:
    """Return rows as a table; a recipe that looks at no input gets none unless some are named.

    Raises:
        ValueError: if a table comes with names of columns, or a frame without targets.
        TypeError: on rows that are neither a frame nor a table.
    """
    if isinstance(rows, Table):
        given = (targets, inputs, weight, exclude, kinds, split or SplitBy())
        if given != (None, None, None, (), None, SplitBy()):
            raise ValueError(
                "a Table has its targets, inputs and weight already; leave these arguments out"
            )
        return rows
    if targets is None:
        raise ValueError("no target is named; say which columns to learn: `targets=[...]`")
    if inputs is None and not recipe.uses_inputs:
        inputs = []
    return Table.from_frame(rows, targets, inputs, weight, exclude, kinds, split)


def resolve(recipe: BaseRecipe, data: TableModule, processes: int = 1) -> BaseRecipe:
    """Return the recipe without open settings; the data gets its batch size.

    Raises:
        ValueError: if the grid of the targets is to decide a number, and there is none; on targets
            that have no place on the scale that they are to be learned on.
    """
    check_target_values(recipe, data)
    resolved = recipe.resolve(data.profile, processes).cross_fitted(data.cross_fitted)
    data.batch_size = resolved.batch_size
    return resolved


def card_of(recipe: BaseRecipe, data: TableModule) -> ModelCard:
    """Return the card of a model that is trained on rows in memory."""
    return ModelCard(
        inputs=data.input_names,
        targets=data.target_names,
        kinds=[registry.describe(kind) for kind in recipe.encoded(data.kinds)],
        formats=dict(data.train_table.sample.reading.formats),
        model=recipe.describe(),
        grid=data.profile.rounded_targets,
        fine_grid=data.profile.fine_grid,
        atoms=data.profile.atom_cells,
        transforms=described(recipe.target_transform, data.target_names),
    )


def train(
    recipe: BaseRecipe,
    data: TableModule,
    trainer: Trainer,
    card: ModelCard,
    ckpt_path: str | None = None,
    kept: Mapping[str, object] | None = None,
) -> MixtureModule:
    """Build the module of a recipe, start it from the training rows, train and finish it.

    It ends with its best weights, where a callback keeps those, and with what rows held out decide.

    Args:
        recipe: without open settings.
        data: the rows.
        trainer: with the callbacks of the run.
        card: what the checkpoints say of the model.
        ckpt_path: the checkpoint to go on from.
        kept: what the checkpoints keep beside the card, as plain data.
    """
    module = module_of(recipe, data.kinds, data.num_targets)
    module.model.card = card
    module.kept = kept or {}
    module.start(data.train_table.sample)
    module.candidates = candidates_of(recipe, data)
    with keyboard_interrupts(), sigterm_awaits_batch():
        trainer.fit(module, data, ckpt_path=ckpt_path, weights_only=True)
    choose(module, recipe, data, trainer)
    return module


def summary_for(recipe: BaseRecipe, data: TableModule) -> TableSummary:
    """Return what there is to say of the training rows; offer scales for their targets."""
    summary = data.tables["train"].describe()
    offers = () if recipe.target_transform else transform_remarks(data.profile)
    return replace(summary, remarks=(*summary.remarks, *offers))


def warn_of_rounding(recipe: BaseRecipe, data: TableModule) -> None:
    """Warn about repeated target values unless the user has set a floor or dequantizes."""
    guarded = data.dequantize or recipe.family.min_scale == "grid"
    for remark in rounding_remarks(data.profile, grids=not guarded):
        rank_zero_warn(remark, stacklevel=5)


@singledispatch
def fit_callbacks(recipe: BaseRecipe, folder: Path) -> list[Callback]:
    """Return the callbacks that a fit is not the same without; checkpoints go into a folder."""
    return [SingularityReset(seed=recipe.seed)]


@fit_callbacks.register
def _gradient(recipe: Recipe, folder: Path) -> list[Callback]:
    patience = recipe.patience
    stopping = [] if patience is None else [EarlyStopping("val/nll", patience=patience)]
    return [
        FiniteLoss(),
        SingularityReset(seed=recipe.seed),
        BestCheckpoint(str(folder)),
        BestMembers(),
        *stopping,
    ]


def quiet_trainer(
    recipe: BaseRecipe, callbacks: Sequence[Callback], settings: Mapping[str, object], folder: Path
) -> Trainer:
    """Return a Trainer that says nothing and leaves nothing outside of a folder.

    Args:
        recipe: without open settings.
        callbacks: of the fit.
        settings: of the Trainer; they come before those that are chosen here.
        folder: where checkpoints may go.
    """
    silence_lightning()
    usual: dict[str, object] = {
        "accelerator": "auto",
        "devices": 1,
        "max_epochs": recipe.max_epochs,
        "logger": False,
        "enable_checkpointing": any(isinstance(each, ModelCheckpoint) for each in callbacks),
        "enable_progress_bar": any(isinstance(each, EpochProgress) for each in callbacks),
        "enable_model_summary": False,
        "log_every_n_steps": 1,
        "num_sanity_val_steps": 0,
        "default_root_dir": folder,
    }
    chosen: dict[str, Any] = usual | dict(settings)
    chosen["accelerator"] = usable_accelerator(chosen["accelerator"])
    trainer = Trainer(**chosen, callbacks=[*callbacks, StopOnSignal()])
    look_after_processes(trainer)
    return trainer
