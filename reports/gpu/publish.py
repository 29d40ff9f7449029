"""Puts what was measured where readers and later runs find it: the report, and the baselines of many seeds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from harness.errors import SuiteError
from reports.folders import unwritable
from reports.gpu.steps import ROOT, result

MOST_BYTES = 10_000_000
"""Of all baselines together."""


def publish(out: Path, name: str, root: Path = ROOT) -> Iterator[str]:
    """Copies the report to ``reports/published/NAME`` and the baselines to ``baselines/``; a line for each.

    SuiteError where the run of the lecture's setting is not finished, or the baselines are too large.
    """
    if result(out / "lecture.json") is None:
        raise SuiteError(f"Nothing to publish in {out}: the step 'lecture' is not done. Run it first.")
    files = [path for step in ("lecture", "quick") for path in sorted((out / f"{step}-baselines").glob("*/*/*.json"))]
    size = sum(path.stat().st_size for path in files)
    if size > MOST_BYTES:
        raise SuiteError(f"The baselines are {size:,} bytes; at most {MOST_BYTES:,} are to be published.")
    target = root / "reports" / "published" / name
    try:
        shutil.copytree(out / "lecture" / "figures", target / "figures", dirs_exist_ok=True)
        for file in (out / "lecture" / "REPORT.md", out / "lecture" / "report.json", *sorted(out.glob("GPU.md")),
                     *sorted(out.glob("*.svg"))):  # fmt: skip
            shutil.copy(file, target / file.name)
        yield f"report: {target}"
        for path in files:
            place = root / "baselines" / path.parent.parent.name / path.parent.name / path.name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)
        yield f"baselines: {len(files)} files, {size:,} bytes"
    except OSError as error:
        raise unwritable(target, error) from error
