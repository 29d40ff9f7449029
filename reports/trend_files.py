"""The files of a trend: reads the runs, and writes TREND.md, trend.json and trend.svg."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.course import course
from harness.errors import SuiteError
from harness.record.run import HEAVY, Run, parse_run
from harness.record.run_file import run_files
from reports.folders import check_writable, write_atomic
from reports.of_course import of_course
from reports.sections.trend import JSON, markdown
from reports.trend import TrendReport

if TYPE_CHECKING:
    from harness.record.address import Address

MARKDOWN = "TREND.md"


def runs_of(store: Address | None, folder: Path) -> Iterator[Run | str]:
    """The course's runs of a database, or of a folder's run files, without trials and claims; see ``trend``.

    SuiteError if the database cannot be used, or there is no run of the course.
    """
    empty = True
    for name, lines in _stored(store) if store else _recorded(folder):
        try:
            run: Run | str = parse_run(lines, Path(f"{name}.jsonl"))
        except SuiteError as error:
            run = str(error)
        if isinstance(run, str) or of_course(run.header):
            empty = False
            yield run
    if empty:
        of = "" if course().default else f" of {course().title}"
        fix = f"Run `pytest suite/{course().option}` first."
        raise SuiteError(f"No run{of} is recorded in {store or folder}. {fix}")


def _stored(store: Address) -> Iterator[tuple[str, list[bytes]]]:
    from harness.record.database import readable

    with readable(store) as database:
        yield from database.light()


def _recorded(folder: Path) -> Iterator[tuple[str, list[bytes]]]:
    """Empty files do not count: their process was killed before it wrote the first line."""
    heavy = tuple(start.encode() for start in HEAVY)
    for path in run_files(folder):
        try:
            with path.open("rb") as file:
                lines = [line for line in file if line.endswith(b"\n") and not line.startswith(heavy)]
        except OSError as error:
            raise SuiteError(f"Cannot read the run's record {path}: {error.strerror or error}.") from error
        if lines or path.stat().st_size:
            yield path.stem, lines


def write_trend(report: TrendReport, out: Path) -> Path:
    """Writes TREND.md, trend.json and trend.svg, and returns the path of TREND.md.

    A picture that cannot be drawn is missing, and the page says why. SuiteError if the folder cannot be written.
    """
    from reports.figures.trend import NAME, trend_figure

    check_writable(out)
    picture, fault = None, ""
    try:
        picture = trend_figure(report)
    except Exception as error:
        fault = f"{type(error).__name__}: {error}"
    if picture:
        write_atomic(out / NAME, picture.content)
    else:
        (out / NAME).unlink(missing_ok=True)  # an earlier trend's
    write_atomic(out / JSON, msgspec.json.encode(report) + b"\n")
    write_atomic(out / MARKDOWN, markdown(report, picture, fault).encode())
    return out / MARKDOWN
