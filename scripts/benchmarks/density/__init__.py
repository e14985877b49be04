"""Test scores of the default recipe and of simple conditional densities, on real data."""
