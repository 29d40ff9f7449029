"""The slides to update: what their code does today, and its replacement."""

from __future__ import annotations

import html

from harness.record.run import ErratumChecked, Run
from reports.text import code, code_lines, escape, fenced, plural, table

COLUMNS = ("slide", "what", "printed", "what happens now", "replacement")
LONGEST_QUOTE = 160
"""Characters of an error or a warning in the table; the details have all of it."""


def errata(run: Run) -> str:
    """The table of all errata in lecture order, then the code of each, folded; empty without errata."""
    found = run.errata.values()
    if not found:
        return ""
    rows = [
        [
            escape(one.slide),
            f"[{code(one.id)}](#{_anchor(one)})<br>{escape(one.statement)}",
            code_lines(one.printed),
            _now(one),
            code_lines(one.modern),
        ]
        for one in found
    ]
    return (
        "## Slides to update\n\n"
        + table(COLUMNS, rows)
        + "\n\nEvery snippet is our own, the smallest with the slide's construct. Both forms were run exactly so, on "
        "this backend. The code around them, and the check that the replacement is the same model:\n\n"
        + "\n\n".join(map(_details, found))
    )


def errata_line(run: Run) -> str:
    """How many errata hold, and links to those that do not; empty without errata."""
    if not run.errata:
        return ""
    red = [one for one in run.errata.values() if one.red]
    counted = f"**{plural(len(run.errata), 'erratum', 'errata')}: "
    if not red:
        return counted + "all hold.** [The slides to update](#slides-to-update), each with a replacement that runs."
    listed = ", ".join(f"[{code(one.id)}](#{_anchor(one)}) ({one.state})" for one in red)
    return counted + f"{len(run.errata) - len(red)} hold, {len(red)} do not.** {listed}."


def _anchor(one: ErratumChecked) -> str:
    return f"erratum-{html.escape(one.id)}"


def _now(one: ErratumChecked) -> str:
    """What the printed code does today: its error, or the value it gives; and why the erratum is red, if it is."""
    parts = []
    if one.error:
        kind, _, text = one.error.partition(": ")
        parts.append(f"{code(kind)} {escape(one.when)}: {escape(_short(text))}")
    elif one.outcome == "differs":
        how = "Differs, with a warning" if one.warning else "Differs silently"
        parts.append(f"{how}: {code(repr(one.today))}; the slide says {code(repr(one.slide_value))}")
    else:
        parts.append("Runs, with a warning" if one.warning else "Runs")
    if one.warning and not one.error:
        parts.append(escape(_short(one.warning)))
    if one.red:
        parts.append(f"⚠ **{escape(one.state)}**: {escape(one.reason)}")
    return "<br>".join(parts)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"


def _details(one: ErratumChecked) -> str:
    """The folded details: the code that was run, and its results."""
    forms = {"before both": one.given, "printed": one.printed, "replacement": one.modern, "check": one.check}
    text = "\n".join(f"# {label}\n{snippet.strip()}" for label, snippet in forms.items() if snippet.strip())
    facts = {
        "Expected of the printed form": escape(one.expected),
        "It raised": escape(one.error),
        "It warned": escape(one.warning),
        "Check after it": "" if one.error else code(repr(one.today)),
        "Check after the replacement": code(repr(one.replacement)),
        "State": escape(one.state) + (f": {escape(one.reason)}" if one.red else ""),
    }
    return "\n\n".join(
        [
            f'<a id="{_anchor(one)}"></a>\n<details><summary><code>{html.escape(one.id)}</code></summary>',
            fenced(text),
            "\n".join(f"- {label}: {fact}" for label, fact in facts.items() if fact),
            "</details>",
        ]
    )
