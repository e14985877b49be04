"""Register classes of the user, so that a checkpoint may name them."""

from collections.abc import Mapping

from hydra.utils import get_object

from mdn.app.errors import UserError
from mdn.app.targets import is_allowed


def register_own_parts(parts: Mapping[str, str | None]) -> None:
    """Register classes and functions of the user by role, under their paths.

    Raises:
        UserError: on a path that leads to nothing in a module of the user's own.
    """
    for role, path in parts.items():
        if path is not None:
            _register(role, path)


def _register(role: str, path: str) -> None:
    from mdn.model.registry import register  # with torch, once it is needed

    if not is_allowed(path):
        raise UserError(
            f"parts.{role} must be a class or a function in a module of your own, on "
            f"PYTHONPATH, as in periodic.Periodic; got {path!r}"
        )
    register(role, path, get_object(path))
