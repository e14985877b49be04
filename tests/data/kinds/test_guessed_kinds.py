"""What a column is taken for, by its name, its type and its values."""

import datetime
import decimal

import pyarrow as pa
import pytest

from mdn.data.kinds.guessed_kinds import guess_kind, named_like_identifier
from mdn.data.kinds.level_text import level_text
from mdn.networks.kinds import Boolean, Category, Number, Time

NAN = float("nan")
DISTINCT = [f"v{i}" for i in range(40)]
ABC = Category(("a", "b"))

KINDS = {
    "numbers": ("x", [1.5, 2.5, None], Number()),
    "whole numbers that all differ": ("x", list(range(40)), Number()),
    "numbers that differ and are named so": ("id", [0.5 + i for i in range(40)], Number()),
    "an identifier that comes again": ("customer_id", [1, 2, 1], Number()),
    "an identifier with gaps": ("id", [1, 2, None], Number()),
    "decimals": ("x", [decimal.Decimal("1.5")], Number()),
    "spans of time": ("x", [datetime.timedelta(1)], Number()),
    "times of day": ("x", [datetime.time(12)], Number()),
    "truth": ("x", [True, False, None], Boolean()),
    "dates": ("x", [datetime.date(2024, 1, 1)], Time(zoned=False)),
    "moments": ("x", [datetime.datetime(2024, 1, 1, 5)], Time(zoned=False)),
    "levels": ("x", [*"aaaaaaabbbbbb"], ABC),
    "yes and no": ("x", ["yes"] * 9 + ["no"] * 6, Category(("yes", "no"))),
    "levels that are numbers and words": ("x", ["1"] * 90 + ["crew"] * 9, Category(("1", "crew"))),
    "numbers as text": ("x", ["1", "2.5", "?", "-"], Number()),
    "numbers as text and a mistake": ("x", [*map(str, range(40)), "foo"], Number()),
    "repeated numbers and a mistake": ("x", [*map(str, range(10))] * 20 + ["foo"], Number()),
}


@pytest.mark.parametrize("case", KINDS)
def test_kinds(case):
    name, values, kind = KINDS[case]
    guess = guess_kind(name, pa.chunked_array([pa.array(values)]))
    assert (guess.kind, guess.why) == (kind, "")


LEFT_OUT = {
    "row names": ("rownames", list(range(40)), "an identifier", Number()),
    "no name": ("", list(range(40)), "an identifier", Number()),
    "of pandas": ("Unnamed: 0", list(range(40)), "an identifier", Number()),
    "whole numbers with fractions of zero": ("user_id", [1.0, 2.0, 3.0], "an identifier", Number()),
    "identifiers as text": ("orderID", ["11", "12"], "an identifier", Number()),
    "text that all differs": ("x", DISTINCT, "an identifier", Category(tuple(DISTINCT))),
    "sentences": ("x", [f"it is {i} o'clock" for i in range(9)], "free text", None),
    "text that comes again now and then": ("x", DISTINCT * 2, "text that hardly repeats", None),
    "nothing": ("x", [None, None], "all values are missing", Number()),
    "not a number": ("x", [NAN, NAN], "all values are missing", Number()),
    "missing words": ("x", ["NA", ""], "all values are missing", Number()),
    "lists": ("x", [[1], [2]], "of type list<item: int64>", None),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_what_is_left_out_and_what_it_would_be(case):
    name, values, why, otherwise = LEFT_OUT[case]
    guess = guess_kind(name, pa.chunked_array([pa.array(values)]))
    assert (guess.kind, guess.why) == (None, why)
    if otherwise is not None:
        assert guess.otherwise == otherwise
    assert (guess.otherwise is None) == (case == "lists")


def test_a_dictionary_holds_levels_even_if_they_look_like_numbers():
    column = pa.chunked_array([pa.array(["1", "2", "1"] * 5).dictionary_encode()])
    assert guess_kind("x", column).kind == Category(("1", "2"))
    numbers = pa.chunked_array([pa.array([10, 20, 10] * 5).dictionary_encode()])
    assert guess_kind("x", numbers).kind == Category(("10", "20"))


@pytest.mark.parametrize(
    ("name", "is_one"),
    {
        "id": True,
        "ID": True,
        "customer_id": True,
        "PassengerId": True,
        "Sample Number": True,
        "index": True,
        "row.names": True,
        "Unnamed: 3": True,
        "number_of_rooms": False,
        "humidity": False,
        "paid": False,
        "indexed": False,
        "IDEA": False,
    }.items(),
)
def test_names_of_identifiers(name, is_one):
    assert named_like_identifier(name) == is_one


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (1.0, "1"),
        ("1.0", "1"),
        (" 1 ", "1"),
        (1.5, "1.5"),
        (-0.25, "-0.25"),
        (1e22, "1e+22"),
        (NAN, None),
        (float("inf"), "inf"),
        (None, None),
        ("NA", None),
        ("", None),
        ("none", "none"),
        ("Na", "Na"),
        ("01", "01"),
        (b"x", "x"),
        (True, "true"),
        (decimal.Decimal("2.00"), "2"),
        (datetime.date(2024, 1, 2), "2024-01-02"),
    ],
)
def test_the_text_of_a_level_is_the_shortest_of_its_value(value, text):
    assert level_text(value) == text
