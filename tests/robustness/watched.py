"""A run of the suite that can be killed at a given moment of its record."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.processes import alive, is_worker
from tests.robustness import witness
from tests.suite.command import ROOT, Finished, arguments, environment

RUN = ("--backend", "jax", "-k", "rate-sweep or minmax or raw-data or scale-gap", "-p", "tests.robustness.witness")
"""Twenty items on three experiments that train in milliseconds: what takes time is compiling and the report."""
PATIENCE = 600.0
GONE = 30.0
"""Seconds after which a killed run has left no process behind."""
LOOK = 0.003
DISTINCT = ("kind", "id", "experiment", "variant", "seed", "key", "reported")
"""Fields that tell records apart; a resumed run records some again."""


class Strike(NamedTuple):
    """A kill: of "all" processes, of the "controller", which alone writes, or of one "worker"; and when.

    ``second`` counts from the first record, as an undisturbed run would go on; if ``at_start``, from the beginning of
    the process.
    """

    whom: str
    at_start: bool
    second: float


@dataclass
class Undisturbed:
    """A run that nobody killed: when, in seconds after its first record, how much was recorded.

    ``start`` is how long it took to that record, ``whole`` from there to the end of its process.
    """

    finished: Finished
    timeline: list[tuple[float, int]]
    start: float
    whole: float

    def moment(self, second: float) -> tuple[int, float]:
        """How much was recorded by then, and for how many seconds nothing more was."""
        count = max(count for when, count in self.timeline if when <= second)
        return count, second - min(earlier for earlier, same in self.timeline if same == count)


class Watched:
    """A run in a process group of its own, and its record as it grows; it is dead when the block ends.

    Attributes:
        recorded: different things.
        left_behind: number of processes that go on after the kill of the others.
    """

    def __init__(self, folder: Path, workers: int, *more: str) -> None:
        self.folder, self.left_behind, self.recorded = folder, 0, set[str]()
        self._path, self._read, self._new, self._last = Path(), 0, 0, ""
        self.look()
        self._new = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._output = (folder / "said").open("ab")
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            arguments(folder, *RUN, "--workers", str(workers), *more),
            cwd=ROOT, env=environment(**{witness.FILE: str(folder / "witness")}), stdin=subprocess.DEVNULL,
            stdout=self._output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._output.close()

    def look(self) -> bool:
        """Reads on; whether there was something."""
        path = record_of(self.folder)
        if path is None:
            return False
        if path != self._path:
            self._path, self._read = path, 0
        with path.open("rb") as file:
            file.seek(self._read)
            lines = file.read().split(b"\n")[:-1]
        for line in lines:
            self._read += len(line) + 1
            record = json.loads(line)
            self._last = record["kind"]
            record |= record.get("trial", {})
            self.recorded.add(json.dumps([record.get(name) for name in DISTINCT]))
        self._new += len(lines)
        return bool(lines)

    def strike(self, strike: Strike, whole: Undisturbed) -> str | None:
        """Kills when it is time; what went on then ("start", "work" or "report"), None where the run had ended."""
        if strike.at_start:
            going_on = self._sleep(self.began + strike.second - time.monotonic())
        else:
            recorded, seconds = whole.moment(strike.second)
            going_on = self.wait(recorded) and self._sleep(seconds)
        if strike.whom == "worker":
            going_on = going_on and self.wait(0, least=2)  # the workers are up
        family = psutil.Process(self.process.pid).children(recursive=True) if going_on else []
        victims = list(filter(is_worker, family))[:1]
        if not going_on or (strike.whom == "worker" and not victims):
            return None
        if strike.whom == "worker":
            victims[0].kill()
        else:
            (os.killpg if strike.whom == "all" else os.kill)(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.left_behind = len(alive(family, GONE))
        self.look()
        return "start" if not self._new else "report" if self._last == "end" else "work"

    def wait(self, recorded: int, least: int = 1) -> bool:
        """Until ``least`` new records, and in all so many, are there; False where the run has ended before."""
        while time.monotonic() < self.began + PATIENCE:
            self.look()
            if self._new >= least and len(self.recorded) >= recorded:
                return True
            if self.process.poll() is not None:
                return False
            time.sleep(LOOK)
        raise TimeoutError(f"no progress in {PATIENCE:g} s; what was said is in {self.folder / 'said'}")

    def _sleep(self, seconds: float) -> bool:
        """False where the run ends meanwhile."""
        try:
            self.process.wait(max(seconds, 0.0))
        except subprocess.TimeoutExpired:
            return True
        return False


def record_of(folder: Path) -> Path | None:
    """The newest run file, if one has been begun."""
    paths = [path for path in (folder / "report" / "runs").glob("*.jsonl") if path.stat().st_size]
    return max(paths, key=lambda path: path.stem, default=None)


def undisturbed(folder: Path, workers: int) -> Undisturbed:
    """A run to its end, watched."""
    timeline: list[tuple[float, int]] = []
    with Watched(folder, workers) as run:
        run.wait(1)
        first = time.monotonic()
        while run.process.poll() is None:
            timeline.append((time.monotonic() - first if timeline else 0.0, len(run.recorded)))
            time.sleep(LOOK)
            run.look()
        whole, code = time.monotonic() - first, run.process.returncode
    said = (folder / "said").read_text("utf-8")
    assert code == 0, said
    return Undisturbed(Finished(code, said, folder), timeline, first - run.began, whole)
