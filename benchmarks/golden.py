"""Golden masters of a rebuild: ``python -m benchmarks.golden FOLDER [evidence] [commands] [check]``.

Writes what a user sees to FOLDER, without times and paths: made before and after a change, ``diff -r`` says what the
change did to it. ``evidence``: the verdicts, reasons and reports of three stacks (two minutes). ``commands``: exit
status, junit and verdicts of twelve commands (ten minutes). ``check``: those of the whole check (ten minutes).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
STACKS = ("tensorflow-cpu", "jax-cpu", "torch-cpu")
TINY = "suite/test_training.py::test_training[gradient-descent/rate 0.01]"
TINY_CLAIM = "suite/test_claims.py::test_claims[gd-reaches-minimum/rate 0.01]"
FAULT = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    import keras
    if not hasattr(keras, "golden_fault"):
        keras.golden_fault = original = keras.optimizers.SGD.update_step
        keras.optimizers.SGD.update_step = lambda self, g, v, rate: original(self, g, v, rate * 1.01)
"""
"""A pytest plugin that makes the rate of SGD 1 % too large."""

COMMANDS: dict[str, Sequence[str]] = {
    "one_claim": [TINY_CLAIM],
    "exact": ["suite/", "-m", "exact"],
    "errata": ["suite/", "-m", "errata"],
    "full": [TINY, TINY_CLAIM, "--full", "--seeds", "3", "--workers", "1"],
    "full_two_workers": [TINY, TINY_CLAIM, "--full", "--seeds", "3", "--workers", "2"],
    "auto": [TINY, TINY_CLAIM, "--full", "--seeds", "auto", "--workers", "1"],
    "resume": [TINY, TINY_CLAIM, "--full", "--seeds", "3", "--workers", "1", "--resume"],
    "timing": ["suite/test_timing.py", "-m", "timing", "-k", "example-1"],
    "wine": ["suite/", "--catalogue", "examples/wine"],
    "zero_to_all": ["suite/", "--catalogue", "examples/zero_to_all"],
    "red": ["-p", "golden_fault", TINY, TINY_CLAIM, "--workers", "1"],
    "no_such_claim": ["suite/", "-k", "gd-reaches-maximum"],
    "seeds_without_full": ["suite/", "--seeds", "3"],
    "seeds_no_number": ["suite/", "--full", "--seeds", "three"],
    "no_such_backend": ["suite/", "--backend", "theano"],
    "no_such_catalogue": ["suite/", "--catalogue", "examples/beer"],
    "no_such_baselines": ["suite/", "--baseline-dir", "nowhere"],
}


def main(arguments: Sequence[str]) -> int:
    out, parts = Path(arguments[0]).resolve(), arguments[1:] or ("evidence", "commands", "check")
    out.mkdir(parents=True, exist_ok=True)
    if "evidence" in parts:
        evidence(out)
    if "commands" in parts:
        for name, command in COMMANDS.items():
            run(out, name, command)
    if "check" in parts:
        run(out, "check", ["suite/"])
    return 0


def evidence(out: Path) -> None:
    """The reports of the stored evidence of every stack, and the table of the stacks."""
    for stack in STACKS:
        folder = out / stack
        shutil.rmtree(folder, ignore_errors=True)
        _call("-m", "reports", "--evidence", stack, "--out", folder)
        verdicts = _verdicts(folder / "report.json")
        (out / f"{stack}.txt").write_text(verdicts, "utf-8")
        shutil.rmtree(folder / "figures", ignore_errors=True)
    _call("-m", "reports", "--stacks", *STACKS, "--out", out)


def run(out: Path, name: str, command: Sequence[str]) -> None:
    """Runs pytest with ``command``; writes NAME.txt: exit status, outcome of each item, verdicts, last words."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "golden_fault.py").write_text(FAULT, "utf-8")
        reports = out.parent / "golden-reports" / "full" if "--resume" in command else folder / "report"
        if name == "full":
            reports = out.parent / "golden-reports" / "full"
            shutil.rmtree(reports, ignore_errors=True)
        junit = folder / "junit.xml"
        ended = _call(
            "-m", "pytest", *command, "-p", "no:randomly", "--junitxml", junit, "--report-dir", reports, path=made
        )
        lines = [f"exit status {ended.returncode}"]
        if junit.exists():
            for case in ElementTree.parse(junit).iter("testcase"):
                states = [child.tag for child in case if child.tag in ("failure", "error", "skipped")] or ["passed"]
                lines.append(f"{case.get('classname')} {case.get('name')}: {' '.join(states)}")
        lines += [_timeless(line) for line in ended.stderr.splitlines() if "ERROR" in line]
        if (reports / "report.json").exists():
            lines.append(_verdicts(reports / "report.json"))
        (out / f"{name}.txt").write_text("\n".join(lines) + "\n", "utf-8")
        print(f"{name}: {lines[0]}", flush=True)


def _verdicts(report: Path) -> str:
    """A line for every claim, training and erratum of a report: what was decided, and why."""
    made = json.loads(report.read_text("utf-8"))
    lines = []
    for claim in made["claims"]:
        decision = claim["decision"]
        lines.append(f"{claim['key']}: {decision['verdict']} {decision['basis']}: {decision['reason']}")
    for training in made["trainings"]:
        outcome = training["outcome"]
        lines.append(f"{training['experiment']}/{training['variant']}: {outcome['state']}: {outcome['reason']}")
    lines += [f"{erratum['id']}: {erratum['outcome']}" for erratum in made["errata"]]
    return "\n".join(lines) + "\n"


def _timeless(line: str) -> str:
    return re.sub(r"/tmp/\S+|\d+\.\d+ ?s\b|\d{4}-\d\d-\d\d\S*", "…", line)


def _call(*arguments: object, path: str = "") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": path, "NO_COLOR": "1"}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
