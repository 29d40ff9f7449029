"""The steps of the measurement: each is a process that ends, or is stopped, within minutes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.gpu.work import FLAGS, MAIN, NETWORKS, PEERS, Scale, claims_of
from reports.folders import runs_folder, write_atomic

ROOT = Path(__file__).resolve().parents[2]
GRACE = 60.0
"""Seconds that a run of the suite has to write its record after Ctrl-C."""
REWRITTEN, INTERRUPTED = 6, 2
"""Exit codes of ``pytest suite/``: evidence was stored as requested; the run was interrupted."""


@dataclass(frozen=True)
class Step:
    """A step.

    Attributes:
        name: the step's name.
        command: gives the arguments of ``python -m`` for a folder of results.
        environment: environment variables in addition to those of this process.
        suite: whether it is a run of ``pytest suite/``, which is resumed if it was stopped.
        may_fail: whether a failure is a result too, because this version of XLA does not know a flag.
    """

    name: str
    command: Callable[[Path], Sequence[str]]
    environment: Mapping[str, str] = field(default_factory=dict)
    suite: bool = False
    may_fail: bool = False

    def file(self, out: Path) -> Path:
        """The path of the step's result."""
        return out / f"{self.name.replace(' ', '-').replace(',', '')}.json"


def all_steps(scale: Scale) -> tuple[Step, ...]:
    """All steps, the most important first; later steps use results of earlier ones."""
    return (
        _worker("machine", "machine", "jax", scale),
        *(_speed(network, scale) for network in NETWORKS),
        *(_worker(peer, _peer(peer), peer.split()[-1] if "fit" in peer else "torch", scale) for peer in PEERS),
        _suite("full", scale, scale.select),
        *(_highest(network, scale) for network in NETWORKS),
        _suite("highest", scale, scale.select or claims_of("example-3", "example-4"), "highest"),
        _worker("parts", "parts", "jax", scale, lambda out: {"lanes": fastest_replicas(out, MAIN, scale)}),
        *(_flags(name, flags, scale) for name, flags in FLAGS.items()),
    )


def fastest_replicas(out: Path, network: str, scale: Scale) -> int:
    """The fastest number of batched seeds; if none was measured, the last but one of the scale."""
    found = result(out / f"speed-{network.replace(' ', '-').replace(',', '')}.json")
    rows = found["measured"]["rows"] if found else []
    return min(rows, key=lambda row: row["ms"])["lanes"] if rows else scale.replicas[-2]


def result(path: Path) -> dict[str, Any] | None:
    """The result of a step; None if it is missing or unreadable, or if the step failed."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and ("measured" in found or "run" in found) else None


def finished(step: Step, out: Path) -> bool:
    """Whether a step has a result, or is known to have none on this machine."""
    try:
        found = json.loads(step.file(out).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and ("absent" in found or "measured" in found or "run" in found)


def perform(step: Step, out: Path, seconds: float) -> str:
    """Runs a step for at most ``seconds``: "done", "absent: …", "failed: …" or, if it can continue, "stopped: …"."""
    out.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **step.environment, "PYTHONUNBUFFERED": "1"}
    log = out / f"{step.file(out).stem}.log"
    if step.suite and (known := _ended(step, out, log)):
        return known
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *step.command(out)], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
        status = _wait(process, seconds, step.suite)
    if step.suite:
        stopped = "stopped: time was up; finished trials are kept, and the same command continues"
        failed = stopped if status in (None, INTERRUPTED) else f"failed: it ended with status {status}; see {log}"
        return _ended(step, out, log) or failed
    found = result(step.file(out))
    if found:
        return "done"
    if status == 0 and finished(step, out):
        return f"absent: {json.loads(step.file(out).read_text(encoding='utf-8'))['absent']}"
    why = f"took longer than {seconds:.0f} s" if status is None else f"ended with status {status}"
    if step.may_fail and status is not None:
        write_atomic(
            step.file(out), json.dumps({"name": step.name, "absent": f"it {why}", "said": _tail(log)}).encode()
        )
        return f"absent: it {why}; see {log}"
    write_atomic(step.file(out), json.dumps({"name": step.name, "failed": why, "said": _tail(log)}).encode())
    return f"failed: it {why}; see {log}"


def last_line(step: Step, out: Path) -> dict[str, Any] | None:
    """The last line of the newest run file of a suite step; None without a run, {} if the line is damaged."""
    runs = sorted(runs_folder(out / step.name).glob("*.jsonl"))
    if not runs:
        return None
    try:
        found = json.loads(runs[-1].read_bytes().splitlines()[-1])
    except (OSError, ValueError, IndexError):
        return {}
    return {**found, "run": runs[-1].stem} if isinstance(found, dict) else {}


def _ended(step: Step, out: Path, log: Path) -> str:
    """Writes the step's result if its run of the suite has ended, red or green; returns "" if it has not."""
    end = last_line(step, out) or {}
    if end.get("kind") != "end" or end.get("interrupted") or not end.get("reported"):
        return ""
    status = end["exit_status"]
    write_atomic(step.file(out), json.dumps({"name": step.name, "run": end["run"], "status": status}).encode())
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


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-1500:]


def _worker(
    name: str,
    measurement: str,
    backend: str,
    scale: Scale,
    arguments: Callable[[Path], Mapping[str, Any]] = lambda out: {},
    environment: Mapping[str, str] | None = None,
    may_fail: bool = False,
) -> Step:
    def command(out: Path) -> Sequence[str]:
        file = str(step.file(out))
        return ["benchmarks.gpu.worker", measurement, file, backend, scale.name, json.dumps(arguments(out))]

    step = Step(name, command, environment or {}, may_fail=may_fail)
    return step


def _speed(network: str, scale: Scale) -> Step:
    replicas = scale.replicas if network == MAIN else scale.replicas[1:-1] or scale.replicas
    return _worker(f"speed {network}", "speed", "jax", scale, lambda out: {"network": network, "lanes": list(replicas)})


def _flags(name: str, flags: str, scale: Scale) -> Step:
    """The step that times the main network at its best number of seeds, compiled with other flags of XLA."""
    own = " ".join(filter(None, (os.environ.get("XLA_FLAGS", ""), flags)))
    return _worker(
        f"flags {name}",
        "speed",
        "jax",
        scale,
        lambda out: {"network": MAIN, "lanes": [fastest_replicas(out, MAIN, scale)], "flags": flags},
        {"XLA_FLAGS": own} if own else {},
        may_fail=True,
    )


def _highest(network: str, scale: Scale) -> Step:
    return _worker(
        f"highest {network}",
        "speed",
        "jax",
        scale,
        lambda out: {"network": network, "lanes": [fastest_replicas(out, network, scale)], "precision": "highest"},
    )


def _peer(name: str) -> str:
    return name if name == "torch loop" else "fit"


def evidence_folder(out: Path, name: str) -> Path:
    """The folder in which a run of the suite stores its evidence."""
    return out / f"{name}-evidence"


def _suite(name: str, scale: Scale, select: str, precision: str = "default") -> Step:
    """The step that runs the suite to the end with batched seeds and stores its evidence."""

    def command(out: Path) -> Sequence[str]:
        begun = last_line(step, out) is not None
        return [
            *("pytest", "suite/", "--backend", "jax", "--engine", "vectorized", "--full", "-m", "training"),
            *("--seeds", scale.seeds[name], "--precision", precision, *(("-k", select) if select else ())),
            *("--report-dir", str(out / name), "--baseline-dir", str(evidence_folder(out, name))),
            *("--update-baselines", f"{scale.seeds[name]} seeds side by side", *(("--resume",) if begun else ())),
            *("-p", "no:cacheprovider", "-p", "no:randomly"),
        ]

    step = Step(name, command, suite=True)
    return step
