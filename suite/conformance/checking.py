"""One conformance check of a run: made, kept and recorded."""

from __future__ import annotations

from harness.record.run_file import RecordError
from suite.conformance import CHECKS
from suite.conformance.finding import faults
from suite.session.session import Session, reason_of


def conform(run: Session, name: str) -> list[str]:
    """What is wrong with the machinery; nothing where it is as it should be."""
    run.progress.note(name)
    moved = True
    try:
        wrong = faults(CHECKS[name](str(run.header.fingerprint["engine"])))
    except RecordError:
        raise
    except Exception as error:
        wrong, moved = [f"It could not be checked: {reason_of(error)}"], False
    moved = moved and bool(wrong)
    run.self_check(name, wrong, moved)
    return wrong
