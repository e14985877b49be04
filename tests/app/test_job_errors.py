"""The error of a job reaches the table of its sweep, and the table's own error the exit status."""

import pytest

from mdn.app.job_errors import error_of, keep_error
from mdn.app.sweep import exit_if_failed, read_jobs, write_tables


def test_a_table_that_cannot_be_written_is_an_error_of_the_sweep(tmp_path):
    (tmp_path / "sweep.csv").mkdir()
    unwritten = write_tables({tmp_path / "sweep.csv": [{"a": 1}], tmp_path / "b.csv": [{"a": 1}]})
    assert (tmp_path / "b.csv").read_text().split() == ["a", "1"]
    with pytest.raises(SystemExit, match=r"^error: .*/sweep\.csv cannot be written: Is a dir"):
        exit_if_failed([], unwritten)


def test_an_error_that_cannot_be_written_is_in_the_table_all_the_same(tmp_path):
    sweep = tmp_path / "sweep"
    keep_error("a trace\na sentence\n", sweep / "0")
    keep_error("another\n", tmp_path)
    assert (tmp_path / "error.txt").read_text() == "another\n"
    assert error_of(tmp_path) == "another"
    (job,) = read_jobs(sweep)
    assert (job.name, job.error, job.overrides) == ("0", "a sentence", [])


def test_a_job_without_scores_has_failed(tmp_path):
    assert error_of(tmp_path) == "it has left no metrics.json"
    (tmp_path / "metrics.json").write_text("{}")
    assert error_of(tmp_path) == ""
