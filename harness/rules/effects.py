"""What is reported of one comparison: its Effects, and the sentence for the reason."""

from __future__ import annotations

import math
from statistics import median

from harness.model import Metric
from harness.rules.base import on_unit, percent
from harness.rules.inference import clopper_pearson, detectable
from harness.rules.levels import FEWEST_SEEDS, PLAIN
from harness.rules.pairs import Pairs, Sides, of_failures
from harness.verdict import Effect

Details = dict[str, float | None]


def effects(pairs: Pairs, tested: Sides | None, margin: float | None = None) -> tuple[Effect, ...]:
    """The Effect of the mean difference and, if a training failed, that of the share of failures.

    The estimate of a − b is the mean; for ``scale="log"`` it and its interval are ratios. If a value is censored, it is
    the median (None if that is not finite), without an interval. The interval is the one that the rule used, and
    ``details["confidence"]`` is its nominal confidence at this look. The intervals of several looks hold together
    (repeated confidence intervals, Jennison & Turnbull 1989).

    Args:
        pairs: the differences.
        tested: the test that decides; None below five seeds.
        margin: of an equivalence.
    """
    metric, estimate = pairs.metric, math.nan
    bounds: tuple[float | None, float | None] = (None, None)
    if pairs.censored:
        ordered = [d for d in pairs.differences if not math.isnan(d)]
        estimate = median(ordered) if ordered else math.nan
    elif pairs.n:
        estimate = float(pairs.values.mean())
        if not pairs.constant:
            bounds = pairs.mean.interval(pairs.look.level(pairs.level))
        elif pairs.n > 1:
            bounds = estimate, estimate
    low, high = (on_unit(bound, metric) for bound in bounds)
    difference = Effect(
        kind="mean" if pairs.one_sample else "difference",
        a=pairs.a,
        b=pairs.b,
        metric=metric.name,
        unit="ratio" if metric.scale == "log" else metric.unit,
        estimate=on_unit(estimate, metric) if math.isfinite(estimate) else None,
        low=low,
        high=high,
        p=tested.p if tested is not None else None,
        n=pairs.n,
        margin=margin,
        details=_details(pairs),
        notes=tuple(_notes(pairs, tested)),
    )
    return (difference, _failures(pairs)) if any(pairs.failed) else (difference,)


def _details(pairs: Pairs) -> Details:
    """Numbers reported alongside; without variance, or with a censored value, only the correlation."""
    level, details, metric = pairs.look.level(pairs.level), Details(), pairs.metric
    if pairs.n > 1 and not pairs.censored and not pairs.constant:
        if pairs.n >= FEWEST_SEEDS:  # the distance beyond the margin that these seeds show
            deviation = pairs.mean.error * math.sqrt(pairs.n)
            details["detectable_effect"] = on_unit(deviation * detectable(pairs.n, level), metric)
        details["confidence"] = 1 - 2 * level
        if pairs.n >= FEWEST_SEEDS and level != PLAIN.one_sided:
            plain = pairs.mean.interval(PLAIN.one_sided)
            details["plain_low"], details["plain_high"] = (on_unit(bound, metric) for bound in plain)
    if pairs.correlation is not None:
        details["correlation"] = pairs.correlation
    return details


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
    if tested is not None and tested.by_shares:
        why = "" if pairs.failures == "decide" else f", as fewer than {FEWEST_SEEDS} seeds trained in both"
        notes.append(f"the share of failures decides{why}")
    if tested is not None and tested.withdrawn:
        notes.append(f"the mean does not decide for {tested.withdrawn}, which failed more often")
    return notes


def _failures_note(pairs: Pairs) -> str:
    """The numbers of failed trainings, and of the seeds in the mean."""
    counts, both = f"{pairs.a} failed on {pairs.failed[0]} of {pairs.seeds} seeds", ""
    if not pairs.one_sample:
        counts += f", {pairs.b} on {pairs.failed[1]} (p = {of_failures(pairs).p:.2g})"
        both = " in both"
    if pairs.failures == "count":
        return f"failed trainings count with their metric; {counts}"
    trained = f"mean of the {pairs.n} seeds that trained" if pairs.n else "no seed trained"
    return f"{trained}{both}; {counts}"


def _failures(pairs: Pairs) -> Effect:
    """The Effect of the share of failures, with exact bounds: a's share minus b's, or the share of one variant."""
    level, seeds = pairs.look.level(pairs.level), pairs.seeds
    (low, high), (_, other) = (clopper_pearson(count, seeds, level) for count in pairs.failed)
    first, second = (count / seeds for count in pairs.failed)
    if pairs.one_sample:
        return Effect("seeds", pairs.a, "failed", "divergence", "share of seeds", first, low, high, n=seeds)
    details: Details = {"failed_a": first, "failed_a_at_most": high, "failed_b": second, "failed_b_at_most": other}
    p, apart = of_failures(pairs).p, first - second
    return Effect("failures", pairs.a, pairs.b, "divergence", "fraction", apart, p=p, n=seeds, details=details)


def sentence(measured: Effect) -> str:
    """The effect as text: "a − b is +0.0042 (95 % interval +0.0031 to +0.0053, p = 0.0003, 5 seeds)"."""
    form = ".4g" if measured.unit == "ratio" else "+.4g"
    inside = []
    if measured.low is not None and measured.high is not None and "confidence" in measured.details:
        confidence = percent(measured.details["confidence"] or 0.0)
        inside.append(f"{confidence} interval {measured.low:{form}} to {measured.high:{form}}")
    if measured.p is not None:
        inside.append(f"p = {measured.p:.2g}")
    inside.append(f"{measured.n} seed{'s' if measured.n != 1 else ''}")
    if measured.estimate is None:
        text = f"{measured.of} has no value"
    else:
        text = f"{measured.of} is {measured.estimate:{form}}"
    notes = "".join(f"; {note}" for note in measured.notes)
    return f"{text} ({', '.join(inside)}{notes})"


def by_less_than_matters(measured: Effect, metric: Metric) -> str:
    """ ", by less than matters" if the whole interval lies within ± the smallest effect of interest; else ""."""
    ends = [end for end in (measured.low, measured.high) if end is not None]
    if metric.scale == "log":
        ends = [math.log(end) if end > 0 else -math.inf for end in ends]
    inside = len(ends) == 2 and all(abs(end) <= metric.smallest_effect for end in ends)
    return ", by less than matters" if inside else ""


def outlook(measured: Effect) -> str:
    """What the seeds could have shown, and the chances that more decide; "" if unknown."""
    shown = measured.details.get("detectable_effect")
    if shown is None:
        return ""
    known = ", ".join(f"{size:,} seeds {100 * chance:.0f} %" for size, chance in measured.chances.items())
    chances = f"; the chance to decide it, if it is as estimated: {known}" if known else ""
    return f"; {measured.n} seeds could have shown {shown:.3g} (80 % power){chances}"
