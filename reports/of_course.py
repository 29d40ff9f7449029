"""Which course a run is of. Reports, trends and comparisons are about one course."""

from __future__ import annotations

from harness.course import course
from harness.errors import SuiteError
from harness.record.run import RunStarted


def of_course(header: RunStarted) -> bool:
    """Whether a run is of the course of this process."""
    return header.course == course().recorded


def check_course(header: RunStarted) -> None:
    """SuiteError for a run of another course: its report would have the titles of this one."""
    if not of_course(header):
        what = f"the course {header.course!r}: name its folder with --catalogue"
        fix = what if header.course else "the default course: leave --catalogue out"
        raise SuiteError(f"The run {header.id} is not of {course().name!r}. It is of {fix}.")
