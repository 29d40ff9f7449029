"""The head of the report: the title, the outcome, and notices such as a partial run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from harness.domain.verdict import Verdict
from harness.record.outcomes import REPRODUCED, ClaimState
from harness.record.run import ClaimDecided, Run
from reports.labels import SYMBOLS, backend_name
from reports.sections.claims import link
from reports.sections.errata import errata_line
from reports.sections.seeds import seeds_line
from reports.text import code, escape, plural, seconds, table


def title(run: Run) -> str:
    """The heading: backend, kind of run, and date."""
    header = run.header
    day, backend = escape(header.started[:10]), escape(backend_name(header.backend))
    if header.evidence:
        what = f"evidence of {escape(header.stack)}, "
    else:
        what = "trained to the end, " if header.full else "checked "
    return f"# The lecture's claims on {backend}, {what}{day}"


def summary(run: Run, holm: Mapping[str, Verdict]) -> str:
    """What moved, the verdicts, and the notices; ``holm``: see ``reports.sections.claims.verdict_cell``."""
    claims = run.claims.values()
    parts = [_moved(run)]
    if claims:
        parts += [_line(run), _counts(run, holm), _changed(claims)]
    parts.append(_broken(run))
    parts.append(errata_line(run))
    parts.append(_self_checks(run))
    if run.partial:
        parts.append(_partial(run))
    parts.append(_reused(run))
    parts.append(seeds_line(run))
    if not claims and not run.errata:
        parts.append("**No claim was decided in this run.**")
    return "\n\n".join(part for part in parts if part)


def _moved(run: Run, most: int = 20) -> str:
    """The red trainings and verdicts with their reasons; if none is red, how many trainings were reproduced."""
    if run.header.evidence:
        seeds = sorted({len(trials) for trials in run.trials.values()})
        many = " to ".join(f"{count:,}" for count in dict.fromkeys((seeds[0], seeds[-1])))
        return f"**{plural(len(run.trials), 'variant')}, {many} seeds each.** Nothing was trained for this report."
    red = [
        ("training", code(f"{one.experiment}/{one.variant}"), str(one.outcome.state), one.outcome.reason)
        for one in run.trainings.values()
        if one.red
    ]
    red += [
        ("verdict", link(one), str(one.comparison.state), one.error or one.comparison.reason)
        for one in run.claims.values()
        if one.red
    ]
    if red:
        counts = Counter((noun, state) for noun, _, state, _ in red)
        head = ", ".join(f"{plural(count, noun)} {state}" for (noun, state), count in counts.items())
        listed = [f"- {name} ({state}): {escape(reason or '–')}" for _, name, state, reason in red[:most]]
        rest = [f"- and {len(red) - most} more"] if len(red) > most else []
        return "\n".join([f"**⚠ {head}:**", "", *listed, *rest])
    reproduced = [one.outcome for one in run.trainings.values() if one.outcome.state in REPRODUCED]
    ended = sum(one.to_the_end for one in reproduced)
    new = len(run.trainings) - len(reproduced)
    if reproduced:
        (first, how), *further = [
            (count, how) for count, how in ((ended, "to the end"), (len(reproduced) - ended, "from the start")) if count
        ]
        text = f"{plural(first, 'training')} reproduced {how}" + "".join(f", {n} {other}" for n, other in further)
        return f"**✅ Nothing moved: {text}.**" + (f" {new} without evidence on this stack." if new else "")
    if run.trainings:
        return "**No trained variant has evidence to compare with.**"
    known = any(claim.comparison.expected is not None for claim in run.claims.values())
    return "**✅ Nothing moved: the verdicts are the expected ones.**" if known else ""


def _self_checks(run: Run) -> str:
    """How many self-checks hold, and what is wrong in the others; empty without self-checks."""
    if not run.self_checks:
        return ""
    red = [check for check in run.self_checks.values() if check.wrong]
    counted = f"**{plural(len(run.self_checks), 'self-check')}: "
    if not red:
        return f"{counted}all hold.**"
    listed = "\n".join(f"- {code(check.name)}: {escape(check.wrong[0])}" for check in red)
    verb = "does" if len(red) == 1 else "do"
    return f"{counted}{len(red)} {verb} not hold; no verdict below is to be trusted.**\n\n{listed}"


def _line(run: Run) -> str:
    """The numbers of verdicts, how many this machine confirms, the number of trials and the time."""
    claims = run.claims.values()
    count = Counter(claim.verdict for claim in claims)
    text = f"**{plural(len(claims), 'claim')}: " + ", ".join(
        f"{count[verdict]} {verdict.lower().replace('_', ' ')}" for verdict in Verdict
    )
    here = Counter(claim.here.state for claim in claims if claim.here and claim.here.state)
    if here:
        text += f"; here: {', '.join(f'{here[state]} {state}' for state in ClaimState)}"
    if run.header.evidence:
        return f"{text}.**"
    trained, reused = _trained(run), _of_earlier_runs(run)
    old = f", {reused} of them taken from earlier runs," if reused else ""
    elapsed = f" in {seconds(run.end.seconds)} s" if run.end and run.end.seconds is not None else ""
    device = run.header.fingerprint.get("device_model") or "this device"
    return f"{text}.** {plural(trained, 'trial')} to the end{old}{elapsed} on {escape(device)}."


def _trained(run: Run) -> int:
    """The number of trials of finished trainings; with ``--seeds auto``, the number of all trials."""
    if run.header.auto:
        return sum(map(len, run.trials.values()))
    return sum(len(training.seeds) for training in run.trainings.values())


def _of_earlier_runs(run: Run) -> int:
    if run.header.auto:
        return sum(run.reused.values())
    return sum(training.reused for training in run.trainings.values())


def _reused(run: Run) -> str:
    """The notice that trials of earlier runs were reused, so that the run is no reproducibility check."""
    reused = _of_earlier_runs(run)
    if not reused:
        return ""
    trained = _trained(run)
    return (
        f"**{reused} of {plural(trained, 'trial')} were taken from earlier runs (`--reuse`)**, where nothing that "
        "decides a trial has changed since: this is no reproducibility check, and their seconds are those of then."
    )


def _counts(run: Run, holm: Mapping[str, Verdict]) -> str:
    """For a run to the end, the table of its verdicts, those after Holm, the evidence's and the expected ones."""
    if not run.header.full or run.header.evidence:
        return ""
    claims = run.claims.values()
    rows = [
        ["this run", *_row(claim.verdict for claim in claims)],
        ["after Holm's adjustment over the catalogue", *_row(holm.get(claim.key, claim.verdict) for claim in claims)],
    ]
    stored = [claim.here.verdict for claim in claims if claim.here and claim.here.stack]
    expected = [claim.comparison.expected for claim in claims if claim.comparison.expected]
    for name, verdicts in (("the evidence", stored), ("expected", expected)):
        if verdicts:
            rows.append([f"{name} ({len(verdicts)} of {len(claims)})", *_row(verdicts)])
    headers = ["claims", *(f"{SYMBOLS[verdict]} {verdict.replace('_', ' ').lower()}" for verdict in Verdict)]
    return table(headers, rows, right=headers[1:])


def _row(verdicts: Iterable[Verdict]) -> list[str]:
    count = Counter(verdicts)
    return [str(count[verdict]) for verdict in Verdict]


def _changed(claims: Collection[ClaimDecided], most: int = 8) -> str:
    """The verdicts that differ from the expected ones; empty without any."""
    changed = [one for one in claims if one.comparison.expected not in (None, one.verdict)]
    if not changed:
        return ""
    moves = [
        f"{link(one)} ({one.comparison.expected} → {one.verdict})".replace("NOT_RUN", "NOT RUN") for one in changed
    ]
    rest = [f"{len(changed) - most} more"] if len(changed) > most else []
    return f"**Changed verdicts: {len(changed)}.** {', '.join(moves[:most] + rest)}."


def _broken(run: Run) -> str:
    """The sections and claims that a mistake in the catalogue left out; empty without any."""
    found = run.header.broken
    if not found:
        return ""
    head = f"> **{plural(len(found), 'mistake')} in the catalogue.** What is named here was not run:"
    rows = []
    for broken in found:
        lost = f" Sections left out: {', '.join(map(code, broken.costs))}." if broken.costs else ""
        rows.append(f"> - {code(broken.name)} ({escape(broken.where)}): {escape(broken.error)}{lost}")
    return "\n".join([head, ">", *rows])


def _partial(run: Run) -> str:
    how = "was interrupted" if run.end else "did not reach its end (it was killed, or is still running)"
    open_trials = {key: len(trials) for key, trials in run.trials.items() if key not in run.trainings}
    text = (
        f"> **Partial run.** It {how}: what is below is complete, but claims may be missing. "
        f"{plural(len(run.trainings), 'variant')} finished training"
    )
    if open_trials:
        kept = ", ".join(f"{code(e + '/' + v)} ({plural(n, 'trial')})" for (e, v), n in open_trials.items())
        text += f"; unfinished, with the trials kept: {kept}"
    return text + "."
