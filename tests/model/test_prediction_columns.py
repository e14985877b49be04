"""Columns of a prediction hold what their names say."""

import numpy as np
import torch
from checkpoints import rows, untrained

from mdn.model.prediction_columns import ColumnSettings, Prediction


def test_several_targets_have_their_own_quantiles():
    mixture = untrained("model.num_components=2", num_targets=2)(rows(4)).detach()
    settings = ColumnSettings(["mean", "quantiles", "modes"], [0.25], 0.9, 1)
    found = settings.compute(Prediction(mixture, ["price", "rent"]))
    assert list(found)[:4] == [
        "mean_price",
        "mean_rent",
        "quantile_price_0.25",
        "quantile_rent_0.25",
    ]
    cdf = mixture.cdf(torch.stack([found["quantile_price_0.25"], found["quantile_rent_0.25"]], -1))
    np.testing.assert_allclose(cdf, 0.25, atol=1e-9)


def test_a_row_counts_by_the_targets_that_it_has():
    mixture = untrained("model.num_components=2", num_targets=2)(rows(3)).detach()
    y = mixture.mean.clone()
    y[1, 0] = y[2, :] = torch.nan
    settings = ColumnSettings(["log_density"], [0.25], 0.9, 1)
    found = settings.compute(Prediction(mixture, ["price", "rent"], targets=y))["log_density"]
    of_rent = mixture[1].marginal("y1").log_prob(y[1, 1:])
    torch.testing.assert_close(found[:2], torch.stack([mixture[0].log_prob(y[0]), of_rent]))
    assert found[2].isnan()
