"""Effects in words, and which effect a claim's verdict rests on."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from harness.record.run import Summary
from harness.verdict import Decision, Effect
from reports import sentences
from tests.reports.synthetic import ACCURACY, claim, decision, effect

EPOCHS = dataclasses.replace(ACCURACY, name="epochs_to_target", unit="epochs", scale="log")
GRADIENT = dataclasses.replace(ACCURACY, name="gradient_ratio", unit="ratio", scale="log")
LOSS = dataclasses.replace(ACCURACY, name="loss", unit="nats")
SHARES = {"failed_a": 0.0, "failed_b": 1.0}
ABOVE, BELOW = effect("a − b", 0.0027, 0.0012, 0.0043), effect("b − c", -0.0026, -0.0043, -0.0011)
FAILED = effect("a − b", -1.0, None, None, kind="failures", n=30, details=SHARES)
ONE_MORE = effect("softmax, one more run", 0.9252, 0.9236, 0.9267, details={"published": 0.8947})


def ratio(of: str, *ends: float | None, metric: str = "epochs_to_target", **changes: Any) -> Effect:
    return effect(of, *ends, metric=metric, unit="ratio", details={}, **changes)


def share(of: str, *ends: float, metric: str = "val_accuracy") -> Effect:
    return effect(f"a: seeds that {of}", *ends, metric=metric, unit="share of seeds", n=30, details={})


@pytest.mark.parametrize(
    ("made", "metric", "text"),
    [
        (ABOVE, ACCURACY, "+0.27 points [0.12, 0.43]"),
        (BELOW, ACCURACY, "−0.26 points [−0.43, −0.11]"),
        (effect("a − b", -0.00001, None, None), ACCURACY, "0.00 points"),
        (ONE_MORE, ACCURACY, "0.9252 [0.9236, 0.9267]"),
        (effect("a − b", 0.00986, 0.00337, 0.0169, metric="loss", unit="nats"), LOSS, "+0.010 [0.003, 0.017] (loss)"),
        (ratio("a / b", 1.432, None, None), EPOCHS, "1.43 × as many epochs"),
        (ratio("a / b", 4.2, 2.96, 6.01, metric="loss"), LOSS, "4.2 × the loss [3.0, 6.0]"),
        (ratio("a / b", 2.322e12, 1.874e12, 2.907e12, metric="gradient_ratio"), GRADIENT,
         "2.3 × 10¹² × the gradient ratio [1.9 × 10¹², 2.9 × 10¹²]"),
        (share("converged", 0.0, 0.0, 0.07), ACCURACY, "none of 30 seeds converged"),
        (share("have first_inf_epoch within its bounds", 1.0, 0.9, 1.0, metric="first_inf_epoch"), ACCURACY,
         "30 of 30 seeds have first infinite epoch within its bounds"),
        (FAILED, ACCURACY, "none of 30 seeds failed, against 30"),
        (ratio("a / b", None, None, None, notes=("no seed trained",)), EPOCHS, "no seed trained"),
        (ratio("a / b", 1.2e-7, None, None), None, "1.2 × 10⁻⁷ ×"),
    ],
)  # fmt: skip
def test_what_was_measured(made: Effect, metric: Any, text: str) -> None:
    assert sentences.measured(made, metric) == text


@pytest.mark.parametrize(
    ("made", "metric", "text"),
    [
        (BELOW, ACCURACY, "b is 0.26 points below c in validation accuracy [0.11, 0.43]"),
        (ratio("a, b / a", 0.81, 0.77, 0.855), EPOCHS, "a, b takes 0.810 × as many epochs as a [0.770, 0.855]"),
        (ratio("a / b", 0.27, None, None, metric="loss"), LOSS, "a has 0.27 × the loss of b"),
        (ONE_MORE, ACCURACY, "softmax, one more run: 0.9252 [0.9236, 0.9267]"),
        (FAILED, ACCURACY, "a − b: none of 30 seeds failed, against 30"),
    ],
)
def test_a_comparison_in_a_sentence(made: Effect, metric: Any, text: str) -> None:
    assert sentences.compared(made, metric) == text


def test_the_chances_that_further_seeds_decide_an_undecided_claim() -> None:
    def unsure(**chances: float) -> Effect:
        by_seeds = {int(seeds[1:]): chance for seeds, chance in chances.items()}
        return effect("a − b", 0.0003, -0.0008, 0.0015, n=30, chances=by_seeds)

    waiting = claim("c", "INCONCLUSIVE", [unsure(_100=0.123, _300=0.27)])
    said = "if the effect is as estimated, 100 seeds decide it with a chance of 12 %, 300 seeds of 27 %"
    assert sentences.outlook(waiting) == said
    parts = [decision("INCONCLUSIVE", [unsure(_1000=chance)]) for chance in (0.27, 0.65)]
    both = claim("c", decision("INCONCLUSIVE", parts=parts))
    said = "if the effects are as estimated, 1,000 seeds decide it with a chance of 27 and 65 %"
    assert sentences.outlook(both) == said
    assert sentences.outlook(claim("c", "INCONCLUSIVE", [unsure()])) == "how many seeds decide it is not known"
    refuted = claim("c", decision("INCONCLUSIVE", parts=[decision("SUPPORTED"), decision("REFUTED")]))
    assert sentences.outlook(refuted).startswith("a part is refuted by itself, not at the stricter level of 2 parts; ")
    for verdict in ("SUPPORTED", "REFUTED", "NEGLIGIBLE"):
        assert sentences.outlook(claim("c", verdict, [unsure(_100=0.5)])) == ""


FASTER, CONVERGED = ratio("a / b", 1.432, 1.39, 1.47), share("converged", 1.0, 0.9, 1.0)
VARIANTS = {
    "2 linear": Summary(metric="val_accuracy", mean=0.92263, std=0.001, n=30, values=()),
    "raw": Summary(metric="loss", mean=2.3e12, std=None, n=30, values=()),
    "lost": Summary(metric="loss", mean=None, std=None, n=30, values=()),
}
METRICS = {"val_accuracy": ACCURACY, "loss": LOSS}


def conjunction(*effects: Effect) -> Decision:
    return decision("SUPPORTED", parts=[decision("SUPPORTED", [of]) for of in effects])


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("accuracy with less without: {0}.", "accuracy with less without: +0.27 points [0.12, 0.43]."),
        ("{0:short}, {0:size}", "+0.27 points, 0.27 points"),
        ("{1:short}, {1:size}", "−0.26 points, 0.26 points"),
        ("{2} as many epochs", "1.432 × [1.390, 1.470] as many epochs"),
        ("{2:short}, {2:size}", "1.432 ×, 1.432 ×"),
        ("it falls in {3}", "it falls in 30 of 30 seeds"),
        ("{a0} and {a1}", "−0.26 points [−0.43, −0.11] and 1.432 × [1.390, 1.470]"),
        ("{2 linear} and {raw}", "0.9226 and 2.3 × 10¹²"),
        ("no place", "no place"),
        ("", ""),
        ("{4}", ""),
        ("{0} and {a2}", ""),
        ("{lost}", ""),
        ("{no such variant}", ""),
    ],
)
def test_a_claims_own_sentence_is_filled(template: str, text: str) -> None:
    made = claim(
        "c",
        conjunction(ABOVE, BELOW, FASTER, CONVERGED),
        alongside=(
            decision("REFUTED", [BELOW]),
            decision("SUPPORTED", [FASTER]),
        ),
        variants=VARIANTS,
    )
    assert sentences.filled(template, made, METRICS) == text


def test_where_there_is_no_estimate_the_share_of_failed_seeds_fills_the_place() -> None:
    nothing = effect("a − b", None, None, None)
    assert sentences.filled("{0}", claim("c", "SUPPORTED", [nothing]), {}) == ""
    assert (
        sentences.filled("{0}", claim("c", "SUPPORTED", [nothing, FAILED]), {}) == "none of 30 seeds failed, against 30"
    )
    made = claim("c", "SUPPORTED", [ABOVE, FAILED])
    assert sentences.filled("{0:short}", made, {}) == "+0.27 points"
    assert sentences.filled("{1}", made, {}) == ""
