"""Measure this package beside what else one could use.

benchmark.py [suite=all] [threads=1,2] [seconds=0.5] [device=cpu] [out=outputs/benchmark]
             [data=FOLDER]

Suites: likelihood, loop, ensemble, em, fit. FOLDER holds CSV files, target last, for suite fit.
"""

import sys
from importlib import import_module

from mdn.benchmark import SUITES
from mdn.benchmark.report import report
from mdn.benchmark.settings import parse


def main(arguments: list[str]) -> None:
    """Run the suites that are asked for."""
    settings = parse(arguments)
    if settings.suite not in (*SUITES, "all"):
        raise ValueError(f"suite must be one of {[*SUITES, 'all']}, got {settings.suite!r}")
    for name in SUITES if settings.suite == "all" else [settings.suite]:
        report(name, import_module(SUITES[name]).rows(settings), settings.out)


if __name__ == "__main__":
    if {"-h", "--help"} & set(sys.argv):
        sys.exit(__doc__)
    try:
        main(sys.argv[1:])
    except ValueError as error:
        sys.exit(f"benchmark: {error}")
