"""Side-by-side measurements; a suite is one module with `rows(options)`, named in `SUITES`."""

SUITES = {
    "likelihood": "benchmarks.likelihood_speed",
    "loop": "benchmarks.epochs",
    "ensemble": "benchmarks.ensemble_epochs",
    "em": "benchmarks.em_updates",
    "fit": "benchmarks.time_to_nll",
    "density": "benchmarks.density.comparison",
    "uci": "benchmarks.public.suite",
    "boards": "benchmarks.public.suite",
    "tables": "benchmarks.public.suite",
    "regret": "benchmarks.public.suite",
    "folds": "benchmarks.tables.folds",
}
"""The module of each suite; it is imported only when the suite is asked for."""

NEED_DATA = ("density",)
"""Suites that need a folder of data; suite=all leaves them out where there is none."""

BY_NAME = ("uci", "boards", "tables", "regret", "folds")
"""Suites that take long, most with a folder of public sets, and are not part of suite=all."""
