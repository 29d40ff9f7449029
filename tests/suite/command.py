"""Runs `pytest suite/` as a reader does: in a process of its own, with folders of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.store import Run, latest_run, read_run

ROOT = Path(__file__).resolve().parents[2]
PLAIN = ("-p", "no:randomly", "-p", "no:xdist", "-p", "no:timeout", "-p", "no:cacheprovider")
"""Without the plugins that a reader does not have."""
CHECK = "check"
"""Among the options of ``suite``: the default run."""
TINY = "minmax or raw-data"
"""Claims on Example 2: milliseconds of training."""
FORGET = ("PYTEST_", "KERAS_", "PY_COLORS", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "CI", "BUILD_NUMBER", "COV_")


def environment(**changes: str) -> dict[str, str]:
    """This process's, without what steers pytest or Keras."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FORGET)}
    kept |= {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8", "TERM": "xterm"}
    if kept.pop("PYTHONDONTWRITEBYTECODE", None):
        # Keras compiled anew in every process would cost more than all the rest; one folder for all of them.
        kept.setdefault("PYTHONPYCACHEPREFIX", str(Path(tempfile.gettempdir()) / f"pycache-{os.getuid()}"))
    return kept | changes


def arguments(folder: Path, *options: str, target: str = "suite/", plugins: Sequence[str] = PLAIN) -> list[str]:
    """The command; evidence and reports below ``folder``. It trains to the end, unless CHECK is among the options."""
    folders = ("--report-dir", str(folder / "report"), "--baseline-dir", str(folder / "baselines"))
    given = [option for option in options if option != CHECK]
    full = [] if CHECK in options else ["--full"]
    return [sys.executable, "-m", "pytest", target, *plugins, *folders, *full, *given]


@dataclass(frozen=True)
class Finished:
    """A run that has ended: its exit code, all it printed, and the folder it wrote to."""

    code: int
    output: str
    folder: Path

    @cached_property
    def record(self) -> Run:
        return read_run(latest_run(self.folder / "report" / "runs"))

    @cached_property
    def report(self) -> dict[str, Any]:
        return json.loads((self.folder / "report" / "report.json").read_text("utf-8"))

    @property
    def verdicts(self) -> dict[str, str]:
        return {claim["key"]: claim["verdict"] for claim in self.record.claims}

    @property
    def states(self) -> dict[str, str]:
        """State of each variant, by "experiment/variant"."""
        return {f"{t['experiment']}/{t['variant']}": t["baseline"]["state"] for t in self.record.trainings}

    @property
    def red(self) -> set[str]:
        """Names of the failed tests, from pytest's summary: "scale-gap-hurts"."""
        return set(re.findall(r"^FAILED suite/test_\w+\.py::\w+\[(.*?)\](?: - .*)?$", self.output, re.MULTILINE))

    def files(self) -> dict[str, bytes]:
        """The files of evidence and their bytes."""
        root = self.folder / "baselines"
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def suite(
    folder: Path,
    *options: str,
    env: Mapping[str, str] | None = None,
    root: Path = ROOT,
    cwd: Path | None = None,
    target: str = "suite/",
    plugins: Sequence[str] = PLAIN,
    timeout: float = 900,
) -> Finished:
    """Runs the suite to its end, for ``timeout`` seconds at most."""
    done = subprocess.run(
        arguments(folder, *options, target=target, plugins=plugins),
        cwd=cwd or root,
        env=environment(**(env or {})),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        encoding="utf-8",
        timeout=timeout,
    )
    assert "Traceback" not in done.stdout
    assert "INTERNALERROR" not in done.stdout
    return Finished(done.returncode, done.stdout, folder)


def trials(run: Run) -> dict[str, list[Any]]:
    """All that was learnt, by variant: everything in a trial but the clock."""
    return {
        "/".join(key): [
            {name: value for name, value in trial.to_json().items() if name != "seconds"} for trial in trained
        ]
        for key, trained in run.trials.items()
    }
