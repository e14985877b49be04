"""Write a trained model in a format that other programs read."""

from pathlib import Path
from typing import TypedDict

from mdn.app.writable import check_writable
from mdn.data.write import replaced
from mdn.model.export_formats import FORMATS
from mdn.model.load import load


class ExportConfig(TypedDict):
    """The configuration of the command."""

    ckpt: str
    format: str
    out: str


def export(config: ExportConfig) -> None:
    """Write the model of a checkpoint to `out`, whole or not at all."""
    if config["format"] not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {config['format']!r}")
    out = Path(config["out"])
    check_writable(out)
    model = load(config["ckpt"])
    with replaced(out) as beside:
        FORMATS[config["format"]](model, beside)
    print(f"{config['format']}: {out}")
