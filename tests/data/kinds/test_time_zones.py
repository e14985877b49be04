"""Moments with a time zone are no moments without one: they would lie hours apart in silence."""

from datetime import datetime, timedelta, timezone

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
import torch

import mdn
from mdn.app.predictor import Predictor
from mdn.data.files import open_rows
from mdn.model.prediction_columns import ColumnSettings
from mdn.networks.kinds import Time
from mdn.training.file_data import FileData

OSLO, UTC = timezone(timedelta(hours=1)), timezone(timedelta(0))
NAMES = {OSLO: "+01:00", UTC: "UTC"}
MOMENTS = [datetime(2024, 1, 1) + timedelta(hours=7 * i) for i in range(60)]
BESIDE = {"with": "without a time zone", "without": "with a time zone"}


def rows(*, zone=None):
    """The same clock times, in a zone or in none."""
    type_ = pa.timestamp("us", NAMES.get(zone))
    moments = [moment.replace(tzinfo=zone) for moment in MOMENTS]
    y = torch.randn(len(MOMENTS), generator=torch.Generator().manual_seed(0)).numpy()
    return pa.table({"when": pa.array(moments, type_), "y": pa.array(y)})


def write(table, path):
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    else:
        texts = pa.array([each.isoformat() for each in table.column("when").to_pylist()])
        pc.write_csv(table.set_column(0, "when", texts), path)
    return path


@pytest.fixture(params=["with", "without"])
def case(request):
    """Whether training has a zone, such rows, and others of which one answer would be wrong."""
    both = {"with": rows(zone=OSLO), "without": rows()}
    (other,) = set(both) - {request.param}
    return request.param, both[request.param], both[other]


@pytest.fixture
def model(case):
    return mdn.fit(mdn.Recipe(max_epochs=1, ensemble_size=1), case[1], targets="y")


def test_a_model_refuses_the_other_moments(case, model, tmp_path):
    known, train, other = case
    model.save(tmp_path / "model.ckpt")
    model = mdn.load(tmp_path / "model.ckpt")
    (kind,) = model.card.fitted_kinds
    assert kind.zoned is (known == "with")
    answer = model.predict(train).mean
    text = [each.isoformat() for each in train.column("when").to_pylist()]
    assert torch.equal(model.predict(pa.table({"when": text})).mean, answer)
    texts = [each.isoformat() for each in other.column("when").to_pylist()]
    for wrong in (other, other.to_pandas(), pa.table({"when": texts})):
        with pytest.raises(ValueError, match=f"'when' holds moments {BESIDE[known]}"):
            model.predict(wrong)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_predictions_for_a_file_refuse_the_other_moments(case, model, tmp_path, ending):
    known, train, other = case
    paths = [write(table, tmp_path / f"{i}.{ending}") for i, table in enumerate((train, other))]
    settings = ColumnSettings(["mean"], [], 0.9, 1)
    for path, right in zip(paths, (True, False), strict=True):
        reader = open_rows(path)
        tables = Predictor.for_file(model, settings, reader, [], 0).tables(reader)
        if right:
            assert sum(len(table) for table in tables) == len(MOMENTS)
        else:
            with pytest.raises(ValueError, match=BESIDE[known]):
                next(tables)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kinds", [None, {"when": "time"}])
def test_parts_in_files_of_their_own_refuse_the_other_moments(
    case, tmp_path, ending, stream, kinds
):
    known, train, other = case
    paths = [write(table, tmp_path / f"{i}.{ending}") for i, table in enumerate((train, other))]
    for val_path in paths:
        data = FileData(
            paths[0], "y", kinds=kinds, val_path=val_path, test_path=paths[0], stream=stream
        )
        if val_path == paths[0]:
            assert data.train_table.kinds[0].zoned is (known == "with")
        else:
            with pytest.raises(ValueError, match=BESIDE[known]):
                _ = data.tables


def test_two_zones_are_the_same_moments():
    model = mdn.fit(mdn.Recipe(max_epochs=1, ensemble_size=1), rows(zone=OSLO), targets="y")
    moved = [each.replace(tzinfo=OSLO).astimezone(UTC) for each in MOMENTS]
    frame = pa.table({"when": pa.array(moved, pa.timestamp("us", "UTC"))})
    assert torch.equal(model.predict(frame).mean, model.predict(rows(zone=OSLO)).mean)


def test_a_model_that_does_not_know_of_zones_takes_both(tmp_path):
    table = mdn.Table.from_frame(rows(), "y", kinds={"when": Time()})
    assert table.kinds[0].zoned is None
    model = mdn.fit(mdn.Recipe(max_epochs=1, ensemble_size=1), table)
    for zone in (None, OSLO):
        assert len(model.predict(rows(zone=zone)).mean) == len(MOMENTS)
