"""Exact expectation maximisation for Gaussian mixtures (Dempster, Laird, Rubin 1977)."""

from mdn.fitting.em.ascent import Ascent, Tolerance, onto_family
from mdn.fitting.em.expectation import EStep
from mdn.fitting.em.fit import MixtureFit, check_mixture_fits, fit_em
from mdn.fitting.em.maximisation import m_step, revive
from mdn.fitting.em.rows import suitable_batch_size
from mdn.fitting.em.statistics import Statistics

__all__ = [
    "Ascent",
    "EStep",
    "MixtureFit",
    "Statistics",
    "Tolerance",
    "check_mixture_fits",
    "fit_em",
    "m_step",
    "onto_family",
    "revive",
    "suitable_batch_size",
]
