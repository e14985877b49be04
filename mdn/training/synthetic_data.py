"""Rows of a problem with a known answer."""

from mdn.data.seeds import generator
from mdn.data.splits.folds import folded
from mdn.data.synthetic.gaps import WithGaps
from mdn.data.synthetic.problem import Problem
from mdn.data.table import Table
from mdn.distributions.checks import check_at_least, check_fits, check_fraction
from mdn.distributions.open_settings import Auto
from mdn.training.datamodule import TableModule

_USUAL_VAL_ROWS = 1000


class SyntheticData(TableModule):
    """Rows of a problem with a known answer; the three tables are independent draws.

    Args:
        problem: what to draw from.
        train_rows: of the training table; the other tables do not depend on it.
        val_rows: of the validation table; "auto" is 1000, and none where members of an ensemble
            hold out training rows of their own.
        test_rows: of the test table.
        missing: the share of the cells of the inputs that are removed at random.
        batch_size: the most rows in a training batch of one process.
        seed: from which every draw and every order follows.

    Raises:
        ValueError: on a number out of range.
    """

    def __init__(
        self,
        problem: Problem,
        train_rows: int = 1000,
        val_rows: int | Auto = "auto",
        test_rows: int = 10_000,
        missing: float = 0.0,
        batch_size: int | Auto = "auto",
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, seed, dequantize=False)
        check_at_least("train_rows", train_rows, 2)
        if val_rows != "auto":
            check_at_least("val_rows", val_rows, 1)
        check_at_least("test_rows", test_rows, 1)
        check_fraction("missing", missing)
        self.problem = WithGaps(problem, missing) if missing else problem
        self.val_rows: int | Auto = val_rows
        number = _USUAL_VAL_ROWS if val_rows == "auto" else val_rows
        self.rows = {"train": train_rows, "val": number, "test": test_rows}
        columns = len(problem.input_names) + len(problem.target_names)
        for name, rows in self.rows.items():
            check_fits(8 * float(min(rows, 10**300)) * columns, f"`{name}_rows={rows:.4g}`")

    def _tables(self) -> dict[str, Table]:
        given = "" if self.val_rows == "auto" else "`val_rows` are drawn for all to validate on"
        train, test = self._draw("train"), self._draw("test")
        in_folds = folded(train, self.cross_fit.unless(given), ["test"], self.seed)
        if in_folds is None:
            return {"train": train, "val": self._draw("val"), "test": test}
        return {"train": in_folds, "test": test}

    def _draw(self, name: str) -> Table:
        assert self.problem is not None
        draws = generator("rows", self.seed, [*self.rows].index(name))
        x, y = self.problem.sample(self.rows[name], draws)
        inputs, targets = self.problem.input_names, self.problem.target_names
        return Table(x, y, None, list(inputs), list(targets))
