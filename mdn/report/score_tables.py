"""Scores as tables, for a terminal or a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mdn.distributions.overview import listed
from mdn.metrics import LEVELS
from mdn.report.evaluation import Scores
from mdn.report.score_names import PREFIX, percent, score_keys


@dataclass(frozen=True)
class ScoreTable:
    """Scores that belong together.

    Attributes:
        title: text above the table.
        columns: heads of the columns.
        rows: for each row, a label and a cell for each column.
        note: text below the table.
    """

    title: str
    columns: list[str]
    rows: list[tuple[str, list[str]]]
    note: str = ""


_JOINT = {
    "nll": "negative log likelihood, nats",
    "nll_bits": "the same in bits",
    "nll_standardized": "the same for standardized targets, nats",
    "grid_nll": "negative log probability of the cells of rounded targets, nats",
    "optimal_nll": "the best that any model can reach",
    "excess_nll": "excess over the best",
    "marginal_nll": "one Gaussian that ignores the inputs",
    "gain_over_marginal": "gain over that Gaussian",
    "gain_over_marginal_mixture": "gain over a mixture that ignores the inputs",
    "energy_score_standardized": "energy score, standardized targets",
    "region_calibration_error": "mean error of the levels of regions",
}
_EACH = {
    "nll": "negative log likelihood, nats",
    "grid_nll": "negative log probability of the cells of a rounded target",
    "crps": "CRPS",
    "rmse_mean": "RMSE of the mean",
    "mae_mean": "MAE of the mean",
    "rmse_median": "RMSE of the median",
    "mae_median": "MAE of the median",
    "pinball": "pinball loss, mean over deciles",
    "sharpness": "sharpness: expected RMSE of the mean",
}
_INTERVALS = "Central intervals of each target; highest-density regions of all targets together"
_IN_CELLS = (
    " Values of {} repeat; each one counts as a value that is drawn from the density within the "
    "cell that it stands for."
)
_DISTANCES = {
    "pit_ks": "Kolmogorov-Smirnov distance of the PIT",
    "pit_ks_critical": "what chance exceeds in 1 of 20 cases",
    "rosenblatt_ks": "the same, given the targets before it",
    "calibration_error": "mean error of stated probabilities",
}

_NO_TRAINING_ROWS = (
    "The rows that the model was trained on are not at hand: no mixture that ignores the inputs "
    "could be fitted to them."
)


def score_tables(scores: Scores, targets: Sequence[str]) -> list[ScoreTable]:
    """Return scores in groups; scores that are missing are left out."""
    metrics, rows = scores.metrics, len(scores.pit)
    by_chance = f"Chance alone gives {rows} rows a distance of about {0.87 / rows**0.5:.2g}."
    each = {key: label for key, label in _EACH.items() if len(targets) > 1 or key not in _JOINT}
    return [
        ScoreTable("All targets together, per row", [""], _joint(metrics), _marginal_note(metrics)),
        ScoreTable("Each target, in its units", [*targets], _each(metrics, targets, each)),
        _intervals(scores, targets),
        ScoreTable("Calibration", [*targets], _each(metrics, targets, _DISTANCES), by_chance),
    ]


def _joint(metrics: Mapping[str, float]) -> list[tuple[str, list[str]]]:
    present = {name: label for name, label in _JOINT.items() if PREFIX + name in metrics}
    return [(label, [_number(metrics[PREFIX + name])]) for name, label in present.items()]


def _marginal_note(metrics: Mapping[str, float]) -> str:
    return "" if f"{PREFIX}gain_over_marginal_mixture" in metrics else _NO_TRAINING_ROWS


def _each(
    metrics: Mapping[str, float], targets: Sequence[str], labels: Mapping[str, str]
) -> list[tuple[str, list[str]]]:
    rows = [(label, score_keys(name, targets)) for name, label in labels.items()]
    return [
        (label, [_number(metrics[key]) if key in metrics else "" for key in keys])
        for label, keys in rows
        if any(key in metrics for key in keys)
    ]


def _intervals(scores: Scores, targets: Sequence[str]) -> ScoreTable:
    columns = [f"{target}: {what}" for target in targets for what in ("inside", "width")]
    levels = [percent(level) for level in LEVELS]
    # A space that breaks no line, on a page as on a terminal.
    rows = [
        (f"{level}\N{NO-BREAK SPACE}%", _interval(scores.metrics, targets, level))
        for level in levels
    ]
    sample = f", for {len(scores.rank)} of the rows." if len(scores.rank) < len(scores.pit) else "."
    cells = _IN_CELLS.format(listed(scores.in_cells)) if scores.in_cells else ""
    columns += ["region: inside", "region: size"]
    return ScoreTable("Intervals and regions", columns, rows, _INTERVALS + sample + cells)


def _interval(metrics: Mapping[str, float], targets: Sequence[str], level: str) -> list[str]:
    inside = [*score_keys(f"coverage_{level}", targets), f"{PREFIX}region_coverage_{level}"]
    width = [*score_keys(f"width_{level}", targets), f"{PREFIX}region_size_{level}"]
    pairs = zip(inside, width, strict=True)
    return [
        cell
        for share, size in pairs
        for cell in (_share(metrics.get(share)), _number(metrics.get(size)))
    ]


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"


def _number(value: float | None) -> str:
    # Four digits, whatever the size; a score that no row tells is left blank.
    if value is None:
        return ""
    return f"{value:#.4g}".rstrip(".")
