"""The program `mdn`: one command for each script."""

import runpy
import sys

import mdn
from mdn.app.paths import COMMANDS, SCRIPTS

_USAGE = """mdn: learn a conditional density p(y given x)

  mdn train      train a mixture density network, or a Gaussian mixture
  mdn evaluate   score a checkpoint, and write a report
  mdn predict    predict a distribution for every row of a file
  mdn export     write a model in a format that other programs read

`mdn train --help` shows all groups and settings of a command, with examples; so do the others.
`mdn --version` shows the version."""


def main() -> None:
    """Run the command named first on the command line."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help"):
        print(_USAGE)
    elif name == "--version":
        print(f"mdn {mdn.__version__}")
    elif name in COMMANDS:
        script = str(SCRIPTS / f"{name}.py")
        # Lightning starts further processes by this name.
        sys.argv = [script, *arguments]
        runpy.run_path(script, run_name="__main__")
    else:
        sys.exit(f"error: {name} is no command of mdn; it has {', '.join(COMMANDS)}")
