"""The table of faults in Markdown, from the rows of each backend."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.faults.sight import BY, FULL
from reports.text import code, escape, table

Row = Mapping[str, Any]
HEAD = """# What a run sees

Each fault is put into Keras, the data or our engines. Two things that `pytest suite/` does are then tried, each without
the other:

- **Check**: a few trainings in which the fault acts, as far as a check trains them, compared with the evidence.
- **Self-checks**: layers, optimizers, initial weights, data and callbacks against references of their own, up to the
  first that is red.

Faults that act late are tried a third time, with `--full --seeds 5`: the same few trainings, all to the end. Some were
written when all checks stood, none of which was changed for them: they count as held out.

A fault acts early if it changes any number of the first steps, which a check compares: by a single bit, against the
same trainings without it in the same process. Others show, if at all, in trainings that a check trains to the end. Each
fault also says of itself, before anything was measured, whether it acts early; some were wrong on a backend that does
not use the function they are in. Exact claims and errata, which such a run decides too, are not counted. Faults of our
own rules and files are not here: `tests/` has to see them.

Made by `python -m benchmarks.faults --full --backend NAME`; the rows are in `faults-NAME.json`.
"""


def report(folder: Path) -> str:
    """The whole report, of every backend that has rows in ``folder``."""
    parts = [HEAD]
    for path in sorted(folder.glob("faults-*.json")):
        content = json.loads(path.read_text("utf-8"))
        parts.append(section(content["backend"], content["rows"]))
    lines = "\n".join(parts).rstrip().splitlines()
    return "\n".join(narrow(line) if line.startswith("|") else line for line in lines) + "\n"


def narrow(line: str) -> str:
    """A line of a table without padding: a long table stays below the size at which a page is rendered."""
    return re.sub(r" +", " ", re.sub(r"-{4,}", "---", line))


def section(backend: str, rows: Sequence[Row]) -> str:
    faults = [row for row in rows if row["group"] != "control"]
    parts = [f"## {backend}", *(f"Without a fault: {control(row)}." for row in rows if row["group"] == "control")]
    if faults:
        parts.append(counted(faults))
    ended = [bool(row[FULL]) for row in faults if FULL in row]
    if ended:
        parts.append(
            f"`pytest suite/ --full --seeds 5` sees {share(sum(ended), len(ended))} of {len(ended)} late faults."
        )
    missed = [row for row in faults if not any(row[by] for by in BY)]
    if missed:
        parts += ["### Seen by neither", table(("fault", "where", "acts early"), map(miss, missed))]
    for group in dict.fromkeys(row["group"] for row in faults):
        of = [row for row in faults if row["group"] == group]
        columns = (*BY, FULL) if any(FULL in row for row in of) else BY
        parts.append(f"### {group.capitalize()}")
        parts.append(table(("fault", "where", "acts early", *columns), (line(row, columns) for row in of)))
    return "\n\n".join(parts) + "\n"


def control(row: Row) -> str:
    """What is red without a fault."""
    red = [f"**{by}: {escape(row[by])}**" for by in (*BY, FULL) if row.get(by)]
    return "; ".join(red) or f"nothing is red{', to the end neither' if FULL in row else ''}"


def counted(rows: Sequence[Row]) -> str:
    """How many are seen: of all, of those that act early, of those that were expected to, and of those held out."""
    early, expected, held_out = ([row for row in rows if row[key]] for key in ("acts", "within T", "held out"))
    lines = []
    for title, of in (
        ("of all", rows),
        ("of those that act early", early),
        ("of those said to act early", expected),
        ("of those held out", held_out),
    ):
        alone = [sum(bool(row[by]) for row in of) for by in BY]
        either = sum(any(row[by] for by in BY) for row in of)
        lines.append([title, len(of), *(share(count, len(of)) for count in (*alone, either))])
    return table(("", "faults", "check alone", "self-checks alone", "one of them"), lines)


def share(count: int, total: int) -> str:
    return f"{count} ({count / total:.1%})" if total else "–"


def line(row: Row, columns: Sequence[str]) -> list[str]:
    """What each sees of a fault; "–" where it was not tried."""
    return [*miss(row), *("–" if by not in row else "seen" if row[by] else "**not seen**" for by in columns)]


def miss(row: Row) -> list[str]:
    where = "<br>".join(code(place) for place in row["where"].split(", "))
    return [escape(row["name"]), where, "yes" if row["acts"] else "no"]
