"""``python -m tests.faults``: puts every fault in, one after the other, and writes the table of what was caught."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.atomic import replace_file
from harness.errors import SuiteError, invalid
from suite.options import ROOT
from tests.faults import late, small
from tests.faults.catalogue import CONTROL, FAULTS, TABLE, named, on
from tests.faults.effect import effect_of
from tests.faults.fault import Fault
from tests.faults.report import ELSEWHERE, HERE, report
from tests.faults.run import STAGES, Outcome, suite_with

OUT = ROOT / "reports" / "published" / "faults"


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--backend", choices=("jax", "tensorflow"), default="jax")
    parser.add_argument("--only", action="append", metavar="NAME", help="this fault; may be given several times")
    parser.add_argument("--stages", default=",".join(STAGES), help=f"of {','.join(STAGES)} (default: all)")
    parser.add_argument("--again", action="store_true", help="tries what was missed once more")
    parser.add_argument("--effects", action="store_true", help="measures the size of every fault, not of misses alone")
    parser.add_argument("--list", action="store_true", help="lists all faults with what they break, and runs none")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="default: reports/published/faults")
    return parser.parse_args(given)


def listing() -> str:
    """Every fault with its class, the first step that can show it and where, and how many there are of each class."""
    lines = [
        f"{fault.breaks:9}  {fault.acts_from_step or '-':>5}  {fault.shows:10}  {fault.group:22}  {fault.name}"
        for fault in FAULTS
    ]
    counts = {
        title: ", ".join(f"{count} {name}" for name, count in sorted(Counter(f.breaks for f in faults).items()))
        for title, faults in (("table", TABLE), ("late", late.FAULTS), ("small", small.FAULTS), ("all", FAULTS))
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


def measured(
    fault: Fault, backend: str, stages: Sequence[str], effects: bool, before: Mapping[str, Any] | None
) -> dict[str, Any]:
    """One row; of a fault that was missed ``before`` only the further stages are run.

    What another machine sees is seen on the same one as well, so that is tried for misses only, and once all stages
    have been run; exact cases and errata know no bits.
    """
    tried = list(before["stages"]) if before is not None else []
    elsewhere = suite_with(fault, backend, [stage for stage in stages if stage not in tried], same_machine=False)
    if before is not None:
        seconds = elsewhere.seconds + before[ELSEWHERE]["seconds"]
        elsewhere = dataclasses.replace(elsewhere, cases=elsewhere.cases + before[ELSEWHERE]["cases"], seconds=seconds)
    here = elsewhere
    tried = [stage for stage in STAGES if stage in stages or stage in tried]
    if not elsewhere.caught and tried == list(STAGES):
        here = suite_with(fault, backend, [s for s in tried if s not in ("exact", "errata")], same_machine=True)
    size = effect_of(fault, backend) if effects or not elsewhere.caught else None
    return {
        "name": fault.name,
        "group": fault.group,
        "where": fault.where,
        "key": fault.key,
        "stages": tried,
        ELSEWHERE: said(elsewhere),
        HERE: said(here),
        "effect": size.to_json() if size else None,
    }


def said(outcome: Outcome) -> dict[str, Any]:
    return {
        "caught": outcome.caught,
        "by": outcome.by,
        "reason": outcome.reason,
        "cases": outcome.cases,
        "seconds": round(outcome.seconds, 1),
    }


def standing(row: Mapping[str, Any], fault: Fault, stages: Sequence[str], again: bool) -> bool:
    """Whether a row of an earlier run still says who sees the fault: it is caught, or was tried with these stages."""
    if row["key"] != fault.key:
        return False
    return bool(row[ELSEWHERE]["caught"]) or (set(stages) <= set(row["stages"]) and not again)


def main(given: Sequence[str] | None = None) -> int:
    asked = arguments(given)
    if asked.list:
        print(listing())
        return 0
    stages = asked.stages.split(",")
    unknown = [stage for stage in stages if stage not in STAGES]
    if unknown:
        raise invalid("--stages", expected=f"of {', '.join(STAGES)}", received=unknown[0])
    faults = [named(name) for name in asked.only] if asked.only else [*on(asked.backend, TABLE), CONTROL]
    path = asked.out / f"faults-{asked.backend}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = rows_in(path)
    for number, fault in enumerate(faults, 1):
        before = rows.get(fault.name)
        if before is not None and standing(before, fault, stages, asked.again):
            if not asked.effects or before["effect"] is not None or fault.yardstick is None:
                continue
            size = effect_of(fault, asked.backend)
            row = {**before, "effect": size.to_json() if size else None}
        else:
            missed = before if before is not None and before["key"] == fault.key and not asked.again else None
            row = measured(fault, asked.backend, stages, asked.effects, missed)
        rows[fault.name] = row
        print(f"{number}/{len(faults)} {fault.name}: {row[ELSEWHERE]['by'] or 'MISSED'}", flush=True)
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
