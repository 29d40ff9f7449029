"""Finds out what detects a fault: a check of the trainings that it changes, and the self-checks, each on its own."""

from __future__ import annotations

import contextlib
import functools
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from harness.check.claims import Asked, Judge
from harness.check.evidence import TINY_SEEDS
from harness.check.rounding import CHECKED, VALIDATED
from harness.check.stored import Stored
from harness.course import ROOT
from harness.domain.trial import Trial
from harness.errors import SuiteError, invalid
from harness.record.evidence import VariantEvidence
from harness.record.run import Key, RunStarted
from harness.record.run_file import RunFile
from harness.record.trials import ShortTrial
from harness.training.backend import choose_backend, start_backend
from harness.training.steps import first_steps
from harness.training.train import train
from suite.catalogue import EXPERIMENTS, ORDER, TRAININGS, training_name
from suite.cli.options import Options
from suite.session.progress import Progress
from suite.session.session import Session, training_message
from suite.session.start import counts, run_fingerprint
from suite.session.trials import TrainingPlace, Trials
from tests.faults.catalogue import named
from tests.faults.fault import Fault, injected
from tests.faults.self_checks import first_red

BASELINES = ROOT / "baselines"
LIKELY = {
    "optimizer": ("linear-momentum", "network/relu-adam", "network/normalised-nesterov", "steps"),
    "initial weights": ("initial-weights",),
    "losses and metrics": ("network/relu-adam", "linear-momentum", "activation", "loss"),
    "data": ("data/", "network/relu-adam"),
    "callbacks": ("early-stopping", "checkpoints", "logs"),
    "determinism": ("initial-weights", "network/relu-adam", "dropout"),
    "numerics": ("network/relu-adam", "activation", "matrix-product"),
    "late states": ("late-epochs", "steps"),
    "late epochs": ("late-epochs",),
}
"""Parts of the ids of self-checks that come first, by group of faults: what is seen is the same, and found sooner."""
OF_YARDSTICK = {
    ("optimizers", "adam"): ("dropout",),
    ("example-4", "l1 1e-4"): ("network/normalised-nesterov",),
    ("regularization", "l2 0.001"): ("network/normalised-nesterov",),
    ("batch-normalization-rates", "normalised, rate 0.1"): ("network/normalised-nesterov",),
    ("batch-normalization-examples", "rnn"): ("network/recurrent-adagrad",),
    ("batch-normalization-examples", "cnn"): ("convolutional-adadelta",),
    ("batch-normalization-rates", "plain, rate 0.1"): ("network/relu-adam",),
}
"""The same for layers and engines, by the training in which a fault acts."""
BY, FULL = ("check", "self-checks"), "to the end"
CHEAP = (
    ("more-data", "2,000 images"),
    ("example-4-softmax", "as printed"),
    ("batch-normalization-rates", "plain, rate 0.1"),
    ("batch-normalization-rates", "normalised, rate 0.1"),
)
"""Trainings of a few seconds with many compared steps; the first is an anchor, which goes through an engine's loop."""
EXHAUSTED = "Failed to materialize symbols"
"""What XLA says on a CPU when a process has compiled some thousands of programs; it says nothing of a fault."""
Steps = tuple[object, ...]


def seen(fault: Fault, backend: str, baselines: Path = BASELINES) -> dict[str, Any]:
    """Why a run is red with the fault, by what sees it (``BY``; an empty text where nothing does), and whether it acts.

    "check": the fault's trainings as ``pytest suite/`` trains them, compared with the evidence. "self-checks":
    the self-checks, up to the first that is red. Exact claims and errata, which such a run decides too, do not
    count. "acts": whether any number of the first steps that the check trained is another one than without the fault,
    by a single bit, in this very process.

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
    with session_of(backend, baselines) as session:
        for training in trainings(fault):
            _evidence(session.stored, training)
        reason, compared = _check(session, fault)
        engine = str(session.header.fingerprint["engine"])
    if EXHAUSTED in reason:
        raise invalid(
            f"process that tries {fault.name!r}",
            expected="a backend that compiles a training",
            received="one that has compiled too many",
            fix="Run the same command again: it goes on.",
        )
    acts = any(steps != _without(backend, baselines, training) for training, steps in compared.items())
    return {"acts": acts, "check": reason, "self-checks": _self_checks(engine, fault)}


def seen_to_the_end(fault: Fault, backend: str, baselines: Path = BASELINES) -> str:
    """Why ``pytest suite/ --full --seeds 5`` is red with the fault, from the trainings that it touches; "" if not.

    Raises:
        SuiteError: for a training of the fault without evidence.
    """
    with session_of(backend, baselines, full=True) as session:
        for training in trainings(fault):
            _evidence(session.stored, training)
        return _check(session, fault)[0]


def trainings(fault: Fault) -> tuple[Key, ...]:
    """The trainings on which a fault is tried, in this order: those that it names, or its yardstick, then ``CHEAP``.

    Example 4, of which a seed takes a minute, is left out where a fault names others. () for a fault that touches no
    training.
    """
    own = fault.only or ((fault.yardstick,) if fault.yardstick else ())
    cheaper = tuple(training for training in own if training[0] != "example-4") or own
    return tuple(dict.fromkeys((*cheaper, *CHEAP))) if own else ()


def within(fault: Fault, stored: Stored) -> bool:
    """Whether the fault says of itself that it can show in the steps that a check compares (its ``acts_from_step``)."""
    if fault.yardstick is None or fault.acts_from_step is None:
        return False
    return fault.acts_from_step <= _evidence(stored, fault.yardstick).steps


@contextlib.contextmanager
def session_of(backend: str, baselines: Path = BASELINES, *, full: bool = False) -> Iterator[Session]:
    """A run of all trainings in this process, as the suite begins it; it has trained nothing yet. Starts the backend.

    It is a check, or trains five seeds to the end. A training without evidence is red. Its file is kept no longer.
    """
    choose_backend(backend)
    device = start_backend()
    with tempfile.TemporaryDirectory() as folder:
        options = _options(backend, baselines, Path(folder), full=full)
        prints = run_fingerprint(options, device)
        stored = Stored(baselines, f"{backend}-{device.kind}")
        header = RunStarted(
            id="run", started="", command="", full=full, backend=backend, engine="auto", fingerprint=prints,
            stack=stored.stack,
        )  # fmt: skip
        file = RunFile.begin(Path(folder), header)
        asked = Asked(full=full, require_baselines=True)
        judge = Judge(stored, prints, asked, counts(options, TRAININGS), EXPERIMENTS, ORDER)
        progress = mock.create_autospec(Progress, instance=True)
        trials = Trials(options, file, prints, stored, progress, TrainingPlace())
        session = Session(options, device, file, stored, judge, trials, progress)
        try:
            yield session
        finally:
            session.close()


def _options(backend: str, baselines: Path, folder: Path, *, full: bool) -> Options:
    return Options(
        full=full, seeds=CHECKED if full else None, more_seeds=(), as_needed=None, first_seed=0,
        backend=backend, backend_from="", engine="auto", precision="default", baselines=baselines, reports=folder,
        update=None, require_baselines=True, require_gpu=False, strict=False, reuse=False, dry_run=False,
        gate_timing=False, store=None, resume=None, workers=1, cluster="",
    )  # fmt: skip


def _evidence(stored: Stored, training: Key) -> VariantEvidence:
    found = stored.variant(*training)
    if found is None:
        raise invalid(
            f"evidence of {training_name(*training)}",
            expected=f"stored trials of {stored.stack} in {stored.root}",
            received="none",
            fix=f'Make it: pytest suite/ --full --update-baselines "REASON" -k {training[0]}.',
        )
    return found


def _check(session: Session, fault: Fault) -> tuple[str, dict[Key, Steps]]:
    """The reason of the first training that is red, and the first steps of each that was tried; () if it failed."""
    compared: dict[Key, Steps] = {}
    with injected(fault):
        for training in trainings(fault):
            try:
                found = session.training(training)
            except SuiteError as error:
                return str(error), compared | {training: ()}
            tiny = _evidence(session.stored, training).tiny
            short = [one for one in session.trials.short(training) if not one.canonical]
            compared[training] = _numbers(session.trials.done(training) if tiny else short)
            if found.red:
                return training_message(found), compared
    return "", compared


@functools.cache
def _without(backend: str, baselines: Path, training: Key) -> Steps:
    """The first steps of a training without a fault."""
    declared, variant = EXPERIMENTS[training[0]], training[1]
    stored = _evidence(Stored(baselines, f"{backend}-cpu"), training)
    if stored.tiny:
        return _numbers(train(declared, variant, range(min(TINY_SEEDS, stored.seeds))))
    return _numbers(first_steps(declared, variant, range(CHECKED), stored.steps, validate=VALIDATED))


def _numbers(trained: Sequence[ShortTrial | Trial]) -> Steps:
    """Every number that a check compares step by step: of a tiny training, which goes to the end, epoch by epoch."""
    return tuple(
        (one.losses, one.val_loss, *one.observed.items()) if isinstance(one, ShortTrial) else tuple(one.history.items())
        for one in trained
    )


def _self_checks(engine: str, fault: Fault) -> str:
    """What the first self-check that is red says."""
    likely = LIKELY.get(fault.group) or OF_YARDSTICK.get(fault.yardstick or ("", ""), ())
    with injected(fault):
        return first_red(engine, likely)


def described(fault: Fault) -> dict[str, Any]:
    """What a row of the table says of a fault whatever was measured."""
    said = {"name": fault.name, "group": fault.group, "breaks": fault.breaks, "held out": fault.held_out}
    return {**said, "where": fault.where, "key": fault.key}


def row(fault: Fault, backend: str, baselines: Path = BASELINES) -> dict[str, Any]:
    """A row of the table: the fault, whether it was said to act within T, whether it does, and what sees it."""
    clock = time.perf_counter()
    said_to = within(fault, Stored(baselines, f"{backend}-cpu"))
    found = seen(fault, backend, baselines)
    return {**described(fault), "within T": said_to, **found, "seconds": round(time.perf_counter() - clock, 1)}


def row_of(name: str, backend: str, baselines: Path) -> dict[str, Any]:
    """``row``, in the process that tries the faults: a fault itself cannot be sent there."""
    return row(named(name), backend, baselines)


def end_of(name: str, backend: str, baselines: Path) -> str:
    """``seen_to_the_end``, in the process that tries the faults."""
    return seen_to_the_end(named(name), backend, baselines)
