import pytest

from mdn.training.callbacks.component_tags import component_names, component_tags


def test_few_components_have_a_tag_each():
    values = [0.1 * k for k in range(20)]
    tags = component_tags("weight", values)
    assert list(tags) == [f"weight/{k}" for k in range(20)]
    assert list(tags.values()) == values


def test_many_components_have_three_between_them():
    values = [float(k) ** 2 for k in reversed(range(80))]
    tags = component_tags("weight", values)
    assert tags == {"weight/min": 0, "weight/max": 79**2, "weight/median": pytest.approx(1560.5)}


def test_names_are_read_back_in_order_whatever_else_is_logged():
    for number in (1, 20, 21, 120):
        values = [float(k) for k in range(number)]
        tags = component_tags("weight", values)
        logged = ["weight", "weights/0", "val/nll", *reversed(tags)]
        names = component_names("weight", logged)
        assert [f"weight/{name}" for name in names] == list(tags)
    assert component_names("weight", ["weight", "resets/0"]) == []
