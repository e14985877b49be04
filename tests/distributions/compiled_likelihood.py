"""The compiled likelihood held against the plain formula; prints what happened on the way.

Run by `test_likelihood.py`: compiled_likelihood.py TARGETS FAMILY...
"""

import json
import sys
import warnings
from pathlib import Path

import torch

sys.path.append(str(Path(__file__).parents[1]))
from family_list import FAMILIES
from test_likelihood import at_once, gradients, parts

from mdn.distributions.likelihood import log_prob, plain_log_prob, use_compiled

ROWS = (16, 7, 9, 30)


def check(family, targets: int) -> None:
    for rows in ROWS:
        tensors, scale = parts(family, rows, targets=targets)
        got, expected = (gradients(f, scale, tensors) for f in (log_prob, plain_log_prob))
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-10)
        above = torch.linspace(0.5, 2, rows, dtype=torch.float64)
        torch.testing.assert_close(*at_once(scale, tensors, above), rtol=1e-9, atol=1e-10)


def main(targets: str, *names: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        use_compiled(True)
        for name in names:
            check(FAMILIES[name], int(targets))
    own = [str(w.message) for w in caught if not issubclass(w.category, DeprecationWarning)]
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    print(json.dumps({"graphs": graphs, "warnings": own}))


if __name__ == "__main__":
    main(*sys.argv[1:])
