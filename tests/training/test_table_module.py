"""Three tables and their batches, with and without a trainer."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from configurations import CONF
from hydra import compose, initialize_config_dir
from lightning.pytorch import LightningModule
from omegaconf import OmegaConf
from small_runs import quiet_trainer

from mdn.app.build_lightning import build_data
from mdn.app.read_recipe import described
from mdn.data.batches import Batches, batches_of
from mdn.data.synthetic import Jumps, RobotArm, TwoBranches
from mdn.training.file_data import FileData
from mdn.training.synthetic_data import SyntheticData

SIZES = {"train_rows": 100, "val_rows": 30, "test_rows": 40, "batch_size": 16, "seed": 0}


def synthetic(problem=None, **changes) -> SyntheticData:
    return SyntheticData(problem or TwoBranches(), **(SIZES | changes))


@pytest.fixture
def csv(tmp_path):
    def write(name: str = "a.csv", rows: int = 50, first: int = 0) -> str:
        lines = [f"{i},{i**2},{i % 3 + 1}" for i in range(first, first + rows)]
        (tmp_path / name).write_text("\n".join(["x,y,w", *lines]))
        return str(tmp_path / name)

    return write


def of_file(path, **changes) -> FileData:
    defaults = {
        "targets": ["y"],
        "inputs": ["x"],
        "weight": None,
        "val_path": None,
        "test_path": None,
        "val_fraction": 0.1,
        "test_fraction": 0.2,
        "dequantize": False,
        "batch_size": 8,
        "seed": 0,
    }
    return FileData(path, **(defaults | changes))


def test_synthetic_tables():
    data = synthetic()
    data.setup("fit")
    tables = data.tables
    data.setup("test")
    assert data.tables is tables
    assert {name: len(table) for name, table in tables.items()} == {
        "train": 100,
        "val": 30,
        "test": 40,
    }
    assert (len(data.kinds), data.num_targets) == (1, 2)
    assert (data.input_names, data.target_names) == (["x"], ["y0", "y1"])
    assert data.train_table is tables["train"]
    assert isinstance(data.problem, TwoBranches)


def test_other_tables_do_not_depend_on_the_training_rows():
    few, many = synthetic(), synthetic(train_rows=200)
    for name in ("val", "test"):
        assert torch.equal(few.tables[name].y, many.tables[name].y)


@pytest.mark.parametrize("problem", [TwoBranches(), Jumps()])
def test_tables_are_independent_draws(problem):
    tables = synthetic(problem, val_rows=100).tables
    correlation = torch.corrcoef(torch.stack([tables["train"].y[:, 0], tables["val"].y[:, 0]]))
    assert correlation[0, 1].abs() < 0.5
    assert not set(tables["train"].x[:, 0].tolist()) & set(tables["val"].x[:, 0].tolist())


def test_seed_decides_everything():
    assert torch.equal(synthetic().train_table.x, synthetic().train_table.x)
    assert not torch.equal(synthetic().train_table.x, synthetic(seed=1).train_table.x)


def test_loaders_without_a_trainer():
    data = synthetic(RobotArm())
    (block,) = data.train_dataloader()
    assert [len(x) for x, _ in block] == [15, 15, 14, 14, 14, 14, 14]
    assert len(data.val_dataloader()) == len(data.test_dataloader()) == 1
    ((x, y),) = data.test_dataloader()
    assert torch.equal(x, data.tables["test"].x)
    assert torch.equal(y, data.tables["test"].y)


def test_ranks_share_the_rows():
    data = synthetic()
    seen = []
    for rank in range(3):
        data.trainer = SimpleNamespace(
            strategy=SimpleNamespace(root_device=torch.device("cpu")),
            current_epoch=4,
            global_rank=rank,
            world_size=3,
        )
        for name in ("train", "test"):
            loader = getattr(data, f"{name}_dataloader")()
            batches = [batch for each in loader for batch in batches_of(each)]
            seen += [(name, value) for x, _ in batches for value in x[:, 0].tolist()]
    expected = [(name, v) for name in ("train", "test") for v in data.tables[name].x[:, 0].tolist()]
    assert sorted(seen) == sorted(expected)


class Recorder(LightningModule):
    """Notes the inputs of every training batch."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen = []

    def training_step(self, batch, batch_index):
        self.seen += [x[:, 0].tolist() for x, _ in batches_of(batch)]
        return self.weight

    def validation_step(self, batch, batch_index):
        pass

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters())


def test_trainer_sees_each_epoch_in_its_own_order():
    data, module = synthetic(), Recorder()
    quiet_trainer(max_epochs=2, num_sanity_val_steps=2).fit(module, data)
    x, y = data.train_table.tensors
    expected = [
        batch[0][:, 0].tolist()
        for epoch in (0, 1)
        for batch in Batches([x, y], 16, 0, lambda epoch=epoch: epoch)
    ]
    assert module.seen == expected


@pytest.mark.parametrize(
    "fault",
    [{"train_rows": 1}, {"val_rows": 0}, {"test_rows": -1}, {"seed": -1}, {"batch_size": 0}],
)
def test_synthetic_data_refuses_numbers_out_of_range(fault):
    with pytest.raises(ValueError, match=f"{next(iter(fault))} must be a whole number"):
        synthetic(**fault)


def test_file_is_split_by_fractions(csv):
    data = of_file(csv(), weight="w")
    assert [len(data.tables[name]) for name in ("train", "val", "test")] == [35, 5, 10]
    rows = [value for table in data.tables.values() for value in table.x[:, 0].tolist()]
    assert sorted(rows) == list(range(50))
    assert data.problem is None
    assert len(batches_of(next(iter(data.train_dataloader())))[0]) == 3
    assert torch.equal(data.tables["test"].x, of_file(csv(), val_fraction=0.3).tables["test"].x)
    assert not torch.equal(data.tables["test"].x, of_file(csv(), seed=1).tables["test"].x)


def test_files_of_their_own(csv):
    path, other = csv(rows=5), csv("b.csv", rows=1, first=100)
    tables = of_file(path, val_path=other, test_path=other).tables
    assert tables["train"].x[:, 0].sort().values.tolist() == [0, 1, 2, 3, 4]
    assert tables["val"].y.tolist() == tables["test"].y.tolist() == [[10_000]]


def test_columns_of_another_file_are_those_of_the_training_file(tmp_path, csv):
    other = tmp_path / "b.csv"
    other.write_text("extra,y,x\n9,7,8\n")
    table = of_file(csv(), targets=[1], test_path=str(other)).tables["test"]
    assert (table.x.tolist(), table.y.tolist()) == ([[8]], [[7]])
    other.write_text("extra,y\n9,7\n")
    with pytest.raises(ValueError, match=r"b\.csv has no column 'x'"):
        _ = of_file(csv(), test_path=str(other)).tables


@pytest.mark.parametrize(
    ("rows", "changes", "message"),
    [
        (1, {}, r"of all rows \(1\), `test_fraction=0.2` leaves none.*it takes 3 rows"),
        (5, {}, r"of all rows \(5\), `val_fraction=0.1` leaves none.*it takes 6 rows"),
        (3, {"val_fraction": 0.3, "test_fraction": 0.4}, "rows to train on: 1"),
    ],
)
def test_too_few_rows_to_split(csv, rows, changes, message):
    with pytest.raises(ValueError, match=message):
        _ = of_file(csv(rows=rows), **changes).tables


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"val_fraction": 0.0}, "val_fraction must lie between 0 and 1, got 0.0"),
        ({"test_fraction": 1.0}, "test_fraction must lie between 0 and 1, got 1.0"),
        ({"val_fraction": 0.5, "test_fraction": 0.5}, "must leave rows to train on"),
    ],
)
def test_fractions_out_of_range(changes, message):
    with pytest.raises(ValueError, match=message):
        of_file("none.csv", **changes)


def test_a_constant_target_is_refused(csv):
    path = Path(csv())
    path.write_text("x,y\n" + "".join(f"{i},1\n" for i in range(50)))
    with pytest.raises(ValueError, match="target 'y' is 1 in every training row"):
        _ = of_file(str(path)).tables


PROBLEMS = {path.stem for path in (CONF / "data").glob("*.yaml")} - {"synthetic"}


@pytest.mark.parametrize("name", sorted(PROBLEMS))
def test_configurations_make_data(name, csv):
    more = [f"data.path={csv()}", "data.targets=[y]"] if name == "file" else []
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [f"data={name}", "run_dir=.", *more])
    settings = OmegaConf.to_container(config, resolve=True)
    data = build_data(described(settings["data"]))
    assert len(data.train_table) == settings["data"].get("train_rows", 33)
    assert data.num_targets >= 1
