"""The slides to update: what their code does today, and what to put in its place."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from harness.erratum import State
from harness.store import Run
from reports.text import code, code_lines, escape, fenced, plural, table

Erratum = Mapping[str, Any]

COLUMNS = ("slide", "what", "printed", "what happens now", "replacement")
SAID = 160
"""Letters of an error's or a warning's text in the table; the rest is in the details."""


def errata(run: Run) -> str:
    """The table of all errata in lecture order, and folded under it the code as it was run; empty without any."""
    if not run.errata:
        return ""
    rows = [
        [
            escape(one["slide"]),
            f"[{code(one['id'])}](#{_anchor(one)})<br>{escape(one['statement'])}",
            code_lines(one["printed"]),
            _now(one),
            code_lines(one["modern"]),
        ]
        for one in run.errata
    ]
    return (
        "## Slides to update\n\n"
        + table(COLUMNS, rows)
        + "\n\nEvery snippet is our own, the smallest that has what the slide has; both forms were run as they stand "
        "here, on this backend. The code around them, and what tells that the replacement is the same model:\n\n"
        + "\n\n".join(map(_details, run.errata))
    )


def errata_line(run: Run) -> str:
    """How many of the errata hold, and the others by name; empty without any."""
    if not run.errata:
        return ""
    red = [one for one in run.errata if one["state"] != State.HOLDS]
    told = f"**{plural(len(run.errata), 'erratum', 'errata')}: "
    if not red:
        return told + "all hold.** [The slides to update](#slides-to-update), each with a replacement that runs."
    listed = ", ".join(f"[{code(one['id'])}](#{_anchor(one)}) ({one['state']})" for one in red)
    return told + f"{len(run.errata) - len(red)} hold, {len(red)} do not.** {listed}."


def _anchor(one: Erratum) -> str:
    return f"erratum-{html.escape(one['id'])}"


def _now(one: Erratum) -> str:
    """Type, moment and text of the error; or both values; and, where it is red, what is wrong with it."""
    parts = []
    if one["error"]:
        kind, _, text = one["error"].partition(": ")
        parts.append(f"{code(kind)} {escape(one['when'])}: {escape(_short(text))}")
    elif one["outcome"] == "differs":
        how = "Differs, with a warning" if one["warning"] else "Differs silently"
        values = one["values"]
        parts.append(f"{how}: {code(repr(values['today']))}; the slide says {code(repr(values['slide']))}")
    else:
        parts.append("Runs, with a warning" if one["warning"] else "Runs")
    if one["warning"] and not one["error"]:
        parts.append(escape(_short(one["warning"])))
    if one["state"] != State.HOLDS:
        parts.append(f"⚠ **{escape(one['state'])}**: {escape(one['reason'])}")
    return "<br>".join(parts)


def _short(text: str) -> str:
    return text if len(text) <= SAID else text[: SAID - 1] + "…"


def _details(one: Erratum) -> str:
    """The code as it was run, the printed form and the replacement each between what is given and the check."""
    labels = {"given": "before both", "printed": "printed", "modern": "replacement", "check": "check"}
    text = "\n".join(f"# {label}\n{one[name].strip()}" for name, label in labels.items() if one[name].strip())
    values = one["values"]
    facts = {
        "Expected of the printed form": escape(one["expected"]),
        "It raised": escape(one["error"]),
        "It warned": escape(one["warning"]),
        "Check after it": "" if one["error"] else code(repr(values["today"])),
        "Check after the replacement": code(repr(values["modern"])),
        "State": escape(one["state"]) + ("" if one["state"] == State.HOLDS else f": {escape(one['reason'])}"),
    }
    return "\n\n".join(
        [
            f'<a id="{_anchor(one)}"></a>\n<details><summary><code>{html.escape(one["id"])}</code></summary>',
            fenced(text),
            "\n".join(f"- {label}: {fact}" for label, fact in facts.items() if fact),
            "</details>",
        ]
    )
