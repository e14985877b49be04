"""One page with everything on it: it opens anywhere, without a network and without scripts."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mdn.report.pictures import Picture
from mdn.report.score_names import PREFIX
from mdn.report.score_tables import ScoreTable

_MOST_NAMES = 4


@dataclass(frozen=True)
class Page:
    """The contents of the page, from the top down."""

    title: str
    subtitle: str
    highlights: Mapping[str, str]
    tables: Sequence[ScoreTable]
    pictures: Sequence[Picture]
    settings: Mapping[str, str]
    remarks: Sequence[str] = ()


def render(page: Page) -> str:
    """Return the page as HTML; text that comes from data is escaped."""
    loader = PackageLoader("mdn.report", ".")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    environment.filters["embedded"] = embedded
    css = Markup((Path(__file__).parent / "page.css").read_text())
    return environment.get_template("page.html").render(page=page, css=css)


def embedded(drawing: bytes) -> str:
    """Return a drawing as a data URL."""
    return f"data:image/svg+xml;base64,{base64.b64encode(drawing).decode()}"


def density_name(inputs: Sequence[str], targets: Sequence[str]) -> str:
    """Return the name of the modeled density, such as p(price, rent given rooms, age)."""
    given = f" given {_listed(inputs, 'inputs')}" if inputs else ""
    return f"p({_listed(targets, 'targets')}{given})"


def _listed(names: Sequence[str], kind: str) -> str:
    return ", ".join(names) if len(names) <= _MOST_NAMES else f"{len(names)} {kind}"


def highlights(metrics: Mapping[str, float]) -> dict[str, str]:
    """Return the few numbers to look at first."""
    names = {
        "negative log likelihood, nats per row": "nll",
        "the same for the cells of rounded targets": "grid_nll",
        "gain over one Gaussian, nats": "gain_over_marginal",
        "excess over the optimum, nats": "excess_nll",
    }
    keys = {label: PREFIX + name for label, name in names.items()}
    lines = {label: f"{metrics[key]:.3f}" for label, key in keys.items() if key in metrics}
    inside = metrics[f"{PREFIX}region_coverage_90"]
    return lines | {"rows inside of 90 % regions": f"{100 * inside:.1f} %"}
