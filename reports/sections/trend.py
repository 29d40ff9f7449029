"""TREND.md: whether a machine became slower, and which accuracies and times changed, with what else changed there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from harness.timing.slower import times
from reports.figures.picture import Picture
from reports.figures.style import shorten
from reports.text import code, escape, table
from reports.trend import Series, TrendReport
from reports.words import metric_label, number, plural, seconds

JSON = "trend.json"
"""The file of the whole ``TrendReport``."""
MOST_ROWS = 60
"""Rows of a table; trend.json has all."""
LONGEST = 120
"""Characters of a text from outside."""


def markdown(report: TrendReport, picture: Picture | None = None, fault: str = "") -> str:
    """The text of TREND.md, under 60 kB; ``fault``: why the picture could not be drawn."""
    parts = [title(report), status(report)]
    if report.machines:
        lines = [
            f"- {code(_short(one.machine))} ({code(one.stack)}): {one.text}" for one in report.machines[:MOST_ROWS]
        ]
        parts += ["## Is a machine slower than in the week before?", "\n".join(lines), _of_week(report)]
    if picture:
        alt = escape(picture.alt).replace("[", "\\[").replace("]", "\\]")
        parts.append(f"![{alt}]({picture.name})\n\n*{escape(picture.caption)}*")
    if fault:
        parts.append(f"The picture could not be drawn: {escape(_short(fault))}")
    for heading, measure in (("Accuracy that changed", "metric"), ("Times that changed", "time")):
        changed = [one for one in report.changed if one.measure == measure]
        if measure == "time":
            changed = [one.overall for one in report.machines if one.overall.steps] + changed
        parts += [f"## {heading}", _steps(report, changed)] if changed else []
    parts += _marks(report)
    if report.unread:
        more = [f"- {escape(_short(one, 300))}" for one in report.unread[:10]]
        left = len(report.unread) - len(more)
        parts += ["## Runs that could not be read", "\n".join(more) + (f"\n- {left} more" if left else "")]
    return "\n\n".join(part for part in parts if part) + "\n"


def title(report: TrendReport) -> str:
    if not report.runs:
        return "# Trend: no finished run"
    first, last = report.runs[0].started[:10], report.runs[-1].started[:10]
    return f"# Trend: {plural(len(report.runs), 'run')}, {escape(first)} to {escape(last)}"


def status(report: TrendReport) -> str:
    """The first line: how many series changed, how many would by chance, and what was left out."""
    changed, count = len(report.changed), len(report.series)
    left = f" {plural(report.unfinished, 'run has', 'runs have')} no end and are left out." if report.unfinished else ""
    if report.unfinished == 1:
        left = " 1 run has no end and is left out."
    if not count:
        return f"**Nothing to show: no finished run trained to the end or was timed.**{left}"
    if not changed:
        return f"**✅ None of {plural(count, 'series', 'series')} changed.**{left}"
    metrics = sum(one.measure == "metric" for one in report.changed)
    chance = f"At most about {count / 100:.1g} of them would by chance alone." if count >= 10 else ""
    text = f"{plural(metrics, 'accuracy', 'accuracies')}, {plural(changed - metrics, 'time')}"
    return f"**⚠ {changed} of {plural(count, 'series', 'series')} changed: {text}.** {chance}{left}"


def title_of(series: Series) -> str:
    """A series in words: "depth/2 relu, validation accuracy (seeds 0–9)"."""
    what = "time" if series.measure == "time" else metric_label(series.name)
    return f"{series.case}, {what} ({series.condition})"


def change_text(series: Series) -> str:
    """The last change of a series in words: "1.16 × slower", "−0.42 points"."""
    if not series.steps:
        return "no change"
    before, now = series.steps[-1].before, series.steps[-1].now
    if series.measure == "time":
        return times(now / before)
    if series.unit == "fraction":
        return f"{100 * (now - before):+.2f} points".replace("-", "−")
    return f"{number(before, series.unit)} → {number(now, series.unit)}"


def _value(series: Series, value: float) -> str:
    if series.unit == "ratio" and series.measure == "time":
        return f"{value:.2f} ×"
    return f"{seconds(value)} s" if series.unit == "s" else number(value, series.unit)


def _of_week(report: TrendReport) -> str:
    changed = [(one.machine, name) for one in report.machines for name in one.changed]
    if not changed:
        return ""
    names = ", ".join(code(_short(name)) for _, name in changed[:20])
    return f"Cases that changed: {names}{f' and {len(changed) - 20} more' if len(changed) > 20 else ''}."


def _steps(report: TrendReport, changed: Sequence[Series]) -> str:
    rows = []
    for one in changed:
        for step in one.steps:
            only = msgspec.structs.replace(one, steps=(step,))
            run = report.runs[one.runs[step.at]]
            where = f"{one.stack}{', ' + one.machine if one.machine else ''}"
            since = "; ".join(part for part in (run.started[:10], step.since) if part)
            rows.append(
                (
                    f"{code(_short(title_of(one)))}<br>{escape(_short(where))}",
                    f"{_value(one, step.before)} → {_value(one, step.now)}",
                    escape(change_text(only)),
                    escape(_short(since)),
                )
            )
    more = f"\n\n{len(rows) - MOST_ROWS} more are in `{JSON}`." if len(rows) > MOST_ROWS else ""
    return table(("series", "before → now", "change", "first run, and what else changed"), rows[:MOST_ROWS]) + more


def _marks(report: TrendReport) -> Iterator[str]:
    """The versions and machines that changed, newest first."""
    found = [mark for mark in reversed(report.marks) if mark.key != "commit"]
    if not found:
        return
    rows = [
        (
            escape(report.runs[mark.run].started[:10]),
            code(_short(report.runs[mark.run].stack)),
            code(_short(mark.key)),
            escape(f"{_short(mark.before)} → {_short(mark.now)}"),
        )
        for mark in found[:MOST_ROWS]
    ]
    yield "## Versions and machines that changed"
    more = f"\n\n{len(found) - MOST_ROWS} more are in `{JSON}`." if len(found) > MOST_ROWS else ""
    yield table(("first run", "stack", "what", "before → now"), rows) + more


def _short(text: str, most: int = LONGEST) -> str:
    return shorten(text, most)
