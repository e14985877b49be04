"""Measure this package beside the alternatives.

benchmark.py [suite=all] [threads=1,2] [seconds=0.5] [device=cpu] [out=outputs/benchmark]
             [data=FOLDER] [splits=10] [problems=lane2,enb:y0+y1] [contenders=default,kernel]

Suites: likelihood, loop, ensemble, em, fit, density; tables and folds, which all leaves out. FOLDER
holds CSV files: suite fit takes all of them, target last; suite density takes the files of its
problems; suites tables and folds take NAME.train.csv and NAME.test.csv of theirs. The last three
options belong to these. Contenders of suite density are default, gaussian_network, neighbors,
kernel and marginal, those of suite tables default and catboost. For suite folds, splits says how
often the folds are drawn.
"""

import sys
from importlib import import_module

from benchmarks import BY_NAME, NEED_DATA, SUITES
from benchmarks.options import parse
from benchmarks.output import report


def main(arguments: list[str]) -> None:
    """Run the suites that are asked for."""
    options = parse(arguments)
    if options.suite not in (*SUITES, "all"):
        raise ValueError(f"suite must be one of {[*SUITES, 'all']}, got {options.suite!r}")
    left_out = {*BY_NAME, *(() if options.data else NEED_DATA)}
    measurable = [name for name in SUITES if name not in left_out]
    for name in measurable if options.suite == "all" else [options.suite]:
        report(name, import_module(SUITES[name]).rows(options), options.out)


if __name__ == "__main__":
    if {"-h", "--help"} & set(sys.argv):
        sys.exit(__doc__)
    try:
        main(sys.argv[1:])
    except ValueError as error:
        sys.exit(f"benchmark: {error}")
