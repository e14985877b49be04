"""Every odd file is read as a person would read it, or refused in one sentence."""

import pytest
from odd_files import ODD

from mdn.data.files import open_rows


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


@pytest.mark.parametrize("case", [case for case, odd in ODD.items() if odd.error is None])
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
