"""What is absurd in the rows is left out of training, named once, and kept in the test rows."""

import pytest
import torch
from small_runs import fit, make_module, make_table

from mdn.data.extremes import extreme_remarks, without_extremes
from mdn.data.files import read_table
from mdn.data.table import Table
from mdn.data.training_rows import check_training_rows
from mdn.training.memory import MemoryData


def table(rows=500, weight=None) -> Table:
    return make_table(rows, weight)


def changed(rows: Table, part: str, row: int, column: int, value: float) -> Table:
    getattr(rows, part)[row, column] = value
    return rows


def data_of(rows: Table, **settings) -> MemoryData:
    defaults = {"val_fraction": 0.1, "dequantize": False, "batch_size": 32, "seed": 0}
    return MemoryData(rows, **(defaults | settings))


def remarks(train: Table, val: Table | None = None) -> list[str]:
    return list(extreme_remarks(train, table(50) if val is None else val))


def test_ordinary_rows_stay_and_are_not_remarked_on():
    rows = table()
    assert without_extremes(rows) is rows
    assert remarks(rows) == []
    data = data_of(rows)
    assert data.train_table is data.tables["train"]
    assert data.val_table is data.tables["val"]


def test_an_absurd_target_is_left_out_of_training_and_named():
    rows = changed(table(), "y", 7, 1, 1e9)
    kept = without_extremes(rows)
    assert len(kept) == 499
    assert kept.y[:, 1].max() < 10
    (said,) = remarks(rows)
    assert said.startswith("one value of target 'b' is at least")
    assert "times further out than the other 499 rows" in said


def test_an_absurd_validation_target_does_not_choose_the_epoch():
    data = data_of(table())
    data.tables["val"].y[3, 0] = -1e15
    assert len(data.val_table) == len(data.tables["val"]) - 1 == 49
    assert len(data.val_dataloader()) == 1
    (batch,) = data.val_dataloader()
    assert len(batch[0]) == 49
    (tested,) = data.test_dataloader()
    assert len(tested[0]) == 50
    (said,) = remarks(data.tables["train"], data.tables["val"])
    assert said.startswith("1 of 50 validation rows hold targets more than 1000 standard")


def test_validation_rows_that_are_all_absurd_are_refused():
    data = data_of(table())
    data.tables["val"].y[:] = 1e15
    with pytest.raises(ValueError, match="every validation row"):
        _ = data.val_table


def test_an_absurd_input_stays_and_is_named():
    rows = changed(table(), "x", 7, 0, -1e9)
    assert without_extremes(rows) is rows
    (said,) = remarks(rows)
    assert said.startswith("one value of input 'x' is at least")


def test_inputs_that_never_change_are_named_in_one_sentence():
    rows = table(30)
    x = torch.cat([rows.x, torch.full((30, 2), 5.0)], 1)
    wide = Table(x, rows.y, None, ["x", "year", "site"], rows.target_names)
    assert remarks(wide) == [
        "input 'year' is 5, input 'site' is 5 in every training row; the model ignores them"
    ]
    many = Table(x.new_full((30, 7), 2.0), rows.y, None, list("tuvwxyz"), rows.target_names)
    (said,) = remarks(many)
    assert said.endswith("in every training row (4 more never change); the model ignores them")


def test_a_run_says_it_once():
    rows = changed(table(), "x", 7, 0, -1e9)
    data = data_of(rows, val_fraction=0.01)
    data.setup("fit")  # before there is a trainer; warnings are errors
    with pytest.warns(UserWarning, match="one value of input 'x'") as said:
        fit(make_module(), data, epochs=1)
    assert sum("input 'x'" in str(each.message) for each in said) == 1


def test_rows_without_weight_go_before_the_split():
    weight = torch.zeros(100, dtype=torch.float64)
    weight[:8] = 3
    tables = data_of(table(100, weight)).tables
    assert (len(tables["train"]), len(tables["val"])) == (7, 1)
    assert tables["train"].weight.tolist() == [1] * 7


@pytest.mark.parametrize("factor", [1e-300, 1e-10, 4.0, 1e38, 1e300])
def test_a_common_factor_of_the_weights_is_gone(factor):
    weight = 1 + torch.arange(40, dtype=torch.float64) % 3
    ones, others = (
        data_of(Table(t.x, t.y, t.weight, t.input_names, t.target_names)).tables["train"]
        for t in (Table(*_same(), w, ["x"], ["a", "b"]) for w in (weight, factor * weight))
    )
    assert torch.equal(ones.y, others.y)
    torch.testing.assert_close(ones.weight, others.weight, rtol=1e-15, atol=0)
    assert others.weight.max() == 1


def _same():
    torch.manual_seed(0)
    rows = table(40)
    return rows.x, rows.y


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_too_few_weighted_rows_are_refused(rows):
    weight = torch.zeros(200, dtype=torch.float64)
    weight[:rows] = 1
    with pytest.raises(ValueError, match="rows of positive weight"):
        _ = data_of(table(200, weight)).tables


def test_a_row_with_nearly_all_the_weight_is_refused():
    weight = torch.ones(200, dtype=torch.float64)
    weight[5] = 1e25
    with pytest.raises(ValueError, match=r"one of 200 training rows has nearly all the weight"):
        check_training_rows(table(200, weight), "rows")


def test_weights_that_are_nearly_all_of_few_rows_are_named():
    weight = torch.ones(200, dtype=torch.float64)
    weight[:4] = 1e6
    (said,) = remarks(table(200, weight))
    assert "tell as much as 4.0 rows of equal weight" in said


@pytest.mark.parametrize("factor", [1e-200, 1e160])
def test_targets_whose_squares_leave_float64_are_refused_by_name(factor):
    rows = table()
    rows.y[:, 1] *= factor
    with pytest.raises(ValueError, match=r"target 'b' holds numbers up to .* change its unit"):
        check_training_rows(rows, "rows")


def test_a_target_that_differs_by_rounding_is_refused():
    rows = table()
    rows.y[:, 1] = 0.3
    rows.y[::2, 1] = 0.1 + 0.2
    with pytest.raises(ValueError, match=r"target 'b' is 0\.3 in every training row"):
        check_training_rows(rows, "rows")


def test_weights_of_a_file_have_no_common_factor(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x,y,w\n1,2,0\n2,3,1e-300\n3,4,3e-300\n")
    rows, _ = read_table(path, "y", "x", "w")
    assert rows.weight is not None
    assert rows.weight.tolist() == [pytest.approx(1 / 3), 1]


def test_a_few_values_that_decide_a_unit_are_remarked_on():
    """One row in fifty is more than a vanishing part, and still hides all others."""
    x = torch.linspace(-1, 1, 200, dtype=torch.float64)[:, None]
    x[::50] = -1e12
    y = torch.randn(200, 1, dtype=torch.float64)
    table = Table(x, y, None, ["flow"], ["y"])
    said = list(extreme_remarks(table, table[:20]))
    assert len(said) == 1
    assert "input 'flow' within a thousandth of its standard deviation" in said[0]


def test_rows_without_inputs_are_remarked_on_as_well():
    y = torch.randn(50, 1, dtype=torch.float64)
    table = Table(torch.zeros(50, 0, dtype=torch.float64), y, None, [], ["y"])
    assert list(extreme_remarks(table, table[:20])) == []
