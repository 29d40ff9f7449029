"""``python -m tests.faults``: injects every fault, one after the other, and writes the table of what detects it."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from harness.course import ROOT
from harness.errors import SuiteError, invalid
from harness.record.atomic import replace_file
from tests.faults.catalogue import CONTROL, FAULTS, measured, named
from tests.faults.report import report
from tests.faults.run import BASELINES, BY, FULL, described, end_of, row_of

OUT = ROOT / "reports" / "published" / "faults"
A_PROCESS = 20
"""Faults that one process tries: a backend keeps what it has compiled, and fails after a few thousand programs."""


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--backend", choices=("jax", "tensorflow"), default="jax")
    parser.add_argument("--only", action="append", metavar="NAME", help="this fault; may be given several times")
    parser.add_argument("--full", action="store_true", help="tries late faults in trainings to the end, too")
    parser.add_argument("--list", action="store_true", help="lists all faults with what they break, and runs none")
    parser.add_argument("--baseline-dir", type=Path, default=BASELINES, metavar="DIR", help="default: baselines/")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="default: reports/published/faults")
    return parser.parse_args(given)


def listing() -> str:
    """Every fault with its class, the first step that can show it and where, and how many there are of each class."""
    lines = [
        f"{fault.breaks:9}  {fault.acts_from_step or '-':>5}  {fault.shows:10}  {fault.group:22}  {fault.name}"
        for fault in FAULTS
    ]
    parts = {
        "held out": [fault for fault in FAULTS if fault.held_out],
        "late": [fault for fault in FAULTS if fault.late],
        "all": FAULTS,
    }
    counts = {
        title: ", ".join(f"{count} {name}" for name, count in sorted(Counter(f.breaks for f in faults).items()))
        for title, faults in parts.items()
    }
    return "\n".join(
        ["breaks      step  shows in    group                   name", *lines, "", *map(": ".join, counts.items())]
    )


def rows_in(path: Path) -> dict[str, dict[str, Any]]:
    """The finished rows of an earlier run, by name."""
    if not path.exists():
        return {}
    try:
        return {row["name"]: row for row in json.loads(path.read_text("utf-8"))["rows"]}
    except (ValueError, KeyError, TypeError) as error:
        raise invalid(
            f"table {path}", expected="rows with a name", received=repr(error), fix="Move it away."
        ) from error


def main(given: Sequence[str] | None = None) -> int:
    """Goes on with the table that is there: a row whose fault has not changed stands."""
    asked = arguments(given)
    if asked.list:
        print(listing())
        return 0
    all_of = measured(asked.backend)
    faults = [named(name) for name in asked.only] if asked.only else all_of
    path = asked.out / f"faults-{asked.backend}.json"
    rows = rows_in(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=A_PROCESS) as pool:
        for number, fault in enumerate(faults, 1):
            found = rows.get(fault.name)
            if found is None or found["key"] != fault.key:
                found = pool.submit(row_of, fault.name, asked.backend, asked.baseline_dir).result()
            found |= described(fault)
            if asked.full and (fault.late or fault is CONTROL) and FULL not in found:
                reason = pool.submit(end_of, fault.name, asked.backend, asked.baseline_dir).result()
                found = {**found, FULL: reason}
            rows[fault.name] = found
            by = " and ".join(name for name in (*BY, FULL) if found.get(name))
            print(f"{number}/{len(faults)} {fault.name}: {by or 'not seen'}", flush=True)
            finished = [rows[one.name] for one in all_of if one.name in rows]
            content = {"backend": asked.backend, "rows": finished}
            replace_file(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
    replace_file(asked.out / "REPORT.md", report(asked.out).encode())
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SuiteError as error:
        sys.exit(str(error))
