"""Table cells about effects, also without a number, and which of several effects is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.domain.verdict import Effect
from harness.record.run import Summary, read_run
from reports.sections.effects import effects_by_relevance, effects_cell, ours_cell, published_cell
from reports.text import effect_words, printed
from tests.reports.synthetic import Recorder, claim, effect, published

RANK = "rank test: a trial failed in 10 of 10 pairs"
ZERO = "zero variance: decided by the difference alone"
BARE: dict[str, Any] = {"metric": "steps", "unit": "ratio", "details": {}}
ERROR: dict[str, Any] = {"metric": "error", "unit": "absolute error", "p": None, "n": 1}


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (effect("a / b", None, None, None, **BARE, notes=(RANK,), p=0.00203), f"{RANK}; p = 0.002"),
        (effect("a / b", 2.0817, None, None, **BARE, notes=(RANK,), p=1.9e-9), f"×2.082 ({RANK}; p = 1.9e−9)"),
        (effect("a / b", 9092690.7, 9092690.6, 9092690.8, **BARE, notes=(ZERO,), p=None), "×9.093e6 (no variance)"),
        (effect("a / b", 9092690.7, None, None, **BARE, notes=(ZERO,), p=None), "×9.093e6 (no variance)"),
        (effect("a", 1.0, 0.905, 1.0, unit="share of seeds", n=30), "30 of 30 seeds [0.905, 1]"),
        (effect("a", 0.2, 0.01, 0.6, unit="share of seeds", n=5), "1 of 5 seeds [0.01, 0.6]"),
        (effect("a − b", 0.01, 0.005, 0.015), "+0.0100 [+0.0050, +0.0150]"),
        (effect("table", 1e-9, None, None, **ERROR, details={"tolerance": 5e-9}), "1e−9 (tolerance 5e−9)"),
        (effect("table", None, None, None, **ERROR, details={}), "–"),
    ],
)
def test_effect_words(made: Effect, text: str) -> None:
    assert effect_words(made) == text


def test_an_effect_with_an_estimate_comes_first() -> None:
    ratio = effect("a / b", 9e6, 9e6, 9e6, metric="condition_number", unit="ratio", notes=(ZERO,), p=None)
    none = effect("a / b", None, None, None, **BARE, notes=(RANK,))
    for verdict in ("SUPPORTED", "REFUTED"):
        both = claim("gap", verdict, [none, ratio])
        assert effects_by_relevance(both)[0] is ratio
    assert effects_cell(both) == "a / b (condition number): ×9e6 (no variance)<br>… 1 more"


def test_of_slides_figures_the_least_compatible_comes_first() -> None:
    def one(metric: str, p: float) -> Effect:
        return effect("a, one more run", 1.0, 0.5, 1.5, metric=metric, unit="nats", p=p, details={"published": 1.2})

    shown = effects_cell(claim("figures", "SUPPORTED", [one("loss", 0.9), one("val_loss", 0.3)]), most=1)
    assert shown.startswith("a, one more run (validation loss): 1 [0.5, 1.5]; slide 1.2")


@pytest.mark.parametrize(("count", "text"), [(1, "equal"), (6, "equal in all 6 comparisons")])
def test_exact_claim_without_any_error(count: int, text: str) -> None:
    effects = [effect(f"fact {i}", 0.0, None, None, **ERROR, details={"tolerance": 0.0}) for i in range(count)]
    assert effects_cell(claim("facts", "SUPPORTED", effects, marker="exact")) == text


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("537026667766010684231828476264448.0000", "5.370e32"),
        ("488792391680.0000", "4.888e11"),
        ("0.261196", "0.261196"),
        ("9.9999994e-01", "9.9999994e-01"),
        ("1234567890123 images", "1234567890123 images"),
    ],
)
def test_long_figures_are_shortened(text: str, short: str) -> None:
    assert printed(text) == short


def test_cells_name_the_metric_and_the_seeds_without_a_value(tmp_path: Path) -> None:
    figure = published("raw", "537026667766010684231828476264448.0000", "first_loss")
    summary = Summary(metric="steps", mean=40.0, std=31.0, n=3, values=(16.0, None, 32.0))
    recorder = Recorder(tmp_path)
    recorder.append(claim("a", "SUPPORTED", published=(figure,), variants={"raw": summary}))
    run = read_run(recorder.end())
    [one] = run.claims.values()
    assert published_cell(one) == "raw, first loss: 5.370e32"
    assert ours_cell(run, one) == "raw: 40 ± 31 (1 of 3 seeds without a value)<br>steps, n = 3"
