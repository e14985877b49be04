"""The report of an evaluation: pictures as files and in TensorBoard, and a page with everything."""

import io
from collections.abc import Sequence
from pathlib import Path

from mdn.app.event_file import EventLog
from mdn.app.keys_in_messages import in_keys
from mdn.app.run_directory import FIGURES, REPORT_FILE, read_fit_facts, trained_in
from mdn.data.rows import Rows
from mdn.data.write import make_folder, write_bytes, write_text
from mdn.model.model import Model
from mdn.report.evaluation import Scores
from mdn.report.page import Page, density_name, highlights, render
from mdn.report.pictures import DPI, Picture, pictures
from mdn.report.run_settings import run_settings
from mdn.report.score_tables import score_tables


def write_report(
    model: Model,
    table: Rows,
    scores: Scores,
    remarks: Sequence[str],
    ckpt: Path,
    run_dir: Path,
) -> None:
    """Write the pictures as files, and one page that holds them and everything else."""
    images = list(pictures(model, table.sample, scores, trained_in(ckpt)))
    save_pictures(images, run_dir / FIGURES)
    log_pictures(images, run_dir)
    page = Page(
        density_name(table.input_names, table.target_names),
        f"{len(table)} rows, scored by {ckpt}",
        highlights(scores.metrics),
        score_tables(scores, table.target_names),
        images,
        run_settings(model.card, read_fit_facts(trained_in(ckpt))),
        [in_keys(remark) for remark in remarks],
    )
    write_text(render(page), run_dir / REPORT_FILE)


def save_pictures(images: Sequence[Picture], folder: Path) -> None:
    """Write each picture as PNG and as SVG."""
    make_folder(folder)
    for picture in images:
        write_bytes(picture.svg, folder / f"{picture.name}.svg")
        drawing = io.BytesIO()
        picture.figure.savefig(drawing, format="png", dpi=DPI)
        write_bytes(drawing.getvalue(), folder / f"{picture.name}.png")


def log_pictures(images: Sequence[Picture], run_dir: Path) -> None:
    """Add each picture to a TensorBoard log."""
    with EventLog(str(run_dir)) as writer:
        for picture in images:
            writer.add_figure(f"figures/{picture.name}", picture.figure, close=False)
