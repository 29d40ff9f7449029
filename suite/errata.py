"""Errata in a run: their records, what a red one prints, and the line at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.erratum import Differs, Finding, State, plain
from suite.catalogue import ERRATA

ORDER = {name: index for index, name in enumerate(ERRATA)}


def record(finding: Finding, backend: str) -> dict[str, Any]:
    """The complete record of a finding: the report needs nothing else."""
    erratum = finding.erratum
    expected = erratum.expected(backend)
    slide = plain(expected.slide) if isinstance(expected, Differs) else None
    return {
        "id": erratum.id,
        "order": ORDER[erratum.id],
        "slide": erratum.slide,
        "statement": erratum.statement,
        "given": erratum.given,
        "printed": erratum.printed,
        "modern": erratum.modern,
        "check": erratum.check,
        "expected": expected.describe(),
        "outcome": type(expected).__name__.lower(),
        "when": finding.when,
        "error": finding.error,
        "warning": finding.warned,
        "values": {"slide": slide, "today": finding.today, "modern": finding.modern},
        "state": str(finding.state),
        "reason": finding.reason,
        "seconds": finding.seconds,
    }


def finding(record: Mapping[str, Any]) -> Finding:
    """From ``record``; KeyError or ValueError where it is not one of this version."""
    values = record["values"]
    return Finding(
        ERRATA[record["id"]],
        State(record["state"]),
        record["reason"],
        record["when"],
        record["error"],
        record["warning"],
        values["today"],
        values["modern"],
        record["seconds"],
    )


def properties(finding: Finding) -> list[tuple[str, str]]:
    """What ``--junitxml`` carries of it."""
    said = {"state": str(finding.state), "when": finding.when, "error": finding.error, "warning": finding.warned}
    return [(name, value) for name, value in said.items() if value]


def message(finding: Finding) -> str:
    """What a red erratum prints: what is wrong, and what to do next."""
    erratum = finding.erratum
    lines = [f"{erratum.id} {finding.state}: {finding.reason}", f"  the erratum says: {erratum.statement}"]
    if finding.moved:
        lines.append("  If this Keras is right, change the erratum in cases/errata/ (or take it out).")
    return "\n".join(lines)


def lines(findings: Iterable[Finding]) -> Iterator[str]:
    """How many hold, and the others by name; nothing where the run looked at none."""
    found = list(findings)
    if not found:
        return
    red = [finding for finding in found if finding.red]
    noun = "erratum holds" if len(found) == 1 else "errata hold"
    yield f"{len(found) - len(red)} of {len(found)} {noun}: code of the slides that has to be updated"
    for finding in red:
        yield f"  {finding.state}: {finding.erratum.id}: {finding.reason}"
