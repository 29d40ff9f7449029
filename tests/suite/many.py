"""Many runs of the suite, or of the reports. A process that has imported what they need forks one for each run.

``python -m tests.suite.many`` reads a JSON line for each run: arguments, environment, and a file for the output. The
arguments are those of pytest, or "reports" and its own. It prints the exit code of each. It has imported Keras on JAX:
a run that starts another backend needs a process of its own.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import sys

import pytest

import suite.catalogue
import suite.session.start  # noqa: F401 # what every run imports
from harness.training.backend import choose_backend
from reports import __main__ as reports
from reports import charts
from reports.page import data, page

MODULES = ("h5py", "jax", "pandas", "reports.write", "reports.charts_of_run", "scipy.stats")
"""What most runs import later. Importing JAX starts no thread, so a process that did can fork."""


def run(arguments: list[str], environment: dict[str, str], output: str) -> int:
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    nothing, file = os.open(os.devnull, os.O_RDONLY), os.open(output, os.O_WRONLY | os.O_CREAT)
    os.dup2(nothing, 0)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(file, stream.fileno())
    return reports.main(arguments[1:]) if arguments[0] == "reports" else int(pytest.main(arguments))


def main() -> None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        pytest.main(["--version", "--version"])  # imports pytest's own modules and its plugins
    for name in MODULES:
        importlib.import_module(name)
    before = dict(os.environ)
    choose_backend("jax")
    importlib.import_module("keras")
    os.environ.clear()
    os.environ.update(before)
    page.library()  # what pages have in common takes two seconds, and is kept
    charts.of_page()
    data.sources(())
    while line := sys.stdin.readline():
        child = os.fork()
        if not child:
            status = run(*json.loads(line))
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)  # Python's own exit takes half a second with what is imported
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
