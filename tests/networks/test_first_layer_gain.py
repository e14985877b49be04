import pytest
import torch
from torch import nn

from mdn.networks.backbones import MLP
from mdn.networks.first_layer_gain import apply_first_layer_gain


def backbone(num_inputs: int) -> MLP:
    torch.manual_seed(0)
    return MLP(num_inputs, 8, 2, "tanh", 0.0, None, residual=False)


@pytest.mark.parametrize(("num_inputs", "factor"), [(1, 3.0), (3, 3.0), (6, 2.0), (20, 1.3)])
def test_the_first_layer_begins_larger_by_a_factor_that_many_inputs_take_back(
    num_inputs: int, factor: float
):
    plain, gained = backbone(num_inputs), backbone(num_inputs)
    apply_first_layer_gain(gained, num_inputs, 3.0)
    for (name, before), after in zip(plain.named_parameters(), gained.parameters(), strict=True):
        expected = before * factor if name.startswith("0.") else before
        torch.testing.assert_close(after, expected)


def test_a_gain_shows_a_stretched_input_where_biases_are_none():
    plain, gained = backbone(1), backbone(1)
    for network in (plain, gained):
        next(layer for layer in network.modules() if isinstance(layer, nn.Linear)).bias.data.zero_()
    apply_first_layer_gain(gained, 1, 2.0)
    x = torch.linspace(-1, 1, 5)[:, None]
    torch.testing.assert_close(gained(x), plain(2 * x))


def test_one_changes_nothing_and_no_layer_is_no_error():
    plain, same = backbone(2), backbone(2)
    apply_first_layer_gain(same, 2, 1.0)
    torch.testing.assert_close(list(same.parameters()), list(plain.parameters()))
    apply_first_layer_gain(nn.Identity(), 2, 3.0)
