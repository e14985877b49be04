"""One distribution per row of a file, in the user's units, as a table."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from jaxtyping import Float
from pyarrow import csv, parquet
from torch import Tensor

from mdn.data.files import read_columns
from mdn.mixture import GaussianMixture
from mdn.module import MDNModule
from mdn.run.build import load

_ROWS_AT_ONCE = 65536

WRITERS: dict[str, Callable[[pa.Table, Path], None]] = {
    ".parquet": lambda table, path: parquet.write_table(table, path),
    ".csv": lambda table, path: csv.write_csv(table, path),
}


def predict(config: dict[str, Any]) -> None:
    """Write mean, standard deviation, weights, means and sigmas of every row to `out`."""
    out = Path(config["out"])
    _check_out(out)
    module = load(config["ckpt"])
    x = read_columns(config["data"]["path"], module.recipe["inputs"])
    tables = [prediction_columns(module, rows) for rows in x.split(_ROWS_AT_ONCE)]
    beside = out.with_name(f".{out.name}.part")
    try:
        WRITERS[out.suffix](pa.concat_tables(tables), beside)
        os.replace(beside, out)
    finally:
        beside.unlink(missing_ok=True)
    print(f"{len(x)} rows predicted: {out}")


def prediction_columns(module: MDNModule, x: Float[Tensor, "N P"]) -> pa.Table:
    """Columns of one prediction a row.

    `mean_<target>` and `std_<target>` of the whole mixture, then for each component k its weight
    `pi_<k>`, its mean `mu_<target>_<k>` and its standard deviation `sigma_<target>_<k>`.
    """
    with torch.inference_mode():
        mixture = module(x)
        return pa.table(
            {name: column.numpy() for name, column in _columns(mixture, module.recipe["targets"])}
        )


def _columns(mixture: GaussianMixture, targets: list[str]) -> list[tuple[str, Tensor]]:
    components = range(mixture.num_components)
    mean, std, pi, sigma = mixture.mean, mixture.std, mixture.pi, mixture.sigma
    moments = [
        (f"{kind}_{target}", value[:, d])
        for kind, value in (("mean", mean), ("std", std))
        for d, target in enumerate(targets)
    ]
    weights = [(f"pi_{k}", pi[:, k]) for k in components]
    parameters = [
        (f"{kind}_{target}_{k}", value[:, k, d])
        for kind, value in (("mu", mixture.mu), ("sigma", sigma))
        for d, target in enumerate(targets)
        for k in components
    ]
    return moments + weights + parameters


def _check_out(out: Path) -> None:
    if out.suffix not in WRITERS:
        raise ValueError(f"out must end with one of {', '.join(WRITERS)}, got {str(out)!r}")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {out.parent} to write {out.name} in; make it")
