"""The log of a run that goes on in its own directory."""

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mdn.app.run_log import RunLog


def test_what_a_killed_run_logged_behind_its_checkpoint_is_replaced(tmp_path):
    killed = RunLog(tmp_path)
    for step in range(6):
        killed.log_metrics({"val/nll": 1.0}, step)
    killed.close()
    resumed = RunLog(tmp_path)
    resumed.go_on_behind(3)
    for step in range(4, 6):
        resumed.log_metrics({"val/nll": 2.0}, step)
    resumed.close()
    events = EventAccumulator(str(tmp_path)).Reload().Scalars("val/nll")
    assert [(event.step, event.value) for event in events] == [
        *((step, 1.0) for step in range(4)),
        *((step, 2.0) for step in range(4, 6)),
    ]
