"""The code of the documents runs, block after block, on what their commands have left."""

import sys
import textwrap

import pytest
from cases import EXAMPLES
from documents import EXAMPLES as EXAMPLES_FILE
from documents import README, code

README_INSTEAD = {
    '"outputs/train/.../checkpoints/best.ckpt"': 'RUN + "/checkpoints/best.ckpt"',
    'family="full").fit(X, y)': 'family="full", max_epochs=11).fit(X, y)',
    'mdn.fit({"family": "full"}, frame, targets=["price", "rent"])': (
        'mdn.fit({"family": "full", "max_epochs": 11}, renamed, targets=["price", "rent"])'
    ),
    "predict(frame)\nmixture.marginal": "predict(renamed)\nmixture.marginal",
    "model.plot(frame,": "model.plot(renamed,",
}

README_BEFORE = """
import numpy as np
import pandas as pd
import torch

frame = pd.read_csv("new.csv")
y = frame[["y0", "y1"]].to_numpy()
generator = np.random.default_rng(0)
X = generator.normal(size=(600, 2))
"""

README_AFTER = [
    """
assert mixture.mean.shape == mixture.std.shape == (50, 2)
components = model.num_components  # 8 networks of 10, and perhaps a guard
assert mixture.pi.shape == (50, components)
assert mixture.mu.shape == mixture.sigma.shape == (50, components, 2)
assert mixture.log_prob(y).shape == (50,)
assert mixture.quantile([0.05, 0.5, 0.95]).shape == (3, 50, 2)
assert mixture.sample((1000,)).shape == (1000, 50, 2)
renamed = frame.rename(columns={"x": "age", "y0": "price", "y1": "rent"})
""",
    """
assert mixture.target_names == ("price", "rent")
reordered = renamed[["rent", "price"]]
assert torch.equal(mixture.log_prob(reordered), mixture.log_prob(renamed))
assert mixture.condition({"price": 3.2}).target_names == ("rent",)
assert mixture.to_frame().index.equals(frame.index)
assert recipe.ensemble_size == 4 and wider.describe()["backbone"]["width"] == 128
y = 2 * X[:, 0] + 0.3 * generator.normal(size=600)
""",
    """
assert -0.4 < regressor.score(X, y) < 0  # the best is -log(0.3 sqrt(2 pi e)) = -0.21
assert ((regressor.predict(X) - 2 * X[:, 0]) ** 2).mean() < 0.05
lower, upper = regressor.predict_interval(X, 0.9).T
assert 0.8 < ((lower < y) & (y < upper)).mean() < 0.99
noise, doubt = regressor.predict_uncertainty(X)
assert 0.2 < np.median(noise) < 0.5 and np.median(doubt) < np.median(noise)
assert len(table) == 12 and gmm.predict_proba(X).shape == (600, 3)
""",
]

EXAMPLES_AFTER = [
    """
assert abs(mixture.mean.item() - 0.5) < 0.1
held = region.lower[~region.lower.isnan()], region.upper[~region.upper.isnan()]
assert (held[0] < held[1]).all() and mixture.cdf(held[1][-1:, None]).item() > 0.9
""",
    """
assert 40 < mixture.mean.item() < 62
assert 0 < mixture.cdf(45.0).item() < 0.3
lower, upper = mixture.interval(0.9)
assert lower.item() < 57 < upper.item()
""",
    """
assert given.std.item() < mixture.marginal([1]).std.item()
""",
]


def substituted(block: str, instead: dict[str, str]) -> str:
    for old, new in instead.items():
        block = block.replace(old, new)
    return block


@pytest.fixture
def python(shell, folder):
    """Run a program in the folder of the commands."""

    def program(text: str, name: str) -> None:
        (folder / name).write_text(text)
        shell(f"{sys.executable} {name}")

    return program


def test_the_code_of_the_readme_runs(python, first_run):
    blocks = code(README)
    assert len(blocks) == len(README_AFTER), "say what must come of the new block"
    for old in README_INSTEAD:
        assert any(old in block for block in blocks), f"no longer in README.md: {old}"
    parts = [f"RUN = {str(first_run)!r}", README_BEFORE]
    for block, after in zip(blocks, README_AFTER, strict=True):
        parts += [substituted(block, README_INSTEAD), after]
    python(textwrap.dedent("\n".join(parts)), "readme_code.py")


def test_the_code_of_the_examples_runs(python, shell):
    for typed, cases in EXAMPLES.items():
        if "--multirun" not in typed:
            shell(cases[0].line(typed, ""))
    blocks = code(EXAMPLES_FILE)
    assert len(blocks) == len(EXAMPLES_AFTER), "say what must come of the new block"
    both = zip(blocks, EXAMPLES_AFTER, strict=True)
    python("\n".join(part for pair in both for part in pair), "examples_code.py")
