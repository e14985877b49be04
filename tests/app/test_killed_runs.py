"""Checkpoints of a run that is killed load, and the run that goes on from one ends as if uncut."""

import random
import signal

import pytest
from killed_runs import KINDS, Runs, check_loads, is_over, lies_inside_an_epoch, logged


@pytest.mark.parametrize(("kind", "place"), [("mdn", "first"), ("gmm_em", "elsewhere")])
def test_a_run_killed_behind_a_step_goes_on_where_it_was_killed_again(
    server, tmp_path, kind, place
):
    runs = Runs(server, tmp_path, kind)
    kill_at = "callbacks.killing.kill_at"  # of 30 calls, five to an epoch
    assert runs.start("first", f"{kill_at}=12").wait() == -signal.SIGKILL
    assert runs.go_on("first", "first", f"{kill_at}=18").wait() == -signal.SIGKILL
    assert lies_inside_an_epoch(runs.last("first"))
    assert check_loads(tmp_path / "first") == 2
    runs.check_alike(place, runs.go_on(place, "first", f"{kill_at}=null"))
    if place == "first":
        assert logged(tmp_path / "first") == logged(tmp_path / "whole")


@pytest.mark.slow(reason="five runs of each kind")
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_killed_behind_its_last_epoch_is_only_finished(server, tmp_path, kind):
    runs = Runs(server, tmp_path, kind)
    hook = "callbacks.killing.kill_in"
    assert runs.start("first", f"{hook}=on_train_end").wait() == -signal.SIGKILL
    assert runs.go_on("first", "first", f"{hook}=on_fit_end").wait() == -signal.SIGKILL
    assert runs.go_on("other", "first", f"{hook}=test").wait() == -signal.SIGKILL
    run = runs.go_on("other", "other", f"{hook}=null")
    runs.check_alike("other", run)
    assert "no epoch is left to train" in run.said


@pytest.mark.slow(reason="runs that are killed, and go on, as often as --repeats says")
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_killed_at_any_moment_goes_on_as_if_uncut(server, tmp_path, kind, repeats):
    runs = Runs(server, tmp_path, kind)
    of_interest = ["inside an epoch", "behind the last epoch", "in the same directory"]
    counts = dict.fromkeys(["kills", *of_interest], 0)
    number = 0
    while counts["kills"] < repeats:
        draws = random.Random(f"{kind} {number}")
        here, run = f"cut{number}", runs.start(f"cut{number}")
        number += 1
        while runs.kill_at_random(run, runs.last(here), draws):
            assert check_loads(tmp_path / here) >= 1
            if runs.has_said_all(here):  # killed while it left
                run = None
                break
            counts["kills"] += 1
            counts["behind the last epoch"] += is_over(runs.last(here))
            counts["inside an epoch"] += lies_inside_an_epoch(runs.last(here))
            before, same = here, draws.random() < 0.5
            counts["in the same directory"] += same
            here = here if same else f"{here}_on"
            run = runs.go_on(here, before)
            if draws.random() < 0.7:
                break
        runs.check_alike(here, run)
    print(f"{kind}: {number} runs, {counts}")


@pytest.mark.slow(reason="a run, and 48 loads beside it")
def test_checkpoints_load_while_the_run_is_saving_them(server, tmp_path):
    runs = Runs(server, tmp_path, "mdn")
    run = runs.start("run", "trainer.max_epochs=100000", "callbacks.early_stopping=null")
    last = runs.last("run")
    run.wait_until(last.exists)
    states = {last.stat().st_ino for _ in range(48) if check_loads(tmp_path / "run")}
    run.kill()
    assert run.wait() == -signal.SIGKILL
    assert len(states) > 1  # it was being replaced meanwhile
