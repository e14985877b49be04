"""Numbers in place of `auto`, from the rows and the processes of a run."""

from dataclasses import replace

import pytest
import torch

from mdn.app.automatic import with_sizes
from mdn.app.build import build_data
from mdn.app.compose import compose


@pytest.fixture
def sizes(tmp_path):
    """The configuration of a run with all sizes, and what its rows are weighted with."""

    def of(*overrides, weight=None):
        config = compose("train", ["data=skew_normal", *overrides], tmp_path)
        data = build_data(config["data"])
        data.tables["train"] = replace(data.tables["train"], weight=weight)
        for cached in ("train_table", "observed"):
            data.__dict__.pop(cached, None)
        return with_sizes(config, data)

    return of


def test_rows_of_weight_zero_bring_no_components(sizes):
    assert sizes("data.train_rows=1000")["model"]["num_components"] == 10
    weight = torch.zeros(1000).double()
    weight[:250] = 2.0
    assert sizes("data.train_rows=1000", weight=weight)["model"]["num_components"] == 5


def test_depth_is_automatic_where_there_is_a_backbone_and_nobody_chose(sizes):
    assert sizes("data.train_rows=10000")["model"]["backbone"]["depth"] == 5
    chosen = sizes("data.train_rows=10000", "model.backbone.depth=2")
    assert chosen["model"]["backbone"]["depth"] == 2
    assert "depth" not in sizes("model=gmm")["model"]["backbone"]


TWO = ["trainer.accelerator=cpu", "trainer.devices=2", "+trainer.strategy=ddp"]
PROCESSES = {
    "one": ([], 38),
    "two": (TWO, 76),
    "two on each of two nodes": ([*TWO, "+trainer.num_nodes=2"], 130),
    "as many as a CPU has": (["trainer.accelerator=cpu", "trainer.devices=auto"], 38),
    "as asked": ([*TWO, "trainer.max_epochs=7"], 7),
}


@pytest.mark.parametrize("case", PROCESSES)
def test_more_processes_take_fewer_steps_an_epoch(case, sizes):
    overrides, epochs = PROCESSES[case]
    found = sizes("data.train_rows=10000", "data.batch_size=64", *overrides)
    assert found["trainer"]["max_epochs"] == epochs
