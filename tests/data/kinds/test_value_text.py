import math

import pytest

from mdn.data.kinds.value_text import value_text
from mdn.networks.kinds import Boolean, Category, Number, Time

TEXTS = [
    (Number(), 1234.5678, "1234.57"),
    (Number(), math.nan, "missing"),
    (Number(), math.inf, "inf"),
    (Boolean(), 1.0, "true"),
    (Category(("a", "b")), 1.0, "'b'"),
    (Category(("a", "b"), other=True), 2.0, "another level"),
    (Time(), 86_400.0, "1970-01-02 00:00:00"),
    (Time(), 1e15, "1e+15 s"),
]


@pytest.mark.parametrize(("kind", "value", "text"), TEXTS)
def test_values_are_shown_as_their_user_knows_them(kind, value, text):
    assert value_text(kind, value) == text
