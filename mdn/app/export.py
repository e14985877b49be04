"""Write a trained model in a format that other programs read."""

from pathlib import Path
from typing import TypedDict

from mdn.app.claims import claimed_file
from mdn.app.writable import check_writable
from mdn.data.write import write_together
from mdn.model.export_formats import FORMATS
from mdn.model.input_codes import ENDING, columns_json
from mdn.model.load import load
from mdn.training.stop_signals import signals


class ExportConfig(TypedDict):
    """The configuration of the command."""

    ckpt: str
    format: str
    out: str


def export(config: ExportConfig) -> None:
    """Write the model of a checkpoint to `out`, whole or not at all.

    Beside a file that takes codes another explains them, and neither is there without the other.
    """
    if config["format"] not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {config['format']!r}")
    kind, out = FORMATS[config["format"]], Path(config["out"])
    _check_ending(config["format"], out)
    explained = [out.with_name(out.name + ENDING)] if kind.takes_codes else []
    for path in (out, *explained):
        check_writable(path)
    with claimed_file(out, "export"):
        model = load(config["ckpt"])
        explanations = {path: columns_json(model.card).encode() for path in explained}
        with signals.waiting():  # libraries that trace a model hide what is raised in it
            content = kind.content(model)
        write_together({out: content, **explanations})
    print(f"{config['format']}: {', '.join(map(str, (out, *explained)))}")


def _check_ending(name: str, out: Path) -> None:
    meant = [other for other, kind in FORMATS.items() if kind.ending == out.suffix.lower()]
    if meant and name not in meant:
        raise ValueError(
            f"out={out} has the ending of format={meant[0]}, and format is {name}; ask for "
            f"format={meant[0]}, or name a file that ends with {FORMATS[name].ending}"
        )
