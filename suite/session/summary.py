"""The summary of a run: whether anything moved, what moved, findings by cause, and counts.

Functions of its records and of the evidence, without effects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from baselines.judge import REFERENCE
from baselines.stored import Stored
from cases.findings import FINDINGS
from harness.domain.verdict import Verdict
from harness.record.outcomes import REPRODUCED, ClaimState, TimeState, TrainingState, VerdictState
from harness.record.run import ClaimDecided, Run, TrainingCompared
from reports.sections.seeds import seeds_text
from reports.text import plural
from suite.catalogue import EXPERIMENTS, training_name
from suite.session.screen import Line, cut

FEW = 3
"""Up to this number of claims, each is printed with its verdict and reason."""
MOST = 20
"""At most this number of lines says what moved."""
NAMES = 5
"""At most this number of names in a line."""
LONGEST = 400
"""At most this number of columns of a reason. The report and the message of the failed test have all of it."""


@dataclass(frozen=True)
class _Red:
    """Something red: ``noun`` and ``what`` for the status line; for a line of its own a label, a name, and a reason."""

    noun: str
    what: str
    label: str
    name: str
    reason: str


def status_line(
    run: Run, stored: Stored, *, storing: bool = False, interrupted: bool = False, failed: bool = False
) -> Line:
    """Whether anything moved, as symbol and word.

    Args:
        run, stored: the run and the evidence.
        storing: the run is stored as evidence, and not compared.
        interrupted: the run was interrupted.
        failed: a test failed, or the run ended with an error.
    """
    counts = Counter((one.noun, one.what) for one in _red(run, stored))
    known = f"{len(run.claims)} of {plural(len(run.header.planned), 'claim')} decided"
    begin = f"Interrupted, {known}: " if interrupted else ""
    if counts:
        many = {"erratum": "errata"}
        red = [f"{plural(n, noun, many.get(noun, ''))} {what}" for (noun, what), n in counts.items()]
        return Line(f"❌ {begin}{', '.join(red)}.", "red")
    if failed:
        return Line(f"❌ {begin}Not everything could be run: see above.", "red")
    if storing:
        done = f"{plural(len(run.trainings), 'training')} and {plural(len(run.claims), 'verdict')}"
        return Line(f"⚪ {begin}Not compared, as this run is to be stored: {done}.")
    compared, new = _compared(run)
    text = ", ".join(compared + new)
    if interrupted:
        return Line(f"⚪ Interrupted, {known}. Nothing moved so far{': ' * bool(text)}{text}.")
    slower = Counter(one.comparison.state for one in run.timings.values() if one.comparison.state in _CHANGED)
    if slower:
        return Line(
            f"⚪ Times changed, which is not red here: {', '.join(f'{n} {state}' for state, n in slower.items())}."
        )
    if compared:
        return Line(f"✅ Nothing moved: {text}.", "green")
    return Line(f"⚪ Nothing to compare with: {text or 'nothing was compared'}.")


def _compared(run: Run) -> tuple[list[str], list[str]]:
    """How much agrees with the evidence, and how much has none: of the trainings, else of times, verdicts and so on."""
    outcomes = [one.outcome for one in run.trainings.values()]
    times = Counter(one.comparison.state for one in run.timings.values())
    if outcomes:
        states = Counter(one.state for one in outcomes)
        compatible = sum(one.state is TrainingState.NEW and bool(one.compatible) for one in outcomes)
        agree = {str(state): states[state] for state in REPRODUCED} | {f"compatible with {REFERENCE}": compatible}
        new = {f"without evidence on {run.header.stack}": states[TrainingState.NEW] - compatible}
        return _texts("training", agree, new)
    if times:
        agree = {str(state): times[state] for state in TimeState if state not in _UNCOMPARED}
        return _texts("time", agree, {str(state): times[state] for state in _UNCOMPARED})
    if run.claims:
        known = sum(claim.comparison.expected is not None for claim in run.claims.values())
        return _texts("verdict", {"as expected": known}, {"without an expected one": len(run.claims) - known})
    if run.errata:
        return [f"{len(run.errata)} {'erratum holds' if len(run.errata) == 1 else 'errata hold'}"], []
    return _texts("self-check", {"passed": len(run.self_checks)}, {})


def _texts(noun: str, agree: Mapping[str, int], new: Mapping[str, int]) -> tuple[list[str], list[str]]:
    """The numbers above 0, as texts; only the first has the noun: "2 trainings identical", "1 reproduced"."""
    texts: dict[str, str] = {}
    for what, count in {**agree, **new}.items():
        if count:
            texts[what] = f"{count if texts else plural(count, noun)} {what}"
    return [texts[what] for what in agree if what in texts], [texts[what] for what in new if what in texts]


_UNCOMPARED = (TimeState.NEW, TimeState.NOT_COMPARABLE)
_CHANGED = (TimeState.SLOWER, TimeState.FASTER, TimeState.DISTURBED)


def moved_lines(run: Run, stored: Stored) -> Iterator[Line]:
    """What is red, before → now and why, ``MOST`` lines at most; then verdicts that changed and are not red."""
    groups: dict[tuple[str, str], list[str]] = {}
    for one in _red(run, stored):
        groups.setdefault((one.label, one.reason), []).append(one.name)
    for (label, reason), names in list(groups.items())[:MOST]:
        yield Line(cut(f"  {label}: {_some(names)}: {reason}", LONGEST), "red")
    rest = sum(map(len, list(groups.values())[MOST:]))
    if rest:
        yield Line(f"  and {rest} more: see REPORT.md", "red")
    changed: dict[str, list[str]] = {}
    for claim in run.claims.values():
        before = claim.comparison.expected
        if before not in (None, claim.verdict) and not claim.red:
            changed.setdefault(f"  {claim.comparison.state} with these seeds, {_change(claim)}", []).append(claim.key)
    for text, names in changed.items():
        yield Line(f"{text}: {_some(names)}")


def _red(run: Run, stored: Stored) -> Iterator[_Red]:
    for broken in run.header.broken:
        lost = f" (lost with it: {', '.join(broken.costs)})" if broken.costs else ""
        reason = f"{' '.join(broken.error.split())}{lost}"
        yield _Red("mistake", "in the catalogue", "could not be read", f"{broken.name} ({broken.where})", reason)
    for training in run.trainings.values():
        if training.red:
            yield _red_training(training)
    for experiment, variant in vanished(run, stored):
        name = training_name(experiment, variant)
        yield _Red("training", "missing", "missing", name, "It has evidence and is no longer declared.")
    for claim in run.claims.values():
        if claim.red:
            yield _red_claim(claim)
    for timed in run.timings.values():
        if timed.red:
            state = str(timed.comparison.state)
            yield _Red("time", state, state, f"{timed.work}/{timed.engine}", timed.comparison.reason)
    for erratum in run.errata.values():
        if erratum.red:
            yield _Red("erratum", str(erratum.state), str(erratum.state), erratum.id, erratum.reason)
    for check in run.self_checks.values():
        if check.wrong:
            yield _Red("self-check", "failed", "self-check", check.name, check.wrong[0])


def _red_training(training: TrainingCompared) -> _Red:
    outcome = training.outcome
    what = {
        TrainingState.NEW: "without evidence",
        TrainingState.REPRODUCED: "not identical",
        TrainingState.START_REPRODUCED: "not identical",
    }.get(outcome.state, str(outcome.state))
    name = training_name(*training.key)
    return _Red("training", what, str(outcome.state), name, outcome.reason.removeprefix("Moved: "))


def _red_claim(claim: ClaimDecided) -> _Red:
    state, label = claim.comparison.state, str(claim.comparison.state)
    if claim.error:
        return _Red("claim", "without readable evidence", "unreadable", claim.key, claim.error)
    if claim.verdict is Verdict.NOT_RUN:
        return _Red("claim", "not run", label, claim.key, claim.decision.reason)
    if state is VerdictState.NEW:
        return _Red("verdict", "without an expected one", label, claim.key, claim.comparison.reason)
    return _Red("verdict", "changed", label, claim.key, f"{_change(claim)}. {claim.comparison.reason}")


def _change(claim: ClaimDecided) -> str:
    """The expected verdict and the verdict that was obtained: "SUPPORTED → REFUTED"."""
    return f"{claim.comparison.expected} → {claim.comparison.obtained}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    return ", ".join(names[:NAMES]) + more


def finding_lines(run: Run) -> Iterator[Line]:
    """The refuted claims, a line for each cause; of a run of few claims, each claim with its verdict and reason."""
    if len(run.header.planned) <= FEW:
        for claim in run.claims.values():
            here = f" Here {claim.here.state}: {claim.here.text}" if claim.here and claim.here.state else ""
            yield Line(f"  {claim.key}: {claim.verdict}. {claim.decision.reason.removesuffix('.')}.{here}")
        return
    refuted = [key for key, claim in run.claims.items() if claim.verdict is Verdict.REFUTED]
    if not refuted:
        return
    yield Line(f"Findings, {plural(len(refuted), 'claim')} refuted:")
    for finding in FINDINGS:
        yield from _finding(finding.cause, [key for key in finding.claims if key in refuted])
    named = {key for finding in FINDINGS for key in finding.claims}
    yield from _finding("Refuted as well", [key for key in refuted if key not in named])


def _finding(cause: str, keys: Sequence[str]) -> Iterator[Line]:
    if keys:
        more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
        yield Line(f"  {cause}: {keys[0]}{more}")


def count_lines(run: Run) -> Iterator[Line]:
    """The number of claims with each verdict, of errata, of self-checks, and of seeds with ``--seeds auto``."""
    claims = run.claims.values()
    if run.header.planned:
        counts = Counter(claim.verdict for claim in claims)
        listed = [f"{counts[verdict]} {verdict.lower().replace('_', ' ')}" for verdict in Verdict if counts[verdict]]
        yield Line(f"{plural(len(claims), 'claim')}: {', '.join(listed) or 'none decided'}")
        here = Counter(claim.here.state for claim in claims if claim.here and claim.here.state)
        if here:
            yield Line(f"  here: {', '.join(f'{here[state]} {state}' for state in ClaimState if here[state])}")
    errata = run.errata.values()
    if errata:
        noun = "erratum holds" if len(errata) == 1 else "errata hold"
        held = sum(not erratum.red for erratum in errata)
        yield Line(f"{held} of {len(errata)} {noun}: code of the slides that has to be updated")
    checks = run.self_checks.values()
    if checks:
        held = sum(not check.wrong for check in checks)
        noun = "self-check holds" if len(checks) == 1 else "self-checks hold"
        yield Line(f"{held} of {len(checks)} {noun}: what the verdicts rest on")
    if any(claim.taken for claim in claims):
        yield Line(f"seeds as needed: {seeds_text(run)}")


def evidence_lines(run: Run, stored: Stored) -> Iterator[Line]:
    """Reused trials, what another Keras configures otherwise, missing evidence, and damaged files of evidence."""
    reused = sum(run.reused.values())
    if reused:
        trials = sum(map(len, run.trials.values()))
        yield Line(f"reused: {reused} of {trials} trials are of earlier runs; this is no reproducibility check")
    changed = {
        f"{name}: {then} → {now}" for training in run.trainings.values() for name, then, now in training.outcome.changed
    }
    if changed:
        yield Line(f"another version of Keras configures it otherwise: {_some(sorted(changed))}")
    new = sum(training.outcome.state is TrainingState.NEW for training in run.trainings.values())
    if new:
        yield Line(
            f"nothing is stored on {run.header.stack} for {plural(new, 'training')}. Store evidence: "
            '--full --seeds 30 --update-baselines "reason"'
        )
    for damage in stored.damaged.values():
        yield Line(damage, "red")


def more_lines(run: Run, interrupted: bool) -> Iterator[Line]:
    """How to go on with an interrupted run, and how to see one claim with its reason."""
    if interrupted:
        yield Line(f"every finished trial is in {run.path}", whole=True)
        yield Line("to go on: the same command with --resume")
    elif len(run.header.planned) > FEW:
        claims = sorted(run.claims.values(), key=lambda claim: (not claim.red, claim.verdict is not Verdict.REFUTED))
        if claims:
            yield Line(f"one claim with its reason: the same command with -k {claims[0].id}")


def vanished(run: Run, stored: Stored) -> list[tuple[str, str]]:
    """The variants that have evidence and are no longer declared, of the experiments that ran.

    Pairs of experiment and variant. They make the run red.
    """
    ran = dict.fromkeys(experiment for experiment, _ in run.trainings)
    return [(name, variant) for name in ran for variant in stored.vanished(EXPERIMENTS[name])]
