"""Claims and errata in pytest's output: properties of the JUnit report, and messages of red tests."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import msgspec
import pytest

from harness.course import course
from harness.erratum import ErratumChecked
from harness.errors import SuiteError
from harness.record.run import ClaimDecided, SelfChecked
from harness.record.run_file import RecordError
from harness.verdict import Verdict


def tell(request: pytest.FixtureRequest, statement: str, get: Callable[[], ClaimDecided | ErratumChecked]) -> None:
    """Gets the record of the running item, passes its properties to the JUnit report, and fails the item if red."""
    with plain_errors():
        record = get()
    if isinstance(record, ErratumChecked):
        pairs, text = erratum_properties(record), erratum_message(record, statement)
    else:
        pairs, text = properties(record), message(record, statement)
    request.node.user_properties += pairs
    if record.red:
        pytest.fail(text, pytrace=False)


def properties(claim: ClaimDecided) -> list[tuple[str, str]]:
    """The properties of a claim in the file of ``--junitxml``: pairs of a name and a text."""
    pairs = [
        ("verdict", str(claim.verdict)),
        ("expected_verdict", str(claim.comparison.expected or "")),
        ("baseline_state", str(claim.comparison.state)),
    ]
    if claim.taken:
        pairs.append(("seeds", str(claim.taken.seeds)))
    if claim.here:
        pairs.append(("here", str(claim.here.state or "")))
        pairs.append(("evidence", f"{claim.here.seeds} seeds of {claim.here.stack}"))
    for number, effect in enumerate(claim.decision.effects, start=1):
        values = {name: getattr(effect, name) for name in ("of", "metric", "unit", "estimate", "low", "high", "n")}
        pairs += [(f"effect_{number}_{name}", str(value)) for name, value in values.items() if value is not None]
    for number, difference in enumerate(claim.decision.differences, start=1):
        fields = msgspec.structs.asdict(difference)
        pairs += [(f"difference_{number}_{name}", str(value)) for name, value in fields.items()]
    return pairs


def message(claim: ClaimDecided, statement: str) -> str:
    """The message of a red claim: what it says, the verdicts, the reason, and what to do next."""
    lines = [
        f"{claim.key}: {claim.comparison.reason}",
        f"  the claim: {statement}",
        f"  {claim.verdict}: {claim.decision.reason}",
    ]
    if isinstance(claim, SelfChecked):
        lines = [f"self-check {claim.key}: {claim.decision.reason}", f"  what holds: {statement} ({claim.source})"]
    elif claim.error:
        lines.append(f"  {claim.error}")
    elif claim.verdict is not Verdict.NOT_RUN:
        lines.append(f'  If this is meant, store it: --update-baselines "reason" with -k {claim.id}')
    return "\n".join(lines)


def erratum_properties(erratum: ErratumChecked) -> list[tuple[str, str]]:
    """The properties of an erratum in the file of ``--junitxml``: pairs of a name and a text."""
    fields = {"state": str(erratum.state), "when": erratum.when, "error": erratum.error, "warning": erratum.warning}
    return [(name, value) for name, value in fields.items() if value]


def erratum_message(erratum: ErratumChecked, statement: str) -> str:
    """The message of a red erratum: what is wrong, and what to do next."""
    lines = [f"{erratum.id} {erratum.state}: {erratum.reason}", f"  the erratum says: {statement}"]
    if erratum.moved:
        lines.append(f"  If this Keras is right, change the erratum in {course().name}/errata (or take it out).")
    return "\n".join(lines)


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Turns a SuiteError into a failure without a traceback: its text is complete.

    A RecordError ends the whole run: the results of further trainings would be lost.
    """
    try:
        yield
    except RecordError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.INTERNAL_ERROR)
    except SuiteError as error:
        pytest.fail(str(error), pytrace=False)
