"""Table cells about effects: which effect a table shows, our figures, and the slide's."""

from __future__ import annotations

from harness.domain.verdict import Effect, Verdict
from harness.record.run import ClaimDecided, Run, Summary
from reports.labels import metric_label
from reports.text import effect_words, escape, lines, mean_std, printed


def effects_by_relevance(claim: ClaimDecided) -> list[Effect]:
    """A claim's effects; the one that its verdict rests on comes first.

    If the claim has parts, only the parts with the claim's verdict count.

    - Exact claims: by error in units of the tolerance, largest first.
    - Refuted claims: effects that point against the claim first, smallest p first.
    - All other claims: weakest support first, because a conjunction is as strong as its weakest part.

    Effects without an estimate come last, except in exact claims.
    """
    deciding = [part for part in claim.decision.parts if part.verdict is claim.verdict]
    effects = [effect for part in deciding for effect in part.effects] or list(claim.decision.effects)
    if claim.marker != "training":
        return sorted(effects, key=_closeness_to_tolerance, reverse=True)
    if claim.verdict is not Verdict.REFUTED:
        return sorted(effects, key=lambda effect: (effect.estimate is None, -_weakness(effect)))
    return sorted(effects, key=lambda effect: (effect.estimate is None, not _reversed(effect), _p(effect)))


def _weakness(effect: Effect) -> float:
    """How weakly an effect supports its claim. A small p is support, or speaks against reproducing a slide's figure."""
    compatible = "published" in effect.details and effect.p is not None
    return 1 - _p(effect) if compatible else _p(effect)


def _p(effect: Effect) -> float:
    """The p-value; 0 without a test, which is when there is no variance and the difference alone decides."""
    return 0.0 if effect.p is None else effect.p


def _reversed(effect: Effect) -> bool:
    null = 1.0 if effect.unit == "ratio" else 0.0
    return effect.estimate is not None and effect.estimate < null


def _closeness_to_tolerance(effect: Effect) -> float:
    """Error in units of its tolerance; inf for an error without a number, such as a wrong type."""
    error, tolerance = effect.estimate, effect.details.get("tolerance") or 0.0
    if error is None:
        return float("inf")
    return error / tolerance if tolerance else error * 1e300


def effects_cell(claim: ClaimDecided, most: int = 1) -> str:
    """The ``most`` most relevant effects with their intervals, or the decision's reason if they have no number."""
    effects = effects_by_relevance(claim)
    if claim.marker != "training" and effects and all(effect.estimate == 0 for effect in effects):
        return "equal" if len(effects) == 1 else f"equal in all {len(effects)} comparisons"
    return lines([_named(claim, effect) for effect in effects], most)


def _named(claim: ClaimDecided, effect: Effect) -> str:
    text = effect_words(effect)
    text = escape(claim.decision.reason if text == "–" else text)
    effects = claim.decision.effects
    if len(effects) <= 1 and len(claim.decision.parts) <= 1:
        return text
    ambiguous = sum(other.of == effect.of for other in effects) > 1
    name = effect.of + (f" ({metric_label(effect.metric)})" if ambiguous else "")
    return f"{escape(name)}: {text}"


def units(run: Run, claim: ClaimDecided) -> dict[str, str]:
    """The unit of each metric of the claim's experiment; empty without an experiment."""
    experiment = run.experiments.get(claim.experiment or "")
    return {metric.name: metric.unit for metric in experiment.metrics} if experiment else {}


def ours_cell(run: Run, claim: ClaimDecided, most: int = 3) -> str:
    """Mean ± standard deviation over seeds of each variant; a metric or n that all variants share is written once."""
    of_unit = units(run, claim)
    counts = {summary.n for summary in claim.variants.values()}
    metrics = {summary.metric for summary in claim.variants.values()}
    shown = []
    for name, summary in claim.variants.items():
        text = f"{escape(name)}: {_result(summary, of_unit.get(summary.metric, ''))}"
        if len(metrics) > 1:
            text += f" {metric_label(summary.metric)}"
        shown.append(text if len(counts) == 1 else f"{text} (n = {summary.n})")
    same = [metric_label(metric) for metric in metrics if len(metrics) == 1 and metric != "val_accuracy"]
    same += [f"n = {count}" for count in counts if len(counts) == 1]
    return "<br>".join([lines(shown, most), *([", ".join(same)] if same else [])])


def _result(summary: Summary, unit: str) -> str:
    """Mean ± standard deviation, and how many seeds have no value (they diverged or never reached the target)."""
    without = summary.values.count(None)
    if summary.mean is None and without:
        return f"no value in {without} of {summary.n} seeds"
    text = mean_std(summary.mean, summary.std, unit)
    return f"{text} ({without} of {summary.n} seeds without a value)" if without else text


def published_cell(claim: ClaimDecided, most: int = 3) -> str:
    """The slide's figures as printed; metrics other than the validation accuracy are named."""
    shown = []
    for figure in claim.published:
        metric = "" if figure.metric == "val_accuracy" else f", {metric_label(figure.metric)}"
        shown.append(f"{escape(figure.variant + metric)}: {escape(printed(figure.printed))}")
    return lines(shown, most)


def seeds_of(claim: ClaimDecided) -> int | None:
    """The number of seeds that the claim's effects rest on; None for an exact claim."""
    counts = [effect.n for effect in effects_by_relevance(claim)] or [one.n for one in claim.variants.values()]
    return None if claim.marker == "exact" or not counts else max(counts)
