"""A process that has imported everything, and forks a child for each command it is asked for.

It reads one JSON object a line: {"command", "overrides", "folder", "output", "environment"} starts
a command, and the answer is its process; {"wait": process} answers with its exit status, negative
for a signal.
"""

import json
import os
import runpy
import signal
import sys
import warnings
from importlib import import_module
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "scripts"
HEAVY = ("hydra", "lightning.pytorch", "mdn.app.train", "mdn.app.evaluate", "mdn.app.predict")


def start(request):
    """Fork a child that runs a command; return its process."""
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        status = _run(**request)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _run(command, overrides, folder, output, environment):
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setsid()
    os.chdir(folder)
    said = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(said, 1)
    os.dup2(said, 2)
    script = SCRIPTS / f"{command}.py"
    sys.argv = [str(script), *overrides]
    sys.path[:1] = [str(SCRIPTS), *environment.get("PYTHONPATH", "").split(os.pathsep)]
    import __main__

    __main__.__file__, __main__.__spec__ = str(script), None
    return _status_of(script)


def _status_of(script):
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def serve():
    """Answer requests until there are no more."""
    warnings.simplefilter("ignore")
    for name in HEAVY:
        import_module(name)
    warnings.resetwarnings()
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            answer = os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
        else:
            answer = start(request)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
