"""The table of faults in Markdown, from the rows of each backend."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.faults.sight import BY, FULL
from reports.words import code, escape, table

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

Made by `python -m benchmarks.faults --full --backend NAME`; the rows, with the modules of the places, are in
`faults-NAME.json`."""


def report(folder: Path) -> str:
    """The whole report, of every backend that has rows in ``folder``."""
    contents = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("faults-*.json"))]
    sections = ("\n\n".join(section(content["backend"], content["rows"])) for content in contents)
    return "\n\n".join([HEAD, *sections]).replace("|  |", "| |") + "\n"


def section(backend: str, rows: Sequence[Row]) -> Iterator[str]:
    faults = [row for row in rows if row["group"] != "control"]
    yield f"## {backend}"
    yield from (f"Without a fault: {control(row)}." for row in rows if row["group"] == "control")
    if faults:
        yield counted(faults)
    if ended := [bool(row[FULL]) for row in faults if FULL in row]:
        yield f"`pytest suite/ --full --seeds 5` sees {share(sum(ended), len(ended))} of {len(ended)} late faults."
    if missed := [row for row in faults if not any(row[by] for by in BY)]:
        yield "### Seen by neither"
        yield table(HEADS, map(place, missed))
    for group in dict.fromkeys(row["group"] for row in faults):
        of = [row for row in faults if row["group"] == group]
        columns = (*BY, FULL) if any(FULL in row for row in of) else BY
        yield f"### {group.capitalize()}"
        yield table((*HEADS, *columns), ([*place(row), *(mark(row, by) for by in columns)] for row in of))


HEADS = ("fault", "where", "acts early")


def control(row: Row) -> str:
    """What is red without a fault."""
    red = [f"**{by}: {escape(row[by])}**" for by in (*BY, FULL) if row.get(by)]
    return "; ".join(red) or f"nothing is red{', to the end neither' if FULL in row else ''}"


def counted(rows: Sequence[Row]) -> str:
    """How many are seen: of all, of those that act early, of those that were expected to, and of those held out."""
    lines = []
    for title, key in (
        ("of all", "name"),
        ("of those that act early", "acts"),
        ("of those said to act early", "within T"),
        ("of those held out", "held out"),
    ):
        of = [row for row in rows if row[key]]
        counts = [*(sum(bool(row[by]) for row in of) for by in BY), sum(any(row[by] for by in BY) for row in of)]
        lines.append([title, len(of), *(share(count, len(of)) for count in counts)])
    return table(("", "faults", "check alone", "self-checks alone", "one of them"), lines)


def share(count: int, total: int) -> str:
    return f"{count} ({count / total:.1%})" if total else "–"


def place(row: Row) -> list[str]:
    where = "<br>".join(code(".".join(place.split(".")[-2:])) for place in row["where"].split(", "))
    return [escape(row["name"]), where, "yes" if row["acts"] else "no"]


def mark(row: Row, by: str) -> str:
    """Whether a fault is seen; "–" where that was not tried."""
    return "–" if by not in row else "seen" if row[by] else "**not seen**"
