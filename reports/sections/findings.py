"""README's table of findings, written from the evidence: ``python -m reports --evidence STACK --readme README.md``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from cases.findings import FINDINGS, Finding
from harness.domain.verdict import Effect, Verdict
from harness.errors import SuiteError, invalid
from harness.record.atomic import replace_file
from harness.record.run import ClaimDecided, Run
from harness.statistics.looks import STORED_SIZES
from reports.figures.forest import slide_difference
from reports.labels import backend_name, metric_label, verdict_text
from reports.sections.effects import effects_by_relevance
from reports.text import effect_words, escape, number, plural

START, END = "<!-- findings -->", "<!-- /findings -->"
OTHERS = "Refuted as well"


def findings(run: Run, groups: Sequence[Finding] = FINDINGS) -> str:
    """The table of findings, grouped by cause, and the numbers of verdicts. Every refuted claim has a row.

    Raises SuiteError if a finding names a claim that is not in the catalogue.
    """
    rows: list[list[str]] = []
    for cause, keys in (*((one.cause, one.claims) for one in groups), (OTHERS, _others(run, groups))):
        if keys:
            rows.append([f"**{escape(cause)}**", "", "", ""])
        for key in keys:
            if key not in run.claims:
                raise invalid("cases/findings.py", expected="keys of claims", received=repr(key))
            rows.append(_row(run, run.claims[key]))
    headers = ["the lecture says", "slide", f"measured on {backend_name(run.header.backend)}", "verdict"]
    lines = [f"| {' | '.join(cells)} |" for cells in (headers, ["---"] * len(headers), *rows)]
    return "\n".join([*lines, "", _counts(run)])


def _others(run: Run, groups: Sequence[Finding]) -> tuple[str, ...]:
    named = {key for one in groups for key in one.claims}
    return tuple(key for key, claim in run.claims.items() if claim.verdict is Verdict.REFUTED and key not in named)


def _row(run: Run, claim: ClaimDecided) -> list[str]:
    effect = next(iter(effects_by_relevance(claim)), None)
    needed = claim.here.needed if claim.here else None
    return [
        escape(claim.statement),
        _slide(run, claim, effect) if effect else "",
        "exact" if claim.marker == "exact" else _measured(effect) if effect else "not yet",
        verdict_text(claim.verdict) + (f"; {needed:,} seeds would decide" if needed else ""),
    ]


def _slide(run: Run, claim: ClaimDecided, effect: Effect) -> str:
    """The slide's figure for this effect; empty if the slide prints none."""
    if (printed := effect.details.get("published")) is not None:
        return number(printed, effect.unit)
    slide = slide_difference(run, claim, effect)
    return "" if slide is None else ("+" if slide > 0 else "") + number(slide, "fraction")


def _measured(effect: Effect) -> str:
    """The effect's name, metric, size and number of seeds."""
    share = effect.unit == "share of seeds"
    metric = "" if share or effect.metric in ("", "val_accuracy") else f" ({metric_label(effect.metric)})"
    of = f"{escape(effect.of + metric)}: " if effect.of else ""
    return of + escape(effect_words(effect).partition("; slide ")[0]) + ("" if share else f", n = {effect.n:,}")


def _counts(run: Run) -> str:
    count = Counter(claim.verdict for claim in run.claims.values())
    few = sum(claim.here is not None and claim.here.seeds < STORED_SIZES[0] for claim in run.claims.values())
    cases, undecided = plural(len(run.claims), "case"), count[Verdict.INCONCLUSIVE]
    text = [f"{cases}: {count[Verdict.SUPPORTED]} supported, {count[Verdict.REFUTED]} refuted, {undecided} undecided."]
    if few:
        have = "has" if few == 1 else "have"
        text.append(f"Of those, {few} {have} fewer than {STORED_SIZES[0]} seeds; nothing is decided below that.")
    text.append("n is the number of seeds. An interval is the one that decides, wider than one of 95 %.")
    return "\n".join(text)


def write_findings(run: Run, page: Path) -> None:
    """Replaces the text between the page's two markers. Raises SuiteError if they are missing or writing fails."""
    try:
        before, start, rest = page.read_text("utf-8").partition(START)
        _, end, after = rest.partition(END)
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(f"{page} cannot be read: {error}. Name README.md after --readme.") from None
    if not start or not end:
        raise invalid(f"file {page}", expected=f"the lines {START} and {END}", received="none of them")
    try:
        replace_file(page, f"{before}{START}\n{findings(run)}\n{END}{after}".encode())
    except OSError as error:
        raise SuiteError(f"{page} cannot be written: {error}. Make its folder writable.") from None
