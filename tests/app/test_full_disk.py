"""A file that cannot be written whole leaves the earlier one as it was."""

import errno
import os

import numpy as np
import pyarrow as pa
import pytest
from checkpoints import rows, save, untrained
from pyarrow import parquet

resource = pytest.importorskip("resource", reason="limits the size of files")


@pytest.fixture
def full_disk():
    """No file grows beyond 100 kB from here on, which fails as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def new(tmp_path):
    """A model, and 2000 rows to predict for."""
    save(untrained("model.num_components=3"), tmp_path / "model.ckpt")
    x = rows(2000).numpy()
    parquet.write_table(pa.table({f"x{i}": x[:, i] for i in range(3)}), tmp_path / "new.parquet")


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_earlier_predictions_survive_a_full_disk(script, new, tmp_path, full_disk, ending):
    out = tmp_path / f"out.{ending}"
    earlier = np.random.default_rng(0).bytes(1000)
    out.write_bytes(earlier)
    asked = ["columns=[samples]", "samples=50", f"out={out}", "data.path=new.parquet"]
    status, _, said = script("predict", "ckpt=model.ckpt", *asked)
    assert status == 1
    assert os.strerror(errno.EFBIG) in said
    assert "Traceback" not in said
    assert out.read_bytes() == earlier
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {"model.ckpt", "new.parquet", out.name}
