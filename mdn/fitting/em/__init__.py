"""Exact expectation maximization for Gaussian mixtures (Dempster, Laird, Rubin 1977)."""

from mdn.fitting.em.course import Ascent, Tolerance, onto_family
from mdn.fitting.em.expectation import EStep
from mdn.fitting.em.maximization import m_step
from mdn.fitting.em.mixture_fit import MixtureFit, check_mixture_fits, fit_em
from mdn.fitting.em.patterns import observed_patterns
from mdn.fitting.em.revival import revive
from mdn.fitting.em.rows import e_step_rows
from mdn.fitting.em.statistics import Statistics

__all__ = [
    "Ascent",
    "EStep",
    "MixtureFit",
    "Statistics",
    "Tolerance",
    "check_mixture_fits",
    "e_step_rows",
    "fit_em",
    "m_step",
    "observed_patterns",
    "onto_family",
    "revive",
]
