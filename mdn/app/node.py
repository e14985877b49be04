"""The type of a composed configuration."""

from typing import Any

Node = dict[str, Any]
"""Plain settings by their keys; a node that names a `_target_` is something to instantiate."""
