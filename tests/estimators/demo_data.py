"""The rows of a well-known demonstration of mixtures by gradient descent, seed by seed."""

import numpy as np


def demo_rows(seed: int, correlated: bool) -> np.ndarray:
    """1000 rows in five clusters of two targets, centres uniform within 8.

    The order of the draws, and so the legacy generator, is that of the demonstration: with seed
    42 and correlated targets the best likelihood is -4.0518.
    """
    random = np.random.RandomState(seed)
    random.random_sample(1)
    clusters = []
    for _ in range(5):
        centre = random.uniform(-8.0, 8.0, 2)
        if correlated:
            covariance = np.corrcoef(random.normal(0, 1, (2, 10)))
        else:
            covariance = np.diag(random.random_sample(2))
        clusters.append(random.multivariate_normal(centre, covariance, 200))
    return np.concatenate(clusters).astype(np.float32)
