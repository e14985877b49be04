"""What is told of scores: tables, settings, pictures of a run, and the page."""

import re
from html.parser import HTMLParser

from gaussian_model import NAMES, gaussian_model, table_of
from matplotlib.figure import Figure

from mdn.model.card import ModelCard
from mdn.report.evaluation import score
from mdn.report.page import Page, density_name, highlights, render
from mdn.report.pictures import Picture, pictures
from mdn.report.run_settings import run_settings
from mdn.report.score_tables import ScoreTable, score_tables


def test_every_score_stands_in_a_table():
    targets = NAMES
    model, table = gaussian_model(2), table_of(100, 2)
    table.y[:, 1] = (4 * table.y[:, 1]).round() / 4  # has a score of its own
    scores = score(model, table, model.marginal)
    tables = score_tables(scores, targets)
    cells = [cell for table in tables for _, row in table.rows for cell in row]
    assert scores.metrics.pop("test/components_alive") == 1  # a count, printed after training
    for key, value in scores.metrics.items():
        shown = {f"{value:#.4g}".rstrip("."), f"{100 * value:.1f} %"}
        assert shown & set(cells), key
    assert all(len(row) == len(table.columns) for table in tables for _, row in table.rows)


def test_values_that_stand_for_cells_are_said_to(tmp_path):
    model, table = gaussian_model(2), table_of(100, 2)
    table.y[:, 1] = (4 * table.y[:, 1]).round() / 4
    scores = score(model, table)
    [intervals] = [t for t in score_tables(scores, NAMES) if t.title == "Intervals and regions"]
    assert (
        "Values of <i>rent</i> repeat; each one counts as a value that is drawn" in intervals.note
    )
    drawn = [p for p in pictures(model, table, scores, tmp_path) if "drawn anew" in p.caption]
    assert [picture.name for picture in drawn] == ["reliability", "pit", "coverage"]
    exact = score(model, table_of(100, 2))
    assert not any("repeat" in each.note for each in score_tables(exact, NAMES))


def test_what_could_not_be_fitted_is_said():
    model, table = gaussian_model(1), table_of(20, 1)
    without, with_it = score(model, table), score(model, table, model.marginal)
    assert "not at hand" in score_tables(without, NAMES[:1])[0].note
    assert score_tables(with_it, NAMES[:1])[0].note == ""


def test_settings_are_flat_words():
    model = {"family": {"min_scale": 1e-3}, "depth": 2}
    card = ModelCard([], ["a", "b"], model, {"path": None})
    assert run_settings(card, {"epochs": 3}) == {
        "inputs": "none",
        "targets": "a, b",
        "model.family.min_scale": "0.001",
        "model.depth": "2",
        "data.path": "None",
        "epochs": "3",
    }


def test_a_density_is_named_by_its_columns():
    assert density_name(["age"], ["price", "rent"]) == "p(price, rent given age)"
    assert density_name([], ["y"]) == "p(y)"
    assert density_name(list("abcdefgh"), ["y"]) == "p(y given 8 inputs)"


class Reader(HTMLParser):
    """Tags still open, text, and every address that the page names."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.addresses, self.tags = [], [], [], set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_stands_alone_and_what_comes_from_data_is_text():
    evil = "<script>alert('x')</script> & \"quoted\""
    figure = Figure()
    figure.add_subplot().set_xlabel("in")
    page = Page(
        evil,
        evil,
        {evil: "1"},
        [ScoreTable(evil, [evil], [(evil, [evil])], evil)],
        [Picture("name", evil, evil, figure)],
        {evil: evil},
    )
    html = render(page)
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    assert not reader.tags & {"script", "link", "iframe", "i"}
    assert reader.text.count(evil) == 11
    sources = [address for address in reader.addresses if not address.startswith("#")]
    assert [source.partition(",")[0] for source in sources] == ["data:image/svg+xml;base64"]
    assert not re.search(r"@import|url\(", html)
    assert render(page) == html


def test_highlights_are_the_scores():
    metrics = {"test/nll": 1.23456, "test/region_coverage_90": 0.875}
    assert list(highlights(metrics).values()) == ["1.235", "87.5 %"]
