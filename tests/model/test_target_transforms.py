"""Models of targets on another scale: cards, checkpoints, answers and exports."""

import json
from dataclasses import replace

import pytest
import torch
from checkpoints import rows, save
from small_runs import make_module

import mdn
from mdn.data.table import Table
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.transformed.log_scales import LogitTransform, LogTransform
from mdn.distributions.transformed.mixture import TransformedMixture
from mdn.distributions.transformed.transforms import Identity
from mdn.model.checkpoint import CARD, read_checkpoint, write_checkpoint
from mdn.model.export_formats import safetensors_bytes
from mdn.model.exportable import PlainModel
from mdn.model.prediction_columns import COLUMNS, ColumnSettings, Prediction
from mdn.model.target_transforms import described, transforms_of

F64 = torch.float64
CARDS = {"price": {"kind": "log", "low": 0.0}}


def table(count=60):
    x = rows(count, 2)
    noise = torch.randn(count, 2, dtype=F64)
    y = torch.stack([(3 + 0.4 * noise[:, 0]).exp(), 5 + noise[:, 1]], 1)
    return Table(x, y, None, ["a", "b"], ["price", "size"])


@pytest.fixture
def model():
    """Started from rows, never trained: price on a log scale, size on its own."""
    module = make_module(num_inputs=2, ensemble_size=2, num_components=3)
    settings = module.settings.describe()
    module.model.card = replace(module.model.card, transforms=CARDS, model=settings)
    module.start(table())
    return module.model.eval()


def test_a_setting_becomes_a_description_for_each_target():
    log = {"kind": "log", "low": 0.0}
    assert described(None, ["a"]) == {}
    assert described("log", ["a", "b"]) == {"a": log, "b": log}
    assert described({"b": "log"}, ["a", "b"]) == {"b": log}
    given = {"b": {"kind": "logit", "high": 100}}
    assert described(given, ["a", "b"]) == {"b": {"kind": "logit", "low": 0.0, "high": 100}}


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("lgo", "must be one of log, logit, got 'lgo'; did you mean log"),
        ({"prise": "log"}, "names 'prise', which is no target.*did you mean 'price'"),
        ({"price": 3}, "settings with a 'kind', got 3"),
        ({"price": {"kind": "log", "base": 2}}, "has no setting 'base'"),
        ({"price": {"kind": "log", "low": "zero"}}, "low must be a number, got 'zero'"),
        ({"price": {"kind": "logit", "low": 1}}, "high must lie above low"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(setting, said):
    with pytest.raises(ValueError, match=said):
        described(setting, ["price"])


def test_a_card_tells_the_transform_of_each_target(model):
    assert transforms_of(model.card) == (LogTransform(), Identity())
    assert transforms_of(replace(model.card, transforms={})) == ()


def test_answers_are_on_the_scale_of_the_user(model):
    x, y = rows(5, 2), table(5).y
    mixture = model(x)
    assert isinstance(mixture, TransformedMixture)
    assert mixture.target_names == ("price", "size")
    assert (mixture.cdf(torch.zeros(5, 2, dtype=F64))[:, 0] == 0).all()
    standardized, z = model.standardized(x, y)
    units = model.targets.log_det() + model.targets.row_units(y)
    torch.testing.assert_close(
        mixture.log_prob(y), standardized.log_prob(z).double() + units, rtol=1e-4, atol=1e-4
    )
    assert isinstance(mixture.marginal(["size"]), GaussianMixture)


def test_members_pool_to_the_prediction(model):
    x, y = rows(5, 2), table(5).y
    both = model.with_members(x)
    for pooled, members in ((model.predict(x), model.predict_members(x)), both):
        assert members.batch_shape == (2, 5)
        torch.testing.assert_close(members.pool().log_prob(y), pooled.log_prob(y))
        noise, doubt = members.std_split()
        torch.testing.assert_close(noise**2 + doubt**2, pooled.std**2, rtol=1e-4, atol=0)


def test_the_marginal_is_one_gaussian_on_the_scale_of_the_user(model):
    y, marginal = table(60).y, model.marginal
    assert isinstance(marginal, GaussianMixture)
    assert marginal.num_components == 1
    plain = make_module(num_inputs=2)
    torch.manual_seed(0)
    data = table()
    plain.start(data)
    model.fit_units(data)
    torch.testing.assert_close(model.marginal.log_prob(y), plain.model.marginal.log_prob(y))
    torch.testing.assert_close(model.marginal.mean[0], data.y[:, 0].mean().reshape(()))


def test_a_recalibration_widens_the_learned_scale(model):
    x = rows(4, 2)
    before = model(x).base
    model.recalibrate(2.0)
    after = model(x).base
    torch.testing.assert_close(after.std, 2 * before.std, rtol=1e-5, atol=0)
    torch.testing.assert_close(after.mean, before.mean, rtol=1e-5, atol=1e-6)


def test_a_guard_leaves_means_and_spreads_as_they_are(model):
    x = rows(4, 2)
    before = model(x)
    model.keep_guard(0.001)
    after = model(x)
    assert after.num_components == before.num_components + 2
    torch.testing.assert_close(after.mean, before.mean, rtol=0.01, atol=0)
    torch.testing.assert_close(after.std, before.std, rtol=0.05, atol=0)
    with torch.no_grad():
        torch.testing.assert_close(PlainModel(model)(x)[1], after.base.mu)


def test_a_checkpoint_keeps_scales_and_the_marginal(model, tmp_path):
    x, y = rows(4, 2), table(4).y
    model.save(tmp_path / "m.ckpt")
    again = mdn.load(tmp_path / "m.ckpt")
    assert torch.equal(again(x).log_prob(y), model(x).log_prob(y))
    assert torch.equal(again.marginal.log_prob(y), model.marginal.log_prob(y))


HOSTILE = {
    "another kind": ({"price": {"kind": "os.system"}}, "does not know as a transform"),
    "a kind of another role": ({"price": {"kind": "mlp"}}, "does not know as a transform"),
    "no kind": ({"price": {"low": 0.0}}, "with a 'kind'"),
    "no number": ({"price": {"kind": "log", "low": float("nan")}}, "low must be a finite number"),
    "a word": ({"price": {"kind": "log", "low": "0"}}, "low must be a number"),
    "a setting too many": ({"price": {"kind": "log", "hook": 1}}, "has no setting 'hook'"),
    "no target": ({"prize": {"kind": "log"}}, "'prize', which is no target"),
    "a list": ([["price", "log"]], "its transforms must be"),
    "none": ({}, "user_covariance is not there"),
    "ends in the wrong order": ({"price": {"kind": "logit", "low": 3}}, "high must lie above low"),
}


@pytest.mark.parametrize(("transforms", "said"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_card_is_refused(model, tmp_path, transforms, said):
    checkpoint = read_checkpoint(save(model, tmp_path / "m.ckpt"))
    checkpoint[CARD] = checkpoint[CARD] | {"transforms": transforms}
    write_checkpoint(checkpoint, tmp_path / "m.ckpt")
    with pytest.raises(ValueError, match=said):
        mdn.load(tmp_path / "m.ckpt")


def test_a_negative_variance_is_refused(model, tmp_path):
    model.user_covariance[0, 0] = -1
    with pytest.raises(ValueError, match="its user_covariance has a negative variance"):
        mdn.load(save(model, tmp_path / "m.ckpt"))


def test_rows_that_cannot_be_are_refused_with_their_row(model):
    y = table(5).y
    model.check_targets(y, "the rows")
    y[2:, 0] = 0
    with pytest.raises(ValueError, match=r"the rows: target 'price' is 0 in row 3 of 5 and in 2"):
        model.check_targets(y, "the rows")


def test_columns_are_on_the_users_scale_or_say_which(model):
    x, y = rows(3, 2), table(3).y
    known = [name for name, each in COLUMNS.items() if each.needs in (None, "members", "targets")]
    settings = ColumnSettings(known, [0.1, 0.9], 0.5, 2)
    with torch.no_grad():
        mixture, members = model.with_members(x)
    prediction = Prediction(mixture, ["price", "size"], members, y, torch.Generator())
    columns = settings.compute(prediction)
    torch.testing.assert_close(columns["mu_log(price)_1"], mixture.base.mu[:, 1, 0])
    torch.testing.assert_close(columns["sigma_log(price)_0"], mixture.base.sigma[:, 0, 0])
    torch.testing.assert_close(columns["mu_size_0"], mixture.base.mu[:, 0, 1])
    assert not {"mu_price_0", "sigma_price_0"} & {*columns}
    torch.testing.assert_close(columns["mean_price"], mixture.mean[:, 0])
    torch.testing.assert_close(columns["lower_price"], mixture.quantile(0.25)[:, 0])
    torch.testing.assert_close(columns["log_density"], mixture.log_prob(y))
    assert (columns["sample_price_0"] > 0).all()


def test_exports_hold_the_learned_scale_and_say_so(model, tmp_path):
    x = rows(3, 2)
    with torch.no_grad():
        pi, mu, _ = PlainModel(model)(x)
        mixture = model(x)
    torch.testing.assert_close(mu, mixture.base.mu)
    torch.testing.assert_close(pi, mixture.pi)
    (tmp_path / "m.safetensors").write_bytes(safetensors_bytes(model))
    from safetensors import safe_open

    with safe_open(tmp_path / "m.safetensors", "pt") as file:
        metadata = file.metadata()
    assert json.loads(metadata["mdn"])["transforms"] == CARDS
    assert json.loads(metadata["scales"]) == {"price": "log(price)", "size": "size"}


def test_float32_rows_have_float32_answers(model):
    mixture = model(rows(3, 2).float())
    assert mixture.mean.dtype == torch.float32
    assert mixture.log_prob(table(3).y.float()).isfinite().all()


def test_shares_are_learned_between_their_ends():
    module = make_module(num_inputs=2, num_targets=1)
    transforms = {"share": {"kind": "logit", "low": 0.0, "high": 100.0}}
    module.model.card = replace(module.model.card, transforms=transforms)
    y = 100 * torch.rand(50, 1, dtype=F64)
    module.start(Table(rows(50, 2), y, None, ["a", "b"], ["share"]))
    mixture = module.model.eval()(rows(3, 2))
    assert mixture.transforms == (LogitTransform(0.0, 100.0),)
    ends = torch.tensor([[0.0], [100.0]], dtype=F64)[:, None]
    assert mixture.cdf(ends).flatten().tolist() == [0, 0, 0, 1, 1, 1]
