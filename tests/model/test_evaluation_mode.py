import torch
from torch import nn

from mdn.model.evaluation_mode import evaluation_mode


def test_each_part_returns_to_its_own_mode():
    module = nn.Sequential(nn.Dropout(), nn.Dropout())
    module[1].eval()
    with evaluation_mode(module) as same:
        assert same is module
        assert not module[0].training
        assert not torch.is_grad_enabled()
    assert module[0].training
    assert not module[1].training
    assert torch.is_grad_enabled()
