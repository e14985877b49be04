"""Columns are found by their names, whatever those mean to others."""

import csv
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from checkpoints import rows, untrained
from hard_names import NAMES

from mdn.data.files import read_table
from mdn.data.frames import input_matrix

VALUES = np.arange(3.0 * len(NAMES)).reshape(3, -1)


def shuffled(kind):
    """The columns in another order, with others between them."""
    columns = {name: VALUES[:, i] for i, name in enumerate(NAMES)}
    order = [*NAMES[::-2], *NAMES[::2]]
    odd = {"text": ["u", "v", "w"], "%": [0.0, 0.0, 0.0]}
    return kind(odd | {name: columns[name] for name in order})


@pytest.mark.parametrize("kind", [pd.DataFrame, pa.table])
def test_columns_are_found_by_name(kind):
    found = input_matrix(shuffled(kind), NAMES)
    torch.testing.assert_close(found, torch.tensor(VALUES), rtol=0, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_column_is_named(name):
    frame = shuffled(pd.DataFrame).drop(columns=name)
    with pytest.raises(ValueError, match="the frame lacks") as caught:
        input_matrix(frame, NAMES)
    assert f"the frame lacks {[name]}" in str(caught.value)


def test_a_model_picks_its_columns_by_such_names():
    module = untrained("model.num_components=2")
    x = rows(5)
    for names in (NAMES[:3], NAMES[8:11]):
        module.card = replace(module.card, inputs=names)
        frame = pd.DataFrame(x.numpy(), columns=names)[names[::-1]]
        expected = module(x).mean.detach()
        torch.testing.assert_close(module.predict(frame).mean, expected, rtol=1e-12, atol=0)


def test_a_csv_file_keeps_its_names(tmp_path):
    stripped = [name.strip() for name in NAMES]
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([stripped, *VALUES.tolist()])
    table, _ = read_table(tmp_path / "a.csv", stripped[-1], None, None)
    assert table.input_names == stripped[:-1]
    assert table.target_names == stripped[-1:]
    assert table.x.tolist() == VALUES[:, :-1].tolist()
