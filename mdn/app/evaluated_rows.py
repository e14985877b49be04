"""The rows that a checkpoint is scored on, with a warning if they have changed since its run."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from mdn.app.build_lightning import build_data, stored_data
from mdn.app.node import Node
from mdn.app.read_recipe import described
from mdn.data.files import open_rows, read_table
from mdn.data.fingerprint import changed
from mdn.data.reading import Reading
from mdn.data.roles import assign_roles
from mdn.data.rows import Rows, coded_as
from mdn.data.splits.folds import CrossFit
from mdn.data.stream.open_stream import streamed_rows
from mdn.data.stream.whether import must_stream
from mdn.data.synthetic import Problem
from mdn.data.table import Table
from mdn.model.card import ModelCard
from mdn.model.model import Model
from mdn.networks.kinds import Kind
from mdn.training.datamodule import TableModule


@dataclass(frozen=True)
class EvaluatedRows:
    """Rows to score a model on.

    Attributes:
        table: the rows.
        problem: from which they were drawn, if that is known.
        train: the rows that the model was trained on, or a sample, if they are at hand.
    """

    table: Rows
    problem: Problem | None
    train: Table | None


def rows_to_score(settings: Node | None, model: Model) -> EvaluatedRows:
    """Return the rows that a `data` node describes, or the run's own test rows without one."""
    if settings is not None:
        table, problem = _other_rows(settings, model)
        return EvaluatedRows(_coded(model.card, table), problem, _training_rows(model))
    data = _own_data(model)
    _warn_of_changes(model.card, data)
    return EvaluatedRows(
        _coded(model.card, data.tables["test"]),
        data.problem,
        _coded(model.card, data.train_table).sample,
    )


def _coded(card: ModelCard, table: Rows) -> Rows:
    """Return rows as the model codes them, whatever levels their file has now."""
    kinds = card.fitted_kinds
    for name, now, known in zip(card.inputs, table.kinds, kinds, strict=True):
        _check_kind(name, now, known)
    return coded_as(table, kinds)


def _check_kind(name: str, now: Kind, known: Kind) -> None:
    if type(now) is not type(known):
        raise ValueError(
            f"column {name!r} is read as {type(now).__name__.lower()}, and the model learned "
            f"it as {type(known).__name__.lower()}; the file has changed since: name the rows "
            "to score, which are then read as the model knows them"
        )
    if {now.zoned, known.zoned} == {True, False}:
        change = "lack the time zone they had" if known.zoned else "have a time zone they lacked"
        raise ValueError(
            f"the moments in column {name!r} {change} in training; the file has changed since: "
            "mend the column, or train again"
        )


def _warn_of_changes(card: ModelCard, data: TableModule) -> None:
    tables = _changed_tables(card, data)
    if tables:
        warnings.warn(
            f"the rows are no longer those of the run ({', '.join(tables)}): a file has changed "
            "since, and the model may have learned rows that it is scored on here",
            stacklevel=2,
        )


def _changed_tables(card: ModelCard, data: TableModule) -> list[str]:
    return changed(card.rows, data.fingerprint()) if card.rows else []


def _own_data(model: Model) -> TableModule:
    data = stored_data(model.card.data, _cross_fit(model))
    _check_columns(model.card, data.input_names, data.target_names)
    return data


def _cross_fit(model: Model) -> CrossFit:
    """Whether members held out parts of their own; models of old say nothing, and had none.

    Rows that have changed so much that it is no longer possible are only warned about.
    """
    held_out = model.card.model.get("cross_fit") is True
    return CrossFit("auto" if held_out else False, model.num_members)


def _other_rows(settings: Node, model: Model) -> tuple[Rows, Problem | None]:
    # All rows of a file, or the test rows of a problem.
    card = model.card
    if "path" in settings:
        _check_columns(card, settings.get("inputs"), settings.get("targets"))
        return _rows_of_file(settings, card), None
    data = build_data(described(settings))
    _check_columns(card, data.input_names, data.target_names)
    return data.tables["test"], data.problem


def _rows_of_file(settings: Node, card: ModelCard) -> Rows:
    # In memory only where they take little of it, as in training.
    path, kinds = settings["path"], dict(zip(card.inputs, card.fitted_kinds, strict=True))
    columns = card.targets, card.inputs, settings["weight"]
    if not must_stream(settings["stream"], [path]):
        return read_table(path, *columns, kinds=kinds, formats=card.formats)[0]
    roles = assign_roles(open_rows(path).head, *columns)
    return streamed_rows(path, roles, kinds, Reading(formats=card.formats))


def _training_rows(model: Model) -> Table | None:
    # None if they are not at hand, or their file has changed since.
    if not model.card.data:
        return None
    try:
        data = _own_data(model)
    except (OSError, ValueError):
        return None
    return None if "train" in _changed_tables(model.card, data) else data.train_table.sample


def _check_columns(
    card: ModelCard, inputs: Sequence[str] | None, targets: Sequence[str] | None
) -> None:
    for key, names, own in (("inputs", inputs, card.inputs), ("targets", targets, card.targets)):
        if names is not None and list(names) != own:
            raise ValueError(
                f"the model was trained with {key} {own}, got {list(names)}; a checkpoint "
                "is evaluated on the columns that it knows"
            )
