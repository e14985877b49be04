import math

import pytest
import torch

from mdn.networks.encoder import Encoder
from mdn.networks.kinds import DAY, YEAR, Boolean, Category, Number, Time, numbers
from mdn.networks.standardize import Standardizer

NAN = math.nan
KINDS = (
    Number(missing=True),
    Category(("red", "green"), missing=True, other=True),
    Time(cycles=(YEAR,)),
    Boolean(),
)
ROWS = torch.tensor(
    [[1.0, 0.0, 0.0, 0.0], [3.0, 1.0, YEAR / 4, 1.0], [NAN, 2.0, YEAR / 2, 1.0], [5.0, NAN, 0, 0]],
    dtype=torch.float64,
)


def test_numbers_without_gaps_are_standardized_and_nothing_else():
    x = torch.randn(50, 3, dtype=torch.float64) * 7 + 1e6
    encoder = Encoder(numbers(3)).fit(x)
    assert torch.equal(encoder(x), Standardizer(3, bounded=True).fit(x)(x))


def test_each_kind_has_its_features():
    features = Encoder(KINDS).fit(ROWS)(ROWS, torch.float64)
    assert features.shape == (4, Encoder(KINDS).num_features)
    values, cycle, marks, hot = features.split([3, 2, 2, 3], -1)
    assert values[2, 0] == 0
    assert values[[0, 1, 3], 0].std(correction=0).item() == pytest.approx(1.0)
    assert cycle[1].tolist() == pytest.approx([1.0, 0.0], abs=1e-9)
    assert marks.tolist() == [[0, 0], [0, 0], [1, 0], [0, 1]]
    assert hot.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]


def test_a_level_that_training_never_saw_is_none_of_the_known_ones():
    encoder = Encoder([Category(("a", "b"))])
    assert encoder(torch.tensor([[2.0], [NAN]], dtype=torch.float64)).tolist() == [[0, 0]] * 2


def test_gaps_that_training_never_had_become_the_center():
    x = torch.tensor([[1.0], [3.0]], dtype=torch.float64)
    encoder = Encoder(numbers(1)).fit(x)
    assert encoder(torch.tensor([[NAN]], dtype=torch.float64)).item() == 0


def test_a_column_without_values_has_no_influence():
    x = torch.full((4, 1), NAN, dtype=torch.float64)
    encoder = Encoder([Number(missing=True)]).fit(x)
    seen = encoder(torch.tensor([[NAN], [1e9]], dtype=torch.float64))
    assert seen.tolist() == [[0, 1], [0, 0]]


def test_what_is_no_kind_is_refused():
    with pytest.raises(ValueError, match="levels must be different"):
        Category(("a", "a"))
    with pytest.raises(ValueError, match="cycles must be seconds above 0"):
        Time(cycles=(-DAY,))
