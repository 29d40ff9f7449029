"""Numbers as every form writes them, and the words of verdicts and states."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from harness.verdict import Basis, Verdict
from reports import times, words
from reports.page.page import ANSWERS
from reports.words import MEANINGS, NOT_CONTRADICTED, SYMBOLS


def test_every_standing_has_a_symbol_a_meaning_and_an_answer_of_its_own() -> None:
    every = {*Verdict, NOT_CONTRADICTED}
    for table in (SYMBOLS, MEANINGS, ANSWERS):
        assert set(table) == every
        assert len({str(text) for text in table.values()}) == len(every)


def test_what_is_only_not_contradicted_has_a_standing_of_its_own() -> None:
    for verdict, basis in itertools.product(Verdict, (None, *Basis)):
        weak = (verdict, basis) == (Verdict.SUPPORTED, Basis.NOT_CONTRADICTED)
        assert words.standing(verdict, basis) == (NOT_CONTRADICTED if weak else verdict)


@pytest.mark.parametrize(
    ("form", "given", "text"),
    [
        (words.verdict_text, (NOT_CONTRADICTED,), "≈ NOT CONTRADICTED"),
        (words.verdict_text, (Verdict.NOT_RUN,), "– NOT RUN"),
        (words.state_text, ("moved", True), "⚠ **moved**"),
        (words.state_text, ("weakened", False), "weakened"),
        (words.number, (0.98404, "fraction"), "0.9840"),
        (words.number, (-0.01, "fraction"), "−0.0100"),
        (words.number, (4.9e11,), "4.9e11"),
        (words.number, (None, "nats"), "–"),
        (words.mean_std, (0.984, 0.0007, "fraction"), "0.9840 ± 0.0007"),
        (words.mean_std, (0.26375, 0.00041, "nats"), "0.26375 ± 0.00041"),
        (words.mean_std, (1234.5, 56.7, "steps"), "1234 ± 57"),
        (words.mean_std, (12.0, 0.0, "steps"), "12 ± 0"),
        (words.mean_std, (5.4e32, 1e32, "nats"), "5.4e32 ± 1e32"),
        (words.mean_std, (None, None, "nats"), "–"),
        (words.mean_std, (0.5, None, "fraction"), "0.5000"),
        (words.quantity, (0.0,), "0"),
        (words.quantity, (2.322e12,), "2.3 × 10¹²"),
        (words.quantity, (-1e-7,), "−1.0 × 10⁻⁷"),
        (words.quantity, (99_999.0,), "1e5"),
        (words.quantity, (0.00012,), "0.00012"),
        (words.factor, (0.98,), "0.98"),
        (words.factor, (15.26,), "15.3"),
        (words.factor, (13042.4,), "13,042"),
        (words.printed, ("537026667766010684231828476264448.0000",), "5.370e32"),
        (words.printed, ("0.261196",), "0.261196"),
        (words.printed, ("9.9999994e-01",), "9.9999994e-01"),
        (words.printed, ("1234567890123 images",), "1234567890123 images"),
        (words.seconds, (0.0016,), "0.0016"),
        (words.seconds, (1.336,), "1.34"),
        (words.seconds, (125.4,), "125"),
        (words.seconds, (0,), "0"),
        (words.seconds, (None,), "–"),
        (words.duration, (None,), "–"),
        (words.duration, (0.0,), "0 s"),
        (words.duration, (7.42e-6,), "7.42 µs"),
        (words.duration, (0.0801,), "80.1 ms"),
        (words.duration, (125.4,), "125 s"),
        (words.elapsed, (0.41,), "0.4 s"),
        (words.elapsed, (42.3,), "42 s"),
        (words.elapsed, (247,), "4 min 7 s"),
        (words.elapsed, (12_000,), "3 h 20 min"),
        (words.faster_or_slower, (1.0,), "as fast"),
        (words.faster_or_slower, (0.5,), "2.00 × faster"),
        (words.faster_or_slower, (1.004, 0.996, 1.004), "as fast"),
        (words.faster_or_slower, (1.16, 1.12, 1.2), "1.16 × slower [1.12, 1.20]"),
        (words.faster_or_slower, (0.5, 0.4, 0.8), "2.00 × faster [1.25, 2.50]"),
        (words.faster_or_slower, (1.02, 0.9, 1.1), "1.02 × slower [1.11 × faster, 1.10 × slower]"),
        (times.speed, ("fit", "compiled", 0.6875), "compiled 1.45 × slower than fit"),
        (times.speed, ("fit", "compiled", 13042.4), "compiled 13,042 × as fast as fit"),
    ],
)
def test_in_words(form: Callable[..., str], given: tuple[Any, ...], text: str) -> None:
    assert form(*given) == text
