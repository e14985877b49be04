import pytest
from lightning.pytorch import LightningModule

from mdn.training.callbacks.watched_module import mixture_module


class Other(LightningModule):
    pass


def test_a_module_without_mixtures_is_refused_by_name(make_module):
    module = make_module()
    assert mixture_module(module) is module
    with pytest.raises(TypeError, match="a MixtureModule, got Other; drop the callback"):
        mixture_module(Other())
