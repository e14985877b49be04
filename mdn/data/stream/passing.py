"""A pass over a source, in which all of its parts are surveyed."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from mdn.data.kinds.coding import recoded
from mdn.data.stream.parts import Part
from mdn.data.stream.row_sample import RowSample, sample_rows
from mdn.data.stream.source import Chunk, Source
from mdn.data.stream.streamed_table import StreamedTable
from mdn.data.stream.survey import Survey
from mdn.data.table import Table
from mdn.networks.kinds import Kind


def passed(source: Source, parts: Mapping[str, Part], seed: int) -> "Pass":
    """Pass over a source once.

    Args:
        source: the rows.
        parts: which rows belong together, by name.
        seed: of the samples.

    Raises:
        ValueError: if a part has no rows.
    """
    seen = Pass(source, parts, seed)
    for index, group in enumerate(source.groups):
        for chunk in source.chunks(group):
            seen.update(index, chunk)
    for name in parts:
        seen.check_rows(name)
    return seen


class Pass:
    """A pass over a source, and the survey of each of its parts.

    Args:
        source: the rows.
        parts: which rows belong together, by name.
        seed: of the samples.
    """

    def __init__(self, source: Source, parts: Mapping[str, Part], seed: int) -> None:
        self.source = source
        self.parts = parts
        self.largest_weight = 0.0
        self.dropped: Counter[str] = Counter()
        self._seed = seed
        self._surveys: dict[str, Survey] = {}

    def update(self, group: int, chunk: Chunk) -> None:
        """See some rows."""
        if not self._surveys:
            self._surveys = {name: self._survey(chunk.table) for name in self.parts}
        if chunk.table.weight is not None and len(chunk.table):
            self.largest_weight = max(self.largest_weight, chunk.table.weight.max().item())
        self.dropped.update(chunk.table.dropped)
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
        return self._surveys[name].kinds()

    def table(self, name: str, source: Source) -> StreamedTable:
        """Return a part.

        Args:
            name: of the part.
            source: the same rows, coded by kinds that are fitted on the training rows.
        """
        survey = self._surveys[name]
        sample = replace(recoded(survey.sample(), source.kinds), dropped=dict(self.dropped))
        if sample.weight is not None:
            sample = replace(sample, weight=sample.weight / self.largest_weight)
        return StreamedTable(
            source,
            self.parts[name],
            survey.rows_of_groups,
            self.largest_weight,
            sample,
            survey.profile(sample),
        )

    def _survey(self, table: Table) -> Survey:
        columns = len(table.kinds) + len(table.target_names)
        sample = RowSample(sample_rows(columns), self._seed)
        return Survey(len(self.source.groups), table.kinds, sample)
