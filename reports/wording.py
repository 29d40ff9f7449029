"""Effects in words: accuracies in points and in images, ratios as factors, shares as numbers of seeds."""

from __future__ import annotations

from harness.domain.verdict import Effect, Verdict
from harness.record.run import ClaimDecided, MetricDeclared
from reports.labels import metric_label
from reports.text import number, plural

MINUS = "−"
UNSIGNED = ("absolute error", "share of seeds")
"""Units of effects that are no differences, and so carry no sign."""


def points(value: float, *, sign: bool = True, unit: bool = True) -> str:
    """A difference of fractions in percentage points: "+0.42 points"."""
    text = f"{100 * value:+.2f}" if sign else f"{100 * value:.2f}"
    return text.replace("-", MINUS) + (" points" if unit else "")


def measured(effect: Effect, metric: MetricDeclared | None = None) -> str:
    """The estimate and its interval: "+0.27 points [0.12, 0.43]", "×1.43", "0.9252 [0.9236, 0.9267]".

    A metric of a few words follows where it is no validation accuracy: "+0.0099 [0.0034, 0.0169] (rise)".

    Args:
        effect: what was measured.
        metric: its declaration; None for an exact claim.
    """
    if effect.estimate is None:
        return "; ".join(effect.notes) or MINUS
    text = value_text(effect, effect.estimate)
    if effect.low is not None and effect.high is not None and effect.unit != "share of seeds":
        text += f" [{_bound(effect, effect.low)}, {_bound(effect, effect.high)}]"
    if metric is not None and metric.name != "val_accuracy" and effect.unit != "share of seeds":
        text += f" ({metric_label(effect.metric)})"
    return text


def value_text(effect: Effect, value: float) -> str:
    """One value of an effect in its unit, with a sign if it is a difference."""
    if effect.unit == "share of seeds":
        return f"{round(value * effect.n)} of {plural(effect.n, 'seed')}"
    if effect.unit == "ratio":
        return f"×{number(value)}"
    if "published" in effect.details or effect.unit in UNSIGNED:
        return number(value, effect.unit)
    if effect.unit == "fraction":
        return points(value)
    return (
        ("+" if value > 0 else "") + number(value) + (f" {effect.unit}" if effect.unit in ("epochs", "steps") else "")
    )


def _bound(effect: Effect, value: float) -> str:
    if effect.unit == "fraction" and "published" not in effect.details:
        return points(value, sign=value < 0, unit=False)
    return number(value, effect.unit)


def images(effect: Effect, metric: MetricDeclared | None) -> str:
    """A difference of accuracies in examples: "27 of 10,000 images"; "" for any other effect."""
    difference = effect.unit == "fraction" and "published" not in effect.details and effect.estimate is not None
    if metric is None or metric.examples is None or not difference or effect.estimate is None:
        return ""
    return f"{abs(effect.estimate) * metric.examples:.0f} of {metric.examples:,} images"


def power(claim: ClaimDecided, effect: Effect | None) -> str:
    """What an undecided claim lacks: "too few seeds: 30 detect 0.14 points, 300 would decide"; "" for a decided one."""
    if claim.verdict is not Verdict.INCONCLUSIVE:
        return ""
    needed = claim.here.needed if claim.here else None
    detected = effect.details.get("detectable_effect") if effect else None
    parts = []
    if effect is not None and detected is not None:
        size = points(detected, sign=False) if effect.unit == "fraction" else number(detected, effect.unit)
        parts.append(f"{effect.n:,} detect {'×' if effect.unit == 'ratio' else ''}{size}")
    if needed:
        parts.append(f"{needed:,} would decide")
    return f"too few seeds: {', '.join(parts)}" if parts else "too few seeds"
