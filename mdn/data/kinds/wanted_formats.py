"""What a reader of text is asked for where the kinds of columns are known."""

from mdn.data.table import SaidKinds
from mdn.networks.kinds import KINDS

_WORDS = {made: word for word, made in KINDS.items()}
_FORMATS = {"category": "text"}


def wanted_formats(kinds: SaidKinds) -> dict[str, str]:
    """Return what columns shall be read as, by their names: "text" for a category."""
    words = {
        name: kind if isinstance(kind, str) else _WORDS[type(kind)] for name, kind in kinds.items()
    }
    return {name: _FORMATS.get(word, word) for name, word in words.items()}
