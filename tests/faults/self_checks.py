"""Makes the self-checks in this process, until one is red."""

from __future__ import annotations

from collections.abc import Sequence

from harness.domain.self_check import SelfCheck
from harness.domain.verdict import Verdict
from harness.training.backends import active_backend
from suite.catalogue import SELF_CHECKS
from suite.session.session import reason_of


def first_red(engine: str, likely: Sequence[str] = ()) -> str:
    """What the first self-check that is red says; empty where none is. The backend has been started.

    Args:
        engine: that trains the larger networks, as ``--engine`` has it.
        likely: parts of ids, of the self-checks to make first.
    """

    def hope(check: SelfCheck) -> int:
        return next((place for place, part in enumerate(likely) if part in check.id), len(likely))

    for check in sorted(SELF_CHECKS.values(), key=hope):
        if check.backends and active_backend() not in check.backends:
            continue
        try:
            decision = check.decide(engine)
        except Exception as error:
            return f"{check.id}: it could not be checked: {reason_of(error)}"
        if decision.verdict is not Verdict.SUPPORTED:
            return f"{check.id}: {decision.reason}"
    return ""
