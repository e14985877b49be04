"""An entry for ScoringBench (arXiv 2603.29928): `mdn_wrapper.py` goes there as it is.

`base.py` is a stand-in for what their package offers to a wrapper, so that the entry can be tried
without it; docs/benchmarks/scoringbench.md says what a pull request takes.
"""
