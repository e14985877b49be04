"""Exact expectation maximisation for Gaussian mixtures (Dempster, Laird, Rubin 1977)."""

from mdn.em.ascent import Ascent, Tolerance, onto_family
from mdn.em.expectation import EStep
from mdn.em.fit import MixtureFit, check_mixture_fits, fit_em
from mdn.em.maximisation import m_step, revive
from mdn.em.rows import suitable_batch_size
from mdn.em.statistics import Statistics

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
