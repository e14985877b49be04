"""The mean of the weights over the last steps, which is validated, kept and answered with."""

import pytest
import torch
from lightning.pytorch import Callback
from small_runs import Rows, fit, make_module, make_table, quiet_trainer
from torch import nn

from mdn.training.callbacks.best_and_last import LastCheckpoint
from mdn.training.module import _earlier_average
from mdn.training.weight_average import WeightAverage


class Weights(Callback):
    """What the network holds behind each step, and in each validation."""

    def __init__(self):
        self.trained, self.validated = [], []

    def on_train_batch_end(self, trainer, module, *_):
        self.trained.append(module.network.head.components.bias.detach().clone())

    def on_validation_epoch_end(self, trainer, module):
        self.validated.append(module.network.head.components.bias.detach().clone())


def averages(values, share):
    """The recursion, written out."""
    mean, found = torch.zeros_like(values[0]), []
    for count, value in enumerate(values, 1):
        mean = mean + max(1 / count, share) * (value - mean)
        found.append(mean)
    return found


def test_it_is_the_mean_first_and_exponential_then():
    layer = nn.Linear(1, 1, bias=False)
    average, seen = WeightAverage(layer, steps=4), []
    for value in (1.0, 3.0, 5.0, -2.0, 0.5, 8.0):
        layer.weight.data.fill_(value)
        average.update()
        seen.append(torch.tensor(value))
    (found,) = average.averaged.values()
    assert found.item() == pytest.approx(averages(seen, 0.25)[-1].item())


def test_it_changes_places_with_the_weights():
    layer = nn.Linear(2, 1)
    average, before = WeightAverage(layer, 10), layer.weight.detach().clone()
    layer.weight.data += 1
    average.swap()
    torch.testing.assert_close(layer.weight.data, before)
    assert torch.equal(average.in_training["weight"], before + 1)
    average.swap()
    torch.testing.assert_close(layer.weight.data, before + 1)


def test_a_part_that_jumped_is_not_averaged_with_its_past():
    layer = nn.Linear(2, 3)
    average = WeightAverage(layer, 10)
    average.update()
    layer.bias.data.fill_(7.0)
    average.begin_anew([(layer.bias, (torch.tensor([1]),))])
    found = average.averaged["bias"]
    assert found[1] == 7
    assert (found[[0, 2]] != 7).all()


def test_buffers_are_averaged_and_counters_are_not():
    norm = nn.BatchNorm1d(2)
    average = WeightAverage(norm, 2)
    norm(torch.randn(8, 2) + 5)
    average.update()
    assert set(average.averaged) == {"weight", "bias", "running_mean", "running_var"}


def test_a_run_validates_and_ends_with_the_average():
    record, module = Weights(), make_module(averaging=0.25)
    trainer = quiet_trainer(max_epochs=2, callbacks=[record])
    trainer.fit(module, Rows(make_table()))
    share = 1 / (0.25 * len(record.trained))
    wanted = averages(record.trained, share)
    per_epoch = len(record.trained) // 2
    for found, mean in zip(record.validated, wanted[per_epoch - 1 :: per_epoch], strict=True):
        torch.testing.assert_close(found, mean)
    torch.testing.assert_close(module.network.head.components.bias.data, wanted[-1])


def test_without_it_a_run_ends_with_the_last_weights():
    record, module = Weights(), make_module(averaging=0.0)
    quiet_trainer(max_epochs=2, callbacks=[record]).fit(module, Rows(make_table()))
    assert module.average is None
    assert torch.equal(module.network.head.components.bias, record.trained[-1])


def test_a_checkpoint_holds_the_average_and_beside_it_the_weights_in_training(tmp_path):
    record, module = Weights(), make_module(averaging=0.25)
    last = LastCheckpoint(str(tmp_path), every_seconds=0.0)
    trainer = quiet_trainer(max_epochs=2, callbacks=[record, last], enable_checkpointing=True)
    trainer.fit(module, Rows(make_table()))
    checkpoint = torch.load(tmp_path / "last.ckpt", weights_only=True)
    name = "head.components.bias"
    kept = checkpoint["state_dict"][f"model.network.{name}"]
    torch.testing.assert_close(kept, module.network.head.components.bias.data)
    assert torch.equal(checkpoint["average"]["in_training"][name], record.trained[-1])
    assert checkpoint["average"]["count"] == len(record.trained)


def test_a_test_of_a_trained_module_leaves_its_weights():
    module = make_module()
    trainer = fit(module, Rows(make_table()))
    before = module.network.head.components.bias.detach().clone()
    trainer.validate(module, Rows(make_table()), verbose=False)
    assert torch.equal(module.network.head.components.bias, before)


def test_weights_of_another_network_are_refused():
    average = WeightAverage(nn.Linear(1, 1), 3)
    with pytest.raises(ValueError, match="averages other weights than this network has"):
        average.go_on({"weight": torch.zeros(1, 1)}, 2)


@pytest.mark.parametrize("wrong", [torch.zeros(1), torch.full((1, 1), torch.nan), "a text"])
def test_weights_that_would_be_broadcast_or_are_none_are_refused(wrong):
    average = WeightAverage(nn.Linear(1, 1, bias=False), 3)
    with pytest.raises(ValueError, match="averages other weights than this network has; train"):
        average.go_on({"weight": wrong}, 2)


@pytest.mark.parametrize("kept", ["a text", {}, {"in_training": {}, "count": -1}, {"count": 1}])
def test_a_checkpoint_without_an_average_in_its_place_is_refused(kept):
    with pytest.raises(ValueError, match="keeps no average of weights where one should be"):
        _earlier_average(kept)
