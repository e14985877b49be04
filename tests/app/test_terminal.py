"""What a run says at its end."""

import torch

from mdn.app.printable import printable
from mdn.app.terminal import print_results, print_summary
from mdn.data.reading import Reading
from mdn.data.splits.comparison import part_summaries
from mdn.data.table import Table
from mdn.networks.kinds import Category, Number

METRICS = {
    "test/nll": 1.25,
    "epochs": 7,
    "test/components_alive": 78,
    "num_components": 80,
    "converged": True,
}


def test_scores_are_said_and_components_out_of_how_many(tmp_path, capsys):
    print_results(METRICS, tmp_path)
    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines() if line]
    said = {parts[0].strip(): parts[-1].strip() for parts in lines}
    assert said == {
        "test NLL, nats per row": "1.2500",
        "epochs": "7",
        "converged": "yes",
        "components alive": "78 of 80",
    }


def test_what_is_there_is_named(tmp_path, capsys):
    (tmp_path / "metrics.json").touch()
    print_results(METRICS, tmp_path)
    said = capsys.readouterr().out
    assert "metrics.json" in said
    assert "report.html" not in said
    assert "tensorboard" not in said


def test_what_must_not_be_missed_follows_the_scores(tmp_path, capsys):
    print_results(
        {"test/nll": 3.0, "epochs": 1}, tmp_path, ["Raise `val_fraction`.", "[Few] rows."]
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3:-1] == ["Raise data.val_fraction.", "[Few] rows."]


def test_signs_that_would_move_the_cursor_are_written_out():
    assert printable("größe \x1b[31mred\x07\n") == "größe \\x1b[31mred\\x07\\n"


def test_columns_are_shown_before_training(capsys):
    size = torch.arange(12.0).double()
    reading = Reading({"notes [a]": "free text"}, ("column 'day': dates",))
    x = torch.stack([size, size % 2, size.clamp(max=10).masked_fill(size < 9, torch.nan)], -1)
    names, kinds = ["size", "city", "shop_id"], (Number(), Category(("Oslo", "[Rome]")), Number())
    table = Table(x, size[:, None] ** 2, None, names, ["price"], kinds, reading=reading)
    print_summary(table.describe(), part_summaries({"test": table[:3], "train": table}))
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[:7] == [
        "12 rows, 1 target, 3 inputs, 1 column left out",
        "column     kind      missing  distinct  range                   use",
        "price      number                   12  0 to 121                target",
        "size       number                   12  0 to 11                 input",
        "city       category                  2  Oslo 50 %, [Rome] 50 %  input of 2 levels",
        "shop_id    number          9         2  9 to 10                 input, gaps marked",
        "notes [a]                                                       left out: free text",
    ]
    assert "'data.kinds={shop_id: category}'" in "\n".join(lines)
    assert lines[-4:] == [
        "",
        "train 12 rows, mean price 42.17 (standard deviation 39.4)",
        "test  3 rows, mean price 1.667 (standard deviation 1.7)",
        "",
    ]
