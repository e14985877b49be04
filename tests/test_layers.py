"""Rooms import only upward in the table of docs/design.md, and only the libraries it names."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "mdn"
DESIGN = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")

ROOMS = {
    name: [{*re.findall(r"\w+", cell)} for cell in cells]
    for name, *cells in re.findall(
        r"^\| `(\w+)` \|[^|]+\|([^|]*)\|([^|]*)\|$", DESIGN, re.MULTILINE
    )
}
"""By room: the libraries it imports, and those it imports only when they are needed."""

EVERYWHERE = {"torch", "numpy", "jaxtyping"}

CONVENIENCES: dict[str, dict[str, str]] = {
    "distributions/abstract.py": {"to_frame": "model"},
}
"""Functions that import from a room below their own, by file, and that room."""

LOADS = "import sys, mdn; mdn.load; print(*sys.modules)"
NOT_LOADED = {"hydra", "lightning", "matplotlib", "omegaconf", "pyarrow", "sklearn", "torchmetrics"}

FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE)
each_file = pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


def modules(node: ast.AST) -> list[str]:
    """The modules that a statement imports, as in "mdn.data.table"."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "a relative import"
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def imports(tree: ast.AST) -> set[str]:
    return {name for node in ast.walk(tree) for name in modules(node)}


def imports_at_the_top(tree: ast.Module) -> set[str]:
    return {name for node in tree.body for name in modules(node)}


def libraries(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names} - sys.stdlib_module_names - EVERYWHERE - {"mdn"}


def rooms(names: set[str]) -> set[str]:
    return {name.split(".")[1] for name in names if name.startswith("mdn.")}


def conveniences(path: Path, tree: ast.AST) -> set[str]:
    """The imports of a file that `CONVENIENCES` allows."""
    allowed = CONVENIENCES.get(str(path.relative_to(PACKAGE)), {})
    return {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name in allowed
        for name in imports(node)
        if name.startswith(f"mdn.{allowed[node.name]}.")
    }


def test_every_room_has_its_row():
    assert {room(path) for path in FILES} == ROOMS.keys()


@each_file
def test_imports_point_upward(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    *above, own = list(ROOMS)[: list(ROOMS).index(room(path)) + 1]
    below = rooms(imports(tree) - conveniences(path, tree)) - {*above, own}
    assert not below, f"{own} lies above {sorted(below)} in docs/design.md"


@each_file
def test_libraries_stay_in_their_rooms(path):
    at_the_top, when_needed = ROOMS[room(path)]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert libraries(imports_at_the_top(tree)) <= at_the_top
    assert libraries(imports(tree)) <= at_the_top | when_needed


@pytest.mark.parametrize("name", ROOMS)
def test_every_library_of_a_room_is_imported(name):
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in FILES if room(path) == name]
    used = libraries({name for tree in trees for name in imports(tree)})
    assert used == set.union(*ROOMS[name])


def test_every_convenience_is_there():
    for file, functions in CONVENIENCES.items():
        tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
        named = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert functions.keys() <= named


def test_loading_a_model_needs_torch_alone():
    found = subprocess.run(
        [sys.executable, "-c", LOADS], capture_output=True, text=True, check=True
    )
    assert not NOT_LOADED & {*found.stdout.split()}
