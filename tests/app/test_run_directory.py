"""Files of a run: written to be read back, and read however damaged."""

import pytest
from omegaconf import OmegaConf

from mdn.app.run_directory import read_fit_facts, write_config


def test_a_name_with_an_interpolation_in_it_is_read_back(tmp_path):
    config = {"data": {"targets": ["${x}", "a${b:c}", "y"], "path": "a.csv"}, "seed": 1}
    write_config(config, tmp_path)
    read = OmegaConf.load(tmp_path / "config.yaml")
    assert OmegaConf.to_container(read, resolve=True) == config


@pytest.mark.parametrize("damage", ["{", "[1]", '{"val_rows": "x"}', "[" * 10**5, "\x00\xff"])
def test_a_damaged_file_beside_a_checkpoint_costs_nothing(tmp_path, damage):
    (tmp_path / "metrics.json").write_text(damage, encoding="latin-1")
    fit = read_fit_facts(tmp_path)
    assert isinstance(fit, dict)
    assert fit.get("val_rows") in (None, "x")
