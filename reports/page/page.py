"""The page: templates, style, script, chart library and data in one file, which needs no network and no other file."""

from __future__ import annotations

import functools
import re
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup

from harness.check.compare import Changes
from harness.course import SUITE, course
from harness.errors import SuiteError
from harness.record.outcomes import ClaimState, TimeState
from harness.record.run import Run
from harness.verdict import Basis, Verdict
from reports import headline
from reports.cards import Card
from reports.changes import status as changes_status
from reports.history import History, Speed
from reports.moves import Moves
from reports.page.data import page_data, sources, to_json
from reports.slides import Snippet, slides, snippets
from reports.words import (
    MEANINGS,
    NOT_CONTRADICTED,
    STATES,
    SYMBOLS,
    backend_name,
    elapsed,
    faster_or_slower,
    first_sentence,
    metric_label,
    plural,
    seconds,
    standing_word,
)

HERE = Path(__file__).parent
PAGE = "index.html"
ANSWERS: Mapping[str, str] = {
    Verdict.SUPPORTED: "Yes.",
    NOT_CONTRADICTED: "It may be.",
    Verdict.REFUTED: "No.",
    Verdict.OUTDATED: "Not any more.",
    Verdict.NEGLIGIBLE: "A tie.",
    Verdict.INCONCLUSIVE: "Not decided.",
    Verdict.NOT_RUN: "No result.",
}
HOW: Mapping[Basis | None, str] = {
    Basis.SHOWN: "a test shows it",
    Basis.EVERY_SEED: "every seed counts: a single one to the contrary would refute it",
    Basis.NOT_CONTRADICTED: "the figure is within what one more training may give",
}


def html(
    run: Run,
    cards: Mapping[str, Card],
    history: History | None = None,
    since: Sequence[Changes] = (),
    charts: bool = True,
) -> bytes:
    """The content of the page. A page without charts has no chart library: that saves a second and 800 kB.

    Args:
        run, cards: a run with its records in catalogue order, and its cards by claim key.
        history: the earlier runs, if there are any.
        since: what differs from earlier runs: the last, then one of at least a week before.
        charts: whether it has charts.
    """
    status, anchors, speed = headline.status(run, cards), unique(cards), history.speed_of(run) if history else None
    data, shown = page_data(run, cards, anchors, history) if charts else {}, slides(run, cards)
    moves, error = Moves(), ""
    try:
        moves = Moves.read(course().baselines)
    except SuiteError as damaged:  # what does not concern this run is no reason to lose its page
        error = str(damaged)
    states = Counter((str(training.outcome.state), training.red) for training in run.trainings.values())
    despite: dict[str, list[Snippet]] = {}
    for erratum in snippets(run):
        despite.setdefault(erratum.declared.despite if erratum.declared else "", []).append(erratum)
    context: dict[str, Any] = {
        "title": course().title,
        "author": course().author,
        "option": course().option,
        "suite": SUITE,
        "run": run,
        "backend": backend_name(run.header.backend),
        "status": status,
        "mark": {"✅": "✔", "❌": "✘", "⚪": "ℹ"}[status.symbol],
        "moved": headline.moved(run),
        "alike": headline.alike(run),
        "tiles": tiles(run, cards, speed),
        "findings": wrong_by_standing(cards),
        "moves": moves,
        "moves_error": error,
        "cards": cards,
        "anchors": anchors,
        "despite": despite,
        "slides": shown,
        "pieces": [(slide.title, lines) for slide in shown for lines in slide.replaced],
        "counts": headline.counts([card for card in cards.values() if card.source != "ours"]),
        "ours": sum(card.source == "ours" for card in cards.values()),
        "here_states": [state for state in ClaimState if any(card.here is state for card in cards.values())],
        "sources": sources({card.record.id for card in cards.values()}),
        "how_sure": {key: how_sure(card) for key, card in cards.items()},
        "states": sorted(states.items(), key=lambda item: (not item[0][1], item[0][0])),
        "compared_time": compared_time(run, speed)[0],
        "charts": charts,
        "trend": data["trend"]["series"] if charts else [],
        "runs": len(data["trend"]["runs"]) if charts else 0,
        "speed": speed,
        "since": [(changes, re.sub(r"[*✅❌]|⚠ ", "", changes_status(changes)).strip()) for changes in since],
        "css": _text("page.css"),
        "script": _text("page.js"),
        "library": library() if charts and (data["claims"] or data["trend"]["series"]) else "",
        "data": Markup(to_json(data)),
    }
    return _templates().get_template("page.html").render(context).encode("utf-8", "backslashreplace")


@functools.cache
def _templates() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"plural": plural, "seconds": seconds, "sentences": first_sentence, "label": metric_label}
    made.globals |= {
        "Verdict": Verdict,
        "symbols": SYMBOLS,
        "answers": ANSWERS,
        "meanings": MEANINGS,
        "states_mean": STATES,
    }
    return made


def wrong_by_standing(cards: Mapping[str, Card]) -> dict[str, list[tuple[Card, str]]]:
    """What the lecture says that is not supported, by standing, each with its cause; refuted claims first."""
    rows = [(card, group.cause) for group in headline.findings(cards) for card in group.open]
    order = sorted({card.standing for card, _ in rows}, key=lambda standing: (standing != Verdict.REFUTED, standing))
    return {standing: [row for row in rows if row[0].standing == standing] for standing in order}


def unique(cards: Mapping[str, Card]) -> dict[str, str]:
    """The id of each card on the page by claim key: its anchor, and more if another claim has the same."""
    ids: dict[str, str] = {}
    for key, card in cards.items():
        name = card.anchor
        while name in ids.values():
            name += "-2"
        ids[key] = name
    return ids


def _text(name: str) -> Markup:
    return Markup((HERE / name).read_text(encoding="utf-8"))


@functools.cache
def library() -> Markup:
    """Vega, Vega-Lite and Vega-Embed as one script that sets ``window.vegaEmbed``."""
    import vl_convert

    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return Markup(bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--"))


class Tile(NamedTuple):
    """A figure of the first screen: what it counts, the figure, a sentence, and whether it is "good" or "bad"."""

    label: str
    figure: str
    text: str
    look: str = ""


def tiles(run: Run, cards: Mapping[str, Card], speed: Speed | None) -> tuple[Tile, Tile, Tile]:
    """Refuted claims, errata and time."""
    wrong = Counter(card.verdict for card in cards.values() if card.open)
    refuted = wrong.pop(Verdict.REFUTED, 0)
    parts = [f"{wrong[verdict]} {standing_word(verdict)}" for verdict in Verdict if wrong[verdict]]
    stated = plural(sum(card.source != "ours" for card in cards.values()), "claim")
    rest = ", ".join([f"of {stated} of the lecture", *parts]) if cards else "no claim was decided"
    red = sum(erratum.red for erratum in run.errata.values())
    mended = f"{red} of them not as stored" if red else "code and text, each with a replacement"
    mended = mended if run.errata else "no erratum was checked"
    return (
        Tile("Refuted", str(refuted), rest, "bad" if refuted else ""),
        Tile("Errata", str(len(run.errata)), mended, "bad" if red else ""),
        time_tile(run, speed),
    )


def time_tile(run: Run, speed: Speed | None) -> Tile:
    """How long the run took, and how that compares with stored times or with an earlier run."""
    if run.header.evidence:
        total = sum(trial.seconds.total for trials in run.trials.values() for trial in trials)
        return Tile("Time", elapsed(total) if total else "–", "of training, stored as evidence")
    took = run.end.seconds if run.end else None
    return Tile("Time", "–" if took is None else elapsed(took), *compared_time(run, speed))


def compared_time(run: Run, speed: Speed | None) -> tuple[str, str]:
    """How the run's times compare, as a text, and "good", "bad" or "" for how it looks: "" if no change is shown."""
    compared = [timing.comparison for timing in run.timings.values()]
    states = Counter(comparison.state for comparison in compared)
    if ratios := [of.ratio for of in compared if of.ratio and not of.of_fit]:
        slower, faster = states[TimeState.SLOWER], states[TimeState.FASTER]
        text = f"{_than(statistics.median(ratios))} stored, {slower} slower and {faster} faster of "
        return text + plural(len(ratios), "training"), "bad" if slower else "good" if faster else ""
    if speed is None:
        return "no earlier run to compare with", ""
    sure = {None: "too few earlier runs to tell from chance", True: "more than chance", False: "within chance"}
    text = _than(speed.whole.ratio) + " before"
    text += "" if text == "as fast as before" else f", {sure[speed.beyond]}"
    return text, "bad" if speed.slower else "good" if speed.faster else ""


def _than(ratio: float) -> str:
    words = faster_or_slower(ratio)
    return f"{words} {'as' if words == 'as fast' else 'than'}"


def how_sure(card: Card) -> str:
    """How sure the verdict is, in a sentence: how it was decided, seeds, and p; "" if nothing decided it."""
    if card.exact:
        return "A computation decides it: it either holds or does not."
    if not card.seeds:
        return ""
    p = card.record.decision.p
    parts = [
        f"{plural(card.seeds, 'seed')}, each a training of its own",
        HOW.get(card.basis, "") if card.verdict is not Verdict.REFUTED else "",
        "" if p is None else f"p = {p:.1g}" if p >= 1e-4 else "p < 0.0001",
    ]
    outlook = f" {card.outlook[:1].upper()}{card.outlook[1:]}." if card.outlook else ""
    return f"{'; '.join(filter(None, parts))}.{outlook}"
