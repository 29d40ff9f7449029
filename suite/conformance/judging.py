"""What judges: rules, drift and expected verdicts, on published data whose statistics are published, too.

"Sleep" are the hours gained by ten patients with two drugs (Student 1908, in the form that R distributes); their t
tests are in R's documentation of ``t.test`` and, to these digits, in its output.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from baselines.difference import difference
from baselines.drift import compare
from baselines.record import ExpectedVerdict, Provenance, VariantBaseline
from baselines.verdicts import compare_verdict
from harness.claim import Claim
from harness.experiment import Dataset, Experiment, Size, Variant
from harness.metric import Metric
from harness.published import Published
from harness.rules import (
    Above,
    All,
    Best,
    Converges,
    Diverges,
    Equivalent,
    Exact,
    Exceeds,
    Monotone,
    NotBetter,
    Reproduces,
)
from harness.rules.exact import Comparison
from harness.trial import Divergence, Trial
from harness.verdict import Decision, Verdict
from suite.conformance.finding import Finding

FIRST = (0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0)
SECOND = (1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4)
MEANS = (0.75, 2.33)
PAIRED_P, PAIRED = 0.002833, (-2.4598858, -0.7001142)
WELCH_P, WELCH = 0.07939, (-3.3654832, 0.2054832)
DIGITS = 5e-7
HOURS = Metric("hours", better="higher", unit="hours", smallest_effect=0.1)
Values = Sequence[float | None]


def nothing() -> Dataset:
    raise NotImplementedError("No claim of a check is trained.")


def claim(rule: Any, published: str = "") -> Claim:
    """A claim on the variants "first", "second" and "third"; ``published``: the figure of the first, if any."""
    size = Size(epochs=1, batch_size=1)
    figures = (Published({"first": published}, metric="hours"),) if published else ()
    experiment = Experiment(
        id="conformance-sleep",
        data=nothing,
        model=nothing,
        optimizer=nothing,
        loss="mean_squared_error",
        size=size,
        metrics=(HOURS,),
        variants=(Variant("first"), Variant("second"), Variant("third")),
    )
    return Claim(id="sleep", slide="none", statement="None.", rule=rule, experiment=experiment, published=figures)


def trials(variant: str, values: Values, first_seed: int = 0) -> tuple[Trial, ...]:
    return tuple(
        Trial(
            variant,
            seed,
            metrics={"hours": value},
            divergence=Divergence("nan", epoch=1, step=1) if value is None else None,
        )
        for seed, value in enumerate(values, first_seed)
    )


def decided(
    rule: Any, first: Values = FIRST, second: Values = SECOND, third: Values = (), published: str = ""
) -> Decision:
    by_name = {"first": trials("first", first), "second": trials("second", second), "third": trials("third", third)}
    return claim(rule, published).decide({name: found for name, found in by_name.items() if found})[0]


def exceeds(margin: float) -> Exceeds:
    return Exceeds("first", "second", metric="hours", margin=margin)


def check_rules(engine: str) -> Iterator[Finding]:
    """Verdicts on both sides of every published bound."""
    effect = decided(exceeds(0.0)).effects[0]
    yield Finding("paired t test of the sleep data: mean difference", effect.estimate, MEANS[0] - MEANS[1], DIGITS)
    yield Finding("its 95 % interval", [effect.low, effect.high], list(PAIRED), DIGITS)
    yield Finding("its p", effect.p, PAIRED_P, DIGITS)
    low, high = PAIRED
    share = {"metric": "hours"}
    third = [value + 3 for value in FIRST]
    # the 99 % prediction interval of one more patient with the first drug is 0.75 ± 3.2498 · 1.78901 · √1.1
    rest: list[float | None] = [1.0, 1.1, 1.2, 1.3, 1.4]
    five, six = (0.0, 0.1, 0.2, 0.3, 0.4), (1.0, 1.1, 1.2, 1.3, 1.4, 1.5)
    verdicts = (
        ("first > second − 2.47", decided(exceeds(low - 0.01)), "SUPPORTED"),
        ("first > second − 2.45", decided(exceeds(low + 0.01)), "INCONCLUSIVE"),
        ("first > second − 0.71", decided(exceeds(high - 0.01)), "INCONCLUSIVE"),
        ("first > second − 0.69", decided(exceeds(high + 0.01)), "REFUTED"),
        ("second > first", decided(Exceeds("second", "first", metric="hours")), "SUPPORTED"),
        ("second < first + 2.47", decided(NotBetter("second", "first", -low + 0.01, metric="hours")), "SUPPORTED"),
        ("second < first + 2.45", decided(NotBetter("second", "first", -low - 0.01, metric="hours")), "INCONCLUSIVE"),
        ("second < first + 0.69", decided(NotBetter("second", "first", -high - 0.01, metric="hours")), "REFUTED"),
        ("first = second ± 2.47", decided(Equivalent("first", "second", -low + 0.01, **share)), "SUPPORTED"),
        ("first = second ± 2.45", decided(Equivalent("first", "second", -low - 0.01, **share)), "INCONCLUSIVE"),
        ("first = second ± 0.69", decided(Equivalent("first", "second", -high - 0.01, **share)), "REFUTED"),
        ("first > -0.54", decided(Above("first", "hours", -0.54)), "SUPPORTED"),
        ("first > -0.52", decided(Above("first", "hours", -0.52)), "INCONCLUSIVE"),
        ("6.84 is one more of first", decided(Reproduces("first", metric="hours"), published="6.84"), "INCONCLUSIVE"),
        ("6.86 is one more of first", decided(Reproduces("first", metric="hours"), published="6.86"), "REFUTED"),
        ("-5.36 is one more of first", decided(Reproduces("first", metric="hours"), published="-5.36"), "REFUTED"),
        ("five of five diverge, 0.54", decided(Diverges("first", share=0.54), [None] * 5), "SUPPORTED"),
        ("five of five diverge, 0.56", decided(Diverges("first", share=0.56), [None] * 5), "INCONCLUSIVE"),
        ("none of five diverges", decided(Diverges("first"), five), "REFUTED"),
        ("five of five are below 0.5", decided(Converges("first", metric="hours", at_most=0.5), five), "SUPPORTED"),
        ("first, second rises", decided(rising("second")), "SUPPORTED"),
        ("third is the best", decided(Best("third", ("first", "second"), **share), third=third), "SUPPORTED"),
        ("first is the best", decided(Best("first", ("second", "third"), **share), third=third), "REFUTED"),
        (
            "second is, its last rival better",
            decided(Best("second", ("first", "third"), **share), third=third),
            "REFUTED",
        ),
        (
            "second is, its first rival better",
            decided(Best("second", ("third", "first"), **share), third=third),
            "REFUTED",
        ),
        ("first, second, third rises", decided(rising("second", "third"), third=third), "SUPPORTED"),
        ("first, third, second rises", decided(rising("third", "second"), third=third), "REFUTED"),
        (
            "two that hold",
            decided(All((exceeds(low - 0.01), Diverges("third", share=0.5))), third=[None] * 10),
            "SUPPORTED",
        ),
        ("one of two that does not", decided(All((exceeds(low - 0.01), exceeds(high + 0.01)))), "REFUTED"),
        ("five pairs of which one failed", decided(exceeds(0.0), six[:5], [None, *five[1:]]), "INCONCLUSIVE"),
        ("six pairs of which one failed", decided(exceeds(0.0), six, [None, *five]), "SUPPORTED"),
        ("eight pairs, three of them failed", decided(exceeds(0.0), [None] * 3 + rest, [0.0] * 8), "INCONCLUSIVE"),
        ("four seeds", decided(exceeds(0.0), six[:4], five[:4]), "INCONCLUSIVE"),
        ("a seed without its partner", decided(exceeds(0.0), six, five), "NOT_RUN"),
    )
    for of, decision, expected in verdicts:
        yield Finding(f"verdict on '{of}'", str(decision.verdict), expected)
    yield from check_exact()


def rising(*then: str) -> Monotone:
    return Monotone(("first", *then), metric="hours")


def check_exact() -> Iterator[Finding]:
    """A comparison is within its tolerance or not, and what is no number is not."""
    for obtained, expected, tolerance, verdict in (
        (1.0, 1.0, 0.0, "SUPPORTED"),
        (1.0 + 1e-6, 1.0, 1.1e-6, "SUPPORTED"),
        (1.0 + 1e-6, 1.0, 0.9e-6, "REFUTED"),
        ([1.0, 2.0], [1.0, 2.1], 0.05, "REFUTED"),
        ([1.0], [1.0, 1.0], 9.0, "REFUTED"),
        ([0.0] * 999 + [1.0], [0.0] * 1000, 0.05, "REFUTED"),
        ([[0.0, 0.0], [-1.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]], 0.9, "REFUTED"),
        (float("nan"), 1.0, 9.0, "REFUTED"),
        (float("inf"), 1.0, 9.0, "REFUTED"),
        ("a", "b", 0.0, "REFUTED"),
    ):
        found = Exact().decide([Comparison("", 0.0, 0.0), Comparison("", obtained, expected, tolerance)])
        shown = f"{obtained} for {expected}" if len(str(obtained)) < 50 else "one wrong number among a thousand"
        yield Finding(f"exact: {shown} ± {tolerance}", str(found.verdict), verdict)


def stored(values: Values, definition: str = "d") -> VariantBaseline:
    return VariantBaseline(trials("first", values), definition, Provenance({}, "unknown", "2026-01-01", "conformance"))


def state(ours: Values, before: VariantBaseline | None, first_seed: int = 0, **how: Any) -> tuple[str, bool]:
    """The state of a variant among a hundred, and whether it is red."""
    asked = {"definition": "d", "same_fingerprint": False, "same_streams": True, "comparisons": 100, **how}
    found = compare(trials("first", ours, first_seed), before, (HOURS,), **asked)
    return str(found.state), found.red


def check_drift(engine: str) -> Iterator[Finding]:
    """What moved is red, in both directions, and what did not is not; by p-values that are published."""
    given, before = (dict(enumerate(values)) for values in (FIRST, SECOND))
    row = difference(HOURS, given, before)
    yield Finding("drift, paired: p", row.p, PAIRED_P, DIGITS)
    yield Finding("drift, paired: 95 % interval", [row.low, row.high], list(PAIRED), DIGITS)
    yield Finding("drift, paired: seeds compared", row.n, 10)
    row = difference(HOURS, {seed + 100: value for seed, value in given.items()}, before)
    yield Finding("drift, not paired: p", row.p, WELCH_P, 5e-6)
    yield Finding("drift, not paired: 95 % interval", [row.low, row.high], list(WELCH), DIGITS)
    row = difference(HOURS, {0: None, 1: None, 2: None, 3: 1.0}, {4: None, 5: 1.0, 6: 1.0, 7: 1.0})
    yield Finding("drift, absent trials: p of Fisher's exact test, the lady tasting tea", row.p_absent, 34 / 70, DIGITS)

    stray = [value + 1e-7 * (-1) ** seed for seed, value in enumerate(FIRST)]
    by = {  # one hundredth of it on each seed, so that chance has a part
        size: [value + size * (1 + 0.01 * (seed % 3)) for seed, value in enumerate(FIRST)] for size in (3.0, 0.05, 0.2)
    }
    fresh = [value + 30 for value in FIRST]
    for of, found, expected in (
        ("the same", state(FIRST, stored(FIRST)), ("identical", False)),
        ("other bits", state(stray, stored(FIRST), same_fingerprint=True), ("changed", False)),
        ("other bits elsewhere", state(stray, stored(FIRST)), ("within", False)),
        ("3 hours more", state(by[3.0], stored(FIRST)), ("drifted", True)),
        ("3 hours less", state(FIRST, stored(by[3.0])), ("drifted", True)),
        ("twice the smallest effect more", state(by[0.2], stored(FIRST)), ("drifted", True)),
        ("half the smallest effect more", state(by[0.05], stored(FIRST)), ("within", False)),
        ("30 hours more, fresh seeds", state(fresh, stored(FIRST), first_seed=100), ("drifted", True)),
        ("other seeds of the same", state(FIRST, stored(FIRST), first_seed=100), ("within", False)),
        ("another drug, by chance at a hundred variants", state(SECOND, stored(FIRST)), ("within", False)),
        ("all diverged", state([None] * 10, stored(FIRST)), ("drifted", True)),
        ("all diverged, fresh seeds", state([None] * 10, stored(FIRST), first_seed=100), ("drifted", True)),
        ("none diverged any more", state(FIRST, stored([None] * 10)), ("drifted", True)),
        ("another definition", state(FIRST, stored(FIRST, "e")), ("not comparable", True)),
        ("no trials", state((), stored(FIRST)), ("missing", True)),
        ("no baseline", state(FIRST, None), ("new", False)),
    ):
        yield Finding(f"drift of '{of}': state, red", found, expected)
    lost = compare(
        [dataclasses.replace(trial, metrics={"minutes": 1.0}) for trial in trials("first", FIRST)],
        stored(FIRST),
        (HOURS,),
        definition="d",
        same_fingerprint=False,
        same_streams=True,
        comparisons=100,
    )
    yield Finding("drift of 'a metric that is gone': state, red", (str(lost.state), lost.red), ("missing", True))
    changed = compare(
        trials("first", stray),
        stored(FIRST),
        (HOURS,),
        definition="d",
        same_fingerprint=True,
        same_streams=True,
        comparisons=100,
    )
    yield Finding("changed bits fail with --strict", changed.fails(strict=True), True)
    yield from check_verdicts()


def learning(scale: float) -> tuple[Trial, ...]:
    """Eight trials with a falling loss, the first epoch's times ``scale``, a little otherwise on each seed."""
    curves = {seed: (scale * (1 + 1e-4 * (-1) ** seed) * (1 + seed / 50), 0.5 + seed / 90) for seed in range(8)}
    return tuple(Trial("first", seed, {"hours": 1.0 + seed}, {"loss": curve}) for seed, curve in curves.items())


def check_curves(engine: str) -> Iterator[Finding]:
    """A first epoch that moved is red where rounding does not explain it, though no metric has moved."""
    for of, scale, moves, expected in (
        ("1 %", 1.01, 1e-5, ("drifted", True)),
        ("1 % less", 1 / 1.01, 1e-5, ("drifted", True)),
        ("1 %, where rounding moves it by 0.1 %", 1.01, 1e-3, ("drifted", True)),
        ("1 %, where rounding moves it by 2 %", 1.01, 0.02, ("within", False)),
        ("0.05 %", 1.0005, 1e-5, ("within", False)),
    ):
        known = {
            name: tuple(moves * (-1) ** seed for seed in range(8))
            for name in ("hours", "loss, first epoch", "loss, all epochs")
        }
        held = dataclasses.replace(stored(()), trials=learning(1.0), rounding=known)
        found = compare(
            learning(scale),
            held,
            (HOURS,),
            definition="d",
            same_fingerprint=False,
            same_streams=True,
            comparisons=100,
        )
        yield Finding(f"drift of a first loss by {of}: state, red", (str(found.state), found.red), expected)


def check_verdicts() -> Iterator[Finding]:
    """A flipped verdict and one that could not be obtained are red, a weakened one where drift confirms it."""
    for before, now, drifted, red in (
        ("SUPPORTED", "SUPPORTED", False, False),
        ("SUPPORTED", "REFUTED", False, True),
        ("REFUTED", "SUPPORTED", False, True),
        ("SUPPORTED", "INCONCLUSIVE", False, False),
        ("SUPPORTED", "INCONCLUSIVE", True, True),
        ("INCONCLUSIVE", "REFUTED", True, True),
        ("INCONCLUSIVE", "NOT_RUN", False, True),
    ):
        expected = ExpectedVerdict(Verdict(before), "2026-01-01", "conformance")
        found = compare_verdict(Verdict(now), expected, drifted=drifted)
        yield Finding(f"{now} where {before} is expected, drifted: {drifted}; red", found.red, red)
