"""Measure this package beside the alternatives.

benchmark.py [suite=all] [threads=1,2] [seconds=0.5] [device=cpu] [out=outputs/benchmark]
             [data=FOLDER] [splits=10] [problems=lane2,enb:y0+y1] [contenders=default,kernel]
             [processes=2] [docs=docs/benchmarks]

Suites of speed: likelihood, loop, ensemble, em, fit. Suite density, real sets beside simple
estimators. These are suite=all. Suites of public sets, by their protocols and beside what others
have published:

  uci      nine regression sets with the standard splits, 20 or 5 of each
  boards   sets of arXiv 2603.26611, four splits of 5000 rows; NAME@20000 takes more
  tables   raw tables with text, gaps and dates, one split
  regret   synthetic problems whose density is known, seeds for splits
  folds    small raw tables out of fold; splits says how often the folds are drawn

FOLDER holds CSV files: suite fit takes all of them, target last; the others find the files of
their problems in it. The contenders of suite density are default, gaussian_network, neighbors,
kernel and marginal. Those of public sets are default, or with other settings as in
default+guard=0.01, and marginal, deep_ensemble, catboost and ngboost, of which the last two take
pip install 'mdn[rivals]'.

Jobs of public sets run on `processes` processes of threads[0] threads. Each result has a file of
its own in OUT/SUITE with all that it depends on: digests of the code and of the files, versions,
device. Another call measures only what is missing or depends on something that has changed. The
tables are written to OUT/SUITE.md, and into the page SUITE.md of `docs`.
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
