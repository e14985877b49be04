"""Figures of mixtures and data, without a display and without a framework."""

from mdn.plotting.component_usage import usage_figure
from mdn.plotting.coverage import coverage_figure
from mdn.plotting.density_figure import density_figure
from mdn.plotting.mixture_figure import mixture_figure
from mdn.plotting.partial_dependence import partial_dependence_figure
from mdn.plotting.pit_histogram import pit_figure
from mdn.plotting.pool_usage import pool_usage_figure
from mdn.plotting.reliability import reliability_figure
from mdn.plotting.slices import slices_figure

__all__ = [
    "coverage_figure",
    "density_figure",
    "mixture_figure",
    "partial_dependence_figure",
    "pit_figure",
    "pool_usage_figure",
    "reliability_figure",
    "slices_figure",
    "usage_figure",
]
