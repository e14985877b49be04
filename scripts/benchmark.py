"""Measure this package beside what else one could use.

benchmark.py [suite=all] [threads=1,2] [seconds=0.5] [device=cpu] [out=outputs/benchmark]
             [data=FOLDER] [splits=10] [problems=lane2,enb:y0+y1] [contenders=default,kernel]

Suites: likelihood, loop, ensemble, em, fit, density. FOLDER holds CSV files: suite fit takes all
of them, target last, and suite density those of its problems, of which the last three settings
choose (default, gaussian_network, neighbours, kernel and marginal contend).
"""

import sys
from importlib import import_module

from benchmarks import NEED_DATA, SUITES
from benchmarks.report import report
from benchmarks.settings import parse


def main(arguments: list[str]) -> None:
    """Run the suites that are asked for."""
    settings = parse(arguments)
    if settings.suite not in (*SUITES, "all"):
        raise ValueError(f"suite must be one of {[*SUITES, 'all']}, got {settings.suite!r}")
    measurable = [name for name in SUITES if settings.data or name not in NEED_DATA]
    for name in measurable if settings.suite == "all" else [settings.suite]:
        report(name, import_module(SUITES[name]).rows(settings), settings.out)


if __name__ == "__main__":
    if {"-h", "--help"} & set(sys.argv):
        sys.exit(__doc__)
    try:
        main(sys.argv[1:])
    except ValueError as error:
        sys.exit(f"benchmark: {error}")
