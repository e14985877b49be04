import math

import pytest
import torch

from mdn.networks.encoder import Encoder
from mdn.networks.encoding import Encoding
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
    assert (marks * 2**0.5).round().tolist() == [[0, 0], [0, 0], [1, 0], [0, 1]]
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


REFUSED = {
    "levels must be different": lambda: Category(("a", "a")),
    "cycles must be seconds above 0": lambda: Time(cycles=(-DAY,)),
    "cycles must be at most 256": lambda: Time(cycles=(DAY,) * 257),
    "pieces must be at most 256, got 1000000000": lambda: Number(pieces=10**9),
    "waves must be a whole number of at least 0": lambda: Number(waves=-1),
    "scaling must be one of standard, robust, quantile": lambda: Encoding("quantiles"),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_no_kind_is_refused(message):
    with pytest.raises(ValueError, match=message):
        REFUSED[message]()


def skewed(rows=2000):
    stream = torch.Generator().manual_seed(0)
    return torch.randn(rows, 1, generator=stream, dtype=torch.float64).mul(2).exp()


def encoded(x, kind):
    return Encoder([kind]).fit(x)(x, torch.float64)


def test_quantiles_make_a_column_normal():
    z = encoded(skewed(), Number(scaling="quantile"))[:, 0]
    normal = torch.special.ndtri((skewed()[:, 0].argsort().argsort() + 0.5) / 2000)
    assert (z - normal).abs().quantile(0.98) < 0.05
    assert z.abs().max() < 3.1


def test_quantiles_of_alike_values_are_the_middle_of_their_ranks():
    x = torch.tensor([[0.0]] * 60 + [[1.0]] * 40, dtype=torch.float64)
    z = encoded(x, Number(scaling="quantile"))[[0, -1], 0]
    assert torch.special.ndtr(z).tolist() == pytest.approx([0.3, 0.8])


def test_robust_units_are_those_of_the_middle_half():
    x = skewed()
    z = encoded(x, Number(scaling="robust"))[:, 0]
    low, middle, high = x[:, 0].quantile(torch.tensor([0.25, 0.5, 0.75]).double()).tolist()
    unit = (x[:, 0] - middle) / ((high - low) / 1.349)
    assert torch.allclose(z, unit / (1 + (unit / 3) ** 2).sqrt(), atol=0.02)
    assert z.abs().max() <= 3


def test_a_column_whose_middle_half_is_one_value_keeps_its_standard_unit():
    x = torch.tensor([[0.0]] * 90 + [[1.0]] * 10, dtype=torch.float64)
    z = encoded(x, Number(scaling="robust"))[[0, -1], 0]
    assert z[1] - z[0] > 1


def test_pieces_are_filled_one_after_the_other():
    x = torch.linspace(0, 8, 81, dtype=torch.float64)[:, None]
    encoder = Encoder([Number(pieces=4)]).fit(x)
    rows = torch.tensor([[-9.0], [1.0], [5.0], [99.0]], dtype=torch.float64)
    pieces = encoder(rows, torch.float64)[:, 1:]
    expected = [[0, 0, 0, 0], [0.5, 0, 0, 0], [1, 1, 0.5, 0], [1, 1, 1, 1]]
    assert torch.allclose(pieces, torch.tensor(expected, dtype=torch.float64))


def test_waves_are_sines_and_cosines_of_the_standardized_value():
    z, *waves = encoded(skewed(), Number(waves=2)).T
    slow, fast, *cosines = waves
    for sine, cosine in zip((slow, fast), cosines, strict=True):
        assert torch.allclose(sine**2 + cosine**2, torch.ones_like(z))
    turns = 0.5 * torch.special.ndtri(torch.tensor(0.625, dtype=torch.float64))
    assert torch.allclose(slow, (2 * math.pi * turns * z).sin())


def alike(rows=500):
    """Two columns whose difference is a hundredth of their size, and a third."""
    stream = torch.Generator().manual_seed(0)
    common, apart, other = torch.randn(3, rows, generator=stream, dtype=torch.float64)
    return torch.stack([common, common + 0.1 * apart, 1e6 * other], 1)


def test_principal_components_stand_beside_the_values_and_have_their_own_units():
    x = alike()
    features = Encoder([Number(principal=True)] * 3).fit(x)(x, torch.float64)
    values, components = features.split(3, -1)
    assert torch.equal(values, Standardizer(3, bounded=True).fit(x)(x, torch.float64))
    assert torch.allclose(components.mT @ components / len(x), torch.eye(3).double(), atol=0.2)
    apart = (x[:, 1] - x[:, 0]).abs()
    assert torch.corrcoef(torch.stack([apart, components[:, 0].abs()]))[0, 1] > 0.9


def test_principal_components_of_columns_that_are_one_are_bounded():
    x = alike()[:, [0, 0]]
    encoder = Encoder([Number(principal=True)] * 2).fit(x)
    features = encoder(torch.tensor([[1e9, -1e9], [NAN, NAN]], dtype=torch.float64))
    assert features.isfinite().all()
    assert features[:, 2:].abs().max() <= 6


def test_principal_components_are_of_plain_numbers():
    kinds = (Number(), Category(("a",)), Number(missing=True), Number(pieces=1))
    shaped = Encoding(principal=True).of(kinds)
    assert [kind.principal for kind in shaped] == [True, False, True, False]
    assert Encoder(shaped).num_features == 2 + 1 + 3 + 2


def test_principal_components_of_very_many_columns_are_refused():
    with pytest.raises(ValueError, match="principal components are of at most 1000 columns"):
        Encoder([Number(principal=True)] * 1001)


def test_the_marks_of_a_row_are_together_never_longer_than_one():
    x = torch.full((2, 4), NAN, dtype=torch.float64)
    marks = Encoder([Number(missing=True)] * 4).fit(x)(x)[:, 4:]
    assert marks.norm(dim=-1).tolist() == pytest.approx([1, 1])


@pytest.mark.parametrize("scaling", ["standard", "robust", "quantile"])
def test_gaps_of_any_scaling_are_marked_and_finite(scaling):
    kind = Number(missing=True, scaling=scaling, pieces=3, waves=2)
    x = torch.cat([skewed(30), torch.full((3, 1), NAN, dtype=torch.float64)])
    features = encoded(x, kind)
    assert features.isfinite().all()
    assert features.shape == (33, kind.num_features)
    assert features[:, -1].tolist() == [0] * 30 + [1] * 3
    empty = encoded(torch.full((3, 1), NAN, dtype=torch.float64), kind)
    assert empty.isfinite().all()


def test_an_encoding_shapes_plain_numbers_only():
    kinds = (Number(missing=True), Boolean(), Category(("a",)), Number(pieces=2))
    shaped = Encoding("robust", pieces=3, waves=1, principal=False).of(kinds)
    assert shaped == (Number(True, "robust", 3, 1), *kinds[1:])
    assert Encoding("robust", pieces=3, waves=1, principal=False).of(shaped) == shaped


def test_a_category_of_many_levels_takes_a_code_for_each_row_until_it_is_encoded():
    levels = Category(tuple(map(str, range(1000))))
    codes = torch.arange(1000, dtype=torch.float64)[:, None]
    assert torch.equal(Encoder([levels]).fit(codes)(codes), torch.eye(1000))
