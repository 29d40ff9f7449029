"""The page: templates, style, script, chart library and data in one file, which needs no network and no other file."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from harness.check.compare import Changes
from harness.course import SUITE, course
from harness.record.outcomes import ClaimState
from harness.record.run import Run
from harness.verdict import Verdict
from reports import headline
from reports.cards import Card
from reports.changes import status as changes_status
from reports.headline import moved
from reports.history import History
from reports.page import views
from reports.page.data import page_data, to_json
from reports.page.sources import sources
from reports.snippets import snippets
from reports.words import MEANINGS, SYMBOLS, backend_name, plural, seconds

HERE = Path(__file__).parent
PAGE = "index.html"


def html(run: Run, cards: Mapping[str, Card], history: History | None = None, since: Changes | None = None) -> bytes:
    """The content of the page. A page without charts has no chart library: that saves a second and 800 kB.

    Args:
        run, cards: a run with its records in catalogue order, and its cards by claim key.
        history: the earlier runs, if there are any.
        since: what differs from the last run.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"plural": plural, "seconds": seconds}
    environment.globals |= {"Verdict": Verdict, "symbols": SYMBOLS, "answers": views.ANSWERS, "meanings": MEANINGS}
    slides, status, anchors = views.slides(run, cards), headline.status(run, cards), unique(cards)
    data = page_data(run, cards, anchors, history)
    states = Counter((str(training.outcome.state), training.red) for training in run.trainings.values())
    despite: dict[str, list[Any]] = {}
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
        "moved": moved(run),
        "tiles": views.tiles(run, cards, history),
        "groups": [group for group in headline.findings(cards) if group.open],
        "cards": cards,
        "anchors": anchors,
        "despite": despite,
        "slides": slides,
        "pieces": [(slide.title, lines) for slide in slides for lines in slide.replaced],
        "counts": headline.counts([card for card in cards.values() if card.source != "ours"]),
        "ours": sum(card.source == "ours" for card in cards.values()),
        "here_states": [state for state in ClaimState if any(card.here is state for card in cards.values())],
        "sources": sources({card.id for card in cards.values()}),
        "how_sure": {key: views.how_sure(card) for key, card in cards.items()},
        "states": sorted(states.items(), key=lambda item: (not item[0][1], item[0][0])),
        "compared_time": views.compared_time(run, history)[0],
        "trend": data["trend"]["series"],
        "runs": len(data["trend"]["runs"]),
        "speed": views.speed(run, history),
        "since": since,
        "since_text": re.sub(r"[*✅❌]|⚠ ", "", changes_status(since)).strip() if since else "",
        "css": _text("page.css"),
        "script": _text("page.js"),
        "library": library() if data["claims"] or data["trend"]["series"] else "",
        "data": Markup(to_json(data)),
    }
    return environment.get_template("page.html").render(context).encode("utf-8", "backslashreplace")


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
