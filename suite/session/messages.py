"""What the test of a claim or an erratum says of it: to pytest's report, and where it is red."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import msgspec
import pytest

from harness.domain.verdict import Verdict
from harness.errors import SuiteError
from harness.record.run import ClaimDecided, ErratumChecked
from harness.record.run_file import RecordError


def properties(claim: ClaimDecided) -> list[tuple[str, str]]:
    """What ``--junitxml`` carries of a claim."""
    said = [
        ("verdict", str(claim.verdict)),
        ("expected_verdict", str(claim.comparison.expected or "")),
        ("baseline_state", str(claim.comparison.state)),
    ]
    if claim.taken:
        said.append(("seeds", str(claim.taken.seeds)))
    if claim.here:
        said.append(("here", str(claim.here.state or "")))
        said.append(("evidence", f"{claim.here.seeds} seeds of {claim.here.stack}"))
    for number, effect in enumerate(claim.decision.effects, start=1):
        values = {name: getattr(effect, name) for name in ("of", "metric", "unit", "estimate", "low", "high", "n")}
        said += [(f"effect_{number}_{name}", str(value)) for name, value in values.items() if value is not None]
    for number, difference in enumerate(claim.decision.differences, start=1):
        fields = msgspec.structs.asdict(difference)
        said += [(f"difference_{number}_{name}", str(value)) for name, value in fields.items()]
    return said


def message(claim: ClaimDecided) -> str:
    """What a red claim prints: the claim, the verdicts, why, and what to do next."""
    lines = [
        f"{claim.key}: {claim.comparison.reason}",
        f"  the lecture says: {claim.statement}",
        f"  {claim.verdict}: {claim.decision.reason}",
    ]
    if claim.error:
        lines.append(f"  {claim.error}")
    elif claim.verdict is not Verdict.NOT_RUN:
        lines.append(f'  If this is meant, store it: --update-baselines "reason" with -k {claim.id}')
    return "\n".join(lines)


def erratum_properties(erratum: ErratumChecked) -> list[tuple[str, str]]:
    """What ``--junitxml`` carries of an erratum."""
    said = {"state": str(erratum.state), "when": erratum.when, "error": erratum.error, "warning": erratum.warning}
    return [(name, value) for name, value in said.items() if value]


def erratum_message(erratum: ErratumChecked) -> str:
    """What a red erratum prints: what is wrong, and what to do next."""
    lines = [f"{erratum.id} {erratum.state}: {erratum.reason}", f"  the erratum says: {erratum.statement}"]
    if erratum.moved:
        lines.append("  If this Keras is right, change the erratum in cases/errata/ (or take it out).")
    return "\n".join(lines)


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Turns a SuiteError, whose text is complete, into a failure without a traceback.

    Where the run's record cannot be written the run ends: whatever it still trained would be lost.
    """
    try:
        yield
    except RecordError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.INTERNAL_ERROR)
    except SuiteError as error:
        pytest.fail(str(error), pytrace=False)
