"""Reports one comparison: its Effects, and the sentence for the reason."""

from __future__ import annotations

import math
from statistics import median

from harness.domain.metric import Metric
from harness.domain.verdict import Effect
from harness.rules import chances
from harness.rules.inference import bca, clopper_pearson, sign_flip
from harness.rules.levels import FEWEST_SEEDS, PLAIN
from harness.rules.pairs import Pairs
from harness.rules.power import detectable
from harness.rules.sides import Sides, of_failures

Interval = tuple[float | None, float | None]


def effects(pairs: Pairs, tested: Sides | None, null: float) -> tuple[Effect, ...]:
    """The Effect of the mean difference and, if a training failed, that of the share of failures."""
    found = effect(pairs, tested, null)
    return (found, failure_effect(pairs)) if any(pairs.failed) else (found,)


def effect(pairs: Pairs, tested: Sides | None, null: float) -> Effect:
    """The Effect of a − b: the mean difference and its interval; for ``scale="log"`` as ratios.

    If a value is censored, the estimate is the median (None if it is not finite), without an interval. The interval is
    the one that the rule used, and ``details["confidence"]`` is its nominal confidence at this look. The intervals of
    several looks hold together (repeated confidence intervals, Jennison & Turnbull 1989). The detail
    ``detectable_effect`` is a distance beyond the margin.

    Args:
        pairs: the differences.
        tested: the test against ``null``; None below five seeds.
        null: the margin.
    """
    log = pairs.metric.scale == "log"
    low: float | None = None
    high: float | None = None
    estimate: float | None = None
    if pairs.censored:
        ordered = [d for d in pairs.differences if not math.isnan(d)]
        middle = median(ordered) if ordered else math.nan
        estimate = middle if math.isfinite(middle) else None
    elif pairs.n:
        estimate = float(pairs.values.mean())
        if pairs.constant:
            low = high = estimate if pairs.n > 1 else None
        else:
            low, high = pairs.mean.interval(pairs.look.level(pairs.level))
    return Effect(
        of=f"{pairs.a} {'/' if log else '−'} {pairs.b}" if pairs.b else pairs.a,
        metric=pairs.metric.name,
        unit="ratio" if log else pairs.metric.unit,
        estimate=on_unit(estimate, pairs.metric),
        low=on_unit(low, pairs.metric),
        high=on_unit(high, pairs.metric),
        p=tested.p if tested is not None else None,
        n=pairs.n,
        details=_details(pairs, null),
        notes=tuple(_notes(pairs, tested)),
    )


def by_less_than_matters(measured: Effect, metric: Metric) -> str:
    """ ", by less than matters" if the whole interval lies within ± the smallest effect of interest; else ""."""
    ends = [end for end in (measured.low, measured.high) if end is not None]
    if metric.scale == "log":
        ends = [math.log(end) if end > 0 else -math.inf for end in ends]
    inside = len(ends) == 2 and all(abs(end) <= metric.smallest_effect for end in ends)
    return ", by less than matters" if inside else ""


def _notes(pairs: Pairs, tested: Sides | None) -> list[str]:
    """Remarks: which test decided, and on which seeds."""
    notes = []
    if pairs.n > 1 and pairs.constant:
        notes.append(f"zero variance: an exact sign test on {pairs.n} equal differences decides")
        if max(abs(d) for d in pairs.differences) <= pairs.noise:
            notes.append("identical in every seed")
    elif pairs.censored:
        notes.append(f"exact rank test: the metric is censored in {pairs.censored} of {pairs.n} seeds")
    elif pairs.correlation is not None:
        notes.append(f"paired by seed: correlation {pairs.correlation:+.2f}")
    if any(pairs.failed):
        notes.append(_failures_note(pairs))
    if tested is not None and tested.method == "share":
        why = "" if pairs.failures == "decide" else f", as fewer than {FEWEST_SEEDS} seeds trained in both"
        notes.append(f"the share of failures decides{why}")
    if tested is not None and tested.withdrawn:
        notes.append(f"the mean does not decide for {tested.withdrawn}, which failed more often")
    return notes


def _failures_note(pairs: Pairs) -> str:
    """The numbers of failed trainings, and of the seeds in the mean."""
    counts = f"{pairs.a} failed on {pairs.failed[0]} of {pairs.seeds} seeds"
    both = ""
    if not pairs.one_sample:
        counts += f", {pairs.b} on {pairs.failed[1]} (p = {of_failures(pairs).p:.2g})"
        both = " in both"
    if pairs.failures == "count":
        return f"failed trainings count with their metric; {counts}"
    return (
        f"mean of the {pairs.n} seeds that trained{both}; {counts}" if pairs.n else f"no seed trained{both}; {counts}"
    )


def failure_effect(pairs: Pairs) -> Effect:
    """The Effect of the share of failures, with exact bounds: a's share minus b's, or the share of one variant."""
    level = pairs.look.level(pairs.level)
    bounds = [clopper_pearson(count, pairs.seeds, level) for count in pairs.failed]
    first, second = (count / pairs.seeds for count in pairs.failed)
    if pairs.one_sample:
        low, high = bounds[0]
        return Effect(f"{pairs.a}: seeds that failed", "divergence", "share of seeds", first, low, high, n=pairs.seeds)
    details: dict[str, float | None] = {
        "failed_a": first,
        "failed_a_at_most": bounds[0][1],
        "failed_b": second,
        "failed_b_at_most": bounds[1][1],
    }
    return Effect(
        of=f"{pairs.a} − {pairs.b}: share of seeds that failed",
        metric="divergence",
        unit="fraction",
        estimate=first - second,
        p=of_failures(pairs).p,
        n=pairs.seeds,
        details=details,
    )


def _details(pairs: Pairs, null: float) -> dict[str, float | None]:
    """Numbers reported alongside; None for undefined ones (few seeds, zero variance, a censored value)."""
    level = pairs.look.level(pairs.level)
    numbers: dict[str, float | None] = dict.fromkeys(("sign_flip_p", "bca_low", "bca_high", "detectable_effect"))
    if pairs.n >= 2 and not pairs.censored and not pairs.constant:
        numbers["confidence"] = 1 - 2 * level
    if pairs.n >= FEWEST_SEEDS and not pairs.censored and not pairs.constant:
        deviation = pairs.mean.error * math.sqrt(pairs.n)
        numbers["sign_flip_p"] = sign_flip(pairs.values - null)
        numbers["bca_low"], numbers["bca_high"] = (on_unit(bound, pairs.metric) for bound in bca(pairs.values))
        numbers["detectable_effect"] = on_unit(deviation * detectable(pairs.n, level), pairs.metric)
        if level != PLAIN.one_sided:
            plain = pairs.mean.interval(PLAIN.one_sided)
            numbers["plain_low"], numbers["plain_high"] = (on_unit(bound, pairs.metric) for bound in plain)
    if pairs.correlation is not None:
        numbers["correlation"] = pairs.correlation
    return numbers


def on_unit(value: float | None, metric: Metric) -> float | None:
    """A compared number in the metric's unit: exp of a logarithm, or None if that overflows."""
    if value is None or metric.scale == "linear":
        return value
    return math.exp(value) if value < 700 else None


def sentence(found: Effect) -> str:
    """The effect as text: "a − b is +0.0042 (95 % interval +0.0031 to +0.0053, p = 0.0003, 5 seeds)"."""
    text = f"{found.of} is {_number(found.estimate, found.unit)}"
    inside = []
    confidence = found.details.get("confidence")
    if found.low is not None and found.high is not None and confidence is not None:
        bounds = f"{_number(found.low, found.unit)} to {_number(found.high, found.unit)}"
        inside.append(f"{percent(confidence)} interval {bounds}")
    if found.p is not None:
        inside.append(f"p = {found.p:.2g}")
    inside.append(f"{found.n} seed{'s' if found.n != 1 else ''}")
    if found.estimate is None:
        text = f"{found.of} has no finite {'ratio' if found.unit == 'ratio' else 'difference'}"
    notes = "".join(f"; {note}" for note in found.notes)
    return f"{text} ({', '.join(inside)}{notes})"


def percent(share: float) -> str:
    """ "95 %", "99.8 %", "99.95 %"."""
    return f"{100 * share:.4g} %"


def outlook(measured: Effect) -> str:
    """What the seeds could have shown, and the chance that more decide; "" if unknown."""
    shown = measured.details.get("detectable_effect")
    if shown is None:
        return ""
    return f"; {measured.n} seeds could have shown {shown:.3g} (80 % power){chances.sentence(measured)}"


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "undefined"
    return f"{value:.4g}" if unit == "ratio" else f"{value:+.4g}"
