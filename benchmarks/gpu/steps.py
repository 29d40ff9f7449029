"""The steps of the measurement: each is a process that ends, or is stopped, within minutes."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.gpu.work import NETWORKS, PEERS, SCALES
from reports.folders import runs_folder, write_atomic

ROOT = Path(__file__).resolve().parents[2]
GRACE = 60.0
"""Seconds that a run of the suite has to write its record after Ctrl-C."""
REWRITTEN, INTERRUPTED = 6, 2
"""Exit codes of ``pytest suite/``: evidence was stored as requested; the run was interrupted."""


@dataclass(frozen=True)
class Step:
    """A step: ``python -m`` with arguments for a folder of results; a run of ``pytest suite/`` can be resumed."""

    name: str
    command: Callable[[Path], Sequence[str]]
    suite: bool = False

    def file(self, out: Path) -> Path:
        """The path of the step's result."""
        return out / f"{self.name.replace(' ', '-').replace(',', '')}.json"


def all_steps(scale: str) -> tuple[Step, ...]:
    """All steps, the most important first."""

    def worker(name: str, measurement: str, backend: str = "jax", *network: str) -> Step:
        def command(out: Path) -> Sequence[str]:
            return ["benchmarks.gpu.worker", measurement, str(step.file(out)), backend, scale, *network]

        step = Step(name, command)
        return step

    return (
        worker("machine", "machine"),
        *(worker(f"speed {network}", "speed", "jax", network) for network in NETWORKS),
        *(worker(f"fit on {backend}", "fit", backend) for backend in PEERS),
        Step("full", lambda out: _full(scale, out), suite=True),
    )


def result(path: Path) -> dict[str, Any] | None:
    """The result of a step; None if it is missing or unreadable, or if the step failed."""
    record = _read(path)
    return record if "measured" in record or "run" in record else None


def finished(step: Step, out: Path) -> bool:
    """Whether a step has a result, or is known to have none on this machine."""
    return not {"absent", "measured", "run"}.isdisjoint(_read(step.file(out)))


def perform(step: Step, out: Path, seconds: float) -> str:
    """Runs a step for at most ``seconds``: "done", "absent: …", "failed: …" or, if it can continue, "stopped: …"."""
    out.mkdir(parents=True, exist_ok=True)
    log = step.file(out).with_suffix(".log")
    if step.suite and (known := _ended(step, out, log)):
        return known
    with log.open("ab") as output:
        command = [sys.executable, "-um", *step.command(out)]
        status = _wait(subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output), seconds, step.suite)
    if step.suite:
        stopped = "stopped: time was up; finished trials are kept, and the same command continues"
        failed = stopped if status in (None, INTERRUPTED) else f"failed: it ended with status {status}; see {log}"
        return _ended(step, out, log) or failed
    if status == 0 and finished(step, out):
        return f"absent: {why}" if (why := _read(step.file(out)).get("absent")) else "done"
    why = f"took longer than {seconds:.0f} s" if status is None else f"ended with status {status}"
    write_atomic(step.file(out), json.dumps({"failed": why}).encode())
    return f"failed: it {why}; see {log}"


def last_line(step: Step, out: Path) -> dict[str, Any] | None:
    """The last line of the newest run file of a suite step; None without a run, {} if the line is damaged."""
    runs = sorted(runs_folder(out / step.name).glob("*.jsonl"))
    if not runs:
        return None
    try:
        line = json.loads(runs[-1].read_bytes().splitlines()[-1])
    except (OSError, ValueError, IndexError):
        return {}
    return {**line, "run": runs[-1].stem} if isinstance(line, dict) else {}


def _read(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _ended(step: Step, out: Path, log: Path) -> str:
    """Writes the step's result if its run of the suite has ended, red or green; returns "" if it has not."""
    end = last_line(step, out) or {}
    if end.get("kind") != "end" or end.get("interrupted") or not end.get("reported"):
        return ""
    status = end["exit_status"]
    write_atomic(step.file(out), json.dumps({"run": end["run"], "status": status}).encode())
    return "done" if status == REWRITTEN else f"done, with exit code {status}: nothing is stored; see {log}"


def _wait(process: subprocess.Popen[bytes], seconds: float, gently: bool) -> int | None:
    """Waits for a process and returns its exit status, or None if it was stopped; ``gently``: by Ctrl-C first."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        if gently:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)
        return None
    finally:
        if process.poll() is None:  # time is up, or this process was interrupted
            process.kill()
            process.wait()


def _full(scale: str, out: Path) -> Sequence[str]:
    """A run of the suite to the end with batched seeds, which stores its evidence in FOLDER/full-evidence."""
    seeds, select = SCALES[scale].seeds, SCALES[scale].select
    begun = last_line(Step("full", lambda out: ()), out) is not None
    return [
        *("pytest", "suite/", "--backend", "jax", "--engine", "vectorized", "--full", "-m", "training"),
        *("--seeds", seeds, *(("-k", select) if select else ())),
        *("--report-dir", str(out / "full"), "--baseline-dir", str(out / "full-evidence")),
        *("--update-baselines", f"{seeds} seeds side by side", *(("--resume",) if begun else ())),
        *("-p", "no:cacheprovider", "-p", "no:randomly"),
    ]
