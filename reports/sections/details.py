"""The folded sections under the tables: everything about one claim."""

from __future__ import annotations

import html
from collections.abc import Collection, Mapping, Sequence

from harness.domain.verdict import Decision, Difference, Effect, Verdict
from harness.record.run import ClaimDecided, Run, Summary
from reports.figures.many import MANY, QUANTILES, quantiles
from reports.labels import verdict_text
from reports.sections.claims import anchor, figures_anchor, rests_on
from reports.sections.effects import units
from reports.sections.seeds import seeds_detail
from reports.text import code, effect_text, effect_words, escape, mean_std, number, table

WORDS = {
    "sign_flip_p": "exact sign-flip p",
    "detectable_effect": "smallest effect this n could have shown",
    "seeds_needed": "seeds that would show the smallest effect of interest",
    "percentile": "percentile among our seeds",
}


def details(run: Run, holm: Mapping[str, Verdict], figured: Collection[str] = ()) -> str:
    """One folded section per claim.

    Args:
        run: the run, with adjusted p-values.
        holm: see ``reports.sections.claims.verdict_cell``.
        figured: ids of the experiments that have figures; their claims link to them.
    """
    if not run.claims:
        return ""
    return "## Details\n\n" + "\n\n".join(_claim(run, claim, holm, figured) for claim in run.claims.values())


def _claim(run: Run, claim: ClaimDecided, holm: Mapping[str, Verdict], figured: Collection[str]) -> str:
    decision = claim.decision
    head = f"{html.escape(claim.key)} · {verdict_text(claim.verdict)}"
    parts = [
        f'<a id="{anchor(claim)}"></a>\n<details><summary><code>{head.replace(" · ", "</code> · ", 1)}</summary>',
        f"**{escape(claim.statement)}** ({escape(claim.slide)})",
        f"- Rule: {escape(claim.rule)}\n- Reason: {escape(decision.reason)}" + _facts(claim, holm, figured),
    ]
    if decision.effects:
        parts.append(effects_table(decision.effects))
    if decision.differences:
        parts.append("Differences; they decide nothing:\n\n" + "\n".join(map(_difference, decision.differences)))
    if decision.parts:
        parts.append("Parts:\n\n" + "\n".join(map(_decision, decision.parts)))
    if claim.alongside:
        others = [_decision(other.decision, f"{escape(other.rule)}: ") for other in claim.alongside]
        parts.append("Reported alongside; they decide nothing:\n\n" + "\n".join(others))
    if claim.variants:
        parts.append(_variants(run, claim))
    if claim.deviations:
        parts.append(_listed("Deviations", claim.deviations))
    if claim.notes:
        parts.append(_listed("Notes", claim.notes))
    return "\n\n".join([*parts, "</details>"])


def _facts(claim: ClaimDecided, holm: Mapping[str, Verdict], figured: Collection[str]) -> str:
    """One line each for the claim's evidence, this machine's result, Holm's adjustment, its state and its seeds."""
    facts: dict[str, str] = {}
    if (here := claim.here) is not None:
        facts["Evidence"] = (f"{verdict_text(here.verdict)}, " if here.stack else "") + rests_on(here)
        if claim.verdict is Verdict.INCONCLUSIVE and here.needed:
            facts["Seeds that would decide it"] = f"{here.needed:,}"
        facts["Here"] = escape(". ".join(filter(None, (here.state, here.text))))
        if here.own is not None and here.own is not claim.verdict:
            facts["This run's own trials say"] = verdict_text(here.own)
    if claim.marker == "training" and claim.key in holm:
        facts["After Holm"] = verdict_text(holm[claim.key])
    if claim.comparison.expected is not None:
        facts["Expected"] = verdict_text(claim.comparison.expected)
    facts["State"] = escape(f"{claim.comparison.state}. {claim.comparison.reason}".strip())
    if claim.experiment is not None:
        figures = f", [its figures](#{figures_anchor(claim.experiment)})" if claim.experiment in figured else ""
        facts["Experiment"] = code(claim.experiment) + figures
    facts["Seeds"] = seeds_detail(claim)
    return "".join(f"\n- {name}: {text}" for name, text in facts.items() if text)


def effects_table(effects: Sequence[Effect]) -> str:
    """The table of a decision's effects."""
    rows = [
        [
            escape(effect.of),
            code(effect.metric),
            escape(effect_text(effect)),
            escape(effect.unit),
            number(effect.p),
            number(effect.p_adjusted),
            str(effect.n),
            "; ".join([*_numbers(effect), *map(escape, effect.notes)]) or "–",
        ]
        for effect in effects
    ]
    headers = ["effect of", "metric", "estimate [interval]", "unit", "p", "p after Holm", "n", "also"]
    return table(headers, rows, right=["p", "p after Holm", "n"])


def _numbers(effect: Effect) -> list[str]:
    shown = []
    for name, value in effect.details.items():
        if name != "tolerance" and value is not None:
            text = WORDS.get(name, name.replace("_", " "))
            in_unit = effect.unit if name.startswith(("detectable", "bca")) else ""
            shown.append(f"{escape(text)} {number(value, in_unit)}")
    return shown


def _difference(one: Difference) -> str:
    """One line: Keras' value and the value of another formula or text."""
    ours, other = (value if isinstance(value, str) else number(value) for value in (one.obtained, one.other))
    why = f" {one.why}" if one.why else ""
    return "- " + escape(f"differs from {one.source}: {one.of}: {ours}, there {other}.{why}")


def _decision(decision: Decision, rule: str = "") -> str:
    """One line: the decision of a part, or of a rule that is reported alongside."""
    effects = "; ".join(escape(f"{effect.of} {effect_words(effect)}") for effect in decision.effects)
    text = f"- {rule}{verdict_text(decision.verdict)}. {escape(decision.reason)}"
    return f"{text} ({effects})" if effects else text


def _variants(run: Run, claim: ClaimDecided) -> str:
    """The table of variants: the slide's figure, our mean, and the values of all seeds."""
    of_unit = units(run, claim)
    printed = {(figure.variant, figure.metric): figure.printed for figure in claim.published}
    rows = []
    for name, summary in [*claim.variants.items(), *_further(run, claim)]:
        unit = of_unit.get(summary.metric, "")
        slide = printed.pop((name, summary.metric), "–")
        ours, values = mean_std(summary.mean, summary.std, unit), _values(summary.values, unit)
        rows.append([escape(name), code(summary.metric), escape(slide), ours, str(summary.n), values or "–"])
    for (name, metric), slide in printed.items():
        rows.append([escape(name), code(metric), escape(slide), "–", "–", "–"])
    return table(["variant", "metric", "slide's figure", "ours", "n", "per seed"], rows, right=["n"])


def _values(values: Sequence[float | None], unit: str) -> str:
    """The value of each seed; the quantiles if there are more than MANY seeds."""
    if len(values) <= MANY:
        return ", ".join(number(value, unit) for value in values)
    known = [value for value in values if value is not None]
    if not known:
        return f"{len(values):,} without a value"
    named = zip(QUANTILES, quantiles(known), strict=True)
    listed = ", ".join(f"{100 * share:.4g} %: {number(value, unit)}" for share, value in named)
    absent = len(values) - len(known)
    return f"quantiles {listed}" + (f"; {absent:,} without a value" if absent else "")


def _further(run: Run, claim: ClaimDecided) -> list[tuple[str, Summary]]:
    """(variant, summary) of the run's trials for each slide's figure whose metric the claim does not summarise."""
    rows: list[tuple[str, Summary]] = []
    for figure in claim.published:
        name, metric = figure.variant, figure.metric
        trials = run.trials.get((claim.experiment or "", name), ())
        shown = name in claim.variants and claim.variants[name].metric == metric
        if trials and not shown:
            rows.append((name, Summary.of(metric, trials)))
    return rows


def _listed(name: str, items: Sequence[str]) -> str:
    return f"{name}:\n\n" + "\n".join(f"{i}. {escape(item)}" for i, item in enumerate(items, start=1))
