"""Rules check their arguments; importing them imports nothing large."""

import subprocess
import sys

import pytest

from harness.errors import SuiteError
from harness.rules import (
    Above,
    All,
    Best,
    Converges,
    Diverges,
    Equivalent,
    Exceeds,
    Monotone,
    NotBetter,
    Reproduces,
)

WRONG = [
    (lambda: Exceeds("a", "a"), "Invalid variants of Exceeds. Expected: at least 2 different names."),
    (lambda: Exceeds("a", ""), "Invalid variants of Exceeds. Expected: non-empty strings. Received: ''."),
    (lambda: Exceeds("a", "b", metric=0.01), "Invalid metric of Exceeds. Expected: non-empty strings. Received: 0.01."),
    (lambda: Exceeds("a", "b", margin=float("nan")), "Invalid margin of Exceeds. Expected: a finite number."),
    (lambda: Exceeds("a", "b", margin="0.1"), "Invalid margin of Exceeds. Expected: a finite number. Received: '0.1'."),
    (lambda: Above("", "loss"), "Invalid variants of Above. Expected: non-empty strings. Received: ''."),
    (lambda: Above("a", 0.01), "Invalid metric of Above. Expected: non-empty strings. Received: 0.01."),
    (lambda: Above("a", "loss", float("nan")), "Invalid value of Above. Expected: a finite number."),
    (lambda: NotBetter("a", "b", -0.1), "Invalid margin of NotBetter. Expected: a finite number >= 0. Received: -0.1."),
    (lambda: Equivalent("a", "b", 0.0), "Invalid margin of Equivalent. Expected: a finite number > 0. Received: 0.0."),
    (lambda: Equivalent("a", "b", float("inf")), "Invalid margin of Equivalent."),
    (lambda: Exceeds("a", "b", failures="ignore"), "Expected: one of 'guard', 'report', 'decide', 'count'."),
    (
        lambda: Exceeds("a", "b", margin=0.1, failures="decide"),
        "Invalid margin of Exceeds. Expected: 0 where the share",
    ),
    (lambda: Equivalent("a", "b", 0.1, failures="decide"), "Invalid failures of Equivalent."),
    (lambda: Best("x", ("a",), failures=True), "Invalid failures of Best."),
    (lambda: Monotone(("a", "b"), failures="none"), "Invalid failures of Monotone."),
    (lambda: Above("a", "loss", failures="guard"), "Invalid failures of Above. Expected: one of 'report', 'count'."),
    (lambda: Reproduces("a", failures="guard"), "Invalid failures of Reproduces."),
    (lambda: Best("x", ()), "Invalid among of Best. Expected: at least 1 different names."),
    (lambda: Best("x", ("x",)), "Invalid variants of Best. Expected: at least 2 different names."),
    (lambda: Best("x", "abc"), "Invalid among of Best. Expected: a tuple of names. Received: 'abc'."),
    (lambda: Monotone(("a",)), "Invalid variants of Monotone. Expected: at least 2 different names."),
    (lambda: Monotone(("a", "b", "a")), "Invalid variants of Monotone."),
    (lambda: Monotone(("a", "b"), direction="up"), "Invalid direction of Monotone. Expected: 'rises' or 'falls'."),
    (lambda: All((Exceeds("a", "b"),)), "Invalid rules of All. Expected: at least two rules."),
    (lambda: All((Exceeds("a", "b"), "c > d")), "Invalid rules of All."),
    (lambda: Diverges("a", 1.1), "Invalid share of Diverges. Expected: a finite number > 0 and <= 1. Received: 1.1."),
    (lambda: Converges("a", 0.0), "Invalid share of Converges."),
    (lambda: Converges("a", at_most=1.0), "Invalid metric of Converges. Expected: the metric that at_most bounds."),
    (lambda: Converges("a", metric="m", at_least=2, at_most=1), "Expected: at_least <= at_most."),
    (lambda: Converges("a", metric="m", at_most=float("inf")), "Invalid at_most of Converges."),
    (lambda: Reproduces(""), "Invalid variants of Reproduces."),
]


@pytest.mark.parametrize(("build", "text"), WRONG, ids=range(len(WRONG)))
def test_wrong_arguments_are_told(build, text):
    with pytest.raises(SuiteError) as error:
        build()
    assert text in str(error.value)


@pytest.mark.parametrize("module", ["numpy", "scipy", "keras"])
def test_importing_the_rules_imports_no(module):
    code = f"import harness.rules, harness.domain.claim, sys; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
