"""Which of a claim's effects a table shows, and its figures beside the slide's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.store import Run
from harness.verdict import Verdict
from reports.text import code, effect_text, escape, lines, mean_std

Claim = Mapping[str, Any]
Effect = Mapping[str, Any]


def telling_effects(claim: Claim) -> list[Effect]:
    """A claim's effects, those first that its verdict rests on.

    Of a claim made of parts, the effects of the parts with its verdict. Of several comparisons that must all hold (they
    point so that a positive difference supports) a reversed one where they are refuted, the clearest first; else the
    weakest first, since a conjunction is as strong as its weakest part. Of an exact claim the error nearest to its
    tolerance, or farthest beyond it.
    """
    deciding = [part for part in claim["parts"] if part["verdict"] == claim["verdict"]]
    effects: list[Effect] = [effect for part in deciding for effect in part["effects"]] or list(claim["effects"])
    if claim["marker"] != "training":
        return sorted(effects, key=_closeness_to_tolerance, reverse=True)
    if claim["verdict"] != Verdict.REFUTED:
        return sorted(effects, key=_p, reverse=True)
    return sorted(effects, key=lambda effect: (not _reversed(effect), _p(effect)))


def _p(effect: Effect) -> float:
    """0 where no test was made: without variance the difference decides alone."""
    return 0.0 if effect["p"] is None else float(effect["p"])


def _reversed(effect: Effect) -> bool:
    null = 1.0 if effect["unit"] == "ratio" else 0.0
    return effect["estimate"] is not None and effect["estimate"] < null


def _closeness_to_tolerance(effect: Effect) -> float:
    """Error in units of its tolerance; an error without a number (of kind, not of size) is the largest of all."""
    error, tolerance = effect["estimate"], (effect.get("details") or {}).get("tolerance") or 0.0
    if error is None:
        return float("inf")
    return error / tolerance if tolerance else error * 1e300


def effects_cell(claim: Claim, most: int = 1) -> str:
    """The most telling effects with their intervals, named where there are several."""
    effects = telling_effects(claim)
    named = len(claim["effects"]) > 1 or len(claim["parts"]) > 1
    return lines([(f"{escape(e['of'])}: " if named else "") + effect_text(e) for e in effects], most)


def units(run: Run, claim: Claim) -> dict[str, str]:
    """Unit by metric of the claim's experiment; empty where it has none."""
    experiment = run.experiments.get(claim["experiment"] or "")
    return {metric["name"]: metric["unit"] for metric in experiment["metrics"]} if experiment else {}


def ours_cell(run: Run, claim: Claim, most: int = 3) -> str:
    """Mean ± standard deviation over seeds of each variant, with n once where it is the same for all."""
    of_unit = units(run, claim)
    variants: Sequence[tuple[str, Mapping[str, Any]]] = list(claim["variants"].items())
    counts = {summary["n"] for _, summary in variants}
    shown = []
    for name, summary in variants:
        text = f"{escape(name)}: {_result(summary, of_unit.get(summary['metric'], ''))}"
        shown.append(text if len(counts) == 1 else f"{text} (n = {summary['n']})")
    cell = lines(shown, most)
    return f"{cell}<br>n = {counts.pop()}" if len(counts) == 1 else cell


def _result(summary: Mapping[str, Any], unit: str) -> str:
    """Mean ± standard deviation, or how many seeds have no value (diverged, or the target never reached)."""
    without = sum(value is None for value in summary["values"])
    if summary["mean"] is None and without:
        return f"no value in {without} of {summary['n']} seeds"
    return mean_std(summary["mean"], summary["std"], unit)


def published_cell(claim: Claim, most: int = 3) -> str:
    """The slide's figures as printed; the metric is named where it is not the accuracy on the validation set."""
    shown = []
    for figure in claim["published"]:
        metric = "" if figure["metric"] == "val_accuracy" else f" {code(figure['metric'])}"
        shown.append(f"{escape(figure['variant'])}{metric}: {escape(figure['printed'])}")
    return lines(shown, most)


def seeds_of(claim: Claim) -> int | None:
    """The number of seeds its effects rest on; None for a claim that needs none."""
    counts = [effect["n"] for effect in telling_effects(claim)] or [v["n"] for v in claim["variants"].values()]
    return None if claim["marker"] == "exact" or not counts else max(counts)
