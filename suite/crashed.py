"""Items whose worker died (pytest-xdist): by ``kill -9``, by the system when memory ran out, by a crash of a library.

xdist starts another worker. The item is handed out again, for what was trained of it is kept; the trial that two
workers have died of is given up instead (``suite.exchange``), and its claims are NOT_RUN.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

AGAIN = 2
"""How often an item is handed out once more: a training gives up by itself before that, an exact claim does not."""
AGAIN_SAID = "its worker died; it is run again"


class Crashed:
    """A plugin of the controller. ``lost`` are the items that have no result."""

    def __init__(self) -> None:
        self._died: Counter[str] = Counter()
        self.lost: dict[str, None] = {}

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport, sched: Any) -> None:
        """xdist's: the worker that ran this item is no more."""
        self._died[crashitem] += 1
        self.lost[crashitem] = None
        if self._died[crashitem] <= AGAIN:
            report.outcome = "skipped"  # of what every plugin knows, the one that says of this item: not yet
            report.longrepr = (crashitem.partition("::")[0], 0, AGAIN_SAID)
            sched.mark_test_pending(crashitem)

    def pytest_report_teststatus(self, report: pytest.TestReport) -> Any:
        """How pytest shows it: "K", and "worker died" among its counts."""
        again = isinstance(report.longrepr, tuple) and report.longrepr[-1] == AGAIN_SAID
        return ("worker died", "K", ("WORKER DIED", {"yellow": True})) if again else None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """An item has come to a result after all."""
        if report.when == "call" or (report.when == "setup" and report.failed):
            self.lost.pop(report.nodeid, None)

    def lines(self) -> Iterator[str]:
        """What there is to say of it at the end."""
        again = [item for item in self._died if item not in self.lost]
        if again:
            yield f"their worker died, and they were run again: {', '.join(map(_name, again))}"
        if self.lost:
            yield f"ERROR: their worker died, and they have no result: {', '.join(map(_name, self.lost))}"


def _name(item: str) -> str:
    """An item as it is named elsewhere: "tips-dropout-helps"."""
    return item.partition("[")[2].removesuffix("]") or item
