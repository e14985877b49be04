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


@pytest.mark.slow(reason="runs that are killed, and go on, as often as --repeats says")
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_killed_at_any_moment_goes_on_as_if_uncut(server, tmp_path, kind, repeats):
    runs = Runs(server, tmp_path, kind)
    counts = dict.fromkeys(["kills", "inside an epoch", "in the same directory"], 0)
    number = 0
    while counts["kills"] < repeats:
        draws = random.Random(f"{kind} {number}")
        here, run = f"cut{number}", runs.start(f"cut{number}")
        number += 1
        while runs.kill_at_random(run, runs.last(here), draws):
            assert check_loads(tmp_path / here) >= 1
            if is_over(runs.last(here)):  # killed in its test
                run = None
                break
            counts["kills"] += 1
            counts["inside an epoch"] += lies_inside_an_epoch(runs.last(here))
            before, same = here, draws.random() < 0.5
            counts["in the same directory"] += same
            here = here if same else f"{here}_on"
            run = runs.go_on(here, before)
            if draws.random() < 0.7:
                break
        if run is not None:
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
