"""The head of a report and SUMMARY.md: the status, what moved, the findings, the counts and the time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from harness.course import course
from harness.domain.verdict import Verdict
from harness.record.outcomes import ClaimState
from harness.record.run import Run
from reports.cards import Card
from reports.headline import Group, count_text, findings, moved, status
from reports.sections.claims import line
from reports.sections.links import ERRATA, REPORT, SLIDES, Link, unlinked
from reports.sections.seeds import seeds_line
from reports.text import code, escape, table
from reports.words import SYMBOLS, backend_name, plural, seconds, verdict_text

MOST_MOVED, MOST_FINDINGS = 20, 40
"""Rows of what moved, and lines of findings; the others are counted."""


def title(run: Run) -> str:
    """The heading: backend, kind of run, and date."""
    header = run.header
    day, backend = escape(header.started[:10]), escape(backend_name(header.backend), 40)
    if header.evidence:
        what = f"evidence of {escape(header.stack, 40)}, "
    elif run.timings and not (run.claims or run.trainings or run.errata):
        return f"# Times on {backend}, {day}"
    else:
        what = "trained to the end, " if header.full else "checked "
    return f"# {escape(course().title)}: claims on {backend}, {what}{day}"


def summary_page(run: Run, cards: Mapping[str, Card], holm: Mapping[str, Verdict], most: int) -> str:
    """SUMMARY.md, without images and links; ``most``: characters of a text."""
    parts = [*head(run, cards, unlinked, most), *tallies(run, cards, holm, most)]
    files = [f"the whole report is `{REPORT}`"]
    if cards or run.errata:
        files.append(f"`{SLIDES}` goes slide by slide")
    if run.errata:
        files.append(f"`{ERRATA}` has every replacement")
    return "\n\n".join([*parts, f"In the same folder: {'; '.join(files)}."]) + "\n"


def head(run: Run, cards: Mapping[str, Card], link: Link, most: int) -> list[str]:
    """The title, the status line, notices, what moved, and the findings by cause."""
    parts = [title(run), f"**{escape(status(run, cards))}**", *notices(run, most), _moved(run, most)]
    return [part for part in (*parts, _findings(findings(cards), link, most)) if part]


def _moved(run: Run, most: int) -> str:
    found = moved(run)
    if not found:
        return ""
    rows = [
        [
            f"{'❌' if one.red else '⚪'} {one.kind} {one.what}<br>{code(one.name, most)}",
            " → ".join(escape(text, most) for text in (one.before, one.now) if text)
            + (f"<br>expected: {escape(one.interval, most)}" if one.interval else ""),
            escape(one.reason, most),
        ]
        for one in found[:MOST_MOVED]
    ]
    rest = f"\n\nAnd {len(found) - MOST_MOVED:,} more." if len(found) > MOST_MOVED else ""
    return "## What moved\n\n" + table(["what", "before → now", "why"], rows) + rest


def _findings(groups: Sequence[Group], link: Link, most: int) -> str:
    """A list by cause; a cause that is the statement of its only claim is no heading of its own."""
    lines = []
    for group in groups:
        if len(group.cards) == 1:
            lines.append(f"- {_finding(group.cards[0], link, most)}")
            continue
        lines.append(f"- **{escape(group.cause, most)}**")
        lines += [f"  - {_finding(card, link, most)}" for card in group.cards]
    if not lines:
        return ""
    rest = [f"- … and {len(lines) - MOST_FINDINGS:,} lines more in `{REPORT}`"] if len(lines) > MOST_FINDINGS else []
    return "\n".join(["## Findings, by cause", "", *lines[:MOST_FINDINGS], *rest])


def _finding(card: Card, link: Link, most: int) -> str:
    """What to say instead of a claim, or what was measured."""
    if not card.say_instead:
        return f"{verdict_text(card.standing)}: {line(card, link, most)}"
    statement = link(card, escape(card.statement, most))
    return f"{verdict_text(card.standing)}: {statement} **Say instead:** {escape(card.say_instead, 2 * most)}"


def notices(run: Run, most: int) -> list[str]:
    """What a reader has to know before believing anything else; empty if there is nothing."""
    found = [_partial(run, most) if run.partial else "", _self_checks(run, most), _reused(run)]
    if not (run.claims or run.trainings or run.errata or run.timings or run.self_checks):
        found.append("**Nothing was trained and no claim was decided in this run.**")
    return [text for text in (*found, seeds_line(run)) if text]


def _partial(run: Run, most: int) -> str:
    how = "was interrupted" if run.end else "did not reach its end (it was killed, or is still running)"
    text = (
        f"> **Partial run.** It {how}: what is below is complete, but claims may be missing. "
        f"{plural(len(run.trainings), 'variant')} finished training"
    )
    kept = [
        f"{code(f'{experiment}/{variant}', most)} ({plural(len(trials), 'trial')})"
        for (experiment, variant), trials in run.trials.items()
        if (experiment, variant) not in run.trainings
    ]
    if kept:
        rest = f", {len(kept) - 5:,} more" if len(kept) > 5 else ""
        text += f"; unfinished, with the trials kept: {', '.join(kept[:5])}{rest}"
    return text + "."


def _self_checks(run: Run, most: int) -> str:
    """What is wrong in the self-checks; empty if all hold."""
    red = [check for check in run.self_checks.values() if check.red]
    if not red:
        return ""
    verb = "does" if len(red) == 1 else "do"
    return (
        f"**{plural(len(run.self_checks), 'self-check')}: {len(red)} {verb} not hold; no verdict below is to be "
        f"trusted:** {', '.join(code(check.key, most) for check in red[:5])}."
    )


def _reused(run: Run) -> str:
    """The notice that trials of earlier runs were reused, so that the run is no reproducibility check."""
    reused = sum(run.reused.values()) if run.header.auto else sum(one.reused for one in run.trainings.values())
    if not reused:
        return ""
    return (
        f"**{reused:,} of {plural(_trained(run), 'trial')} were taken from earlier runs (`--reuse`)**, where nothing "
        "that decides a trial has changed since: this is no reproducibility check, and their seconds are those of then."
    )


def tallies(run: Run, cards: Mapping[str, Card], holm: Mapping[str, Verdict], most: int) -> list[str]:
    """The numbers of verdicts and of errata, and the time."""
    lines = []
    if cards:
        lines.append(f"- {count_text(list(cards.values()))}")
        here = Counter(card.here for card in cards.values() if card.here)
        if here:
            lines.append(f"- Here: {', '.join(f'{here[state]} {state}' for state in ClaimState if here[state])}")
    if run.header.evidence and run.claims:
        lines.append(f"- After Holm: {_counted([holm.get(key, claim.verdict) for key, claim in run.claims.items()])}")
    if run.header.full and run.claims:
        claims = [claim for claim in run.claims.values() if not claim.red]
        counts = {
            "This run's own verdicts": [claim.verdict for claim in claims],
            "After Holm": [holm.get(claim.key, claim.verdict) for claim in claims],
            "Expected": [claim.comparison.expected for claim in claims if claim.comparison.expected],
        }
        lines += [f"- {name}: {_counted(verdicts)}" for name, verdicts in counts.items() if verdicts]
    if run.errata:
        red = [one for one in run.errata.values() if one.red]
        named = f": {', '.join(f'{code(one.id, most)} ({one.state})' for one in red[:5])}" if red else ""
        state = f"{len(red)} no longer as stated{named}" if red else errata_state(run)
        lines.append(f"- {plural(len(run.errata), 'erratum', 'errata')}: {state}")
    if run.self_checks and not any(check.red for check in run.self_checks.values()):
        lines.append(f"- {plural(len(run.self_checks), 'self-check')}: all hold")
    if run.timings:
        works, engines = (sorted(dict.fromkeys(names)) for names in zip(*run.timings, strict=True))
        named = escape(", ".join(engines), most)
        lines.append(f"- {plural(len(works), 'piece')} of work timed, {plural(len(engines), 'engine')} ({named})")
    if time := time_line(run):
        lines.append(f"- {time}")
    return ["\n".join(["## In numbers", "", *lines])] if lines else []


def errata_state(run: Run) -> str:
    """Whether the errata were run: "all hold", or that every `pytest suite/` runs them."""
    if run.header.evidence:
        return "nothing was run for this report; every `pytest suite/` runs both forms of each"
    return "all hold: the printed code does what is said of it, and every replacement runs"


def _counted(verdicts: Sequence[Verdict]) -> str:
    count = Counter(verdicts)
    known = (verdict for verdict in Verdict if count[verdict])
    return " · ".join(f"{SYMBOLS[verdict]} {count[verdict]} {verdict_text(verdict)[2:].lower()}" for verdict in known)


def _trained(run: Run) -> int:
    """The number of trials of finished trainings; with ``--seeds auto``, the number of all trials."""
    if run.header.auto:
        return sum(map(len, run.trials.values()))
    return sum(len(training.seeds) for training in run.trainings.values())


def time_line(run: Run) -> str:
    """How many trials the run trained, in how long, and on what; empty for a report of evidence."""
    if run.header.evidence:
        return ""
    trained = f"{plural(_trained(run), 'trial')} to the end" if run.trials or not run.timings else "Timed"
    elapsed = f" in {seconds(run.end.seconds)} s" if run.end and run.end.seconds is not None else ""
    short = sum(map(len, run.short.values()))
    first_steps = f", {short:,} of first steps" if short else ""
    device = escape(run.header.fingerprint.get("device_model") or "this device", 80)
    workers = f", {run.header.workers} workers" if run.header.workers > 1 else ""
    return f"{trained}{first_steps}{elapsed} on {device}{workers}"
