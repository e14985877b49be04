"""Learn a conditional density p(y given x): mixture density networks and Gaussian mixtures."""
