"""Numbers as the report writes them, and words shared with other packages."""

from __future__ import annotations

import pytest

from harness.domain.verdict import Verdict
from reports.labels import MEANINGS, SYMBOLS, state_text
from reports.text import escape, mean_std, number, seconds


def test_every_verdict_has_a_symbol_and_a_meaning() -> None:
    assert set(SYMBOLS) == set(MEANINGS) == set(Verdict)
    assert len(set(SYMBOLS.values())) == 4


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
