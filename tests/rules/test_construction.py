"""Rules check their arguments; importing them imports nothing large."""

import subprocess
import sys

import pytest

from harness.errors import SuiteError
from harness.rules import Above, All, Best, Converges, Diverges, Equivalent, Exceeds, Monotone, NotBetter, Reproduces

NAN, INF = float("nan"), float("inf")
WRONG = [
    (lambda: Exceeds("a", "a"), "variants of Exceeds. Expected: at least 2 different names."),
    (lambda: Exceeds("a", ""), "variants of Exceeds. Expected: non-empty strings. Received: ''."),
    (lambda: Exceeds("a", "b", metric=0.01), "metric of Exceeds. Expected: non-empty strings. Received: 0.01."),
    (lambda: Exceeds("a", "b", margin=NAN), "margin of Exceeds. Expected: a finite number."),
    (lambda: Exceeds("a", "b", margin="0.1"), "margin of Exceeds. Expected: a finite number. Received: '0.1'."),
    (lambda: Exceeds("a", "b", failures="ignore"), "Expected: one of 'guard', 'report', 'decide', 'count'."),
    (lambda: Exceeds("a", "b", margin=0.1, failures="decide"), "margin of Exceeds. Expected: 0 where the share"),
    (lambda: Above("", "loss"), "variants of Above. Expected: non-empty strings. Received: ''."),
    (lambda: Above("a", "loss", NAN), "value of Above. Expected: a finite number."),
    (lambda: Above("a", "loss", failures="guard"), "failures of Above. Expected: one of 'report', 'count'."),
    (lambda: NotBetter("a", "b", -0.1), "margin of NotBetter. Expected: a finite number >= 0. Received: -0.1."),
    (lambda: Equivalent("a", "b", 0.0), "margin of Equivalent. Expected: a finite number > 0. Received: 0.0."),
    (lambda: Equivalent("a", "b", INF), "margin of Equivalent."),
    (lambda: Equivalent("a", "b", 0.1, failures="decide"), "failures of Equivalent."),
    (lambda: Best("x", ("a",), failures=True), "failures of Best."),
    (lambda: Best("x", ()), "among of Best. Expected: at least 1 different names."),
    (lambda: Best("x", ("x",)), "variants of Best. Expected: at least 2 different names."),
    (lambda: Best("x", "abc"), "among of Best. Expected: a tuple of names. Received: 'abc'."),
    (lambda: Monotone(("a",)), "variants of Monotone. Expected: at least 2 different names."),
    (lambda: Monotone(("a", "b", "a")), "variants of Monotone."),
    (lambda: Monotone(("a", "b"), direction="up"), "direction of Monotone. Expected: 'rises' or 'falls'."),
    (lambda: All((Exceeds("a", "b"),)), "rules of All. Expected: at least two rules."),
    (lambda: All((Exceeds("a", "b"), "c > d")), "rules of All."),
    (lambda: Diverges("a", 1.1), "share of Diverges. Expected: a finite number > 0 and <= 1. Received: 1.1."),
    (lambda: Converges("a", 0.0), "share of Converges."),
    (lambda: Converges("a", at_most=1.0), "metric of Converges. Expected: the metric that at_most bounds."),
    (lambda: Converges("a", metric="m", at_least=2, at_most=1), "bounds of Converges. Expected: at_least <= at_most."),
    (lambda: Converges("a", metric="m", at_most=INF), "at_most of Converges."),
    (lambda: Reproduces("", failures="report"), "variants of Reproduces."),
]


@pytest.mark.parametrize(("build", "text"), WRONG, ids=range(len(WRONG)))
def test_wrong_arguments_are_told(build, text):
    with pytest.raises(SuiteError) as error:
        build()
    assert text in str(error.value)


def test_importing_the_rules_imports_nothing_large():
    code = "import harness.rules, harness.claim, sys; sys.exit(len({'numpy', 'scipy', 'keras'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
