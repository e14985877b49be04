"""Imports point upward: a room looks only into those above it in docs/design.md."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "mdn"

ROOMS = [
    "distributions",
    "metrics",
    "plotting",
    "networks",
    "data",
    "model",
    "fitting",
    "training",
    "report",
    "estimators",
    "app",
]
"""Packages of mdn/, from the one that needs none of the others down to the command line."""

LIBRARIES = {
    "hydra": {"app"},
    "omegaconf": {"app"},
    "lightning": {"training", "estimators", "app"},
    "matplotlib": {"plotting", "training", "report"},
}
"""Libraries that only these rooms may import; the numeric core knows none of them."""

EXCEPTIONS = {
    "model/load.py": {"training"},
    "model/parts.py": {"training", "fitting"},
    "estimators/regressor.py": {"app"},
}
"""Files that also look into other rooms."""

FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE)


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


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


def test_every_room_has_its_place():
    unknown = {room(path) for path in FILES} - set(ROOMS)
    assert not unknown, f"add to ROOMS, in its place from the bottom up: {sorted(unknown)}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_upward(path):
    known = {*ROOMS[: ROOMS.index(room(path)) + 1]}
    known |= EXCEPTIONS.get(str(path.relative_to(PACKAGE)), set())
    inner = [name.split(".")[1] for name in imports(path) if name.startswith("mdn.")]
    assert set(inner) <= known


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_libraries_stay_in_their_rooms(path):
    used = {name.split(".")[0] for name in imports(path)}
    assert not [name for name in used if room(path) not in LIBRARIES.get(name, {room(path)})]
