"""The commands and the code of README.md and docs/, as they are typed there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
EXAMPLES = ROOT / "docs" / "examples.md"
TABLES = ROOT / "docs" / "tables.md"
RUNS = ROOT / "docs" / "runs.md"

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^ {4}(\S.*)$", re.MULTILINE)
_QUOTED = re.compile(r"`([^`]+)`")
_COMMAND = re.compile(r"(python3? |scripts/\S+ |tensorboard |torchrun |pytest |pip |cat )")
_OPTION = re.compile(r"'?[+~]?[a-z_]+(\.[a-z_]+)*(=\S|'$)")
_ADDED = re.compile(r"^\|[^|]+\| (`[^|]*`)", re.MULTILINE)


def commands(document: Path) -> list[str]:
    """Every indented line and every command between backticks, in order, each once."""
    text = _FENCED.sub("", document.read_text(encoding="utf-8"))
    found = [(match.start(), match[1]) for match in _INDENTED.finditer(text)]
    found += [
        (match.start(), " ".join(match[1].split()))
        for match in _QUOTED.finditer(_INDENTED.sub(lambda line: " " * len(line[0]), text))
    ]
    return list(dict.fromkeys(typed for _, typed in sorted(found) if _COMMAND.match(typed)))


def additions(document: Path) -> list[str]:
    """What the table "you want | you add" says to add to a command."""
    table = document.read_text(encoding="utf-8").partition("| you want | you add |")[2]
    return [quoted[0].strip("`") for quoted in map(_QUOTED.search, _cells(table)) if quoted]


def _cells(table: str) -> list[str]:
    return [match[1] for match in _ADDED.finditer(table.partition("\n\n")[0])]


def options(document: Path) -> list[str]:
    """What between backticks looks like something to add to a command."""
    quoted = _QUOTED.findall(_FENCED.sub("", document.read_text(encoding="utf-8")))
    typed = [" ".join(text.split()) for text in quoted]
    return list(dict.fromkeys(text for text in typed if _OPTION.match(text)))


def code(document: Path) -> list[str]:
    """The blocks of Python, in order."""
    blocks = _FENCED.findall(document.read_text(encoding="utf-8"))
    return [block for language, block in blocks if language == "python"]


def printed(document: Path) -> list[str]:
    """The blocks of no language, which show what commands print, in order."""
    blocks = _FENCED.findall(document.read_text(encoding="utf-8"))
    return [block for language, block in blocks if not language]
