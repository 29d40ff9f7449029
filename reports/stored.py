"""A stack's evidence as the record of a run, so that it can be reported without training.

Only a check of the suite shows whether the catalogue still trains what is stored.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec.structs import astuple, replace

from harness.check.evidence import LONG, POINTS, path_of, read
from harness.check.judge import REFERENCE
from harness.check.verdicts import compare_verdict, stored_verdict
from harness.course import course
from harness.domain.claim import Claim
from harness.domain.erratum import ErratumState
from harness.domain.model import Experiment, Trial
from harness.domain.verdict import Basis, Decision, Verdict
from harness.errors import SuiteError, invalid, nearest
from harness.record.evidence import EXACT, Evidence, Expected
from harness.record.outcomes import Here
from harness.record.run import (
    ClaimDecided,
    ErratumChecked,
    OtherStack,
    Run,
    RunEnded,
    RunStarted,
    SessionSummary,
    Summary,
)
from harness.record.trials import SeedBlock, Training

Stored = Mapping[str, Mapping[str, Evidence]]
"""Evidence by experiment (or "exact") and stack."""


LISTED = ErratumChecked(
    id="", state=ErratumState.DECLARED, reason="not run for this report; every `pytest suite/` runs both forms"
)


def stored_run(root: Path, stack: str) -> Run:
    """The evidence of a stack below ``root`` as a run, in catalogue order.

    Verdicts are decided from the stored trials; the verdict of an exact claim is the expected one. A file that cannot
    be read is left out, and the error of its stack's own stands with its claims. Raises SuiteError if the stack has no
    evidence.
    """
    declared = course().experiments
    damaged: dict[str, str] = {}
    stored: Stored = {
        name: _read(root, name, dict.fromkeys((stack, REFERENCE)), damaged) for name in (*declared, EXACT)
    }
    own = {name: stacks[stack] for name, stacks in stored.items() if stack in stacks and stacks[stack].variants}
    if not own:
        known = sorted({path.parent.name for name in declared for path in root.glob(f"*/{name}.json")})
        fix = nearest(stack, known) if known else f"{root} holds none."
        raise invalid("--evidence", expected="a stack that has stored trials", received=repr(stack), fix=fix)
    sessions = [one for evidence in own.values() for variant in evidence.variants.values() for one in variant.sessions]
    newest = max(sessions, key=lambda one: one.date)
    return Run(
        root / stack,
        RunStarted(
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
            other_stacks=tuple(_other_stacks(root, declared, stack)),
        ),
        {
            (name, variant.name): _trials(declared[name], evidence.variants[variant.name])
            for name, evidence in own.items()
            for variant in declared[name].variants
            if variant.name in evidence.variants
        },
        claims={claim.key: _claim(claim, stack, stored, damaged) for claim in course().claims},
        errata={erratum.id: replace(LISTED, id=erratum.id) for erratum in course().errata},
        evidence={(name, key): known for name, one in own.items() for key, known in one.variants.items()},
        end=RunEnded(exit_status=0, seconds=None),
    )


def _read(root: Path, experiment: str, stacks: Mapping[str, None], damaged: dict[str, str]) -> dict[str, Evidence]:
    """The evidence of an experiment by stack, without stacks that have none; errors are put into ``damaged``."""
    known: dict[str, Evidence] = {}
    for stack in stacks:
        try:
            evidence = read(path_of(root, stack, experiment))
        except SuiteError as error:
            if not known:  # where the stack's own file can be read, it decides
                damaged.setdefault(experiment, " ".join(str(error).split()))
        else:
            known |= {} if evidence is None else {stack: evidence}
    return known


def _other_stacks(root: Path, declared: Mapping[str, Experiment], stack: str) -> Iterator[OtherStack]:
    for name, experiment in declared.items():
        others = sorted({path.parent.name for path in root.glob(f"*/{name}.json")} - {stack})
        for other, evidence in _read(root, name, dict.fromkeys(others), {}).items():
            for variant, kept in evidence.variants.items():
                for metric in experiment.metrics:
                    found = Summary.of(metric.name, kept.trials)
                    yield OtherStack(
                        stack=other,
                        experiment=name,
                        variant=variant,
                        metric=found.metric,
                        mean=found.mean,
                        std=found.std,
                        n=found.n,
                    )


def _sessions(sessions: list[SeedBlock]) -> tuple[SessionSummary, ...]:
    """The sessions that stored the trials, each with its number of trials, newest first."""
    count: Counter[SessionSummary] = Counter()
    for one in sessions:
        summary = SessionSummary(
            date=one.date,
            commit=one.commit,
            engine=one.engine,
            device_model=str(one.fingerprint.get("device_model")),
            keras=str(one.fingerprint.get("keras")),
            backend_version=str(one.fingerprint.get("backend_version")),
            reason=one.reason,
            trials=0,
        )
        count[summary] += one.seeds
    newest = sorted(count.items(), key=lambda item: astuple(item[0]), reverse=True)
    return tuple(replace(summary, trials=trials) for summary, trials in newest)


def _trials(experiment: Experiment, training: Training) -> list[Trial]:
    """The stored trials; thinned curves are interpolated to one value per epoch."""
    epochs = experiment.size.epochs
    if epochs <= LONG:
        return list(training.trials)
    return [
        replace(
            one,
            history={
                n: stretched(curve, epochs) if len(curve) == POINTS else curve for n, curve in one.history.items()
            },
        )
        for one in training.trials
    ]


def stretched(curve: tuple[float | None, ...], epochs: int) -> tuple[float | None, ...]:
    """Interpolates evenly spaced points linearly to one value per epoch; None next to a point that is None."""
    import numpy as np

    nodes = [round(index * (epochs - 1) / (len(curve) - 1)) for index in range(len(curve))]
    values: list[float | None] = [None] * epochs
    for (a, x), (b, y) in itertools.pairwise(zip(nodes, curve, strict=True)):
        if x is not None and y is not None:
            values[a : b + 1] = np.linspace(x, y, b - a + 1).tolist()
    for node, value in zip(nodes, curve, strict=True):
        values[node] = value
    return tuple(values)


def _claim(claim: Claim, stack: str, stored: Stored, damaged: Mapping[str, str]) -> ClaimDecided:
    """The record of a claim that a check would write if nothing had changed. ``damaged``: errors by file."""
    file = claim.experiment.id if claim.experiment else EXACT
    if error := damaged.get(file):
        nothing = compare_verdict(Verdict.NOT_RUN, None, more_seeds=True)
        return ClaimDecided.of(claim, Decision(Verdict.NOT_RUN, error), nothing, error=error)
    stacks = stored[file]
    expected = stacks[stack].expected.get(claim.key) if stack in stacks else None
    here: Here | None = None
    alongside: tuple[Decision, ...] = ()
    used: dict[str, tuple[Trial, ...]] = {}
    if claim.experiment is None:
        decision = _exact(expected)
    else:
        known = stored_verdict(claim, stack, stacks)
        decision, alongside = Decision(Verdict.NOT_RUN, "No evidence is stored."), known.alongside
        if known.stack:
            decision = known.settled("")
            expected = stacks[known.stack].expected.get(claim.key)  # of the stack whose evidence decides
            variants = stacks[known.stack].variants
            used = {name: variants[name].trials[: known.seeds] for name in claim.variants}
        here = Here(None, "", known.stack, known.seeds, known.verdict)
    comparison = compare_verdict(decision.verdict, expected, more_seeds=True)
    red = comparison.red and decision.verdict is not Verdict.NOT_RUN  # where nothing was run, no test has failed
    return ClaimDecided.of(claim, decision, comparison, used, alongside=alongside, here=here, red=red)


def _exact(expected: Expected | None) -> Decision:
    if expected is None:
        return Decision(Verdict.NOT_RUN, "No verdict is stored.")
    reason = expected.computed or "The evidence lacks what was computed."
    return Decision(Verdict(expected.verdict), reason, basis=Basis.COMPUTED)
