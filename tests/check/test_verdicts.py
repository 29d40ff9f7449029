import msgspec
import pytest

from harness.check.verdicts import compare_verdict
from harness.domain.verdict import Verdict
from harness.record.evidence import Expected

S, R, U, N = Verdict.SUPPORTED, Verdict.REFUTED, Verdict.INCONCLUSIVE, Verdict.NOT_RUN
T, OLD = Verdict.NEGLIGIBLE, Verdict.OUTDATED


@pytest.mark.parametrize(
    ("before", "now", "state", "red", "red_if_drifted"),
    [
        (S, S, "as expected", False, False),
        (R, R, "as expected", False, False),
        (U, U, "as expected", False, False),
        (S, R, "flipped", True, True),
        (R, S, "flipped", True, True),
        (S, U, "weakened", False, True),
        (R, U, "weakened", False, True),
        (U, S, "decided", False, True),
        (U, R, "decided", False, True),
        (S, OLD, "flipped", True, True),
        (R, OLD, "flipped", True, True),
        (OLD, S, "flipped", True, True),
        (OLD, R, "flipped", True, True),
        (OLD, OLD, "as expected", False, False),
        (T, T, "as expected", False, False),
        (U, T, "decided", False, True),
        (T, S, "decided", False, True),
        (T, R, "decided", False, True),
        (S, T, "weakened", False, True),
        (R, T, "weakened", False, True),
        (T, U, "weakened", False, True),
        (T, N, "not run", True, True),
        (None, T, "new", False, False),
        (S, N, "not run", True, True),
        (R, N, "not run", True, True),
        (U, N, "not run", True, True),
        (None, N, "not run", True, True),
        (None, S, "new", False, False),
        (None, R, "new", False, False),
        (None, U, "new", False, False),
    ],
)
def test_every_pair_of_verdicts(before, now, state, red, red_if_drifted):
    expected = None if before is None else Expected(verdict=before, date="2026-11-23", reason="first")
    calm, moved = (compare_verdict(now, expected, drifted=drifted) for drifted in (False, True))
    assert (calm.state, moved.state) == (state, state)
    assert (calm.red, moved.red) == (red, red_if_drifted)
    assert (calm.expected, calm.obtained) == (before, now)
    assert msgspec.to_builtins(calm)["state"] == state


@pytest.mark.parametrize(
    ("before", "now", "red"), [(U, S, False), (S, U, False), (S, T, False), (T, R, False), (S, R, True), (U, N, True)]
)
def test_more_seeds_explain_what_is_decided_but_no_flip(before, now, red):
    expected = Expected(verdict=before, date="2026-11-23", reason="first")
    found = compare_verdict(now, expected, drifted=True, more_seeds=True)
    assert found.red is red
    assert ("other seeds or another rule" in found.reason) is (not red)


def test_the_reason_names_what_was_expected_since_when_and_why():
    reason = compare_verdict(R, Expected(verdict=S, date="2026-11-23", reason="Keras 3.12")).reason
    assert "SUPPORTED since 2026-11-23 (Keras 3.12), REFUTED now" in reason


@pytest.mark.parametrize(
    ("before", "now", "says"), [(S, T, "a tie now"), (U, T, "a tie now"), (T, R, "no tie any more")]
)
def test_a_tie_is_called_one(before, now, says):
    expected = Expected(verdict=before, date="2026-11-23", reason="first")
    reason = compare_verdict(now, expected, more_seeds=True).reason
    assert f"{now} now: {says}; other seeds or another rule may be why." in reason
    assert f"{now} now: {says}; no variant" in compare_verdict(now, expected).reason
