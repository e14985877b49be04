"""Remarks on scores that a reader must not miss, on a terminal and at the top of a page."""

from collections.abc import Mapping

FEW_ROWS = 10
"""Rows below which a mean score is mostly chance."""


def remarks(metrics: Mapping[str, float], rows: Mapping[str, int]) -> list[str]:
    """Return plain sentences on what makes a model or its scores useless; none if all is well.

    Args:
        metrics: flat, by their names in `metrics.json`.
        rows: number of rows of "val" and "test", where known.
    """
    sentences = [
        _worse_than_a_gaussian(metrics),
        _few_val_rows(rows),
        _few_test_rows(rows),
        _means_far_out(metrics),
    ]
    return [sentence for sentence in sentences if sentence]


def _worse_than_a_gaussian(metrics: Mapping[str, float]) -> str:
    nll, marginal = metrics.get("test/nll"), metrics.get("test/marginal_nll")
    if nll is None or marginal is None or nll < marginal:
        return ""
    return (
        f"The model is no better than one Gaussian that ignores the inputs: {nll:.4g} nats per "
        f"test row, and {marginal:.4g} of the Gaussian. Do not use it: give it more rows, train "
        "longer, or try fewer components."
    )


def _few_val_rows(rows: Mapping[str, int]) -> str:
    count = rows.get("val", FEW_ROWS)
    if count >= FEW_ROWS:
        return ""
    return (
        f"The validation part has {_rows(count)}, too few to tell which epoch is best; hold back "
        "more rows with `val_fraction`, or name more with `val_path`."
    )


def _few_test_rows(rows: Mapping[str, int]) -> str:
    count = rows.get("test", FEW_ROWS)
    if count >= FEW_ROWS:
        return ""
    return f"The scores are means over {_rows(count)}: as few others could score quite differently."


def _means_far_out(metrics: Mapping[str, float]) -> str:
    """A lognormal component that is wide decides the mean, with hardly any weight."""
    shares = [share for name, share in metrics.items() if name.startswith("test/mean_far_out")]
    if not any(shares):
        return ""
    return (
        f"In {100 * max(shares):.2g} % of the test rows the predicted mean lies beyond 99.9 % of "
        "the predicted density: on a log scale a component of hardly any weight can decide it. "
        "Take the median there; RMSE and MAE of the mean, and sharpness, tell little."
    )


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"
