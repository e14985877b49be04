"""Mixture and data to a figure, without a display and without a framework."""

from mdn.plotting.figure import density_figure

__all__ = ["density_figure"]
