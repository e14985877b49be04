"""Every odd file is read as a person would read it, or refused in one sentence."""

import pytest
from odd_files import ODD

from mdn.data.files import open_rows
from mdn.data.readers import csv_source
from mdn.training.file_data import FileData
from mdn.training.fit import fit_data
from mdn.training.recipe import Recipe

TINY = {"num_components": 1, "ensemble_size": 1, "max_epochs": 1, "backbone.width": 4}
READ = [case for case, odd in ODD.items() if odd.error is None]


@pytest.fixture(autouse=True)
def short_sample(monkeypatch):
    """Rows are many behind fewer of them."""
    monkeypatch.setattr(csv_source, "SAMPLE", 1000)


@pytest.mark.parametrize("case", ODD)
def test_an_odd_file_is_read_or_refused(case, tmp_path):
    odd = ODD[case]
    path = odd.write(tmp_path)
    if odd.error is not None:
        with pytest.raises(ValueError, match=odd.error) as caught:
            everything(open_rows(path))
        assert "\n" not in str(caught.value)
        return
    reader = open_rows(path)
    table = everything(reader)
    for name, values in odd.columns.items():
        assert table.column(name).to_pylist() == values
    said = "; ".join(reader.notes)
    for note in odd.notes:
        assert note in said


def everything(reader):
    return reader.read(reader.head.table.column_names).table


@pytest.mark.parametrize("case", READ)
def test_pieces_hold_what_the_whole_does(case, tmp_path):
    path = ODD[case].write(tmp_path)
    whole, reader = open_rows(path), open_rows(path)
    names = whole.head.table.column_names
    table = everything(whole)
    settled = reader.settle(names, {})
    pieces = [piece.table for piece in open_rows(path).pieces(names, [], settled)]
    for name in names:
        found = [value for piece in pieces for value in piece.column(name).to_pylist()]
        assert found == table.column(name).to_pylist()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", READ)
def test_an_odd_file_trains_or_is_refused(case, tmp_path):
    odd = ODD[case]
    path = odd.write(tmp_path)
    names = open_rows(path).head.names
    target = "y" if "y" in names else names[-1]
    data = FileData(path, target, val_path=path, test_path=path)
    if odd.untrained is not None:
        with pytest.raises(ValueError, match=odd.untrained):
            fit_data(Recipe.from_settings(TINY), data, False, {})
        return
    model = fit_data(Recipe.from_settings(TINY), data, False, {})
    assert model(data.train_table.x).log_prob(data.train_table.y).isfinite().all()
