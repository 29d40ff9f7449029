"""Numbers as the report writes them, and words shared with other packages."""

from __future__ import annotations

import itertools

import pytest

from harness.domain.verdict import Basis, Verdict
from reports.page.views import ANSWERS
from reports.text import escape
from reports.words import (
    MEANINGS,
    NOT_CONTRADICTED,
    SYMBOLS,
    mean_std,
    number,
    seconds,
    standing,
    state_text,
    verdict_text,
)


def test_every_standing_has_a_symbol_a_meaning_and_an_answer_of_its_own() -> None:
    every = {*Verdict, NOT_CONTRADICTED}
    for words in (SYMBOLS, MEANINGS, ANSWERS):
        assert set(words) == every
        assert len({str(one) for one in words.values()}) == len(every)


def test_what_is_only_not_contradicted_has_a_mark_of_its_own() -> None:
    assert standing(Verdict.SUPPORTED, Basis.NOT_CONTRADICTED) == NOT_CONTRADICTED
    for verdict, basis in itertools.product(Verdict, (None, *Basis)):
        if (verdict, basis) != (Verdict.SUPPORTED, Basis.NOT_CONTRADICTED):
            assert standing(verdict, basis) == verdict
    assert verdict_text(NOT_CONTRADICTED) == "≈ NOT CONTRADICTED"
    assert verdict_text(Verdict.NOT_RUN) == "– NOT RUN"


def test_what_is_red_is_marked() -> None:
    assert state_text("moved", red=True) == "⚠ **moved**"
    assert state_text("weakened", red=False) == "weakened"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.98404, "fraction", "0.9840"), (-0.01, "fraction", "−0.0100"), (4.9e11, "", "4.9e11"), (None, "nats", "–")],
)
def test_number(value: float | None, unit: str, text: str) -> None:
    assert number(value, unit) == text


@pytest.mark.parametrize(
    ("mean", "std", "unit", "text"),
    [
        (0.984, 0.0007, "fraction", "0.9840 ± 0.0007"),
        (0.26375, 0.00041, "nats", "0.26375 ± 0.00041"),
        (1234.5, 56.7, "steps", "1234 ± 57"),
        (12.0, 0.0, "steps", "12 ± 0"),
        (5.4e32, 1e32, "nats", "5.4e32 ± 1e32"),
        (None, None, "nats", "–"),
        (0.5, None, "fraction", "0.5000"),
    ],
)
def test_mean_std(mean: float | None, std: float | None, unit: str, text: str) -> None:
    assert mean_std(mean, std, unit) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0016, "0.0016"), (1.336, "1.34"), (125.4, "125"), (0, "0"), (None, "–")]
)
def test_seconds(value: float | None, text: str) -> None:
    assert seconds(value) == text


def test_escape() -> None:
    assert escape("a|b\n<i> `c` 한") == r"a\|b &lt;i&gt; \`c\` 한"
