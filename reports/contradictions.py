"""What a lecturer reads first: the claims that were refuted, those at the lecture's own size before the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from harness.store import Run
from harness.verdict import Verdict
from reports.claims import anchor, link, verdict_cell
from reports.evidence import effects_cell, seeds_of
from reports.size import is_reduced, split
from reports.text import code, escape, lines, table
from reports.words import verdict_text

Claim = Mapping[str, Any]

COLUMNS = ("slide", "claim", "the lecture says", "effect [interval]", "n", "verdict")


def contradictions(run: Run) -> str:
    """The refuted claims; under a heading of their own those of reduced experiments, which say little of the slide."""
    full, small = split(run, Verdict.REFUTED)
    parts = ["## Where the measurement contradicts the lecture"]
    if full:
        parts.append(_table(run, full))
    elif small:
        parts.append("No claim was refuted at the lecture's own size.")
    else:
        parts.append("No claim was refuted.")
    if small:
        parts.append("### Refuted at the quick size only")
        parts.append(
            "Their experiments are smaller here than in the lecture (the sizes stand above): a figure that a slide "
            "prints for 60,000 images and 20 epochs is not expected from fewer, so that only `pytest suite/ --setting "
            "lecture`, or its stored verdict in the last column, decides about the slide."
        )
        parts.append(_table(run, small))
    return "\n\n".join(parts)


def _table(run: Run, claims: Sequence[Claim]) -> str:
    """One row for each claim, its cases together."""
    groups: dict[str, list[Claim]] = {}
    for claim in claims:
        groups.setdefault(claim["id"], []).append(claim)
    small = is_reduced(run, claims[0])
    remarks = any(claim["notes"] for claim in claims)
    headers = [*COLUMNS, *(["remarks"] if remarks else []), *(["at the lecture's setting"] if small else [])]
    rows = []
    for group in groups.values():
        row = [
            escape(group[0]["slide"]),
            link(group[0]) if len(group) == 1 else f"{code(group[0]['id'])}, {len(group)} cases",
            escape(group[0]["statement"]) + (f"<br>… and {len(group) - 1} more like it" if len(group) > 1 else ""),
            _effects(group),
            ", ".join(sorted({str(seeds_of(c) or "–") for c in group})),
            counted(group, lambda claim: verdict_cell(claim, quick=small, lecture=False)),
        ]
        if remarks:
            row.append(lines(list(dict.fromkeys(escape(note) for claim in group for note in claim["notes"]))))
        if small:
            row.append(counted(group, _stored))
        rows.append(row)
    return table(headers, rows, right=["n"])


def _effects(group: Sequence[Claim]) -> str:
    if len(group) == 1:
        return effects_cell(group[0], most=2)
    cases = [f"[{escape(claim['case'] or claim['id'])}](#{anchor(claim)}): {effects_cell(claim)}" for claim in group]
    return lines(cases, most=20)


def _stored(claim: Claim) -> str:
    return "not stored" if claim["lecture_verdict"] is None else verdict_text(claim["lecture_verdict"])


def counted(claims: Iterable[Claim], cell: Callable[[Claim], str]) -> str:
    """The cells of several claims in one, each different one once and with its number."""
    count = Counter(map(cell, claims))
    if len(count) == 1:
        return next(iter(count))
    return "<br>".join(f"{number} × {text.replace('<br>', ', ')}" for text, number in count.items())
