"""What a run says at its end."""

from mdn.app.terminal import print_results, printable

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
