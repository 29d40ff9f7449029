"""``python -m tests.faults``: puts every fault in, one after the other, and writes the table of what was caught."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.atomic import replace_file
from harness.errors import SuiteError, invalid
from suite.options import ROOT
from tests.faults.catalogue import CONTROL, named, on
from tests.faults.effect import effect_of
from tests.faults.fault import Fault
from tests.faults.report import report
from tests.faults.run import STAGES, Outcome, suite_with

OUT = ROOT / "reports" / "published" / "faults"
COLUMNS = ("another machine", "same fingerprint")


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--backend", choices=("jax", "tensorflow"), default="jax")
    parser.add_argument("--only", action="append", metavar="NAME", help="this fault; may be given several times")
    parser.add_argument("--stages", default=",".join(STAGES), help=f"of {','.join(STAGES)} (default: all)")
    parser.add_argument("--again", action="store_true", help="tries what was missed once more")
    parser.add_argument("--no-effects", action="store_true", help="does not measure the size of the faults")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="default: reports/published/faults")
    return parser.parse_args(given)


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


def measured(fault: Fault, backend: str, stages: Sequence[str], effects: bool) -> dict[str, Any]:
    """One row. What another machine sees is seen on the same one as well, so that is tried for misses only."""
    elsewhere = suite_with(fault, backend, stages, same_machine=False)
    here = elsewhere if elsewhere.caught else suite_with(fault, backend, stages, same_machine=True)
    size = effect_of(fault, backend) if effects else None
    return {
        "name": fault.name,
        "group": fault.group,
        "where": fault.where,
        "key": fault.key,
        "stages": list(stages),
        COLUMNS[0]: said(elsewhere),
        COLUMNS[1]: said(here),
        "effect": {**size.to_json(), "needed": size.needed} if size else None,
    }


def said(outcome: Outcome) -> dict[str, Any]:
    return {
        "caught": outcome.caught,
        "by": outcome.by,
        "reason": outcome.reason,
        "cases": outcome.cases,
        "seconds": round(outcome.seconds, 1),
    }


def kept(row: Mapping[str, Any] | None, fault: Fault, again: bool) -> bool:
    """Whether a row of an earlier run still stands."""
    return row is not None and row["key"] == fault.key and not (again and not row[COLUMNS[0]]["caught"])


def main(given: Sequence[str] | None = None) -> int:
    asked = arguments(given)
    stages = asked.stages.split(",")
    unknown = [stage for stage in stages if stage not in STAGES]
    if unknown:
        raise invalid("--stages", expected=f"of {', '.join(STAGES)}", received=unknown[0])
    faults = [named(name) for name in asked.only] if asked.only else [*on(asked.backend), CONTROL]
    path = asked.out / f"faults-{asked.backend}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = rows_in(path)
    for number, fault in enumerate(faults, 1):
        if kept(rows.get(fault.name), fault, asked.again):
            continue
        row = measured(fault, asked.backend, stages, not asked.no_effects)
        rows[fault.name] = row
        print(f"{number}/{len(faults)} {fault.name}: {row[COLUMNS[0]]['by'] or 'MISSED'}", flush=True)
        order = {one.name: place for place, one in enumerate((CONTROL, *on(asked.backend)))}
        finished = sorted((r for r in rows.values() if r["name"] in order), key=lambda r: order[r["name"]])
        replace_file(
            path,
            (json.dumps({"backend": asked.backend, "rows": finished}, indent=1, ensure_ascii=False) + "\n").encode(),
        )
    replace_file(asked.out / "REPORT.md", report(asked.out).encode())
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SuiteError as error:
        sys.exit(str(error))
