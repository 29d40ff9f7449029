"""Raises: the error that a slide's code ends with."""

import pytest

from harness.domain.verdict import Verdict
from harness.rules import Raises


def wrong_argument():
    raise TypeError("got an unexpected keyword argument 'lr'")


class OptimizerError(ValueError):
    pass


def own_error():
    raise OptimizerError("argument 'decay'\nis gone")


@pytest.mark.parametrize(
    ("rule", "action", "verdict", "reason"),
    [
        (Raises("TypeError", "'lr'"), wrong_argument, "SUPPORTED", "raised TypeError: got an unexpected"),
        (Raises("TypeError", "'decay'"), wrong_argument, "REFUTED", "but raised TypeError: got an unexpected"),
        (Raises("ValueError", "'lr'"), wrong_argument, "REFUTED", "expected ValueError saying"),
        (Raises("ValueError", "'decay'"), own_error, "SUPPORTED", "raised OptimizerError: argument 'decay' is gone"),
        (Raises("OptimizerError", "'decay'"), own_error, "SUPPORTED", "raised OptimizerError"),
        (Raises("TypeError", "'lr'"), lambda: 1, "REFUTED", "but nothing was raised"),
    ],
)
def test_verdicts(rule, action, verdict, reason):
    decision = rule.decide(action)
    assert decision.verdict is Verdict(verdict)
    assert reason in decision.reason


def test_interrupt_passes_through():
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Raises("KeyboardInterrupt", "x").decide(interrupted)


def test_long_messages_are_cut():
    def verbose():
        raise TypeError("lr" + "x" * 10_000)

    assert len(Raises("TypeError", "lr").decide(verbose).reason) < 400
