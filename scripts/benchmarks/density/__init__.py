"""Test scores of the default recipe and of simple conditional density estimators, on real data."""
