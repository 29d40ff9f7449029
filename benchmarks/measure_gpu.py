"""``python -m benchmarks.measure_gpu``: measures every figure of the GPU report, in steps that can be resumed.

    python -m benchmarks.measure_gpu --out FOLDER                 all steps that are not done yet, in order
    python -m benchmarks.measure_gpu --out FOLDER --minutes 9     stops after nine minutes

Only JAX is required; the report names backends that are not installed. No step takes longer than eight minutes. Runs of
the suite are stopped after that, and the next call resumes them. Nothing is read from the network, and nothing is
written outside FOLDER. ``--scale small`` tries the script itself on a CPU, in a minute or two.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.gpu_page import gpu_report
from benchmarks.gpu_worker import NETWORKS, PEERS, SCALES
from harness.course import ROOT
from harness.errors import SuiteError, invalid, nearest
from reports.folders import check_writable, runs_folder, write_atomic

LONGEST, SHORTEST = 450.0, 45.0
"""The most seconds of a step, and the least that have to be left for a step to begin."""
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
            return ["benchmarks.gpu_worker", measurement, str(step.file(out)), backend, scale, *network]

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


def run(steps: Sequence[Step], out: Path, minutes: float | None) -> list[str]:
    """Performs the steps that are not done, prints the result of each, and returns the names of those left."""
    begin = time.monotonic()
    most = LONGEST if minutes is None else minutes * 60
    left = []
    for step in steps:
        if finished(step, out):
            continue
        room = LONGEST if minutes is None else min(LONGEST, most - (time.monotonic() - begin))
        if room < min(SHORTEST, most):
            left.append(step.name)
            continue
        clock = time.monotonic()
        said = perform(step, out, room)
        print(f"{step.name}: {said} ({time.monotonic() - clock:.0f} s)", flush=True)
        if not said.startswith(("done", "absent")):
            left.append(step.name)
    return left


def page(out: Path, scale: str) -> str:
    """``GPU.md``: the results that are in ``out``."""
    steps = all_steps(scale)
    left = [step.name for step in steps if not finished(step, out)]
    return gpu_report({step.name: result(step.file(out)) for step in steps}, left, scale)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 if every chosen step is done, 1 if some are left or failed, 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.measure_gpu", description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="the folder of results and GPU.md")
    parser.add_argument("--scale", choices=sorted(SCALES), default="full", help="small: to try the script on a CPU")
    parser.add_argument("--minutes", type=float, default=None, metavar="N", help="stop after so many minutes")
    parser.add_argument(
        "--only", action="append", default=[], metavar="STEP", help="this step; may be given repeatedly"
    )
    parser.add_argument("--list", action="store_true", help="list the steps, and which are done")
    options = parser.parse_args(arguments)
    options.out = options.out.resolve()  # steps run in another folder
    try:
        steps = all_steps(options.scale)
        names = [step.name for step in steps]
        for name in options.only:
            if name not in names:
                raise invalid("--only", expected="the name of a step", received=repr(name), fix=nearest(name, names))
        steps = tuple(step for step in steps if not options.only or step.name in options.only)
        if options.minutes is not None and not options.minutes > 0:
            raise invalid("--minutes", expected="a number above 0", received=options.minutes)
        if options.list:
            for step in steps:
                print(f"{'done' if finished(step, options.out) else '    '}  {step.name}")
            return 0
        check_writable(options.out)
        left = run(steps, options.out, options.minutes)
        write_atomic(options.out / "GPU.md", page(options.out, options.scale).encode())
        print(f"report: {options.out / 'GPU.md'}")
    except SuiteError as error:
        print("measure_gpu:", " ".join(str(error).split()), file=sys.stderr)
        return 2
    if left:
        print(f"{len(left)} of {len(steps)} steps are left: {', '.join(left)}. Repeat the command to continue.")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
