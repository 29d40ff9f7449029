"""A stack's evidence as the record of a run, so that it can be reported without training.

Only a check of the suite shows whether the catalogue still trains what is stored.
"""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from harness.check.claims import compare_verdict
from harness.check.evidence import LONG, POINTS
from harness.check.judge import REFERENCE
from harness.check.stored import Stored, file_of
from harness.claim import Claim
from harness.course import course
from harness.erratum import ErratumChecked, ErratumState
from harness.errors import SuiteError, invalid, nearest
from harness.model import Trial
from harness.record.evidence import Evidence
from harness.record.outcomes import Here
from harness.record.run import (
    ClaimDecided,
    Key,
    OtherStack,
    Run,
    RunEnded,
    RunStarted,
    SessionSummary,
    Summary,
)
from harness.record.trials import SeedBlock, Training
from harness.verdict import Basis, Decision, Verdict

NOT_RUN = "not run for this report; every `pytest suite/` runs both forms"


def stored_run(root: Path, stack: str) -> Run:
    """The evidence of a stack below ``root`` as a run, in catalogue order.

    Verdicts are decided from the stored trials; the verdict of an exact claim is the expected one. A file that cannot
    be read is left out, and its error stands with its claims. Raises SuiteError if the stack has no evidence.
    """
    stored, experiments = Stored(root, stack), course().experiments
    held = {name: _trainings(stored, name, stack) for name in experiments}
    own: dict[Key, Training] = {
        (name, variant.name): held[name][variant.name]
        for name, experiment in experiments.items()
        for variant in experiment.variants
        if variant.name in held[name]
    }
    if not any(held.values()):
        known = sorted({path.parent.name for name in experiments for path in root.glob(f"*/{name}.json")})
        fix = nearest(stack, known) if known else f"{root} holds none."
        raise invalid("--evidence", expected="a stack that has stored trials", received=repr(stack), fix=fix)
    evidence = {(name, variant): of for name, known in held.items() for variant, of in known.items()}
    sessions = [session for training in evidence.values() for session in training.sessions]
    newest = max(sessions, key=lambda session: session.date)
    header = RunStarted(
        id=f"evidence-{stack}",
        started=newest.date,
        command=f"python -m reports{course().option} --evidence {stack}",
        full=False,
        evidence=True,
        backend=str(newest.fingerprint["backend"]),
        engine=newest.engine,
        fingerprint=newest.fingerprint,
        commit=newest.commit,
        stack=stack,
        course=course().recorded,
        sessions=_sessions(sessions),
        other_stacks=tuple(_other_stacks(stored)),
    )
    return Run(
        root / stack,
        header,
        trials={key: _trials(of, experiments[key[0]].size.epochs) for key, of in own.items()},
        claims={claim.key: _claim(claim, stored) for claim in course().claims},
        errata={
            erratum.id: ErratumChecked(id=erratum.id, state=ErratumState.DECLARED, reason=NOT_RUN)
            for erratum in course().errata
        },
        evidence=evidence,
        end=RunEnded(exit_status=0, seconds=None),
    )


def _trainings(stored: Stored, experiment: str, stack: str) -> dict[str, Training]:
    """What a stack has stored of an experiment, by variant; nothing of a damaged file, as its claims say why."""
    evidence: Evidence | None = None
    with contextlib.suppress(SuiteError):
        evidence = stored.get(experiment, stack)
    return dict(evidence.variants) if evidence else {}


def _other_stacks(stored: Stored) -> Iterator[OtherStack]:
    for name, experiment in course().experiments.items():
        for other in sorted({path.parent.name for path in stored.root.glob(f"*/{name}.json")} - {stored.stack}):
            for variant, training in _trainings(stored, name, other).items():
                for metric in experiment.metrics:
                    of = Summary.of(metric.name, training.trials)
                    where = {"stack": other, "experiment": name, "variant": variant, "metric": of.metric}
                    yield OtherStack(**where, mean=of.mean, std=of.std, n=of.n)


def _sessions(blocks: Sequence[SeedBlock]) -> tuple[SessionSummary, ...]:
    """The sessions that stored the trials, each with its number of trials, newest first."""
    count: Counter[tuple[str, ...]] = Counter()
    names = ("device_model", "keras", "backend_version")
    for block in blocks:
        versions = (str(block.fingerprint.get(name)) for name in names)
        count[block.date, block.commit, block.engine, *versions, block.reason] += block.seeds
    fields = ("date", "commit", "engine", *names, "reason")
    newest = sorted(count.items(), reverse=True)
    return tuple(SessionSummary(**dict(zip(fields, of, strict=True)), trials=trials) for of, trials in newest)


def _trials(training: Training, epochs: int) -> list[Trial]:
    """The stored trials; thinned curves are interpolated to one value per epoch."""

    def whole(curve: tuple[float | None, ...]) -> tuple[float | None, ...]:
        return stretched(curve, epochs) if len(curve) == POINTS else curve

    if epochs <= LONG:
        return list(training.trials)
    return [
        replace(trial, history={name: whole(curve) for name, curve in trial.history.items()})
        for trial in training.trials
    ]


def stretched(curve: tuple[float | None, ...], epochs: int) -> tuple[float | None, ...]:
    """Interpolates evenly spaced points linearly to one value per epoch; None next to a point that is None."""
    nodes = [round(index * (epochs - 1) / (len(curve) - 1)) for index in range(len(curve))]
    values: list[float | None] = [None] * epochs
    for (a, x), (b, y) in itertools.pairwise(zip(nodes, curve, strict=True)):
        if x is not None and y is not None:
            values[a : b + 1] = np.linspace(x, y, b - a + 1).tolist()
    for node, value in zip(nodes, curve, strict=True):
        values[node] = value
    return tuple(values)


def _claim(claim: Claim, stored: Stored) -> ClaimDecided:
    """The record of a claim that a check would write if nothing had changed."""
    file = file_of(claim)
    try:
        stacks = stored.of(file)
        if not stacks and (damage := stored.damaged.get((file, REFERENCE))):
            raise SuiteError(damage)
    except SuiteError as error:
        text, nothing = " ".join(str(error).split()), compare_verdict(Verdict.NOT_RUN, None)
        return ClaimDecided.of(claim, Decision(Verdict.NOT_RUN, text), nothing, error=text)
    known = None if claim.experiment is None else stored.verdict(claim)
    evidence = stacks.get((known and known.stack) or stored.stack)
    expected = evidence.expected.get(claim.key) if evidence else None
    more: dict[str, Any] = {}
    if known is not None:
        decision = known.decision if known.stack else Decision(Verdict.NOT_RUN, "No evidence is stored.")
        here = Here(None, "", known.stack, known.seeds, known.decision.verdict)
        more = {"trials": stored.trials(claim), "alongside": known.alongside, "here": here}
    elif expected is not None:
        reason = expected.computed or "The evidence lacks what was computed."
        decision = Decision(Verdict(expected.verdict), reason, basis=Basis.COMPUTED)
    else:
        decision = Decision(Verdict.NOT_RUN, "No verdict is stored.")
    comparison = compare_verdict(decision.verdict, expected)
    red = comparison.red and decision.verdict is not Verdict.NOT_RUN  # where nothing was run, no test has failed
    return ClaimDecided.of(claim, decision, comparison, red=red, **more)
