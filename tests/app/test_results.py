"""What a run says at its end."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from mdn.app.run_directory import read_fit_facts, write_config
from mdn.app.terminal import print_results, printable
from mdn.app.writable import check_writable

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
    print_results({"test/nll": 3.0, "epochs": 1}, tmp_path, ["Worse.", "[Few] rows."])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3:-1] == ["Worse.", "[Few] rows."]


def test_a_name_with_an_interpolation_in_it_is_read_back(tmp_path):
    config = {"data": {"targets": ["${x}", "a${b:c}", "y"], "path": "a.csv"}, "seed": 1}
    write_config(config, tmp_path)
    read = OmegaConf.load(tmp_path / "config.yaml")
    assert OmegaConf.to_container(read, resolve=True) == config


def test_a_file_that_cannot_be_written_is_refused_at_once(tmp_path):
    check_writable(tmp_path / "a.csv")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match=r"is a folder; give the path of a file in it$"):
        check_writable(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere to write a\.csv"):
        check_writable(tmp_path / "nowhere" / "a.csv")
    if Path("/proc").is_dir():
        with pytest.raises(ValueError, match=r"^out=/proc/a\.csv cannot be written: its folder"):
            check_writable(Path("/proc/a.csv"))


def test_signs_that_would_move_the_cursor_are_written_out():
    assert printable("größe \x1b[31mred\x07\n") == "größe \\x1b[31mred\\x07\\n"


@pytest.mark.parametrize("damage", ["{", "[1]", '{"val_rows": "x"}', "[" * 10**5, "\x00\xff"])
def test_a_damaged_file_beside_a_checkpoint_costs_nothing(tmp_path, damage):
    (tmp_path / "metrics.json").write_text(damage, encoding="latin-1")
    fit = read_fit_facts(tmp_path)
    assert isinstance(fit, dict)
    assert fit.get("val_rows") in (None, "x")
