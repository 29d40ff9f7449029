"""The table of refuted claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from harness.domain.verdict import Verdict
from harness.record.run import ClaimDecided, Run
from reports.sections.claims import anchor, link, verdict_cell
from reports.sections.effects import effects_cell, seeds_of
from reports.text import code, escape, lines, table

COLUMNS = ("slide", "claim", "the lecture says", "effect [interval]", "n", "verdict")


def contradictions(run: Run, holm: Mapping[str, Verdict]) -> str:
    """One row for each refuted claim, all its cases together; ``holm``: see ``verdict_cell``."""
    refuted = [claim for claim in run.claims.values() if claim.verdict is Verdict.REFUTED]
    return "## Where the measurement contradicts the lecture\n\n" + (
        _table(run, refuted, holm) if refuted else "No claim was refuted."
    )


def _table(run: Run, claims: Sequence[ClaimDecided], holm: Mapping[str, Verdict]) -> str:
    groups: dict[str, list[ClaimDecided]] = {}
    for claim in claims:
        groups.setdefault(claim.id, []).append(claim)
    remarks = any(claim.notes for claim in claims)
    rows = []
    for group in groups.values():
        row = [
            escape(group[0].slide),
            link(group[0]) if len(group) == 1 else f"{code(group[0].id)}, {len(group)} cases",
            escape(group[0].statement) + (f"<br>… and {len(group) - 1} more like it" if len(group) > 1 else ""),
            _effects(group),
            ", ".join(sorted({str(seeds_of(c) or "–") for c in group})),
            counted(group, lambda claim: verdict_cell(run, claim, holm)),
        ]
        if remarks:
            row.append(lines(list(dict.fromkeys(escape(note) for claim in group for note in claim.notes))))
        rows.append(row)
    return table([*COLUMNS, *(["remarks"] if remarks else [])], rows, right=["n"])


def _effects(group: Sequence[ClaimDecided]) -> str:
    if len(group) == 1:
        return effects_cell(group[0], most=2)
    cases = [f"[{escape(claim.case or claim.id)}](#{anchor(claim)}): {effects_cell(claim)}" for claim in group]
    return lines(cases, most=20)


def counted(claims: Iterable[ClaimDecided], cell: Callable[[ClaimDecided], str]) -> str:
    """The cells of several claims merged into one: each distinct text once, with its count."""
    count = Counter(map(cell, claims))
    if len(count) == 1:
        return next(iter(count))
    return "<br>".join(f"{number} × {text.replace('<br>', ', ')}" for text, number in count.items())
