"""What differs between two runs, and what of it is a regression: ``compare(now, then)``. A pure function.

A stack's evidence is a run as well (``reports.stored.stored_run``). Each result is compared as a check compares it with
the evidence, so its states, limits and reasons are the same: a training by ``judge.Comparison``, a verdict by
``claims.verdict_state``, a time by ``harness.timing.slower``. A run does not know how far rounding moves a training:
all steps of its traces are compared. Values of a single seed are shown and not tested.

Times are compared on one machine only, and only with the same engine and number of workers. With one run on each side
it does not know the spread between processes, so a single case has to change by WIDE. All cases together show
less: their median ratio is beyond noise if its whole 95 % interval over cases exceeds RELATIVE, and no process was held
up by others. A training has no rounds, and its epoch is not protected from what else runs: that interval has to exceed
WIDE. Assumed: cases differ independently. A machine that was busy in one run slows all its cases alike.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from msgspec.structs import replace

from harness.check.claims import verdict_state
from harness.check.difference import MedianRatio
from harness.check.judge import Circumstances, Comparison
from harness.course import course
from harness.environment.fingerprint import OF_MACHINE
from harness.erratum import ErratumState
from harness.errors import SuiteError
from harness.model import Metric, Trial
from harness.record.outcomes import REPRODUCED, TimeState, TrainingOutcome, TrainingState, VerdictState, number_text
from harness.record.run import ClaimDecided, Key, Run, Timed
from harness.record.trials import SeedBlock, Training
from harness.timing.slower import CHANGED, CONTENTION, RELATIVE, WIDE, slower
from harness.verdict import Verdict

REGRESSED = (VerdictState.NOT_RUN, VerdictState.FLIPPED, VerdictState.WEAKENED)


class Result(NamedTuple):
    """A result of a run against what is stored: its state, why, whether it is red, and whether it was compared."""

    state: str
    reason: str
    red: bool
    ran: bool = True


def results(run: Run) -> dict[tuple[str, str], Result]:
    """The claims, errata, self-checks and trainings of a run, by kind and name."""
    known: dict[tuple[str, str], Result] = {}
    for key, claim in run.claims.items():
        ran = claim.verdict is not Verdict.NOT_RUN
        known["claim", key] = Result(str(claim.verdict), claim.decision.reason, claim.red, ran)
    for key, erratum in run.errata.items():
        ran = erratum.state is not ErratumState.NOT_RUN
        known["erratum", key] = Result(str(erratum.state), erratum.reason, erratum.red, ran)
    for key, check in run.self_checks.items():
        state, reason = ("fails", check.decision.reason) if check.red else ("passes", "")
        known["self-check", key] = Result(state, reason, check.red, check.moved or not check.red)
    for training, record in run.trainings.items():
        outcome = record.outcome
        ran = outcome.state is not TrainingState.NEW or outcome.compatible is not None
        known["training", "/".join(training)] = Result(
            str(outcome.state), outcome.reason, record.red or outcome.red, ran
        )
    return known


@dataclass(frozen=True)
class Change:
    """A result that differs.

    Attributes:
        kind, name: of the result: "training", "claim", "erratum", "self-check" or "time".
        state: what happened to it; see ``TrainingState``, ``VerdictState``, ``ErratumState`` and ``TimeState``.
        reason: why.
        red: whether it is a regression.
        before, after: its verdict or its state on either side; "" of a training or a time.
    """

    kind: str
    name: str
    state: str
    reason: str
    red: bool
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class Times:
    """All cases together.

    Attributes:
        source: "-m timing" or "trainings".
        whole: now over then; None if nothing was compared, and then ``why_not`` says why.
        state: WITHIN, SLOWER, FASTER or DISTURBED.
    """

    source: str
    whole: MedianRatio | None = None
    state: TimeState = TimeState.WITHIN
    why_not: str = ""


@dataclass(frozen=True)
class Changes:
    """What differs from ``then`` to ``now``.

    Attributes:
        now, then: the runs.
        changes: what differs, regressions first.
        equal: the number of the other results by (kind, state).
        times: of ``-m timing``, and of trainings.
        fingerprint: (key, then, now) of the entries that differ.
        only: by kind, the names that only ``then`` has, and those that only ``now`` has.
    """

    now: Run
    then: Run
    changes: tuple[Change, ...] = ()
    equal: Mapping[tuple[str, str], int] = field(default_factory=dict)
    times: tuple[Times, ...] = ()
    fingerprint: tuple[tuple[str, str, str], ...] = ()
    only: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)

    @property
    def regressed(self) -> bool:
        """Whether a training moved, a verdict or a state became worse, or times are slower beyond noise."""
        together = (times.state is TimeState.SLOWER for times in self.times)
        return any(change.red for change in self.changes) or any(together)


def compare(now: Run, then: Run) -> Changes:
    """Compares two runs. SuiteError if they have nothing in common."""
    names = [_names(run) for run in (then, now)]
    if not any(set(before) & set(after) for before, after in zip(names[0].values(), names[1].values(), strict=True)):
        raise SuiteError(
            f"Nothing to compare: {then.header.id} and {now.header.id} have no training, claim, erratum, self-check or "
            "timing in common. Name two runs of the same tests."
        )
    times, cases = _times(now, then)
    rows = [*_trainings(now, then), *_verdicts(now, then), *_states(now, then), *cases]
    changes = [row for row in rows if isinstance(row, Change)]
    only = {
        kind: (tuple(name for name in before if name not in after), tuple(name for name in after if name not in before))
        for kind, before, after in ((kind, names[0][kind], names[1][kind]) for kind in names[0])
        if set(before) != set(after)
    }
    return Changes(
        now,
        then,
        changes=tuple(sorted(changes, key=lambda change: not change.red)),
        equal=Counter(row for row in rows if not isinstance(row, Change)),
        times=times,
        fingerprint=tuple(_fingerprint(now, then)),
        only=only,
    )


Row = Change | tuple[str, str]
"""A result that differs, or (kind, state) of one that does not."""


def _names(run: Run) -> dict[str, list[str]]:
    return {
        "training": ["/".join(key) for key in _trained_keys(run)],
        "claim": list(run.claims),
        "erratum": list(run.errata),
        "self-check": list(run.self_checks),
        "time": [_case(timed) for timed in run.timings.values()],
    }


def _trained_keys(run: Run) -> list[Key]:
    return list({**run.trials, **run.short, **run.trainings})


def _case(timed: Timed) -> str:
    return f"{timed.work} ({timed.engine})"


# Trainings


def _trainings(now: Run, then: Run) -> Iterator[Row]:
    both = set(_trained_keys(then))
    keys = [key for key in _trained_keys(now) if key in both]
    trials = sum(len(now.trials.get(key, ())) for key in keys)
    here = Circumstances(now.header.stack, now.header.fingerprint, now.header.full, max(1, len(keys)), max(1, trials))
    for key in keys:
        outcome, untested = _outcome(now, then, key, here)
        a, b = then.trainings.get(key), now.trainings.get(key)
        name, red = "/".join(key), outcome.state in (TrainingState.MOVED, TrainingState.NOT_COMPARABLE)
        if red or untested:
            yield Change("training", name, outcome.state, " ".join(filter(None, (outcome.reason, untested))), red)
        elif a and b and b.red and not a.red:
            states, why = (str(a.outcome.state), str(b.outcome.state)), f"Against the evidence: {b.outcome.reason}"
            yield Change("training", name, b.outcome.state, why, True, *states)
        elif outcome.state in REPRODUCED:
            yield "training", outcome.state
        else:
            yield "training", "compatible" if outcome.compatible else "not compared"


def _outcome(now: Run, then: Run, key: Key, here: Circumstances) -> tuple[TrainingOutcome, str]:
    """The comparison of a training, and a sentence on what of it is too little to test."""
    experiment = course().experiments.get(key[0])
    trained, known = _training(now, key), _training(then, key)
    sides = [{name for trial in of.trials for name in trial.metrics} for of in (trained, known) if of.trials]
    metrics = [
        metric for metric in (experiment.metrics if experiment else ()) if all(metric.name in names for names in sides)
    ]
    if not (key in now.evidence and key in then.evidence):  # a run does not hold it
        trained = replace(trained, configuration=known.configuration)
    thinned = key in now.evidence  # its curves may be
    if thinned:
        known = replace(known, calm_to_the_end=None)
    before = {trial.seed: trial.metrics for trial in known.trials}
    same = all(before.get(trial.seed) == trial.metrics for trial in trained.trials)
    few, untested = len(known.trials) < 2 and not same, ""
    if few and metrics and len(trained.trials) == 1 and (stored := before.get(trained.trials[0].seed)) is not None:
        values = stored.get(metrics[0].name), trained.trials[0].metrics.get(metrics[0].name)
        if None in values or abs((values[1] or 0) - (values[0] or 0)) > metrics[0].smallest_effect:
            a, b = map(number_text, values)
            untested = f"{metrics[0].name} of one seed: {a} → {b}, which is too little to test."
    nothing = few or not metrics or not known.trials
    known = replace(known, trials=_with(known.trials, metrics, thinned))
    trained = replace(
        trained,
        short=() if trained.tiny or not known.short else trained.short,
        trials=() if nothing else _with(trained.trials, metrics, thinned),
    )
    if not trained.short and not trained.trials:
        return TrainingOutcome(TrainingState.NEW, ""), untested
    full = here.full or len(trained.trials) > 1
    comparison = Comparison(dataclasses.replace(here, full=full), metrics, trained, known)
    if now.header.stack != then.header.stack:
        return comparison.elsewhere(f"Against {then.header.stack}"), untested
    return comparison.outcome(), untested


def _training(run: Run, key: Key) -> Training:
    """What a run knows of a training. It holds no configuration but the number of epochs."""
    if key in run.evidence:
        return run.evidence[key]
    declared, header, trials = course().experiments.get(key[0]), run.header, tuple(run.trials.get(key, ()))
    origin = SeedBlock(
        first=header.first_seed,
        seeds=len(trials),
        commit=header.commit or "unknown",
        date=header.started,
        reason="a run",
        engine=header.engine,
        seconds=0.0,
        fingerprint=header.fingerprint,
    )
    return Training(
        configuration={"epochs": declared.size.epochs} if declared else {},
        trials=trials,
        short=tuple(run.short.get(key, ())),
        sessions=(origin,),
    )


def _with(trials: Sequence[Trial], metrics: Sequence[Metric], thinned: bool) -> tuple[Trial, ...]:
    """The trials with these metrics only, and without curves if those of one side may be thinned."""
    return tuple(
        replace(
            trial,
            metrics={metric.name: trial.metrics.get(metric.name) for metric in metrics},
            history={} if thinned else trial.history,
        )
        for trial in trials
    )


# Verdicts and states


def _verdicts(now: Run, then: Run) -> Iterator[Row]:
    for key, before in then.claims.items():
        after = now.claims.get(key)
        if after is None:
            continue
        state = verdict_state(after.verdict, before.verdict)
        if after.verdict is before.verdict:
            yield "claim", "as expected"
            continue
        seeds = _seeds(before), _seeds(after)
        fewer = state is VerdictState.WEAKENED and seeds[1] < seeds[0]
        notes = [after.decision.reason]
        notes += [f"{seeds[0]} seeds then, {seeds[1]} now"] if seeds[0] != seeds[1] else []
        notes += ["decided by another rule then"] if before.definition != after.definition else []
        red = state in REGRESSED and not fewer
        verdicts = str(before.verdict), str(after.verdict)
        yield Change("claim", key, state, "; ".join(filter(None, notes)), red, *verdicts)


def _seeds(claim: ClaimDecided) -> int:
    """The number of seeds that a verdict rests on."""
    return max((summary.n for summary in claim.variants.values()), default=0)


def _states(now: Run, then: Run) -> Iterator[Row]:
    """Of errata and self-checks."""
    after = results(now)
    for (kind, name), a in results(then).items():
        b = after.get((kind, name))
        if b is None or kind in ("claim", "training"):
            continue
        yield (
            (kind, a.state)
            if a.state == b.state
            else Change(kind, name, b.state, b.reason, b.red and not a.red, a.state, b.state)
        )


# Times


def _times(now: Run, then: Run) -> tuple[tuple[Times, ...], list[Change]]:
    """The times of ``-m timing`` and of trainings, and the cases of the former that changed."""
    lines: list[Times] = []
    changes: list[Change] = []
    keys, elsewhere = (*OF_MACHINE, "device"), ""
    if any(then.header.fingerprint.get(key) != now.header.fingerprint.get(key) for key in keys):
        elsewhere = "other machine: not compared"
    pairs = [(then.timings[key], timed) for key, timed in now.timings.items() if key in then.timings]
    if pairs and elsewhere:
        lines.append(Times("-m timing", why_not=elsewhere))
    elif pairs:
        line, changes = _timed(now, then, pairs)
        lines.append(line)
    epochs = list(_epochs(now, then))
    if epochs:
        workers = "" if then.header.workers == now.header.workers else "other number of workers: not compared"
        if why_not := elsewhere or workers:
            lines.append(Times("trainings", why_not=why_not))
        else:
            whole = MedianRatio.of([after / before for before, after in epochs])
            lines.append(Times("trainings", whole, _time_state(whole, WIDE)))
    return tuple(lines), changes


def _timed(now: Run, then: Run, pairs: Sequence[tuple[Timed, Timed]]) -> tuple[Times, list[Change]]:
    """``-m timing``, judged with the other run as one stored repeat."""
    changes, ratios = [], []
    for before, after in pairs:
        judged = slower(after.measured, [before.measured], len(pairs), OF_MACHINE)
        if judged.state is not TimeState.DISTURBED and judged.ratio is not None:
            ratios.append(judged.ratio)
        if judged.state in (*CHANGED, TimeState.DISTURBED):
            red = judged.state is TimeState.SLOWER
            changes.append(Change("time", _case(after), judged.state, judged.reason, red))
    if not ratios:
        return Times("-m timing", why_not="every case was disturbed"), changes
    whole = MedianRatio.of(ratios)
    state = _time_state(whole, RELATIVE)
    if state in CHANGED and max(timed.measured.contention or 0.0 for pair in pairs for timed in pair) > CONTENTION:
        state = TimeState.DISTURBED
    return Times("-m timing", whole, state), changes


def _time_state(whole: MedianRatio, limit: float) -> TimeState:
    if whole.low is not None and whole.low > limit:
        return TimeState.SLOWER
    return TimeState.FASTER if whole.high is not None and whole.high < 1 / limit else TimeState.WITHIN


def _epochs(now: Run, then: Run) -> Iterator[tuple[float, float]]:
    """(seconds then, seconds now) of a steady epoch of trainings whose trials are all of their own run."""
    for key, b in now.trainings.items():
        a = then.trainings.get(key)
        if a is None or a.reused or b.reused or (a.engine, a.precision) != (b.engine, b.precision):
            continue
        if a.engine == "vectorized" and a.summary.n != b.summary.n:
            continue
        seconds = a.seconds.steady_epoch, b.seconds.steady_epoch
        if min(seconds) > 0 and math.isfinite(max(seconds)):
            yield seconds


def _fingerprint(now: Run, then: Run) -> Iterator[tuple[str, str, str]]:
    """The entries of the fingerprints and headers that differ."""
    facts = [
        {**header.fingerprint, **{name: getattr(header, name) for name in ("stack", "commit", "workers", "engine")}}
        for header in (then.header, now.header)
    ]
    for key in {**facts[0], **facts[1]}:
        a, b = ("none" if fact.get(key) is None else str(fact[key]) for fact in facts)
        if a != b:
            yield key, a, b
