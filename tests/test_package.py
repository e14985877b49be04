"""What `pip install` brings, and the program `mdn`."""

import sys
import tomllib
from pathlib import Path

import pytest

import mdn
from mdn.app.farewell import shell_command
from mdn.app.main import main
from mdn.app.paths import COMMANDS, CONF, SCRIPTS

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_folder_of_modules_is_a_package_for_setup_to_find():
    folders = {path.parent for path in (ROOT / "mdn").rglob("*.py")}
    assert not [folder for folder in folders if not (folder / "__init__.py").is_file()]


def test_the_wheel_takes_the_scripts_that_mdn_runs_and_no_benchmark():
    setup = (ROOT / "setup.py").read_text()
    assert str(COMMANDS).replace("'", '"') in setup
    assert {path.stem for path in SCRIPTS.glob("*.py")} == {*COMMANDS, "benchmark"}


def test_public_names_are_there():
    assert all(getattr(mdn, name) for name in mdn.__all__)
    assert mdn.__version__ == SETTINGS["project"]["version"]


def test_a_clone_has_its_own_configuration_and_scripts():
    assert CONF == ROOT / "conf"
    assert all((SCRIPTS / f"{name}.py").is_file() for name in COMMANDS)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_mdn_alone_tells_its_commands(monkeypatch, capsys, arguments):
    monkeypatch.setattr(sys, "argv", ["mdn", *arguments])
    main()
    said = capsys.readouterr().out
    assert all(f"mdn {name} " in said for name in COMMANDS)


def test_mdn_tells_its_version(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["mdn", "--version"])
    main()
    assert capsys.readouterr().out == f"mdn {mdn.__version__}\n"


def test_an_unknown_command_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["mdn", "tarin"])
    with pytest.raises(SystemExit, match="error: tarin is no command of mdn; it has train, eval"):
        main()


def test_mdn_runs_a_script_as_if_it_had_been_typed(monkeypatch, capfd):
    monkeypatch.setattr(sys, "argv", ["mdn", "train", "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert "family" in capfd.readouterr().out
    assert sys.argv == [str(SCRIPTS / "train.py"), "--help"]


def test_a_command_is_told_as_its_user_types_it(monkeypatch):
    assert shell_command(Path("scripts/train.py"), "seed=1") == "python scripts/train.py seed=1"
    inside = Path("lib") / "mdn" / "scripts"
    monkeypatch.setattr("mdn.app.farewell.SCRIPTS", inside)
    assert shell_command(inside / "train.py", "seed=1") == "mdn train seed=1"
