"""Data that a stranger's checkpoint names is checked, and named before it is opened."""

import copy

import pytest
import torch
from hostile import UNSAFE

from mdn.app.build_lightning import stored_data
from mdn.model.checkpoint import CARD, write_checkpoint

DATA = {
    "rows without end": ({"test_rows": 10**15}, r"test_rows=1e\+15` would take .* of memory"),
    "more rows than numbers": ({"test_rows": 10**40}, r"test_rows=1e\+40` would take"),
    "clusters without end": (
        {
            "problem": {
                **{"kind": "random_clusters", "num_components": 10**12, "num_targets": 2},
                **{"radius": 1.0, "correlated": True, "seed": 0},
            }
        },
        "num_components=1000000000000 and 2 targets would take",
    ),
    "a target": ({"_target_": "shutil.copyfile", "src": "a", "dst": "b"}, "with a 'kind'"),
    "a dotted kind": ({"kind": "shutil.copyfile"}, "does not know as a data"),
    "a problem that is a target": ({"problem": UNSAFE}, r"data\.problem must be settings"),
    "a number that is text": ({"train_rows": "${oc.env:HOME}"}, "train_rows must be a whole"),
    "a setting too many": ({"hook": "x"}, "has no setting 'hook'"),
}


@pytest.mark.parametrize("case", DATA)
def test_data_that_a_checkpoint_names_is_checked(good, case):
    changes, message = DATA[case]
    settings = changes if "kind" in changes or "_target_" in changes else None
    settings = settings or copy.deepcopy(good[CARD]["data"]) | changes
    with pytest.raises(ValueError, match=message):
        stored_data(settings)


def test_files_that_a_checkpoint_names_are_printed_before_they_are_opened(capsys):
    settings = {
        "kind": "file",
        "path": "/nowhere/secret.csv",
        **{"targets": [0], "inputs": None, "weight": None, "val_path": None},
        **{"test_path": "/nowhere/test.csv", "val_fraction": 0.1, "test_fraction": 0.1},
        **{"dequantize": False, "batch_size": "auto", "seed": 0},
    }
    with pytest.raises(FileNotFoundError, match="secret"):
        stored_data(settings)
    said = capsys.readouterr().out
    assert "data.path: /nowhere/secret.csv" in said
    assert "data.test_path: /nowhere/test.csv" in said


def test_a_path_that_would_move_the_cursor_is_refused_by_name(capsys):
    settings = {
        "kind": "file",
        "path": "/tmp/\x1b[31mred\x1b]0;pwn\x07.csv",
        **{"targets": [0], "inputs": None, "weight": None, "val_path": None, "test_path": None},
        **{"val_fraction": 0.1, "test_fraction": 0.1},
        **{"dequantize": False, "batch_size": "auto", "seed": 0},
    }
    with pytest.raises(ValueError, match=r"data\.path holds signs that cannot be printed") as error:
        stored_data(settings)
    assert "\x1b" not in str(error.value) + capsys.readouterr().out


def test_a_resumed_run_copies_no_file_that_a_checkpoint_names(good, tmp_path):
    """The best model so far is the file beside the one that is resumed, and no other."""
    from mdn.training.callbacks.best_and_last import BestCheckpoint
    from mdn.training.callbacks.whole_checkpoint import SealedCheckpointIO

    secret = tmp_path / "secret.ckpt"
    secret.write_text("secret")
    (tmp_path / "run").mkdir()
    write_checkpoint(good, tmp_path / "run" / "last.ckpt")
    callback = BestCheckpoint(str(tmp_path / "here"), "best", "val/nll", "min")
    callback._io = SealedCheckpointIO()
    callback._io.load_checkpoint(tmp_path / "run" / "last.ckpt")
    with pytest.warns(UserWarning, match="the best model until now is lost"):
        callback.load_state_dict(
            {
                "best_model_path": str(secret),
                "best_model_score": torch.tensor(1.0),
                "best_k_models": {str(secret): torch.tensor(1.0)},
                "kth_best_model_path": str(secret),
                "dirpath": str(tmp_path / "here"),
            }
        )
    assert callback.best_model_path == callback.kth_best_model_path == ""
    assert not (tmp_path / "here").exists()
