"""What of a run sees a fault: a check of the trainings that it changes, and the self-checks, each on its own."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.faults import places as at
from benchmarks.faults.fault import Fault, Training, injected
from benchmarks.faults.table import named
from harness.check.claims import Judge, to_the_end
from harness.check.judge import Circumstances, same_versions
from harness.check.rounding import CHECKED
from harness.check.stored import Stored
from harness.course import ROOT, course
from harness.environment.fingerprint import fingerprint
from harness.errors import invalid
from harness.model import Trial
from harness.record.trials import ShortTrial
from harness.record.trials import Training as Known
from harness.training.backend import active_backend, choose_backend, start_backend
from harness.training.engines import resolve_engine
from harness.verdict import Verdict
from suite.catalogue import EXPERIMENTS, SELF_CHECKS, TRAININGS, training_name
from suite.session.task import Description, Task, attempt, reason_of

BASELINES = ROOT / "baselines"
BY, FULL = ("check", "self-checks"), "to the end"
CHEAP = (at.MLP, at.SOFTMAX, at.BY_SGD, at.NORMALISED)
"""Trainings of a few seconds with many compared steps; the first is an anchor, which goes through an engine's loop."""
EXHAUSTED = "Failed to materialize symbols"
"""What XLA says on a CPU when a process has compiled some thousands of programs; it says nothing of a fault."""
LIKELY: dict[object, Sequence[str]] = {
    "optimizer": ("linear-momentum", "network/relu-adam", "network/normalised-nesterov", "steps"),
    "initial weights": ("initial-weights",),
    "losses and metrics": ("network/relu-adam", "linear-momentum", "activation", "loss"),
    "data": ("data/", "network/relu-adam"),
    "callbacks": ("early-stopping", "checkpoints", "logs"),
    "determinism": ("initial-weights", "network/relu-adam", "dropout"),
    "numerics": ("network/relu-adam", "activation", "matrix-product"),
    "late states": ("late-epochs", "steps"),
    "late epochs": ("late-epochs",),
    at.ADAM_RACE: ("dropout",),
    at.L1_SMALL: ("network/normalised-nesterov",),
    at.PENALISED: ("network/normalised-nesterov",),
    at.NORMALISED: ("network/normalised-nesterov",),
    at.RNN: ("network/recurrent-adagrad",),
    at.CNN: ("convolutional-adadelta",),
    at.BY_SGD: ("network/relu-adam",),
}
"""Parts of the ids of self-checks that come first: what is seen is the same, and found sooner.

By group of faults; where a group is not here, by the training in which a fault acts first.
"""
Steps = tuple[object, ...]


class Check:
    """What ``pytest suite/`` does of its trainings, in this process; it starts the backend.

    Args:
        backend: "jax" or "tensorflow"; a process has one.
        baselines: the folder of the evidence.
        full: as with ``--full --seeds 5``.
    """

    def __init__(self, backend: str, baselines: Path = BASELINES, *, full: bool = False) -> None:
        choose_backend(backend)
        device = start_backend()
        self.backend, self.full = backend, full
        self.engine = resolve_engine("auto", backend, device.kind)
        facts = fingerprint(backend, device.kind, device.model, device.precision)
        self.fingerprint = {**facts, "engine": self.engine}
        self.stored = Stored(baselines, f"{backend}-{device.kind}")
        self._anchors = course().anchors(every=False)
        to_end = CHECKED * len(TRAININGS) if full else len(self._anchors)
        here = Circumstances(self.stored.stack, self.fingerprint, full, len(TRAININGS), max(1, to_end))
        self._judge = Judge(here, self.stored, EXPERIMENTS, require_baselines=True)

    def evidence(self, training: Training) -> Known:
        stored = self.stored.variant(*training)
        if stored is None:
            raise invalid(
                f"evidence of {training_name(*training)}",
                expected=f"stored trials of {self.stored.stack} in {self.stored.root}",
                received="none",
                fix=f'Make it: pytest suite/ --full --update-baselines "REASON" -k {training[0]}.',
            )
        return stored

    def trained(self, training: Training) -> tuple[str, Steps]:
        """Why a training is red ("" if it is not), and every number that a check compares step by step."""
        own = self.evidence(training)
        name, variant = training
        same = same_versions(own, self.fingerprint)
        seeds = CHECKED if self.full else to_the_end(training, own, self._anchors, course().anchors(every=True))
        task = Task(
            backend=self.backend,
            experiment=name,
            variant=variant,
            seeds=tuple(range(seeds)),
            states=() if self.full else own.states,
            canonical=() if same else own.states,
            sizes=own.sizes,
            hashed=not same,
        )
        result = attempt(task)
        if result.failure:
            return f"{task.name} could not be trained: {result.failure}", ()
        (described,) = (event for event in result.events if isinstance(event, Description))
        trials = tuple(event for event in result.events if isinstance(event, Trial))
        short = tuple(event for event in result.events if isinstance(event, ShortTrial))
        done = Known(configuration=described.configuration, hashes=described.hashes, short=short, trials=trials)
        judged = self._judge.training(training, done)
        said = f"{task.name} {judged.outcome.state}: {judged.outcome.reason}" if judged.red else ""
        if own.tiny:
            return said, tuple(tuple(trial.history.items()) for trial in trials)
        first = (trial for trial in short if not trial.canonical and not trial.start)
        return said, tuple((trial.losses, *trial.curves.items()) for trial in first)

    def seen(self, fault: Fault) -> tuple[str, dict[Training, Steps]]:
        """Why the first training that is red with the fault is red, and the first steps of each that was tried."""
        compared: dict[Training, Steps] = {}
        with injected(fault):
            for training in tried_on(fault):
                reason, compared[training] = self.trained(training)
                if reason:
                    return reason, compared
        return "", compared


@functools.cache
def _without(backend: str, baselines: Path, training: Training) -> Steps:
    """The first steps of a training without a fault."""
    return Check(backend, baselines).trained(training)[1]


def tried_on(fault: Fault) -> tuple[Training, ...]:
    """The trainings on which a fault is tried, in this order: its own, then ``CHEAP``; () if it touches no training.

    Example 4, of which a seed takes a minute, is left out where a fault names others.
    """
    own = fault.trainings
    cheaper = tuple(training for training in own if training[0] != "example-4") or own
    return tuple(dict.fromkeys((*cheaper, *CHEAP))) if own else ()


def seen(fault: Fault, backend: str, baselines: Path = BASELINES) -> dict[str, Any]:
    """Why a run is red with the fault, by what sees it (``BY``; an empty text where nothing does), and whether it acts.

    "check": the fault's trainings as ``pytest suite/`` trains them, compared with the evidence. "self-checks":
    the self-checks, up to the first that is red. Exact claims and errata, which such a run decides too, do not
    count. "acts": whether any number of the first steps that the check trained is another one than without the fault,
    by a single bit, in this very process.

    Raises:
        SuiteError: for a fault of our own rules or files, which ``tests/`` has to see; for a training of the fault
            without evidence.
    """
    if fault.own:
        raise invalid(
            f"fault {fault.name!r}",
            expected="one of Keras, the data or an engine",
            received="one of our own rules or files, which tests/ has to see",
            fix="Run pytest -p benchmarks.faults.plugin --fault NAME tests/.",
        )
    check = Check(backend, baselines)
    for training in tried_on(fault):
        check.evidence(training)
    reason, compared = check.seen(fault)
    if EXHAUSTED in reason:
        raise invalid(
            f"process that tries {fault.name!r}",
            expected="a backend that compiles a training",
            received="one that has compiled too many",
            fix="Run the same command again: it goes on.",
        )
    acts = any(steps != _without(backend, baselines, training) for training, steps in compared.items())
    likely = LIKELY.get(fault.group) or LIKELY.get((*fault.trainings, None)[0]) or ()
    with injected(fault):
        return {"acts": acts, "check": reason, "self-checks": first_red(check.engine, likely)}


def first_red(engine: str, likely: Sequence[str] = ()) -> str:
    """What the first self-check that is red says, those of ``likely`` first; "" where none is."""
    ids = sorted(SELF_CHECKS, key=lambda id: next((n for n, part in enumerate(likely) if part in id), len(likely)))
    for id in ids:
        check = SELF_CHECKS[id]
        if check.backends and active_backend() not in check.backends:
            continue
        try:
            decision = check.decide(engine)
        except Exception as error:
            return f"{id}: it could not be checked: {reason_of(error)}"
        if decision.verdict is not Verdict.SUPPORTED:
            return f"{id}: {decision.reason}"
    return ""


def described(fault: Fault) -> dict[str, Any]:
    """What a row of the table says of a fault whatever was measured."""
    return {"name": fault.name, "group": fault.group, "held out": fault.held_out, "where": fault.where}


def row_of(name: str, backend: str, baselines: Path) -> dict[str, Any]:
    """A row of the table: the fault, whether it was said to act within T, whether it does, and what sees it.

    By its name: it goes to the process that tries the faults, where a fault itself cannot be sent.
    """
    return row(named(name), backend, baselines)


def row(fault: Fault, backend: str, baselines: Path) -> dict[str, Any]:
    clock = time.perf_counter()
    early = False
    if fault.trainings and fault.step is not None:
        early = fault.step <= (Check(backend, baselines).evidence(fault.trainings[0]).steps or 0)
    sight = seen(fault, backend, baselines)
    return {**described(fault), "within T": early, **sight, "seconds": round(time.perf_counter() - clock, 1)}


def check_of(name: str, backend: str, baselines: Path) -> str:
    """Why ``pytest suite/`` is red with a fault, without its self-checks; "" if not."""
    return Check(backend, baselines).seen(named(name))[0]


def end_of(name: str, backend: str, baselines: Path) -> str:
    """Why ``pytest suite/ --full --seeds 5`` is red with a fault, from the trainings that it touches; "" if not."""
    return Check(backend, baselines, full=True).seen(named(name))[0]
