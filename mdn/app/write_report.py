"""The report of an evaluation: pictures as files and in TensorBoard, and a page with everything."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from mdn.app.claims import CLAIMS
from mdn.app.event_file import EventLog
from mdn.app.keys_in_messages import in_keys
from mdn.app.run_directory import FIGURES, REPORT_FILE, read_fit_facts, trained_in
from mdn.app.written_files import EVALUATION_LOG
from mdn.data.rows import Rows
from mdn.data.write import make_folder, write_together
from mdn.model.adjustments import in_words
from mdn.model.model import Model
from mdn.report.evaluation import Scores
from mdn.report.page import Page, density_name, highlights, render
from mdn.report.pictures import DPI, Picture, pictures
from mdn.report.run_settings import run_settings
from mdn.report.score_tables import score_tables


def report_files(
    model: Model,
    table: Rows,
    scores: Scores,
    remarks: Sequence[str],
    ckpt: Path,
    run_dir: Path,
) -> dict[str, bytes]:
    """Return the pictures, and one page that holds them and everything else, by their names.

    The pictures are in a TensorBoard log by then.
    """
    images = list(pictures(model, table.sample, scores, trained_in(ckpt)))
    log_pictures(images, run_dir)
    page = Page(
        density_name(table.input_names, table.target_names),
        f"{len(table)} rows, scored by {ckpt}",
        highlights(scores.metrics),
        score_tables(scores, table.target_names),
        images,
        run_settings(
            model.card,
            read_fit_facts(trained_in(ckpt)),
            in_words(model.card, model.targets.factor.tolist()),
        ),
        [in_keys(remark) for remark in remarks],
    )
    return _drawn(images) | {REPORT_FILE: render(page).encode()}


def write_evaluation(files: Mapping[str, bytes], run_dir: Path) -> None:
    """Write all files of an evaluation, and then remove those of an earlier one beside them.

    Args:
        files: their contents, by their names in the directory.
        run_dir: the directory.
    """
    claim, run_dir = CLAIMS.of(run_dir), run_dir.absolute()
    settings = {name: text.encode() for name, text in claim.settings.items()} if claim else {}
    contents = {run_dir / name: content for name, content in {**settings, **files}.items()}
    for folder in {path.parent for path in contents}:
        make_folder(folder)
    write_together(contents)
    if claim:
        claim.remove_replaced({run_dir / name for name in files})


def _drawn(images: Sequence[Picture]) -> dict[str, bytes]:
    """Return each picture as PNG and as SVG."""
    files = {}
    for picture in images:
        png = io.BytesIO()
        picture.figure.savefig(png, format="png", dpi=DPI)
        files[f"{FIGURES}/{picture.name}.svg"] = picture.svg
        files[f"{FIGURES}/{picture.name}.png"] = png.getvalue()
    return files


def log_pictures(images: Sequence[Picture], run_dir: Path) -> None:
    """Add each picture to a TensorBoard log."""
    with EventLog(str(run_dir), filename_suffix=EVALUATION_LOG) as writer:
        for picture in images:
            writer.add_figure(f"figures/{picture.name}", picture.figure, close=False)
