"""Everything about one claim, folded away under the tables."""

from __future__ import annotations

import html
import statistics
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from harness.store import Run
from harness.verdict import Verdict
from reports.claims import anchor, figures_anchor, rests_on
from reports.evidence import units
from reports.labels import verdict_text
from reports.many import MANY, QUANTILES, quantiles
from reports.seeds import took
from reports.text import code, effect_text, effect_words, escape, mean_std, number, table

WORDS = {
    "sign_flip_p": "exact sign-flip p",
    "detectable_effect": "smallest effect this n could have shown",
    "seeds_needed": "seeds that would show the smallest effect of interest",
    "percentile": "percentile among our seeds",
}


def details(run: Run, figured: Collection[str] = ()) -> str:
    """One folded section per claim; ``figured``: the experiments that have figures, to which their claims then link."""
    if not run.claims:
        return ""
    return "## Details\n\n" + "\n\n".join(_claim(run, claim, figured) for claim in run.claims)


def _claim(run: Run, claim: Mapping[str, Any], figured: Collection[str]) -> str:
    head = f"{html.escape(claim['key'])} · {verdict_text(claim['verdict'])}"
    parts = [
        f'<a id="{anchor(claim)}"></a>\n<details><summary><code>{head.replace(" · ", "</code> · ", 1)}</summary>',
        f"**{escape(claim['statement'])}** ({escape(claim['slide'])})",
        f"- Rule: {escape(claim['rule'])}\n- Reason: {escape(claim['reason'])}" + _asides(claim, figured),
    ]
    if claim["effects"]:
        parts.append(effects_table(claim["effects"]))
    if claim.get("differences"):
        said = "\n".join(f"- {_difference(one)}" for one in claim["differences"])
        parts.append("Differences; they decide nothing:\n\n" + said)
    if claim["parts"]:
        parts.append("Parts:\n\n" + "\n".join(_decision(part) for part in claim["parts"]))
    if claim["beside"]:
        parts.append("Reported beside it; decides nothing:\n\n" + "\n".join(_decision(b) for b in claim["beside"]))
    if claim["variants"]:
        parts.append(_variants(run, claim))
    parts += [_listed(name, claim[name]) for name in ("deviations", "notes") if claim[name]]
    return "\n\n".join([*parts, "</details>"])


def _asides(claim: Mapping[str, Any], figured: Collection[str]) -> str:
    experiment, here = claim["experiment"], claim.get("here") or {}
    needed = claim["verdict"] == Verdict.INCONCLUSIVE and here.get("needed")
    facts = {
        "Evidence": here and (f"{verdict_text(here['verdict'])}, " if here["stack"] else "") + rests_on(here),
        "Seeds that would decide it": needed and f"{needed:,}",
        "Here": here and escape(". ".join(filter(None, (here["state"], here["text"])))),
        "This run's own trials say": here.get("own") and here["own"] != claim["verdict"] and verdict_text(here["own"]),
        "After Holm": claim["marker"] == "training"
        and claim["adjusted_verdict"]
        and verdict_text(claim["adjusted_verdict"]),
        "Expected": claim["expected_verdict"] and verdict_text(claim["expected_verdict"]),
        "State": claim["baseline"]["state"]
        and escape(f"{claim['baseline']['state']}. {claim['baseline']['reason'] or ''}".strip()),
        "Experiment": experiment
        and code(experiment) + (f", [its figures](#{figures_anchor(experiment)})" if experiment in figured else ""),
        "Seeds": took(claim),
    }
    return "".join(f"\n- {name}: {text}" for name, text in facts.items() if text)


def effects_table(effects: Sequence[Mapping[str, Any]]) -> str:
    """All effects of one decision."""
    rows = [
        [
            escape(effect["of"]),
            code(effect["metric"]),
            escape(effect_text(effect)),
            escape(effect["unit"]),
            number(effect["p"]),
            number(effect["p_adjusted"]),
            str(effect["n"]),
            "; ".join([*_numbers(effect), *map(escape, effect["notes"])]) or "–",
        ]
        for effect in effects
    ]
    headers = ["effect of", "metric", "estimate [interval]", "unit", "p", "p after Holm", "n", "also"]
    return table(headers, rows, right=["p", "p after Holm", "n"])


def _numbers(effect: Mapping[str, Any]) -> list[str]:
    shown = []
    for name, value in effect["details"].items():
        if name != "tolerance" and value is not None:
            text = WORDS.get(name, name.replace("_", " "))
            in_unit = effect["unit"] if name.startswith(("detectable", "bca")) else ""
            shown.append(f"{escape(text)} {number(value, in_unit)}")
    return shown


def _difference(one: Mapping[str, Any]) -> str:
    """What Keras gives beside what another formula or text gives, on one line."""
    ours, other = (value if isinstance(value, str) else number(value) for value in (one["obtained"], one["other"]))
    why = f" {one['why']}" if one["why"] else ""
    return escape(f"differs from {one['source']}: {one['of']}: {ours}, there {other}.{why}")


def _decision(decision: Mapping[str, Any]) -> str:
    """A part, or a rule beside the deciding one, on one line."""
    rule = f"{escape(decision['rule'])}: " if decision.get("rule") else ""
    effects = "; ".join(escape(f"{e['of']} {effect_words(e)}") for e in decision["effects"])
    return f"- {rule}{verdict_text(decision['verdict'])}. {escape(decision['reason'])}" + (
        f" ({effects})" if effects else ""
    )


def _variants(run: Run, claim: Mapping[str, Any]) -> str:
    """Each variant's value for every seed, beside the slide's figure."""
    of_unit = units(run, claim)
    printed: dict[tuple[str, str], str] = {(p["variant"], p["metric"]): p["printed"] for p in claim["published"]}
    rows = []
    for name, summary in [*claim["variants"].items(), *_further(run, claim)]:
        unit = of_unit.get(summary["metric"], "")
        values = _values(summary["values"], unit)
        slide = printed.pop((name, summary["metric"]), None)
        ours = mean_std(summary["mean"], summary["std"], unit)
        metric = code(summary["metric"])
        rows.append([escape(name), metric, escape(slide or "–"), ours, str(summary["n"]), values or "–"])
    for (name, metric), slide in printed.items():
        rows.append([escape(name), code(metric), escape(slide), "–", "–", "–"])
    return table(["variant", "metric", "slide's figure", "ours", "n", "per seed"], rows, right=["n"])


def _values(values: Sequence[float | None], unit: str) -> str:
    """Each seed's; of many their quantiles."""
    if len(values) <= MANY:
        return ", ".join(number(value, unit) for value in values)
    known = [value for value in values if value is not None]
    if not known:
        return f"{len(values):,} without a value"
    named = zip(QUANTILES, quantiles(known), strict=True)
    said = ", ".join(f"{share:.4g} %: {number(value, unit)}" for share, value in ((100 * q, v) for q, v in named))
    absent = len(values) - len(known)
    return f"quantiles {said}" + (f"; {absent:,} without a value" if absent else "")


def _further(run: Run, claim: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """(variant, summary) for the slide's figures of other metrics than the claim's first one, from the run's trials."""
    rows: list[tuple[str, Mapping[str, Any]]] = []
    for figure in claim["published"]:
        name, metric = figure["variant"], figure["metric"]
        trials = run.trials.get((claim["experiment"], name), ())
        if claim["variants"].get(name, {}).get("metric") == metric or not trials:
            continue
        values = [trial.metrics.get(metric) for trial in trials]
        known = [value for value in values if value is not None]
        mean = statistics.fmean(known) if known else None
        std = statistics.stdev(known) if len(known) > 1 else None
        rows.append((name, {"metric": metric, "mean": mean, "std": std, "n": len(values), "values": values}))
    return rows


def _listed(name: str, items: Sequence[str]) -> str:
    return f"{name.capitalize()}:\n\n" + "\n".join(f"{i}. {escape(item)}" for i, item in enumerate(items, start=1))
