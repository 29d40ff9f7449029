"""``python -m benchmarks.faults``: puts every fault in, one after the other, and writes the table of what sees it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.faults.own import unseen
from benchmarks.faults.page import report
from benchmarks.faults.sight import BASELINES, BY, FULL, check_of, described, end_of, row_of
from benchmarks.faults.table import CONTROL, DRAWN, FAULTS, MEASURED, named
from harness.course import ROOT
from harness.errors import SuiteError, invalid
from harness.record.files import replace_file

OUT = ROOT / "reports" / "published" / "faults"
A_PROCESS = 20
"""Faults that one process tries: a backend keeps what it has compiled, and fails after a few thousand programs."""


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--backend", choices=("jax", "tensorflow"), default="jax")
    parser.add_argument("--only", action="append", metavar="NAME", help="this fault, again if need be; may be repeated")
    parser.add_argument("--full", action="store_true", help="tries late faults in trainings to the end, too")
    parser.add_argument("--drawn", action="store_true", help="tries the faults of drawn steps, with the check alone")
    parser.add_argument("--own", action="store_true", help="tries the faults of our own code with the tests of it")
    parser.add_argument("--list", action="store_true", help="lists all faults with what they break, and runs none")
    parser.add_argument("--baseline-dir", type=Path, default=BASELINES, metavar="DIR", help="default: baselines/")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="default: reports/published/faults")
    return parser.parse_args(given)


def listing() -> str:
    """Every fault with the first step that can show it, its group and where it is put in."""
    lines = [f"{fault.step or '-':>5}  {fault.group:23}  {fault.name:75}  {fault.where}" for fault in FAULTS]
    counts = [sum(chosen) for chosen in zip(*((f.own, f.late, f.held_out) for f in FAULTS), strict=True)]
    return "\n".join([*lines, "{} faults: {} of our own code, {} late, {} held out".format(len(FAULTS), *counts)])


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


def tried(asked: argparse.Namespace) -> None:
    """Tries the faults that have no row yet, or are asked for, and writes the table after each."""
    faults = [named(name) for name in asked.only] if asked.only else MEASURED
    path = asked.out / f"faults-{asked.backend}.json"
    rows = rows_in(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=A_PROCESS) as pool:
        for number, fault in enumerate(faults, 1):
            task = (fault.name, asked.backend, asked.baseline_dir)
            row = None if asked.only else rows.get(fault.name)
            row = (row or pool.submit(row_of, *task).result()) | described(fault)
            if asked.full and (fault.late or fault is CONTROL) and FULL not in row:
                row[FULL] = pool.submit(end_of, *task).result()
            rows[fault.name] = row
            by = " and ".join(name for name in (*BY, FULL) if row.get(name))
            print(f"{number}/{len(faults)} {fault.name}: {by or 'not seen'}", flush=True)
            content = {"backend": asked.backend, "rows": [rows[f.name] for f in MEASURED if f.name in rows]}
            replace_file(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
    replace_file(asked.out / "REPORT.md", report(asked.out).encode())


def tried_by_check(asked: argparse.Namespace) -> None:
    """Tries the faults of drawn steps, and writes what the check says of each."""
    path = asked.out / f"drawn-{asked.backend}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = rows_in(path)
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=A_PROCESS) as pool:
        for fault in DRAWN:
            if fault.name not in rows:
                said = pool.submit(check_of, fault.name, asked.backend, asked.baseline_dir).result()
                if "could not be trained" in said:  # then the fault is broken, and nothing has seen it
                    raise SuiteError(f"Fault {fault.name!r} breaks trainings. Expected: changed ones. Received: {said}")
                rows[fault.name] = {"name": fault.name, "step": fault.step, "check": said}
                print(f"{'seen' if said else 'NOT SEEN'}: {fault.name}", flush=True)
            content = {"backend": asked.backend, "rows": [*rows.values()]}
            replace_file(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


def main(given: Sequence[str] | None = None) -> int:
    """Exit status: 1 if tests do not see a fault of our own."""
    asked = arguments(given)
    if asked.list:
        print(listing())
    elif asked.own:
        faults = [fault for fault in FAULTS if fault.own and fault.name in (asked.only or (fault.name,))]
        missed = 0
        for fault in faults:
            said = unseen(fault)
            missed += bool(said)
            print(f"{'NOT SEEN' if said else 'seen'}: {fault.name}", *filter(None, [said]), flush=True)
        return int(missed > 0)
    elif asked.drawn:
        tried_by_check(asked)
    else:
        tried(asked)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SuiteError as error:
        sys.exit(str(error))
