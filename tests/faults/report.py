"""The table of faults in Markdown, from the rows of each backend."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reports.text import code, escape, table
from tests.faults.run import BY

Row = Mapping[str, Any]
HEAD = """# What a run sees

Each fault is put into Keras, the data or our engines. Two things that `pytest suite/` does are then tried, each without
the other:

- **Check**: a few trainings in which the fault acts, as far as a check trains them, compared with the evidence.
- **Self-checks**: layers, optimizers, initial weights, data and callbacks against references of their own, up to the
  first that is red.

A fault acts within T if it can show in the first T steps, which a check compares; each fault says so of itself. Others
show, if at all, in trainings that a check trains to the end. Exact claims and errata, which such a run decides too, are
not counted. Faults of our own rules and files are not here: `tests/` has to see them.

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
    parts = [f"## {backend}", *(f"Without a fault: {control(row)}." for row in rows if row["group"] == "control")]
    if faults:
        parts.append(counted(faults))
    missed = [row for row in faults if not any(row[by] for by in BY)]
    if missed:
        parts += ["### Seen by neither", table(("fault", "where", "within T"), map(miss, missed))]
    for group in dict.fromkeys(row["group"] for row in faults):
        of = [row for row in faults if row["group"] == group]
        parts += [f"### {group.capitalize()}", table(("fault", "where", "within T", *BY), map(line, of))]
    return "\n\n".join(parts) + "\n"


def control(row: Row) -> str:
    """What is red without a fault."""
    red = [f"**{by}: {escape(row[by])}**" for by in BY if row[by]]
    return "; ".join(red) or "nothing is red"


def counted(rows: Sequence[Row]) -> str:
    """How many are seen, of all and of those that act within T."""
    can = [row for row in rows if row["within T"]]
    lines = []
    for title, of in (("of all", rows), ("of those that act within T", can)):
        alone = [sum(bool(row[by]) for row in of) for by in BY]
        either = sum(any(row[by] for by in BY) for row in of)
        lines.append([title, len(of), *(share(count, len(of)) for count in (*alone, either))])
    return table(("", "faults", "check alone", "self-checks alone", "one of them"), lines)


def share(count: int, total: int) -> str:
    return f"{count} ({count / total:.1%})" if total else "–"


def line(row: Row) -> list[str]:
    return [*miss(row), *("seen" if row[by] else "**not seen**" for by in BY)]


def miss(row: Row) -> list[str]:
    where = "<br>".join(code(one) for one in row["where"].split(", "))
    return [escape(row["name"]), where, "yes" if row["within T"] else "no"]
