"""Publishes the results: copies the report and the evidence to the folders where readers and later runs look."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.gpu.steps import ROOT, evidence_folder, result
from harness.errors import SuiteError
from reports.folders import unwritable

MOST_BYTES = 10_000_000
"""The most bytes of all evidence together."""


def publish(out: Path, name: str, root: Path = ROOT) -> Iterator[str]:
    """Copies the report to ``reports/published/NAME`` and the evidence to ``baselines/``; yields a line for each.

    Raises SuiteError if the run to the end is not finished, the evidence is too large, or a file cannot be written.
    """
    if result(out / "full.json") is None:
        raise SuiteError(f"Nothing to publish in {out}: the step 'full' is not done. Run it first.")
    files = sorted(evidence_folder(out, "full").glob("*/*.json"))
    size = sum(path.stat().st_size for path in files)
    if size > MOST_BYTES:
        raise SuiteError(
            f"The evidence is too large to publish. Expected: at most {MOST_BYTES:,} bytes. Received: {size:,}."
        )
    target = root / "reports" / "published" / name
    try:
        shutil.copytree(
            out / "full", target, ignore=shutil.ignore_patterns("runs", "benchmark.json", ".*"), dirs_exist_ok=True
        )
        for file in (*sorted(out.glob("GPU.md")), *sorted(out.glob("*.svg"))):
            shutil.copy(file, target / file.name)
        yield f"report: {target}"
        for path in files:
            place = root / "baselines" / path.parent.name / path.name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)
        yield f"evidence: {len(files)} files, {size:,} bytes"
    except OSError as error:
        raise unwritable(target, error) from error
