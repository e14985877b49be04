"""What a mixture says of itself: names, sizes and a few numbers in units, never raw parameters."""

import re
from html.parser import HTMLParser

import pandas
import pytest
import torch
from hard_names import NAMES as HARD_NAMES
from named_mixtures import NAMED, UNNAMED
from torch._subclasses import FakeTensorMode
from transformed_mixtures import LOG, LOGIT, one_target, two_targets

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.origin import Origin
from mdn.distributions.overview import measured, short
from mdn.distributions.scale import DiagonalScale


def mixture(*batch, targets=("price",), components=2, kind=torch.float64):
    mu = torch.full((*batch, components, len(targets)), 3.0, dtype=kind)
    log_pi = torch.full((*batch, components), 1 / components, dtype=kind).log()
    return GaussianMixture(log_pi, mu, DiagonalScale(0.25 * mu / 3, len(targets)), tuple(targets))


def test_it_says_what_it_is_in_a_few_lines():
    assert repr(mixture(7, targets=["price", "rent"])) == (
        "GaussianMixture of 2 components, batch shape [7]\n"
        "  targets     price, rent\n"
        "  covariance  diagonal\n"
        "  numbers     float64 on cpu\n"
        "\n"
        "  mean ± std         price          rent\n"
        "           0   3.00 ± 0.25   3.00 ± 0.25\n"
        "           1   3.00 ± 0.25   3.00 ± 0.25\n"
        "           2   3.00 ± 0.25   3.00 ± 0.25\n"
        "           3   3.00 ± 0.25   3.00 ± 0.25\n"
        "           4   3.00 ± 0.25   3.00 ± 0.25\n"
        "  ... and 2 more mixtures"
    )


WORDS = {
    "full": "full",
    "full_precision": "full",
    "tied": "full, one for all components",
    "diagonal": "diagonal",
    "isotropic": "isotropic",
    "shared_isotropic": "isotropic, one for all components",
    "constant": "isotropic, one for all components",
}


def test_every_family_has_its_word(make_mixture, family_name):
    said = repr(make_mixture(3, targets=2, components=2))
    assert f"covariance  {WORDS[family_name]}\n" in said
    one = repr(make_mixture(3, targets=1, components=2))
    shared = "one for all" in WORDS[family_name]
    assert f"one variance for {'all components' if shared else 'each component'}\n" in one


def test_means_and_spreads_are_those_of_each_row(make_mixture):
    mixtures = make_mixture(4, targets=2)
    lines = repr(mixtures).splitlines()[-4:]
    for line, mean, std in zip(lines, mixtures.mean.tolist(), mixtures.std.tolist(), strict=True):
        assert re.sub(" +", " ", line).endswith(" ".join(map(measured, mean, std)))


@pytest.mark.parametrize(
    ("mean", "std", "said"),
    [
        (3.21467, 0.1449, "3.21 ± 0.14"),
        (123456.0, 789.0, "123460 ± 790"),
        (10000.012, 0.0034, "10000.0120 ± 0.0034"),
        (1.5e9, 0.25, "1500000000 ± 0.25"),
        (0.0, 3e-9, "0 ± 3e-09"),
        (2.0, 0.0, "2 ± 0"),
        (float("inf"), float("inf"), "inf ± inf"),
        (float("nan"), float("nan"), "nan ± nan"),
        (-7.5, 12.0, "-8 ± 12"),
    ],
)
def test_numbers_have_the_digits_that_their_spread_leaves(mean, std, said):
    assert measured(mean, std) == said


def test_other_scales_are_named():
    assert "Gaussian in  log(a), logit(b from 0 to 2)" in repr(two_targets((LOG, LOGIT)))
    said = repr(one_target(LOG))
    assert said.startswith("TransformedMixture of 3 components, batch shape []")
    assert measured(one_target(LOG).mean.item(), one_target(LOG).std.item()) in said


def test_rows_have_their_place_or_their_label():
    nested = repr(mixture(2, 3))
    assert "1, 0   3.00 ± 0.25" in nested
    labels = pandas.Index(["ann", "bob", "c\nd"])
    said = repr(mixture(3).with_origin(Origin(torch.arange(3), 5, None, labels))[[1, 2]])
    assert "bob   3.00 ± 0.25" in said
    assert "c d   3.00 ± 0.25" in said
    assert "ensemble    5 members" in said
    assert "ann" not in said


def test_much_is_cut_short():
    many = mixture(10**12 // 10**6, targets=[f"a rather long name {i}" * 9 for i in range(40)])
    said = repr(many.expand(10**6, 10**6))
    assert "... and 999,999,999,995 more mixtures and 34 more targets" in said
    assert "and 34 more\n" in said
    assert len(said) < 3000
    assert "without names" in repr(UNNAMED)
    assert "without names" not in repr(NAMED)


@pytest.mark.parametrize("batch", [(0,), (0, 4), (3, 0)])
def test_no_mixtures_are_said_too(batch):
    assert f"batch shape {list(batch)}" in repr(mixture(*batch))
    assert "±" not in repr(mixture(*batch))


def test_tensors_without_numbers_have_no_table():
    meta = mixture(3).to(device="meta")
    assert "float64 on meta" in repr(meta)
    assert "±" not in repr(meta) + meta._repr_html_()
    with FakeTensorMode():
        assert "batch shape [3]" in repr(mixture(3, kind=torch.float32))


def test_gradients_are_left_alone():
    mu = torch.zeros(3, 1, 1, requires_grad=True)
    asked = GaussianMixture(torch.zeros(3, 1), mu, DiagonalScale(torch.ones(3, 1, 1), 1))
    assert "0.0 ± 1.0" in repr(asked)


def test_mapped_functions_may_say_it():
    said = []

    def told(mu):
        said.append(repr(GaussianMixture(mu[..., 0], mu, DiagonalScale(mu.exp(), 1))))
        return mu

    torch.vmap(told)(torch.zeros(2, 3, 1, 1))
    assert "batch shape [3]" in said[0]


def test_while_a_function_is_traced_no_number_is_computed(monkeypatch):
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    monkeypatch.setattr(GaussianMixture, "mean", property(lambda self: pytest.fail("computed")))
    assert repr(mixture(3)) == "GaussianMixture"


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.texts = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.texts.append(data)


HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a & b", *HARD_NAMES]


@pytest.mark.parametrize("first", range(0, len(HOSTILE), 4))
def test_names_in_a_notebook_are_text(first):
    names = [*HOSTILE[first : first + 4]]
    page = _Tags()
    page.feed(mixture(2, targets=names)._repr_html_())
    assert set(page.tags) <= {"div", "b", "table", "tr", "th", "td"}
    assert {name for name, _ in page.attributes} <= {"style"}
    assert not any("color" in value for _, value in page.attributes)
    for name in names:
        assert short(name) in page.texts
    plain = repr(mixture(2, targets=["two\nlines", "\x1b[31mred"]))
    assert "\x1b" not in plain
    assert "two lines" in plain
