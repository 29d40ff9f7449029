"""One conformance check of a run: made, kept and recorded."""

from __future__ import annotations

from harness.store import RecordError
from suite.conformance import CHECKS
from suite.conformance.finding import faults
from suite.run import SuiteRun, not_run


def conform(run: SuiteRun, name: str) -> list[str]:
    """What is wrong with the machinery; nothing where it is as it should be."""
    run.progress.note(name)
    moved = True
    try:
        wrong = faults(CHECKS[name](run.fingerprint["engine"]))
    except RecordError:
        raise
    except Exception as error:
        wrong, moved = [f"It could not be checked: {not_run(error).reason}"], False
    moved = moved and bool(wrong)
    run.moved |= moved
    run.conformance[name] = wrong
    run.log.append("conformance", {"name": name, "wrong": wrong, "moved": moved})
    return wrong
