"""Units, shapes and kinds of rows that a regressor takes as they come."""

import numpy as np
import pytest

from mdn.estimators.regressor import MDNRegressor

QUICK = {"num_components": 2, "ensemble_size": 1, "max_epochs": 2, "random_state": 0}
SEEDED = np.random.default_rng(0)
X = SEEDED.normal(size=(60, 2))
Y = X[:, 0] + 0.3 * SEEDED.normal(size=60)


def answers(x, y) -> dict[str, np.ndarray]:
    model = MDNRegressor(**QUICK).fit(x, y)
    return {"mean": model.predict(x), "quantiles": model.predict_quantiles(x)}


@pytest.mark.parametrize(("unit_x", "unit_y"), [(1e12, 1e-44), (1e-44, 1e12)])
def test_units_change_the_units_of_the_target_alone(unit_x, unit_y):
    plain, moved = answers(X, Y), answers(unit_x * X, unit_y * Y)
    for name, values in plain.items():
        np.testing.assert_allclose(moved[name] / unit_y, values, rtol=1e-8)


def test_five_thousand_inputs_of_sixty_rows():
    wide = SEEDED.normal(size=(60, 5000))
    for values in answers(wide, Y).values():
        assert np.isfinite(values).all()


def test_two_hundred_targets():
    y = Y[:, None] + SEEDED.normal(size=(60, 200))
    model = MDNRegressor(**QUICK, family="diagonal").fit(X, y)
    assert model.predict(X).shape == (60, 200)
    assert np.isfinite(model.predict(X)).all()
    assert np.isfinite(model.score(X, y))


def test_three_rows():
    for values in answers(X[:3], Y[:3]).values():
        assert np.isfinite(values).all()


def test_rows_that_are_there_twelve_times():
    for values in answers(np.repeat(X[:5], 12, axis=0), np.repeat(Y[:5], 12)).values():
        assert np.isfinite(values).all()


@pytest.mark.parametrize("kind", [int, bool])
def test_whole_numbers_and_flags_are_what_they_are_as_floats(kind):
    x, y = (np.floor(3 * values).clip(min=0).astype(kind) for values in (X, Y))
    got, expected = answers(x, y), answers(x.astype(float), y.astype(float))
    for name, values in expected.items():
        np.testing.assert_array_equal(got[name], values)


def test_a_model_worse_than_one_gaussian_is_said_to_be():
    """Full covariances of 200 targets are learned from no 300 rows."""
    draws = np.random.default_rng(0)
    x, y = draws.normal(size=(300, 2)), draws.normal(size=(300, 200))
    settings = {"smoothing": 0.0, "guard": 0.0}  # which would mend the worst of it
    model = MDNRegressor(2, "full", max_epochs=1, ensemble_size=1, settings=settings)
    model.set_params(random_state=0)
    with pytest.warns(UserWarning, match="worse than one Gaussian that ignores the inputs, by .*"):
        model.fit(x, y)
