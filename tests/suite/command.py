"""Runs `pytest suite/` as a reader does: in a process of its own, with folders of its own.

Most runs are forked from a process that has imported pytest, the suite, and Keras on JAX, which saves seconds each
(``tests.suite.many``). Where what Python imports, or finds in its environment, is tested, Python starts anew.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.record.run import Run, read_run
from harness.record.run_file import latest_run

ROOT = Path(__file__).resolve().parents[2]
PLAIN = ("-p", "no:randomly", "-p", "no:xdist", "-p", "no:timeout", "-p", "no:cacheprovider")
"""Options that disable the plugins that a reader does not have."""
CHECK = "check"
"""An option of ``suite`` for a run without --full."""
TINY = "minmax or raw-data"
"""Claims on Example 2: milliseconds of training."""
JAX = ("--backend", "jax", "--seeds", "5")
"""Options of ``suite`` for a run to the end with five seeds."""
CHECKED = (CHECK, "--backend", "jax")
OF_OTHERS = {"--catalogue", "tensorflow", "torch"}
"""Options of runs that cannot be forked: the parent has the default course, and Keras on JAX."""
FORKABLE = {"KERAS_BACKEND", "PYTHONPATH", "WAY", "HUNGRY", "LOCKED"}
"""Variables that no import reads."""
FORGET = ("PYTEST_", "KERAS_", "PY_COLORS", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "CI", "BUILD_NUMBER", "COV_")


def environment(**changes: str) -> dict[str, str]:
    """The environment of this process, without the variables that configure pytest or Keras."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FORGET)}
    kept |= {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8", "TERM": "xterm"}
    if kept.pop("PYTHONDONTWRITEBYTECODE", None):
        # Keras compiled anew in every process would cost more than all the rest; one folder for all of them.
        kept.setdefault("PYTHONPYCACHEPREFIX", str(Path(tempfile.gettempdir()) / f"pycache-{os.getuid()}"))
    return kept | changes


def arguments(folder: Path, *options: str, target: str = "suite/", plugins: Sequence[str] = PLAIN) -> list[str]:
    """The command of a run with its evidence and reports below ``folder``.

    The run trains to the end, unless CHECK is among the options. It trains in one process, unless they name a place.
    """
    folders = ("--report-dir", str(folder / "report"), "--baseline-dir", str(folder / "baselines"))
    (folder / "baselines").mkdir(parents=True, exist_ok=True)
    given = [option for option in options if option != CHECK]
    full = [] if CHECK in options else ["--full"]
    here = [] if {"--workers", "--cluster"} & set(given) else ["--workers", "1"]
    return [sys.executable, "-m", "pytest", target, *plugins, *folders, *full, *here, *given]


@dataclass(frozen=True)
class Finished:
    """A finished run: its exit code, its whole output, and the folder it wrote to."""

    code: int
    output: str
    folder: Path

    @cached_property
    def record(self) -> Run:
        return read_run(latest_run(self.folder / "report" / "runs"))

    @cached_property
    def report(self) -> dict[str, Any]:
        """The content of report.json."""
        return json.loads((self.folder / "report" / "report.json").read_bytes())

    @property
    def verdicts(self) -> dict[str, str]:
        return {key: str(claim.verdict) for key, claim in self.record.claims.items()}

    @property
    def states(self) -> dict[str, str]:
        """The state of each variant, by "experiment/variant"."""
        return {"/".join(key): str(training.outcome.state) for key, training in self.record.trainings.items()}

    @property
    def red(self) -> set[str]:
        """The names of the failed tests in pytest's summary, such as "scale-gap-hurts"."""
        return set(re.findall(r"^FAILED suite/test_\w+\.py::\w+\[(.*?)\](?: - .*)?$", self.output, re.MULTILINE))

    def files(self) -> dict[str, bytes]:
        """The bytes of each file of evidence, by its path."""
        root = self.folder / "baselines"
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def suite(
    folder: Path,
    *options: str,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    target: str = "suite/",
    plugins: Sequence[str] = PLAIN,
    anew: bool = False,
) -> Finished:
    """Runs the suite to its end. ``env``: more environment variables; ``anew``: Python starts anew."""
    command, variables = arguments(folder, *options, target=target, plugins=plugins), environment(**(env or {}))
    forkable = plugins[: len(PLAIN)] == PLAIN and set(env or {}) <= FORKABLE
    forkable = forkable and not OF_OTHERS & set(options)
    if forkable and cwd == ROOT and set(command) >= {"--workers", "1"} and not anew:
        return forked(command[3:], folder, variables)
    output: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
    done = subprocess.run(command, cwd=cwd, env=variables, encoding="utf-8", timeout=900, check=False, **output)
    return undisturbed(Finished(done.returncode, done.stdout, folder))


def undisturbed(run: Finished) -> Finished:
    assert "Traceback" not in run.output
    assert "INTERNALERROR" not in run.output
    return run


@functools.cache
def parent() -> subprocess.Popen[str]:
    """The process from which runs are forked. It ends with this one."""
    command = [sys.executable, "-m", "tests.suite.many"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    )
    atexit.register(process.communicate)
    return process


def forked(arguments: Sequence[str], folder: Path, variables: Mapping[str, str] | None = None) -> Finished:
    """A run in a forked process: of pytest with these arguments, or of "reports" with those that follow."""
    process = parent()
    assert process.stdin
    assert process.stdout
    with tempfile.NamedTemporaryFile() as output:
        process.stdin.write(json.dumps([arguments, variables or environment(), output.name]) + "\n")
        process.stdin.flush()
        code = int(process.stdout.readline())
        return undisturbed(Finished(code, output.read().decode("utf-8"), folder))


def copies(of: Finished, factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes new folders with a copy of the evidence of a run, which a test may change."""

    def copy(name: str) -> Path:
        folder = factory.mktemp(name)
        shutil.copytree(of.folder / "baselines", folder / "baselines")
        return folder

    return copy


def checkout_in(folder: Path) -> None:
    """Copies the code, without evidence and MNIST."""
    ignored = shutil.ignore_patterns("__pycache__", "out", "published", "*.json", "mnist.npz")
    for name in ("baselines", "cases", "harness", "reports", "suite"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("conftest.py", "lecture_claims.py", "tox.ini", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)


def trials(run: Run) -> dict[str, list[dict[str, Any]]]:
    """The trials by variant, in order of their seeds, as plain data without their times."""
    return {
        "/".join(key): [
            {name: value for name, value in msgspec.to_builtins(trial).items() if name != "seconds"}
            for trial in sorted(trained, key=lambda trial: trial.seed)
        ]
        for key, trained in run.trials.items()
    }


def lines(run: Run) -> list[dict[str, Any]]:
    """The lines of the run's file, decoded."""
    return [json.loads(line) for line in run.path.read_bytes().splitlines()]


def kinds(run: Run) -> list[str]:
    """The kind of each line of the run's file."""
    return [line["kind"] for line in lines(run)]
