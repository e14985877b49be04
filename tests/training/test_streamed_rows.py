"""Rows that stay in their file train as those in memory do."""

import numpy as np
import pytest
import torch
from parquet_files import mixed, numbers, write
from small_runs import quiet_trainer

import mdn
from mdn.data.batches import batches_of
from mdn.data.files import read_table
from mdn.training.callbacks.singularity_reset import SingularityReset
from mdn.training.datamodule import TableModule
from mdn.training.file_data import FileData
from mdn.training.fit import card_of, resolve, train
from mdn.training.recipe import EMRecipe, Recipe
from mdn.training.target_values import check_target_values

SMALL = {"backbone.width": 8, "num_components": 3, "max_epochs": 2, "batch_size": 32}


@pytest.fixture(params=[numbers, mixed])
def paths(request, tmp_path):
    return {
        name: write(tmp_path / f"{key}.parquet", request.param(rows, seed), 70)
        for seed, (key, name, rows) in enumerate(
            [("train", "path", 500), ("val", "val_path", 90), ("test", "test_path", 110)]
        )
    }


def data_of(paths, weight=None, **changes):
    columns = {"targets": "y", "weight": weight, "exclude": [] if weight else "w"}
    return FileData(**(paths | columns | changes))


class InOrder(TableModule):
    """The rows of files in memory, in the order of the files."""

    def __init__(self, paths, weight):
        super().__init__()
        self.paths, self.weight = paths, weight

    def _tables(self):
        names = {"train": "path", "val": "val_path", "test": "test_path"}
        columns = "y", None, self.weight, "w" if self.weight is None else ()
        train = read_table(self.paths["path"], *columns)[0]
        kinds = dict(zip(train.input_names, train.kinds, strict=True))
        return {
            name: read_table(self.paths[key], *columns, kinds=kinds)[0]
            for name, key in names.items()
        }


def fitted(recipe, data):
    torch.manual_seed(0)
    recipe = resolve(recipe, data)
    trainer = quiet_trainer(
        max_epochs=recipe.max_epochs, callbacks=[SingularityReset(every_n_epochs=1, patience=1)]
    )
    module = train(recipe, data, trainer, card_of(recipe, data))
    return module, trainer


RECIPES = {
    "gradient": Recipe().updated(SMALL),
    "em": EMRecipe(num_components=3, max_epochs=4, batch_size=64),
}


@pytest.mark.filterwarnings("ignore:input 'day' is a time", "ignore:rows left out")
@pytest.mark.parametrize("weight", [None, "w"])
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_the_same_model_in_memory_and_streamed(paths, recipe, weight):
    streamed = data_of(paths, weight=weight, stream=True)
    runs = [fitted(recipe, data) for data in (InOrder(paths, weight), streamed)]
    states = [module.state_dict() for module, _ in runs]
    assert states[0].keys() == states[1].keys()
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name]), name


def test_rows_are_split_by_their_numbers(tmp_path):
    path = write(tmp_path / "a.parquet", numbers(500), 70)
    data = data_of({"path": path}, stream=True, batch_size=7)
    rows = {
        name: [x for part in t.pieces(50) for x in part.x[:, 0].tolist()]
        for name, t in data.tables.items()
    }
    together = [x for each in rows.values() for x in each]
    assert sorted(together) == sorted(numbers(500)["a"].to_pylist())
    assert {name: len(t) for name, t in data.tables.items()} == {
        name: len(r) for name, r in rows.items()
    }
    assert 20 < len(rows["val"]) < 80
    seen = [
        x
        for block in data.train_dataloader()
        for b in batches_of(block)
        for x in b[0][:, 0].tolist()
    ]
    assert sorted(seen) == sorted(rows["train"])


def test_fit_takes_paths(tmp_path, monkeypatch):
    for i in range(2):
        write(tmp_path / f"{i}.parquet", numbers(200, seed=i), 70)
    recipe = {"backbone.width": 8, "num_components": 2, "max_epochs": 1}
    path = tmp_path / "*.parquet"
    model = mdn.fit(recipe, str(path), targets="y", exclude="w")
    assert model.card.inputs == ["a", "b", "c"]
    monkeypatch.setattr("mdn.data.stream.whether.available_memory", lambda: 1000)
    streamed = mdn.fit(recipe, path, targets="y", exclude="w")
    assert streamed.card.inputs == ["a", "b", "c"]
    assert streamed.predict(numbers(5).to_pandas()).mean.shape == (5, 1)


def test_targets_beyond_their_scale_are_refused(tmp_path):
    table = numbers(300)
    table = table.set_column(3, "y", [np.arange(300) - 5.0])
    path = write(tmp_path / "a.parquet", table, 70)
    data = FileData(path, "y", stream=True, exclude="w")
    recipe = Recipe.from_settings({"target_transform": "log"})
    with pytest.raises(ValueError, match="rows: "):
        check_target_values(resolve(recipe, data), data)
