"""Puts what was measured where readers and later runs find it: the report, and the evidence of many seeds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.gpu.steps import ROOT, evidence_folder, result
from harness.errors import SuiteError
from reports.folders import unwritable

MOST_BYTES = 10_000_000
"""Of all evidence together."""


def publish(out: Path, name: str, root: Path = ROOT) -> Iterator[str]:
    """Copies the report to ``reports/published/NAME`` and the evidence to ``baselines/``; a line for each.

    SuiteError where the run to the end is not finished, or the evidence is too large.
    """
    if result(out / "full.json") is None:
        raise SuiteError(f"Nothing to publish in {out}: the step 'full' is not done. Run it first.")
    files = sorted(evidence_folder(out, "full").glob("*/*.json"))
    size = sum(path.stat().st_size for path in files)
    if size > MOST_BYTES:
        raise SuiteError(f"The evidence is {size:,} bytes; at most {MOST_BYTES:,} are to be published.")
    target = root / "reports" / "published" / name
    try:
        shutil.copytree(out / "full" / "figures", target / "figures", dirs_exist_ok=True)
        for file in (out / "full" / "REPORT.md", out / "full" / "report.json", *sorted(out.glob("GPU.md")),
                     *sorted(out.glob("*.svg"))):  # fmt: skip
            shutil.copy(file, target / file.name)
        yield f"report: {target}"
        for path in files:
            place = root / "baselines" / path.parent.name / path.name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)
        yield f"evidence: {len(files)} files, {size:,} bytes"
    except OSError as error:
        raise unwritable(target, error) from error
