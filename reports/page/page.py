"""Writes the page: templates, style, script, chart library and data in one file."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from harness.check.compare import Changes
from harness.course import SUITE, course
from harness.domain.verdict import Verdict
from harness.record.outcomes import ClaimState
from harness.record.run import Run
from reports import headline
from reports.cards import Card
from reports.changes import status as changes_status
from reports.folders import write_atomic
from reports.history import History
from reports.moved import moved
from reports.page import views
from reports.page.data import page_data, to_json
from reports.page.sources import sources
from reports.words import MEANINGS, SYMBOLS, backend_name, elapsed, plural, seconds

HERE = Path(__file__).parent
PAGE = "index.html"


def write_page(run: Run, cards: Mapping[str, Card], out: Path, history: History | None = None) -> Path:
    """Writes ``index.html`` into the folder ``out`` and returns its path.

    The page needs no network and no other file.

    Args:
        run, cards: a run with its records in catalogue order, and its cards by claim key.
        out: the folder; it is made if it does not exist.
        history: the earlier runs, if there are any.

    Raises:
        SuiteError: the file cannot be written.
    """
    path = out / PAGE
    write_atomic(path, html(run, cards, history))
    return path


def html(run: Run, cards: Mapping[str, Card], history: History | None = None, since: Changes | None = None) -> bytes:
    """The content of the page; ``since``: what differs from the last run.

    A page without charts has no chart library: that saves a second and 800 kB.
    """
    anchors = unique(cards)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"plural": plural, "seconds": seconds, "duration": elapsed}
    environment.globals |= {
        "Verdict": Verdict,
        "symbols": SYMBOLS,
        "answers": views.ANSWERS,
        "difference": views.difference,
        "measured": views.measured,
        "lost": views.lost,
    }
    slides, status = views.slides(run, cards), headline.status(run, cards)
    data = page_data(run, cards, anchors, history)
    drawn = data["claims"] or data["trend"]["series"]
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
        "despite": views.despite(run),
        "slides": slides,
        "counts": headline.counts([card for card in cards.values() if card.source != "ours"]),
        "ours": sum(card.source == "ours" for card in cards.values()),
        "here_states": [state for state in ClaimState if any(card.here is state for card in cards.values())],
        "meanings": MEANINGS,
        "sources": sources({card.id for card in cards.values()}),
        "how_sure": {key: views.how_sure(card) for key, card in cards.items()},
        "states": views.states(run),
        "compared_time": views.compared_time(run, history)[0],
        "trend": data["trend"]["series"],
        "runs": len(data["trend"]["runs"]),
        "speed": views.speed(run, history),
        "since": since,
        "since_text": re.sub(r"[*✅❌]|⚠ ", "", changes_status(since)).strip() if since else "",
        "css": _text("page.css"),
        "script": _text("page.js"),
        "library": library() if drawn else "",
        "data": Markup(to_json(data)),
    }
    return environment.get_template("page.html").render(context).encode("utf-8", "backslashreplace")


def unique(cards: Mapping[str, Card]) -> dict[str, str]:
    """The id of each card on the page by claim key: its anchor, with a number if another claim has the same."""
    taken: set[str] = set()
    found = {}
    for key, card in cards.items():
        name = card.anchor or "claim"
        found[key] = next(one for one in (name, *_numbered(name)) if one not in taken)
        taken.add(found[key])
    return found


def _numbered(name: str) -> Iterable[str]:
    return (f"{name}-{number}" for number in range(2, 10_000))


def _text(name: str) -> Markup:
    return Markup((HERE / name).read_text(encoding="utf-8"))


@functools.cache
def library() -> Markup:
    """Vega, Vega-Lite and Vega-Embed as one script that sets ``window.vegaEmbed``."""
    import vl_convert

    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return Markup(bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--"))
