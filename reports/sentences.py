"""What was measured, in words: variants in rows of a table, effects in sentences.

Accuracies in points and in images, ratios as factors, shares as numbers of seeds. And which effects a verdict rests on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from harness.course import course
from harness.model import Figure, Metric, Trial
from harness.record.run import ClaimDecided, Key, Run, Summary
from harness.rules.chances import undecided
from harness.verdict import Decision, Difference, Effect, Verdict
from reports.words import MINUS, factor, mean_std, metric_label, number, plural, points, printed, quantity, verdict_text

COUNTED = ("epochs", "steps")
SHARE = "share of seeds"
UNSIGNED_UNITS = ("absolute error", SHARE, "ratio")
"""Units of effects that are not differences and so carry no plus sign."""
DETAILS = {
    "detectable_effect": "smallest effect that n seeds show",
    "outside": "printed values outside",
    "percentile": "percent of our seeds below it",
    "share": "claimed share of seeds",
    "published": "slide",
    "plain_low": "95 % interval",
}
"""Names of an effect's details."""
PLACE = re.compile(r"\{([^{}:]+)(?::(short|size))?\}")
"""A place in a sentence of a claim (``Claim.shown``): what stands there, and how."""
DIRECTED = re.compile(r"(?<=(?:falls|rises) by )\+|(?<=smaller by )\+|(?<=differ by )\+|\+(?=\S+ \[[^]]*\] more)")
"""A sign that the words beside it say."""


def metrics_of(experiment: str) -> Mapping[str, Metric]:
    """The metrics of an experiment by name; none of one that the course no longer has."""
    declared = course().experiments.get(experiment)
    return {metric.name: metric for metric in declared.metrics} if declared else {}


def unit_of(experiment: str, metric: str) -> str:
    """The unit of a metric; "" if the course no longer has it."""
    known = metrics_of(experiment).get(metric)
    return known.unit if known else ""


def variant_words(experiment: str, name: str) -> str:
    """What reports call a variant: the course's words for it, else its name."""
    known = course().experiments.get(experiment)
    return known.words(name) if known else name


def in_words(effect: Effect, experiment: str) -> Effect:
    """The effect with the words of its variants in place of their names."""
    return replace(effect, a=variant_words(experiment, effect.a), b=variant_words(experiment, effect.b))


class Row(NamedTuple):
    """A metric of one variant in a table: the slide's figure and ours.

    ``trials``: those that the summary is of; none where the run's record lacks them, as it lacks stored ones.
    """

    variant: str
    unit: str
    summary: Summary
    figure: Figure | None
    trials: Sequence[Trial]
    words: str

    @classmethod
    def of(cls, run: Run, key: Key, summary: Summary, figure: Figure | None = None) -> Row:
        trials = run.trials.get(key, ())[: summary.n]
        whole = trials if len(trials) == summary.n else ()
        return cls(key[1], unit_of(key[0], summary.metric), summary, figure, whole, variant_words(*key))

    @property
    def metric(self) -> str:
        return self.summary.metric

    @property
    def name(self) -> str:
        """The variant in words, and its metric unless that is the validation accuracy."""
        return self.words + ("" if self.metric == "val_accuracy" else f" ({metric_label(self.metric)})")

    @property
    def value(self) -> str:
        """Mean ± standard deviation, the number of seeds, and how many of them failed."""
        kinds = [trial.divergence.kind for trial in self.trials if trial.divergence]
        absent = [trial for trial in self.trials if not trial.divergence and trial.metrics.get(self.metric) is None]
        collapsed = kinds.count("stuck at chance")
        failed = {
            "diverged": len(kinds) - collapsed,
            "collapsed": collapsed,
            "without a value": len(absent) if self.trials else self.summary.values.count(None),
        }
        parts = [mean_std(self.summary.mean, self.summary.std, self.unit), plural(self.summary.n, "seed")]
        return ", ".join([*parts, *(f"{count:,} {how}" for how, count in failed.items() if count)])

    @property
    def slide(self) -> str:
        """The slide's figure as printed; "" if it prints none."""
        return printed(self.figure.printed) if self.figure else ""

    @property
    def to_slide(self) -> str:
        """Our mean minus the slide's figure; "" without either."""
        if self.figure is None or self.summary.mean is None:
            return ""
        difference = self.summary.mean - self.figure.value
        if self.unit == "fraction":
            return points(difference)
        return ("+" if difference > 0 else "") + quantity(difference)


def measured(effect: Effect, metric: Metric | None = None) -> str:
    """The estimate and its interval: "+0.27 points [0.12, 0.43]", "1.43 × as many epochs", "0 of 30 seeds converged".

    A metric of a few words follows where it is no validation accuracy: "+0.010 [0.003, 0.017] (rise)". ``metric`` is
    None for an exact claim.
    """
    if (seeds := of_seeds(effect)) is not None:
        return seeds
    if effect.estimate is None:
        return "; ".join(effect.notes) or MINUS
    estimate, interval = _rounded(effect)
    named = "" if metric is None or metric.name == "val_accuracy" else metric_label(effect.metric)
    if effect.unit != "ratio":
        return estimate + interval + (f" ({named})" if named else "")
    multiplied = f"as many {metric.unit}" if metric and metric.unit in COUNTED else f"the {named}" if named else ""
    return f"{estimate} × {multiplied}".rstrip() + interval


def of_seeds(effect: Effect) -> str | None:
    """An effect that counts seeds, in words: "30 of 30 seeds failed, against 0"; None for any other effect."""
    first, second = effect.details.get("failed_a"), effect.details.get("failed_b")
    if effect.kind == "failures" and first is not None and second is not None:
        said = f"{_seeds(effect, first)} failed, against {round(second * effect.n):,}"
    elif effect.unit != SHARE or effect.estimate is None:
        return None
    else:
        said = _seeds(effect, effect.estimate) + f" {_labelled(effect.b, effect)}" * (effect.kind == "seeds")
    return re.sub("^0 of", "none of", said)


def _seeds(effect: Effect, share: float) -> str:
    return f"{round(share * effect.n):,} of {plural(effect.n, 'seed')}"


def name_text(effect: Effect) -> str:
    """What was measured, with the metric in words: "raw: seeds that have first infinite epoch within its bounds"."""
    return _labelled(effect.of, effect)


def _labelled(text: str, effect: Effect) -> str:
    return text.replace(effect.metric, metric_label(effect.metric)) if "_" in effect.metric else text


def compared(effect: Effect, metric: Metric | None = None) -> str:
    """A measurement as a sentence's middle: "2 linear is 0.26 points below softmax [0.11, 0.43]"."""
    if (seeds := of_seeds(effect)) is not None:
        return f"{effect.of if effect.kind == 'failures' else effect.a}: {seeds}"
    if effect.kind not in ("difference", "mean") or not effect.b or effect.estimate is None:
        return f"{name_text(effect)}: {measured(effect, metric)}"
    label, below = metric_label(effect.metric), effect.unit != "ratio" and effect.estimate < 0
    estimate, interval = _rounded(_negative(effect) if below else effect)
    if effect.unit != "ratio":
        return f"{effect.a} is {estimate.lstrip('+')} {'below' if below else 'above'} {effect.b} in {label}{interval}"
    if metric is not None and metric.unit in COUNTED:
        return f"{effect.a} takes {estimate} × as many {metric.unit} as {effect.b}{interval}"
    return f"{effect.a} has {estimate} × the {label} of {effect.b}{interval}"


def _negative(effect: Effect) -> Effect:
    low, estimate, high = (None if value is None else -value for value in (effect.low, effect.estimate, effect.high))
    return replace(effect, estimate=estimate, low=high, high=low)


def _rounded(effect: Effect) -> tuple[str, str]:
    """The estimate, and its interval in brackets, "" if there is none; with digits that fit the interval's width."""
    estimate, low, high = effect.estimate, effect.low, effect.high
    assert estimate is not None
    if low is None or high is None or effect.unit == SHARE:
        return value_text(effect, estimate), ""
    values = estimate, low, high
    width = max(values) - min(values)
    large = any(value and not 1e-4 <= abs(value) < 1e5 for value in values)
    if effect.unit == "fraction" or large or not 0 < width < math.inf:
        return value_text(effect, estimate), f" [{_bound(effect, low)}, {_bound(effect, high)}]"
    finest = 3 - math.floor(math.log10(abs(estimate))) if estimate else 6
    decimals = min(1 - math.floor(math.log10(width)), finest)
    texts = [f"{round(value, decimals):,.{max(decimals, 0)}f}".replace("-", MINUS) for value in values]
    return ("+" if _signed(effect) and estimate > 0 else "") + texts[0], f" [{texts[1]}, {texts[2]}]"


def _signed(effect: Effect) -> bool:
    return "published" not in effect.details and effect.unit not in UNSIGNED_UNITS


def value_text(effect: Effect, value: float) -> str:
    """One value of an effect in its unit, with a sign if it is a difference; a ratio without its "×"."""
    if effect.unit == SHARE:
        return _seeds(effect, value)
    if effect.unit == "ratio":
        return factor(value)
    if not _signed(effect):
        return quantity(value, effect.unit)
    if effect.unit == "fraction":
        return points(value)
    return f"{'+' if value > 0 else ''}{quantity(value)}{f' {effect.unit}' if effect.unit in COUNTED else ''}"


def _bound(effect: Effect, value: float) -> str:
    if effect.unit == "fraction" and "published" not in effect.details:
        return points(value, sign=value < 0, unit=False)
    return quantity(value, effect.unit)


def placed(template: str, claim: ClaimDecided) -> dict[str, Effect]:
    """The effects that a claim's own sentence shows, by name of their place."""
    effects = {str(place): effect for place, effect in enumerate(main_effects(claim.decision))}
    alongside = (effect for each in claim.alongside for effect in main_effects(each))
    effects |= {f"a{place}": effect for place, effect in enumerate(alongside)}
    return {name: effects[name] for name, _ in PLACE.findall(template) if name in effects}


def filled(template: str, claim: ClaimDecided, metrics: Mapping[str, Metric]) -> str:
    """A claim's own sentence with its measured values; "" without a sentence, or if a value is missing.

    Args:
        template: ``Claim.shown``, or one of ``Claim.say``.
        claim: what was measured.
        metrics: of its experiment, by name.
    """
    effects = placed(template, claim)

    def value(name: str, form: str) -> str:
        if name in effects:
            return _in_sentence(effects[name], form)
        summary = claim.variants.get(name)
        if summary is None or summary.mean is None:
            return ""
        return quantity(summary.mean, metrics[summary.metric].unit if summary.metric in metrics else "")

    values = [value(*place) for place in PLACE.findall(template)]
    texts = iter(values)
    return DIRECTED.sub("", PLACE.sub(lambda _: next(texts), template)) if all(values) else ""


def _in_sentence(effect: Effect, form: str) -> str:
    """An effect in a claim's sentence: the value and its interval, without the metric's name."""
    if effect.kind == "failures" and (seeds := of_seeds(effect)):
        return seeds
    if effect.estimate is None:
        return ""
    estimate, interval = _rounded(effect)
    if form == "size":
        estimate = estimate.lstrip(f"+{MINUS}")
    return estimate + (" ×" if effect.unit == "ratio" else "") + ("" if form else interval)


def images(effect: Effect, metric: Metric | None) -> str:
    """A difference of accuracies in examples: "27 of 10,000 images"; "" for any other effect."""
    if metric is None or metric.examples is None or effect.estimate is None:
        return ""
    if effect.unit != "fraction" or "published" in effect.details:
        return ""
    return f"{abs(effect.estimate) * metric.examples:.0f} of {metric.examples:,} images"


def outlook(claim: ClaimDecided) -> str:
    """How likely more seeds decide an undecided claim, for each undecided part; "" if it is decided or unknown.

    "if the effects are as estimated, 100 seeds decide it with a chance of 12 and 30 %, 300 seeds of 27 and 65 %".
    The looks end with the first at which it is 100 %.
    """
    if claim.verdict is not Verdict.INCONCLUSIVE:
        return ""
    known: dict[int, list[str]] = {}
    for effect in undecided(claim.decision):
        for seeds, chance in effect.chances.items():
            known.setdefault(seeds, []).append(f"{100 * chance:.0f}")
    if not known:
        refuted = any(part.verdict is Verdict.REFUTED for part in claim.decision.parts)
        why = f"a part is refuted by itself, not at the stricter level of {len(claim.decision.parts)} parts; "
        return f"{why if refuted else ''}how many seeds decide it is not known"
    sure = next((seeds for seeds, chances in known.items() if set(chances) == {"100"}), max(known))
    looks = [f"{seeds:,} seeds of {' and '.join(of)} %" for seeds, of in known.items() if seeds <= sure]
    many = len(next(iter(known.values()))) > 1
    text = f"if the effect{'s are' if many else ' is'} as estimated, {', '.join(looks)}"
    return text.replace(" seeds of ", " seeds decide it with a chance of ", 1)


def details(effect: Effect) -> list[str]:
    """An effect's further numbers and notes, each in words: "95 % interval 0.12 to 0.43"."""
    shown = []
    for name, value in effect.details.items():
        unit = effect.unit if name.startswith(("detectable", "plain", "published")) else ""
        if value is None or name.endswith("_high"):
            continue
        if name == "confidence":
            shown.append(f"interval of {100 * value:.4g} %")
            continue
        high = f" to {number(effect.details.get(name[:-3] + 'high'), unit)}" if name.endswith("_low") else ""
        shown.append(f"{DETAILS.get(name, name.replace('_', ' '))}: {number(value, unit)}{high}")
    chances = [f"chance that {seeds} seeds decide {number(chance)}" for seeds, chance in effect.chances.items()]
    return [*shown, *chances, *effect.notes]


def decision_text(decision: Decision, rule: str = "") -> str:
    """The decision of a part, or of a rule that is reported alongside, with its effects."""
    effects = "; ".join(map(compared, decision.effects)) if rule else ""
    text = f"{rule}{': ' if rule else ''}{verdict_text(decision.verdict)}. {decision.reason}"
    return f"{text} ({effects})" if effects else text


def difference_text(difference: Difference) -> str:
    """Keras' value and the value of another formula or text."""
    ours, other = (
        value if isinstance(value, str) else number(value) for value in (difference.obtained, difference.other)
    )
    why = f" {difference.why}" if difference.why else ""
    return f"differs from {difference.source}: {difference.of}: {ours}, there {other}.{why}"


def main_effects(decision: Decision) -> list[Effect]:
    """The effect of each part of a decision, in the order of the parts; of one that has no estimate the share of seeds
    that failed, which then decides."""
    if decision.parts:
        return [effect for part in decision.parts for effect in main_effects(part)]
    main: list[Effect] = []
    for effect in decision.effects:
        if effect.kind != "failures":
            main.append(effect)
        elif main and main[-1].estimate is None:
            main[-1] = effect
    return main
