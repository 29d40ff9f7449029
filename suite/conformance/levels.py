"""At which level a claim is decided: alone, as one of a catalogue, and at one of several looks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from harness.rules.holm import adjust
from harness.rules.looks import KEPT_BACK, RHO, Look
from harness.verdict import Decision, Effect, Verdict
from suite.conformance.finding import Finding
from suite.conformance.judging import FIRST, SECOND, claim, exceeds, trials

RATE = 0.025
SIZES = (10, 20, 40)


def check(engine: str) -> Iterator[Finding]:
    yield from check_holm()
    yield from check_looks()


def decision(p: float | None, verdict: str = "SUPPORTED", of_effect: float | None = None) -> Decision:
    shown = p if of_effect is None else of_effect
    return Decision(Verdict(verdict), "", (Effect("", "", "", 0.0, p=shown),), p=p)


def check_holm() -> Iterator[Finding]:
    """Holm 1979 on p-values of 0.01, 0.04, 0.03 and 0.005: 0.03, 0.06, 0.06 and 0.02, decided or not."""
    for undecided in ("", "b", "d"):
        given = {
            key: decision(p, "INCONCLUSIVE" if key == undecided else "SUPPORTED")
            for key, p in {"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005, "exact": None}.items()
        }
        found = adjust(given)
        obtained = [found[key][0].effects[0].p_adjusted for key in "abcd"]
        of = f"after Holm, with {undecided or 'nothing'} undecided"
        yield Finding(f"{of}: p-values", obtained, [0.03, 0.06, 0.06, 0.02], 1e-12)
        expected = {"a": "SUPPORTED", "b": "INCONCLUSIVE", "c": "INCONCLUSIVE", "d": "SUPPORTED", "exact": "SUPPORTED"}
        expected |= {undecided: "INCONCLUSIVE"} if undecided else {}
        yield Finding(f"{of}: verdicts", {key: str(verdict) for key, (_, verdict) in found.items()}, expected)
    # a figure that was found compatible made a test, too, and rejected nothing: it counts as a p of 1
    found = adjust({"a": decision(0.02), "figure": decision(None, "INCONCLUSIVE", of_effect=0.7), "b": decision(0.03)})
    verdicts = tuple(str(verdict) for _, verdict in found.values())
    yield Finding("after Holm, 0.02 and 0.03 among three", verdicts, ("INCONCLUSIVE",) * 3)


def check_looks() -> Iterator[Finding]:
    """Levels of three looks, by the joint normal distribution of a walk at them; and a claim decided at the first."""
    from scipy.stats import multivariate_normal, norm, t

    levels = [Look(SIZES, index).level(RATE) for index in range(len(SIZES))]
    bounds = norm.isf(levels)
    sizes = np.array(SIZES, "float64")
    together = np.sqrt(np.minimum.outer(sizes, sizes) / np.maximum.outer(sizes, sizes))
    for number, size in enumerate(SIZES, 1):
        below: Any = multivariate_normal(np.zeros(number), together[:number, :number])
        crossed = 1 - float(below.cdf(bounds[:number], rng=np.random.default_rng(0)))
        allowed = (1 - KEPT_BACK) * RATE * (size / SIZES[-1]) ** RHO
        yield Finding(f"chance of a false verdict in the first {number} of 3 looks", crossed, allowed, 2e-5)
    for index, level in enumerate(levels):
        back = Look(SIZES, index).overall(level)
        yield Finding(f"p-value of the whole design at the level of look {index + 1}", back, RATE, 1e-6)
    yield Finding("level of an only look", Look((10,), 0).level(RATE), RATE)

    differences = np.subtract(FIRST, SECOND)
    error = float(np.std(differences, ddof=1)) / math.sqrt(10)
    middle, half = float(np.mean(differences)), float(t.isf(levels[0], 9)) * error
    given = {"first": trials("first", FIRST), "second": trials("second", SECOND)}
    for of, margin, expected in (
        ("just inside", middle - half - 0.01, "SUPPORTED"),
        ("just outside", middle - half + 0.01, "INCONCLUSIVE"),
        ("just inside, other side", middle + half + 0.01, "REFUTED"),
    ):
        found = claim(exceeds(margin)).decide(given, Look(SIZES, 0))[0]
        yield Finding(f"verdict at the first of three looks, {of} its interval", str(found.verdict), expected)
