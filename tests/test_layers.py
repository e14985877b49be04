"""Imports point upward: a module knows only those before it in this table."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "mdn"

LAYERS = [
    "checks",
    "plain",
    "registry",
    "numbers",
    "arguments",
    "indexing",
    "weights",
    "units",
    "normal",
    "triangular",
    "scale",
    "likelihood",
    "parameters",
    "values",
    "questions",
    "mixture",
    "families",
    "sizes",
    "head",
    "networks",
    "sharpness",
    "stacked",
    "ensemble",
    "singularity",
    "start",
    "em",
    "metrics",
    "recalibration",
    "objectives",
    "answers",
    "plotting",
    "data",
    "schedules",
    "processes",
    "mixture_module",
    "export",
    "module",
    "em_module",
    "model",
    "callbacks",
    "estimators",
    "report",
    "run",
    "regressor",
    "benchmark",
]
"""Modules and packages of mdn/ from the bottom up; what is inside a package is one layer."""

LIBRARIES = {
    "hydra": {"run"},
    "omegaconf": {"run"},
    "lightning": {
        "data",
        "mixture_module",
        "module",
        "em_module",
        "callbacks",
        "estimators",
        "run",
        "regressor",
        "benchmark",
    },
    "matplotlib": {"plotting", "callbacks", "report"},
}
"""Libraries that only these layers may import; the numeric core knows none of them."""

FILES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem[0] != "_"
)


def layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> list[str]:
    """Every module a file imports, at its top or inside a function."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def test_every_module_has_its_place():
    unknown = {layer(path) for path in FILES} - set(LAYERS)
    assert not unknown, f"add to LAYERS, in its place from the bottom up: {sorted(unknown)}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_upward(path):
    known = LAYERS[: LAYERS.index(layer(path)) + 1]
    inner = [name.split(".")[1] for name in imports(path) if name.startswith("mdn.")]
    assert set(inner) <= set(known)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_libraries_stay_in_their_layers(path):
    used = {name.split(".")[0] for name in imports(path)}
    assert not [name for name in used if layer(path) not in LIBRARIES.get(name, {layer(path)})]
