"""Nothing that stands in data or in a checkpoint is run, wherever it is shown."""

import re
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from command_lines import FILE
from pyarrow import csv

from mdn.app.errors import readable
from mdn.app.printable import printable_lines

HOSTILE = [
    *("$(touch marker)", "`touch marker`", "; touch marker", "__import__('os').mkdir('marker')"),
    *("!!python/object/apply:os.mkdir [marker]", "${oc.env:HOME}", "${oc.create:{a:1}}"),
    *("{{ 7 * 191 }}", "<script>alert(1)</script>", "'\"><img src=x onerror=alert(1)>"),
    *("\x1b[31mred\x1b]0;title\x07", "=cmd|' /C calc'!A0", "_target_", "%n%s", "\u202etxt.exe"),
]


@pytest.fixture
def hostile(tmp_path):
    """A file whose names and levels are such texts."""
    generator = torch.Generator().manual_seed(0)
    draws = torch.randn(120, len(HOSTILE), generator=generator).double()
    columns = {name: draws[:, i].numpy() for i, name in enumerate(HOSTILE)}
    levels = [HOSTILE[i % len(HOSTILE)] for i in range(120)]
    columns |= {"level": levels, "<b>y</b>": draws.sum(1).numpy()}
    csv.write_csv(pa.table(columns), tmp_path / "hostile.csv")
    return tmp_path / "hostile.csv"


@pytest.mark.filterwarnings("ignore:Glyph")  # no font has signs for a terminal
def test_names_and_levels_are_shown_and_never_run(run, hostile):
    small = ["trainer.max_epochs=1", "model.ensemble_size=1", "callbacks.density_plot=null"]
    data = ["data.path=hostile.csv", "data.targets=['<b>y</b>']"]
    said = []
    for command in (
        ["train", *FILE, *data, *small, "hydra.run.dir=run"],
        ["evaluate", "ckpt=run/checkpoints/best.ckpt", "run_dir=scores"],
        ["predict", "ckpt=run/checkpoints/best.ckpt", data[0], "out=out.csv", "id=[level]"],
    ):
        status, text = run(*command)
        assert status == 0, text
        said.append(text)
    assert not list(Path().rglob("*marker*"))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", "".join(said))
    page = Path("scores/report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "<b>y" not in page
    assert "1337" not in page
    assert "&lt;b&gt;y&lt;/b&gt;" in page
    # Whoever reads the predictions finds the texts as they are.
    assert set(csv.read_csv("out.csv")["level"].to_pylist()) == set(HOSTILE)


def test_a_message_does_not_control_the_terminal():
    assert readable(ValueError("column '\x1b[2J' is\nbad")) == "column '\\x1b[2J' is\nbad"
    assert printable_lines("\u202ea\r\nb\t") == "\\u202ea\\r\nb\\t"


def test_an_error_that_quotes_a_name_does_not_control_the_terminal(run, tmp_path):
    Path("bad.csv").write_text("a,\x1b[31m\n1,x\n2,3\n", encoding="utf-8")
    status, said = run("train", *FILE, "data.path=bad.csv", "data.targets=[1]")
    assert status == 1
    assert "\\x1b[31m" in said
    assert "\x1b" not in said
