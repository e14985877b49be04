"""What fixed seeds gave before the code was moved into rooms, and give still.

A change of the recipe changes these numbers on purpose; a change of the structure must not.
"""

from pathlib import Path

ROOT = Path(__file__).parents[1]

EXACT = {
    "EM": (["model=gmm_em", "data=random_clusters"], 3),
    "EM of a tied covariance": (
        ["model=gmm_em", "data=three_gaussians", "family=tied", "model.num_components=3"],
        3,
    ),
}
