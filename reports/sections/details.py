"""The file of a section: its table of claims, its figures, and the details of each claim, folded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from harness.domain.verdict import Decision, Difference, Effect, Verdict
from harness.record.run import ClaimDecided, Run
from reports.cards import Card
from reports.figures.many import QUANTILES, quantiles
from reports.sections.accuracy import compared, slide_and_ours
from reports.sections.claims import row_name
from reports.sections.links import FIGURES, REPORT
from reports.sections.seeds import seeds_detail
from reports.sentences import compared as in_words
from reports.sentences import measured, name_text
from reports.text import escape, escape_html, fenced, table
from reports.words import metric_label, number, plural, state_text, verdict_text

if TYPE_CHECKING:
    from reports.figures.picture import Picture

MOST = 300
"""Characters of a text in a table."""
WORDS = {
    "detectable_effect": "smallest effect that n seeds show",
    "percentile": "percentile among our seeds",
    "published": "slide",
}
"""Names of an effect's details."""
INTERVALS = {"plain_low": "95 % interval"}
LISTED = 10
"""Up to this many seeds a section lists the value of each; report.json has all."""


def section_page(
    run: Run, section: str, cards: Sequence[Card], holm: Mapping[str, Verdict], pictures: Sequence[Picture]
) -> str:
    """The text of a section's file. ``holm``: see ``reports.write.adjusted``."""
    parts = [f"# {escape(section)}", f"[The whole report](../{REPORT})"]
    parts += [_claim(run, card, holm.get(card.key)) for card in cards]
    if pictures:
        parts += ["## Figures", *(embed(picture, f"../{FIGURES}") for picture in pictures)]
    return "\n\n".join(parts) + "\n"


def embed(picture: Picture, folder: str) -> str:
    """A figure with its caption."""
    return f"![{escape(picture.alt)}]({folder}/{picture.name})\n\n*{escape(picture.caption)}*"


def _claim(run: Run, card: Card, holm: Verdict | None) -> str:
    claim, decision = run.claims[card.key], card.decision
    summary = escape_html(f"{verdict_text(card.standing)} · {card.statement}")
    parts = [
        f'<a id="{card.anchor}"></a>\n<details><summary>{summary}</summary>',
        escape(card.sentence) + (f" In images: {card.images}." if card.images else ""),
        _facts(claim, card, holm),
    ]
    if decision.effects:
        parts.append(_effects(decision.effects))
    if card.rows:
        name = card.experiment or ""
        rows = [[row_name(row, MOST), *slide_and_ours(row), compared(run, name, row)] for row in card.rows]
        last = "other stacks" if run.header.evidence else "evidence → here"
        parts.append(table(["variant", "slide", "ours", last], rows, right=["slide", "ours", last]))
    if spread := _spread(claim):
        parts.append(spread)
    if decision.parts:  # their effects stand in the table above
        parts.append(_listed("Parts", [_decision(replace(part, effects=())) for part in decision.parts]))
    if card.alongside:
        parts.append(_listed("Reported alongside", [_decision(one.decision, one.rule) for one in card.alongside]))
    if decision.differences:
        parts.append(_listed("Differences; they decide nothing", map(_difference, decision.differences)))
    if card.deviations:
        parts.append(_listed("Deviations from the slide", map(escape, card.deviations)))
    if card.notes:
        parts.append(_listed("Notes", map(escape, card.notes)))
    return "\n\n".join([*parts, "To repeat it:\n\n" + fenced(card.command, "sh"), "</details>"])


def _facts(claim: ClaimDecided, card: Card, holm: Verdict | None) -> str:
    """One line each for the rule, the evidence, this machine's result, the state, and what a slide could say."""
    trained = f"{plural(card.seeds, 'seed')} of {card.stack}" if card.stack else "nothing yet"
    facts = {
        "Slide": card.label + (f": “{card.quote}”" if card.quote else ""),
        "Who says it": card.who,
        "Claim": card.key,
        "Rule": card.rule,
        "Reason": "" if card.decision.parts else card.reason,
        "Rests on": "a computation" if card.exact else trained,
        "Decided": str(card.basis or ""),
        "Undecided": card.outlook,
        "On this machine": ". ".join(filter(None, (str(card.here or ""), card.here_text))),
        "This run's own trials say": verdict_text(card.own) if card.own else "",
        "After Holm": verdict_text(holm) if holm and not card.exact and holm is not claim.verdict else "",
        "Seeds": seeds_detail(claim),
        "Say instead": card.say_instead,
        "Experiment": card.experiment or "",
    }
    comparison, own = claim.comparison, claim.here.own if claim.here else None
    if own and not card.own and own is not card.verdict:
        facts["This run's own trials say"] = verdict_text(own)
    lines = [f"- {name}: {escape(text)}" for name, text in facts.items() if text]
    expected = f", expected {verdict_text(comparison.expected)}" if card.expected and comparison.expected else ""
    state = state_text(comparison.state, card.red) + expected
    reason = ". ".join(escape(text) for text in (comparison.reason, card.error) if text)
    return "\n".join([*lines, f"- State: {state}" + (f". {reason}" if reason else "")])


def _effects(effects: Sequence[Effect]) -> str:
    rows = [
        [
            escape(name_text(effect), MOST) + (f"<br>{metric_label(effect.metric)}" if effect.metric else ""),
            escape(measured(effect), MOST),
            _p(effect.p) + ("" if effect.p_adjusted is None else f"<br>{_p(effect.p_adjusted)} after Holm"),
            "<br>".join([f"n = {effect.n:,}", *_numbers(effect), *(escape(note, MOST) for note in effect.notes)]),
        ]
        for effect in effects
    ]
    return table(["effect", "estimate [interval]", "p", "also"], rows, right=["estimate [interval]", "p"])


def _p(value: float | None) -> str:
    return "–" if value is None else number(float(f"{value:.2g}"))


def _numbers(effect: Effect) -> list[str]:
    shown = []
    for name, value in effect.details.items():
        if value is None or name.endswith("_high"):
            continue
        in_unit = effect.unit if name.startswith(("detectable", "plain", "published")) else ""
        text = number(value, in_unit)
        if name in INTERVALS:
            text += f" to {number(effect.details.get(name.replace('_low', '_high')), in_unit)}"
        if name == "confidence":
            shown.append(f"at {100 * value:.4g} %")
        else:
            known = {**WORDS, **INTERVALS}.get(name, name.replace("_", " "))
            shown.append(f"{escape(known, MOST)} {text}")
    return shown + [f"chance that {seeds} seeds decide {number(chance)}" for seeds, chance in effect.chances.items()]


def _spread(claim: ClaimDecided) -> str:
    """The value of each seed; the quantiles if there are more than LISTED seeds."""
    lines = []
    for name, summary in claim.variants.items():
        known = [value for value in summary.values if value is not None]
        if len(summary.values) <= LISTED:
            text = ", ".join(number(value) for value in summary.values)
        else:
            named = zip(QUANTILES, quantiles(known), strict=True) if known else ()
            text = ", ".join(f"{100 * share:.4g} %: {number(value)}" for share, value in named)
        if text:
            lines.append(f"{escape(name, MOST)}: {text}")
    return _listed("Each seed, or the quantiles of many", lines) if lines else ""


def _difference(one: Difference) -> str:
    """One line: Keras' value and the value of another formula or text."""
    ours, other = (value if isinstance(value, str) else number(value) for value in (one.obtained, one.other))
    why = f" {one.why}" if one.why else ""
    return escape(f"differs from {one.source}: {one.of}: {ours}, there {other}.{why}")


def _decision(decision: Decision, rule: str = "") -> str:
    """One line: the decision of a part, or of a rule that is reported alongside."""
    effects = "; ".join(escape(in_words(effect), MOST) for effect in decision.effects)
    named = f"{escape(rule, MOST)}: " if rule else ""
    text = f"{named}{verdict_text(decision.verdict)}. {escape(decision.reason)}"
    return f"{text} ({effects})" if effects else text


def _listed(name: str, items: Sequence[str] | map[str]) -> str:
    return f"{name}:\n\n" + "\n".join(f"- {item}" for item in items)
