"""The report of one paired comparison: its Effect, and the sentence that goes into the reason."""

from __future__ import annotations

import math
from statistics import median

from harness.metric import Metric
from harness.rules.intervals import bca, sign_flip, student
from harness.rules.levels import FEWEST_SEEDS, ONE_SIDED
from harness.rules.pairs import Pairs
from harness.rules.power import detectable, seeds_needed
from harness.rules.sides import Sides
from harness.verdict import Effect

Interval = tuple[float | None, float | None]


def effect(pairs: Pairs, tested: Sides | None, null: float) -> Effect:
    """The Effect of a − b: the mean difference and Student's interval, on a log scale as ratios.

    Where a trial failed the estimate is the median, or None if that is not finite, and there is no interval. ``null``
    is the margin tested, ``tested`` the test against it (None below five seeds, where none is made). The
    details ``detectable_effect`` and ``seeds_needed`` are distances beyond the margin, the second for a fixed design.
    Of several looks the intervals hold together (repeated confidence intervals, Jennison & Turnbull 1989).
    """
    log = pairs.metric.scale == "log"
    low: float | None = None
    high: float | None = None
    if pairs.failed:
        ordered = [d for d in pairs.differences if not math.isnan(d)]
        estimate: float | None = median(ordered) if ordered else None
        if estimate is not None and not math.isfinite(estimate):
            estimate = None
    else:
        estimate = float(pairs.values.mean())
        if pairs.n > 1:
            low, high = student(pairs.values, pairs.look.level(ONE_SIDED))
    notes = []
    smallest = pairs.metric.smallest_effect
    if low is not None and high is not None and -smallest <= low and high <= smallest and pairs.n >= FEWEST_SEEDS:
        notes.append("negligible")
    if pairs.n > 1 and pairs.constant:
        notes.append("zero variance: decided by the difference alone")
        if max(abs(d) for d in pairs.differences) <= pairs.noise:
            notes.append("identical in every seed")
    if pairs.failed:
        notes.append(f"rank test: a trial failed in {pairs.failed} of {pairs.n} pairs")
    return Effect(
        of=f"{pairs.a} / {pairs.b}" if log else f"{pairs.a} − {pairs.b}",
        metric=pairs.metric.name,
        unit="ratio" if log else pairs.metric.unit,
        estimate=on_unit(estimate, pairs.metric),
        low=on_unit(low, pairs.metric),
        high=on_unit(high, pairs.metric),
        p=tested.p if tested is not None and tested.method != "constant" else None,
        n=pairs.n,
        details=_details(pairs, null),
        notes=tuple(notes),
    )


def _details(pairs: Pairs, null: float) -> tuple[tuple[str, float | None], ...]:
    """What stands beside the deciding test; None where it is undefined (few seeds, zero variance, a failed trial)."""
    names = ("sign_flip_p", "bca_low", "bca_high", "detectable_effect", "seeds_needed")
    if pairs.n < FEWEST_SEEDS or pairs.failed or pairs.constant:
        return tuple((name, None) for name in names)
    low, high = bca(pairs.values)
    numbers = (
        sign_flip(pairs.values - null),
        on_unit(low, pairs.metric),
        on_unit(high, pairs.metric),
        on_unit(pairs.deviation * detectable(pairs.n, pairs.look.level(ONE_SIDED)), pairs.metric),
        seeds_needed(pairs.deviation, pairs.metric.smallest_effect),
    )
    return tuple(zip(names, numbers, strict=True))


def on_unit(value: float | None, metric: Metric) -> float | None:
    """A compared number back in the metric's unit: exp of a logarithm, None where that overflows."""
    if value is None or metric.scale == "linear":
        return value
    return math.exp(value) if value < 700 else None


def sentence(found: Effect) -> str:
    """The effect in words: "a − b is +0.0042 (95 % interval +0.0031 to +0.0053; p = 0.0003, 5 seeds)"."""
    text = f"{found.of} is {_number(found.estimate, found.unit)}"
    inside = []
    if found.low is not None and found.high is not None:
        inside.append(f"95 % interval {_number(found.low, found.unit)} to {_number(found.high, found.unit)}")
    if found.p is not None:
        inside.append(f"p = {found.p:.2g}")
    inside.append(f"{found.n} seed{'s' if found.n != 1 else ''}")
    if found.estimate is None:
        text = f"{found.of} has no finite {'ratio' if found.unit == 'ratio' else 'difference'}"
    notes = "".join(f"; {note}" for note in found.notes)
    return f"{text} ({', '.join(inside)}{notes})"


def outlook(found: Effect, smallest: float) -> str:
    """What more seeds would bring: "5 seeds could have shown 0.0026; 40 would show 0.0005"; empty where unknown."""
    details = dict(found.details)
    shown, needed = details.get("detectable_effect"), details.get("seeds_needed")
    if shown is None:
        return ""
    wanted = math.exp(smallest) if found.unit == "ratio" else smallest
    seeds = "over a million" if needed is None else f"{needed:.0f}"
    return f"; {found.n} seeds could have shown {shown:.3g}, {seeds} would show {wanted:.3g} (80 % power)"


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "undefined"
    return f"{value:.4g}" if unit == "ratio" else f"{value:+.4g}"
