"""The report folder, whose runs it may hold, and how a file is written to it: completely or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from harness.course import Course, course
from harness.errors import SuiteError
from harness.record.files import replace_files
from harness.record.run import RunStarted

OUT = Path("reports/out")
"""The report folder of the default course, which git ignores: below the folder of the run."""


def out_of(course: Course) -> Path:
    """The report folder of a course, unless one is named: runs of two courses in one folder would be mixed up."""
    return OUT if course.default else OUT / "courses" / course.name


def of_course(header: RunStarted) -> bool:
    """Whether a run is of the course of this process."""
    return header.course == course().recorded


def check_course(header: RunStarted) -> None:
    """SuiteError for a run of another course: its report would have the titles of this one."""
    if not of_course(header):
        what = f"the course {header.course!r}: name its folder with --catalogue"
        fix = what if header.course else "the default course: leave --catalogue out"
        raise SuiteError(f"The run {header.id} is not of {course().name!r}. It is of {fix}.")


def runs_folder(out: Path) -> Path:
    """The folder of the run files within a report folder."""
    return out / "runs"


def check_writable(folder: Path) -> None:
    """Creates the folder and a temporary file in it. Raises SuiteError if that fails; called before any training."""
    for link in (folder, *folder.parents):
        if link.is_symlink() and not link.exists():
            raise SuiteError(f"Cannot write to {folder}: {link} is a link to {link.readlink()}, which does not exist.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"x")
            probe.flush()
    except OSError as error:
        raise unwritable(folder, error) from error


def write_atomic(path: Path, content: bytes) -> None:
    """Replaces the file in one step, see ``write_files``."""
    write_files({path: content})


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Replaces files: after a kill each has the old content or the new, never a part; after an error all the old.

    Raises SuiteError if a file cannot be written.
    """
    path = next(iter(contents), Path())
    try:
        for path in contents:
            path.parent.mkdir(parents=True, exist_ok=True)
        replace_files(contents)
    except OSError as error:
        raise unwritable(path if len(contents) == 1 else path.parent, error) from error


def unwritable(path: Path, error: OSError) -> SuiteError:
    """The error to raise for a report that cannot be written to ``path``."""
    reason = error.strerror or str(error)
    return SuiteError(
        f"Cannot write the report to {path}: {reason}. Make the folder writable and free space on its disk, or name "
        "another folder with --report-dir (`python -m reports`: --out)."
    )
