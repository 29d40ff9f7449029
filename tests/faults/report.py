"""The table of faults in Markdown, from the rows of each backend."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reports.text import code, escape, table
from tests.faults.catalogue import named
from tests.faults.explained import EXPLAINED, MISSED_AT_FIRST, ROUNDS
from tests.faults.run import STAGES

Row = Mapping[str, Any]
ELSEWHERE, HERE = "another machine", "same fingerprint"
HEAD = """# What the suite catches

Each fault is put into Keras, the data or our own code for one run of `pytest suite/`, setting quick, which stops at
its first red case.

- **Another machine**: with another fingerprint and the last bit of each initial weight drawn anew, so that bits say
  nothing: only statistics, exact claims, conformance checks and errata count.
- **Same fingerprint**: bits count, too (`--strict`). What another machine sees is seen here as well, so this was tried
  for what it missed.
- **Effect**: on the primary metric of one training in which the fault acts, the mean paired difference over its seeds,
  in standard deviations over seeds. Faults of what judges, of files and of callbacks touch no training; there the
  stored trials stand for trained ones.

Made by `python -m tests.faults --backend NAME`; the rows are in `faults-NAME.json`.
"""


def report(folder: Path) -> str:
    """The whole report, of every backend that has rows in ``folder``."""
    parts = [HEAD]
    for path in sorted(folder.glob("faults-*.json")):
        content = json.loads(path.read_text("utf-8"))
        parts.append(section(content["backend"], content["rows"]))
    return "\n".join(parts).rstrip() + "\n"


def section(backend: str, rows: Sequence[Row]) -> str:
    faults = [row for row in rows if row["group"] != "control"]
    parts = [f"## {backend}", *control(rows)]
    if faults:
        parts += [counted(faults), *rounds({row["name"] for row in faults})]
    missed = [row for row in faults if not row[ELSEWHERE]["caught"]]
    if missed:
        parts += [
            "### Missed on another machine",
            table(("fault", "where", "effect", "seeds that would do", HERE, "why"), map(miss, missed)),
        ]
    for group in dict.fromkeys(row["group"] for row in faults):
        of = [row for row in faults if row["group"] == group]
        parts += [f"### {group.capitalize()}", table(("fault", "where", "effect", *(ELSEWHERE, HERE)), map(line, of))]
    return "\n\n".join(parts) + "\n"


def control(rows: Sequence[Row]) -> list[str]:
    """What the suite says without a fault."""
    found = [row for row in rows if row["group"] == "control"]
    if not found:
        return []
    said = "; ".join(f"{column}: {uncaught(row, column)}" for row in found for column in (ELSEWHERE, HERE))
    return [f"Without a fault: {said}."]


def uncaught(row: Row, column: str) -> str:
    """What the control says in a column, and of which stages."""
    if column == HERE and not tried_here(row):
        return "not tried"
    if row[column]["caught"]:
        return f"**red**, {code(row[column]['by'])} ({escape(row[column]['reason'].partition('. ')[0])})"
    return f"nothing red in {row[column]['cases']} cases (stages {', '.join(row['stages'])})"


def tried_here(row: Row) -> bool:
    """Whether a row that nothing was seen of elsewhere was tried on the same machine, which takes all stages."""
    return bool(row[HERE]["caught"]) or set(row["stages"]) == set(STAGES)


def counted(rows: Sequence[Row]) -> str:
    """The share that is caught, by column, and by which kind of case."""
    total = len(rows)
    lines = []
    for column in (ELSEWHERE, HERE):
        caught = sum(row[column]["caught"] for row in rows)
        lines.append(f"{column}: **{caught} of {total}** ({caught / total:.1%})")
    kinds: dict[str, int] = {}
    for row in rows:
        if row[ELSEWHERE]["caught"]:
            kind = row[ELSEWHERE]["by"].partition("[")[0]
            kinds[kind] = kinds.get(kind, 0) + 1
    first = ", ".join(f"{count} by {code(kind)}" for kind, count in sorted(kinds.items(), key=lambda kv: -kv[1]))
    return f"Caught on {lines[0]}; {lines[1]}. First seen on another machine: {first}."


def rounds(names: set[str]) -> list[str]:
    """Of the faults that came after the checks: how many were caught before any check was added for them."""
    said = []
    for who, faults in ROUNDS.items():
        those = [name for name in faults if name in names]
        if those:
            caught = sum(name not in MISSED_AT_FIRST for name in those)
            said.append(f"- {who}: **{caught} of {len(those)}**")
    if not said:
        return []
    added = ", ".join(escape(name) for name in MISSED_AT_FIRST if name in names)
    return [
        "What is to be expected of a fault that is not here? Those that were thought of when all checks stood, as they "
        "were caught on another machine at first:",
        "\n".join(said),
        f"After each round checks were added for the class of what had been missed: {added}.",
    ]


def line(row: Row) -> list[str]:
    return [escape(row["name"]), where(row), effect(row), by(row, ELSEWHERE), by(row, HERE)]


def miss(row: Row) -> list[str]:
    size = row["effect"]
    needed = "" if not size else str(size["needed"]) if size["needed"] else "more than 10,000"
    why = EXPLAINED.get(row["name"], "**not explained**")
    return [escape(row["name"]), where(row), effect(row), needed, by(row, HERE), escape(why)]


def where(row: Row) -> str:
    return "<br>".join(code(one) for one in row["where"].split(", "))


def by(row: Row, column: str) -> str:
    """The case that saw it first."""
    if row[column]["caught"]:
        return code(row[column]["by"].removeprefix("test_"))
    return "**missed**" if column == ELSEWHERE or tried_here(row) else "not tried"


def effect(row: Row) -> str:
    size = row["effect"]
    if not size:
        return "not measured" if named(row["name"]).yardstick else "no training"
    if size["failed"]:
        return f"{size['failed']} of {size['seeds']} seeds diverge otherwise"
    if size["in_sd"] is None:
        return "none" if not size["difference"] else f"{size['difference']:+.3g} (no spread)"
    return f"{size['in_sd']:+.2g} SD of {code(size['metric'])}"
