"""Parts of files that are streamed, coded by the training rows."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mdn.data.coding import fitted_kinds, recoded
from mdn.data.columns import Roles, assign_roles
from mdn.data.files import open_rows
from mdn.data.stream import rules as rules  # registered
from mdn.data.stream.decode import decoder
from mdn.data.stream.parts import Part, parts_of
from mdn.data.stream.row_groups import row_groups
from mdn.data.stream.row_sample import RowSample, sample_rows
from mdn.data.stream.source import Chunk, Source
from mdn.data.stream.streamed_table import StreamedTable
from mdn.data.stream.survey import Survey
from mdn.data.stream.whether import Wanted
from mdn.data.table import Table
from mdn.networks.kinds import Category, Kind


def streamed_tables(
    path: str | Path,
    columns: Wanted,
    others: Mapping[str, str | Path],
    fractions: Mapping[str, float],
    seed: int,
) -> dict[str, StreamedTable]:
    """Pass over files once each; return the rows as "train", "val" and "test".

    Args:
        path: a file with the training rows.
        columns: the targets, the inputs and the weight that are wanted.
        others: files with the rows of other parts, by name.
        fractions: of the rows of `path`, for the parts that have no file.
        seed: from which splits and samples follow.

    Raises:
        ValueError: if a file is not what it should be, or a part has no rows.
    """
    roles = assign_roles(open_rows(path).head, *columns)
    whole = _passed(path, roles, parts_of(fractions, seed), seed)
    passes = dict.fromkeys(whole.parts, whole)
    passes |= {name: _passed(other, roles, {name: Part()}, seed) for name, other in others.items()}
    kinds = whole.kinds_of("train")
    return {name: each.table(name, kinds) for name, each in passes.items()}


def _passed(path: str | Path, roles: Roles, parts: Mapping[str, Part], seed: int) -> "_Pass":
    source = Source(str(path), row_groups([Path(path)]), roles.names, decoder(roles))
    seen = _Pass(source, parts, seed)
    for index, group in enumerate(source.groups):
        for chunk in source.chunks(group):
            seen.update(index, chunk)
    for name in parts:
        seen.check_rows(name)
    return seen


class _Pass:
    """A pass over a source, and the survey of each of its parts."""

    def __init__(self, source: Source, parts: Mapping[str, Part], seed: int) -> None:
        self.source = source
        self.parts = parts
        self.largest_weight = 0.0
        self._seed = seed
        self._surveys: dict[str, Survey] = {}

    def update(self, group: int, chunk: Chunk) -> None:
        """See some rows."""
        if not self._surveys:
            self._surveys = {name: self._survey(chunk.table) for name in self.parts}
        if chunk.table.weight is not None and len(chunk.table):
            self.largest_weight = max(self.largest_weight, chunk.table.weight.max().item())
        for name, part in self.parts.items():
            some = chunk[part.rows(chunk).nonzero().squeeze(-1)]
            self._surveys[name].update(group, some)

    def check_rows(self, name: str) -> None:
        """Refuse a part without rows."""
        rows = sum(survey.num_rows for survey in self._surveys.values())
        if not self._surveys or self._surveys[name].num_rows == 0:
            raise ValueError(
                f"{self.source.name}: none of the rows that count ({rows} of "
                f"{self.source.num_rows}) belongs to the {name} table; give it more rows, a larger "
                f"fraction, or a file of its own"
            )

    def kinds_of(self, name: str) -> tuple[Kind, ...]:
        """Return the kinds of the inputs, fitted on a part."""
        survey = self._surveys[name]
        missing = (survey.missing_inputs > 0).tolist()
        kinds = zip(fitted_kinds(survey.sample()), missing, strict=True)
        return tuple(replace(kind, missing=any_missing) for kind, any_missing in kinds)

    def table(self, name: str, kinds: tuple[Kind, ...]) -> StreamedTable:
        """Return a part, coded by kinds."""
        survey = self._surveys[name]
        sample = recoded(survey.sample(), kinds)
        if sample.weight is not None:
            sample = replace(sample, weight=sample.weight / self.largest_weight)
        return StreamedTable(
            self.source,
            self.parts[name],
            survey.rows_of_groups,
            self.largest_weight,
            sample,
            survey.profile(sample),
        )

    def _survey(self, table: Table) -> Survey:
        scalars = [i for i, kind in enumerate(table.kinds) if not isinstance(kind, Category)]
        columns = len(table.kinds) + len(table.target_names)
        sample = RowSample(sample_rows(columns), self._seed)
        return Survey(len(self.source.groups), scalars, sample)
