"""COMPARE.md: a status line, then what differs between two runs. What is equal is counted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from harness.check.difference import MetricDifference
from harness.domain.verdict import Verdict
from harness.record.outcomes import TimeState
from harness.record.run import MetricDeclared
from reports.compare import LEVEL, Comparison, Times, TrainingChange
from reports.figures.style import shorten
from reports.ratios import interval_text, machine
from reports.sides import Side
from reports.text import code, escape, table
from reports.words import metric_label, number, plural, verdict_text

MOST_ROWS = 100
"""Rows of a table; the others are counted."""
MOST_NAMES = 20
LONGEST = 200
"""Characters of a text from outside."""
KINDS = {
    "trainings": "training",
    "claims": "claim",
    "errata": "erratum",
    "self_checks": "self-check",
    "timings": "timing",
}
PLURALS = {"erratum": "errata"}


def markdown(comparison: Comparison) -> str:
    """The text of COMPARE.md."""
    parts = ["# Comparison of two runs", f"{status(comparison)} {_equal(comparison)}"]
    parts += [f"From {_name(comparison.then)} to {_name(comparison.now)}.", *_cautions(comparison)]
    parts += [*_trainings(comparison), *_verdicts(comparison), *_times(comparison), *_states(comparison)]
    parts += [*_fingerprint(comparison), *_only(comparison)]
    return "\n\n".join(parts) + "\n"


def status(comparison: Comparison) -> str:
    """The first line: whether anything regressed, and what."""
    if comparison.same_run:
        return "**✅ Both are the same run.**"
    moved, verdicts = len(comparison.moved), sum(one.red for one in comparison.verdicts)
    states = [one for one in comparison.states if one.red]
    bad = [f"{plural(moved, 'training')} moved"] if moved else []
    bad += [f"{plural(verdicts, 'verdict')} weakened, flipped or lost"] if verdicts else []
    for what, many in (("erratum", "errata"), ("self-check", "self-checks")):
        count = sum(one.what == what for one in states)
        bad += [f"{plural(count, what, many)} failed"] if count else []
    bad += [f"times of {one.source} are slower" for one in comparison.times if one.slower]
    if bad:
        return f"**❌ Regressed: {', '.join(bad)}.**"
    return "**✅ Nothing regressed.**"


def _name(side: Side) -> str:
    """ "run `2026-11-24T10-15` (tensorflow-cpu, commit a03a743, 2026-11-24)"."""
    header = side.header
    commit = f", commit {header.commit}" if header.commit else ""
    what = "evidence" if header.evidence else "run"
    details = escape(shorten(f"{header.stack}{commit}, {header.started[:10]}", LONGEST))
    return f"{what} {code(shorten(header.id, LONGEST))} ({details})"


def _cautions(comparison: Comparison) -> Iterator[str]:
    for word, side in (("first", comparison.then), ("second", comparison.now)):
        if side.partial:
            yield f"The {word} run was killed or interrupted: what it lacks is not compared."


def _trainings(comparison: Comparison) -> Iterator[str]:
    moved = [one for one in comparison.trainings if one.moved]
    others = [one for one in comparison.trainings if not one.moved]
    for heading, found in (("Trainings that moved", moved), ("Trainings that differ without having moved", others)):
        if found:
            rows = [_training(one) for one in found]
            yield f"## {heading}"
            yield _table(("training", "before → now", "difference", "is it real?"), rows)
    if any(one.p is not None for one in comparison.trainings):
        yield (
            f"The intervals are 95 %. p is adjusted for the number of trainings by Holm's method; a difference is real "
            f"if p is at most {LEVEL:g}."
        )


def _training(one: TrainingChange) -> tuple[str, str, str, str]:
    name = code(shorten("/".join(one.key), LONGEST)) + f"<br>{escape(metric_label(one.metric.name))}"
    row = one.difference
    if row is None:
        return name, "–", "–", escape(shorten(one.reason, 2 * LONGEST))
    reasons = []
    if one.p is not None:
        how = f", {plural(row.n, 'seed')} {'seed by seed' if row.paired else 'in distribution'}" if row.n else ""
        reasons.append(f"{'yes' if one.p <= LEVEL else 'no'}, p = {one.p:.2g}{how}")
    elif row.constant:
        reasons.append(f"yes, the same on each of {row.n} seeds")
    if one.reason:
        reasons.append(one.reason)
    values = f"{number(row.baseline, row.unit)} → {number(row.ours, row.unit)}"
    return name, values, escape(size_text(row, one.metric)), escape(shorten("; ".join(reasons), 2 * LONGEST))


def size_text(row: MetricDifference, metric: MetricDeclared) -> str:
    """The size of a difference: "−0.42 points [−0.50, −0.34]", "1.30 × [1.10, 1.54]", "+0.02 nats"."""
    if row.difference is None:
        return "–"
    ends = (row.low, row.high)

    def shown(value: float) -> str:
        if metric.scale == "log":
            return f"{math.exp(min(value, 700.0)):.3g}"
        if metric.unit == "fraction":
            return f"{100 * value:+.2f}".replace("-", "−")
        return ("+" if value > 0 else "") + number(value)

    unit = "×" if metric.scale == "log" else "points" if metric.unit == "fraction" else metric.unit
    text = f"{shown(row.difference)} {unit}".rstrip()
    known = [shown(end) for end in ends if end is not None]
    return f"{text} [{', '.join(known)}]" if len(known) == 2 else text


def _verdicts(comparison: Comparison) -> Iterator[str]:
    if comparison.verdicts:
        rows = [
            (
                code(shorten(one.key, LONGEST)),
                f"{verdict_text(one.then)} → {verdict_text(one.now)}",
                f"{'⚠ ' if one.red else ''}{'could not be run' if one.now is Verdict.NOT_RUN else one.state}",
                escape(shorten(one.reason, 2 * LONGEST)),
            )
            for one in comparison.verdicts
        ]
        yield "## Verdicts that changed"
        yield _table(("claim", "before → now", "what happened", "reason"), rows)


def _times(comparison: Comparison) -> Iterator[str]:
    if not comparison.times:
        return
    yield "## Times"
    yield "\n".join(f"- {_time_line(one, comparison)}" for one in comparison.times)
    rows = [
        (
            code(shorten(one.case, LONGEST)),
            escape(interval_text(one.ratio, one.low, one.high)),
            f"{'⚠ ' if one.state is TimeState.SLOWER else ''}{one.state}",
            escape(shorten(one.reason, 2 * LONGEST)),
        )
        for times in comparison.times
        for one in times.changed
    ]
    if rows:
        yield _table(("case", "ratio [95 % over rounds]", "state", "why"), rows)


def _time_line(times: Times, comparison: Comparison) -> str:
    if times.why_not:
        then, now = (
            escape(shorten(machine(one.header.fingerprint), LONGEST)) for one in (comparison.then, comparison.now)
        )
        where = f" ({then} → {now})" if then != now else ""
        return f"{times.source}: {times.why_not}{where}."
    if times.whole is None:
        return f"{times.source}: see the cases below."
    apart = times.whole.low is not None and not times.whole.low <= 1 <= (times.whole.high or 1.0)
    within = "the cases agree, but a busy machine does the same: `-m timing` tells more" if apart else "within noise"
    words = {
        TimeState.WITHIN: "fewer than 6 cases say no more" if times.whole.low is None else within,
        TimeState.SLOWER: "**slower beyond noise**",
        TimeState.FASTER: "faster beyond noise",
        TimeState.DISTURBED: "other programs held a run up, so this shows nothing",
    }
    return f"{times.source}: {times.whole} over {plural(times.whole.cases, 'case')}: {words[times.state]}."


def _states(comparison: Comparison) -> Iterator[str]:
    if comparison.states:
        rows = [
            (
                f"{one.what} {code(shorten(one.name, LONGEST))}",
                f"{one.then} → {'⚠ ' if one.red else ''}{one.now}",
                escape(shorten(one.reason, 2 * LONGEST)) or "–",
            )
            for one in comparison.states
        ]
        yield "## Errata and self-checks with another state"
        yield _table(("what", "before → now", "reason"), rows)


def _fingerprint(comparison: Comparison) -> Iterator[str]:
    if comparison.fingerprint:
        rows = [
            (code(shorten(key, LONGEST)), escape(f"{shorten(then, LONGEST)} → {shorten(now, LONGEST)}"))
            for key, then, now in comparison.fingerprint
        ]
        yield "## The environment differs"
        yield _table(("what", "then → now"), rows)


def _only(comparison: Comparison) -> Iterator[str]:
    lines = []
    for kind, sides in comparison.only.items():
        for word, names in zip(("first", "second"), sides, strict=True):
            if names:
                what = KINDS[kind]
                count = plural(len(names), what, PLURALS.get(what, ""))
                shown = ", ".join(code(shorten(name, LONGEST)) for name in names[:MOST_NAMES])
                more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
                lines.append(f"- only in the {word}: {count}: {shown}{more}")
    if lines:
        yield "## Only in one of them"
        yield "\n".join(lines)


def _equal(comparison: Comparison) -> str:
    """How many results are equal."""
    parts = [f"{plural(comparison.identical, 'training')} with identical bits"] if comparison.identical else []
    parts += [f"{plural(comparison.within, 'training')} within chance"] if comparison.within else []
    parts += [f"{plural(comparison.unknown, 'training')} without a common trial"] if comparison.unknown else []
    parts += [plural(comparison.same_verdicts, "verdict")] if comparison.same_verdicts else []
    parts += [plural(comparison.same_states, "erratum or self-check", "errata and self-checks")] * bool(
        comparison.same_states
    )
    return f"Equal: {', '.join(parts)}." if parts else "Nothing is equal."


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    more = f"\n\n{len(rows) - MOST_ROWS} more." if len(rows) > MOST_ROWS else ""
    return table(headers, rows[:MOST_ROWS]) + more
