"""What a model answers, alone and as an ensemble."""

import pytest
import torch
from checkpoints import rows, untrained

import mdn

PARTS = "mu", "log_pi", "sigma", "mean", "std"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("factor", [1.0, 1.3])
@pytest.mark.parametrize("members", [1, 4])
def test_pool_and_members_come_from_one_pass_of_the_network(members, factor, dtype):
    model = untrained(f"model.ensemble_size={members}")
    model.recalibrate(factor)
    x = rows(7).to(dtype)
    expected = model(x), model.members(x)
    passes = []
    model.network.backbone.register_forward_hook(lambda *_: passes.append(1))
    both = model.with_members(x)
    assert len(passes) == 1
    for mixture, wanted in zip(both, expected, strict=True):
        assert mixture.batch_shape == wanted.batch_shape
        assert all(torch.equal(getattr(mixture, part), getattr(wanted, part)) for part in PARTS)
    model.members(x)
    assert len(passes) == 2


@pytest.mark.parametrize("number", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_not_saved(tmp_path, number):
    model = untrained()
    name, weight = next(iter(model.named_parameters()))
    with torch.no_grad():
        weight[..., 0] = number
    with pytest.raises(ValueError, match=f"numbers in {name} of this model are not finite"):
        model.save(tmp_path / "model.ckpt")
    assert not list(tmp_path.iterdir())


def test_a_model_is_saved_and_loaded(tmp_path):
    model = untrained("model.ensemble_size=2", num_targets=2)
    model.recalibrate(1.5)
    model.save(tmp_path / "new" / "model.ckpt")
    again = mdn.load(tmp_path / "new" / "model.ckpt")
    x = rows(5)
    assert again.card == model.card
    assert all(torch.equal(getattr(again(x), part), getattr(model(x), part)) for part in PARTS)
