"""Where reports go, and how a file gets there whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness.errors import SuiteError
from harness.record.atomic import replace_file

OUT = Path(__file__).parent / "out"
"""The default report folder; git ignores it."""


def runs_folder(out: Path) -> Path:
    """Where the run files of a report folder lie."""
    return out / "runs"


def check_writable(folder: Path) -> None:
    """Creates the folder and writes a file there, before anything is trained; SuiteError where that is impossible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"x")
            probe.flush()
    except OSError as error:
        raise unwritable(folder, error) from error


def write_atomic(path: Path, content: bytes) -> None:
    """Replaces the file in one step: a reader, or a kill, meets the old content or the new, never half of it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> SuiteError:
    reason = error.strerror or str(error)
    return SuiteError(
        f"Cannot write the report to {path}: {reason}. Make the folder writable and its disk not full, or name another "
        "one: --report-dir, for `python -m reports` --out."
    )
