"""What sees a fault: a check of the trainings that it touches, and the self-checks, each without the other."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from baselines.judge import State
from harness.errors import SuiteError, invalid
from harness.record.evidence import VariantEvidence
from harness.training.backend import choose_backend, start_backend
from harness.training.engines import ENGINES
from suite.catalogue import TRAININGS, training_name
from suite.check import CheckRun
from suite.conformance import CHECKS, ENGINE_OF
from suite.conformance.finding import faults
from suite.options import ROOT
from suite.run import not_run, run_fingerprint
from suite.stored import Stored
from tests.faults.fault import Fault, injected

BASELINES = ROOT / "baselines"
LIKELY = {
    "optimizer": ("training linear", "training relu-adam", "training normalised", "late steps"),
    "initialisers": ("initial weights",),
    "losses and metrics": ("training relu-adam", "training linear", "functions"),
    "data": ("images of an epoch", "images", "training relu-adam"),
    "callbacks": ("callbacks",),
    "determinism": ("initial weights", "training relu-adam", "dropout"),
    "written after the checks": ("training relu-adam", "training normalised", "initial weights", "images"),
    "numerics": ("training relu-adam", "functions"),
    "late": ("late steps", "late epochs"),
}
"""Self-checks that come first, by group of faults: what is seen is the same, and found sooner."""
OF_YARDSTICK = {
    ("example-4", "dropout 0.2"): ("dropout",),
    ("example-4", "l1 1e-4"): ("training penalised",),
    ("regularization", "l2 0.001"): ("training normalised",),
    ("batch-normalization-rates", "normalised, rate 0.1"): ("training normalised",),
    ("batch-normalization-examples", "rnn"): ("training recurrent",),
    ("batch-normalization-examples", "cnn"): ("training convolutional",),
    ("batch-normalization-rates", "plain, rate 0.1"): ("training relu-adam",),
}
"""The same for layers and engines, by the training in which a fault acts."""
BY = ("check", "self-checks")


def seen(fault: Fault, backend: str, baselines: Path = BASELINES) -> dict[str, str]:
    """Why a run is red with the fault, by what sees it (``BY``); an empty text where nothing does.

    "check": the fault's trainings as ``pytest suite/`` trains them, compared with the evidence. "self-checks":
    ``suite.conformance``, up to the first that is red. Exact claims and errata, which such a run decides too, do not
    count.

    Args:
        fault: put into this process, and taken out again.
        backend: "jax" or "tensorflow"; a process has one.
        baselines: the folder of the evidence.

    Raises:
        SuiteError: for a fault of our own rules or files, which ``tests/`` has to see; for a training of the fault
            without evidence.
    """
    if fault.breaks == "own":
        raise invalid(
            f"fault {fault.name!r}",
            expected="one of the framework, the data or an engine",
            received="one of our own rules or files, which tests/ has to see",
            fix="Run pytest -p tests.faults.plugin --fault NAME tests/.",
        )
    run = check_of(backend, baselines)
    for training in trainings(fault):
        _evidence(run.stored, training)
    return {"check": _check(run, fault), "self-checks": _self_checks(run, fault)}


def trainings(fault: Fault) -> tuple[tuple[str, str], ...]:
    """The trainings on which a fault is tried."""
    return fault.only or ((fault.yardstick,) if fault.yardstick else ())


def within(fault: Fault, stored: Stored) -> bool:
    """Whether the fault says of itself that it can show in the steps that a check compares (its ``acts_from_step``)."""
    if fault.yardstick is None or fault.acts_from_step is None:
        return False
    return fault.acts_from_step <= _evidence(stored, fault.yardstick).steps


def check_of(backend: str, baselines: Path = BASELINES) -> CheckRun:
    """A check of all trainings, which has trained nothing yet and records nothing; starts the backend."""
    choose_backend(backend)
    device = start_backend()
    options: Any = SimpleNamespace(
        full=False, seeds_of=lambda experiment: 1, first_seed=0, engine="auto", update=None, require_gpu=False
    )
    prints = run_fingerprint(SimpleNamespace(backend=backend, engine="auto"), device)
    stored = Stored(baselines, f"{backend}-{device.kind}")
    return CheckRun(options, prints, mock.Mock(), stored, mock.Mock(), (), TRAININGS)


def _evidence(stored: Stored, training: tuple[str, str]) -> VariantEvidence:
    found = stored.variant(*training)
    if found is None:
        raise invalid(
            f"evidence of {training_name(*training)}",
            expected=f"stored trials of {stored.stack} in {stored.root}",
            received="none",
            fix=f'Make it: pytest suite/ --full --update-baselines "REASON" -k {training[0]}.',
        )
    return found


def _check(run: CheckRun, fault: Fault) -> str:
    """The reason of the first training that is red."""
    with injected(fault):
        for training in trainings(fault):
            try:
                found = run.comparison(*training)
            except SuiteError as error:
                return str(error)
            if found.red or found.state is State.NEW:
                return f"{training_name(*training)} {found.state}: {found.reason}"
    return ""


def _self_checks(run: CheckRun, fault: Fault) -> str:
    """What the first self-check that is red says."""
    backend, engine = run.fingerprint["backend"], run.fingerprint["engine"]
    likely = LIKELY.get(fault.group) or OF_YARDSTICK.get(fault.yardstick or ("", ""), ())

    def hope(name: str) -> int:
        return next((place for place, start in enumerate(likely) if name.startswith(start)), len(likely))

    with injected(fault):
        for name in sorted(CHECKS, key=hope):
            if backend not in ENGINES[ENGINE_OF.get(name, "compiled")]:
                continue
            try:
                wrong = faults(CHECKS[name](engine))
            except Exception as error:
                wrong = [f"it could not be checked: {not_run(error).reason}"]
            if wrong:
                return f"{name}: {wrong[0]}"
    return ""


def row(fault: Fault, backend: str, baselines: Path = BASELINES) -> dict[str, Any]:
    """A row of the table: the fault, whether it acts within T, and what sees it."""
    clock = time.perf_counter()
    acts = within(fault, Stored(baselines, f"{backend}-cpu"))
    found = seen(fault, backend, baselines)
    said = {"name": fault.name, "group": fault.group, "breaks": fault.breaks, "where": fault.where, "key": fault.key}
    return {**said, "within T": acts, **found, "seconds": round(time.perf_counter() - clock, 1)}
