"""Gaussian mixtures, their families and everything that is asked of them."""
