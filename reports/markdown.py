"""The Markdown of a report: what the templates of ``reports/templates`` are filled with."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jinja2
from markupsafe import Markup

from harness.claim import Finding
from harness.course import course
from harness.environment import gpu
from harness.errors import invalid
from harness.record.run import ClaimDecided, Run, RunStarted
from harness.rules.levels import STORED_SIZES
from harness.verdict import Verdict
from reports import headline
from reports.cards import ELSEWHERE, Card, anchor, cards, section_of
from reports.charts_data import QUANTILES, quantiles
from reports.headline import moved
from reports.rows import accuracies, elsewhere, trained_here
from reports.sentences import decision_text, details, difference_text, measured, name_text
from reports.snippets import Snippet, snippets
from reports.text import code, cut, escape, escape_html, fenced
from reports.times import times, timing
from reports.words import (
    MEANINGS,
    SYMBOLS,
    backend_name,
    metric_label,
    number,
    plural,
    seconds,
    state_text,
    verdict_text,
)

if TYPE_CHECKING:
    from reports.charts import Picture

REPORT, SUMMARY, ERRATA = "REPORT.md", "SUMMARY.md", "ERRATA.md"
SECTIONS, FIGURES = "sections", "figures"
LIMITS = {SUMMARY: 10_000, REPORT: 60_000}
"""Bytes that a file stays below."""
SHORTER = (240, 160, 110, 80, 50, 30, 15, 5)
"""Characters of a text in a table: the first number with which a file stays below its limit."""
ENVIRONMENT = ("keras", "python", "device_model", "instruction_set", "threads", "precision", "system")
LISTED = 10
"""Up to this many seeds a section lists the value of each; report.json has all."""


class Section(NamedTuple):
    """A slide: its claims, its errata, the figures of its experiments, and its file; "" without claims and figures."""

    title: str
    cards: list[Card]
    errata: list[Snippet]
    pictures: list[Picture]

    @property
    def file(self) -> str:
        return section_file(self.title) if self.cards or self.pictures else ""


def section_file(title: str) -> str:
    """The file of a section: "sections/5-batch-normalization.md"."""
    return f"{SECTIONS}/{'-'.join(re.findall('[a-z0-9]+', title.lower())[:3])}.md"


def sections(run: Run, shown: Mapping[str, Card], pictures: Sequence[Picture] = ()) -> list[Section]:
    """The slides with a claim, an erratum or a figure, in lecture order; what no slide names comes last."""
    grouped = {title: Section(title, [], [], []) for title in (*course().slides, ELSEWHERE)}
    places: dict[str, dict[str, None]] = {}
    for card in shown.values():
        grouped[card.section].cards.append(card)
        places.setdefault(card.experiment, {})[card.section] = None
    for erratum in snippets(run):
        grouped[section_of(erratum.label)].errata.append(erratum)
    for picture in pictures:
        for title in places.get(picture.heading, [ELSEWHERE]) if picture.heading else ():
            grouped[title].pictures.append(picture)
    return [section for section in grouped.values() if any(section[1:])]


def texts(run: Run, shown: Mapping[str, Card], holm: Mapping[str, Verdict], drawn: Sequence[Picture]) -> dict[str, str]:
    """The Markdown files by path.

    Args:
        run: the run, with adjusted p-values.
        shown: its claims.
        holm: verdicts after the adjustment, by key.
        drawn: its figures.
    """
    slides = sections(run, shown, drawn)
    context: dict[str, Any] = {
        "run": run,
        "cards": shown,
        "holm": holm,
        "sections": slides,
        "further": [section.file for section in slides if section.pictures and not section.cards],
        "overview": [picture for picture in drawn if not picture.heading],
        "accuracy": accuracies(run, ((card.experiment, row) for card in shown.values() for row in card.rows)),
        "elsewhere": functools.partial(elsewhere, run),
        "trained_here": functools.partial(trained_here, run),
        "times": functools.partial(times, run),
        "timing": timing(run),
        **_trained(run),
        **_verdicts(run, holm),
        **_environment(run),
    }
    files = {section.file: rendered("section.md.j2", context | section._asdict()) for section in slides if section.file}
    if run.errata:
        files[ERRATA] = rendered("errata.md.j2", context)
    files[SUMMARY] = _fitting(SUMMARY, context | {"linked": False})
    files[REPORT] = _fitting(REPORT, context | {"linked": True})
    return files


def findings(run: Run, known: Sequence[Finding] | None = None) -> str:
    """README's table of findings, refuted ones first, and the numbers of verdicts. Each claim of the lecture that is
    not supported has a row; of the others, the first of each known cause.

    Raises SuiteError if a finding names a claim that is not in the catalogue.
    """
    shown, known = cards(run), course().findings if known is None else known
    for key in (key for finding in known for key in finding.claims):
        if key not in shown:
            raise invalid(f"findings of {course().name}", expected="keys of claims", received=repr(key))
    order = list(SYMBOLS)
    named = [card for group in headline.findings(shown, known) for card in group.open or group.cards[:1]]
    context = {
        "named": sorted(named, key=lambda card: (not card.open, order.index(card.verdict))),
        "counted": headline.count_text(list(shown.values())),
        "few": sum(not card.exact and card.seeds < STORED_SIZES[0] for card in shown.values()),
        "least": STORED_SIZES[0],
    }
    return rendered("findings.md.j2", context)


def embed(picture: Picture, folder: str) -> Markup:
    """A figure with its caption."""
    return Markup(f"![{escape(picture.alt)}]({folder}/{picture.name})\n\n*{escape(picture.caption)}*")


def rendered(template: str, context: Mapping[str, Any]) -> str:
    """The template with the context; what is not Markdown yet becomes inert text."""
    return _templates().get_template(template).render(context).strip("\n") + "\n"


def _fitting(name: str, context: dict[str, Any]) -> str:
    """The text with the longest cells with which the file stays below its limit."""
    texts = (rendered(f"{name.lower()}.j2", context | {"most": most}) for most in SHORTER)
    text = ""
    for text in texts:
        if len(text.encode()) < LIMITS[name]:
            break
    return text


@functools.cache
def _templates() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        finalize=lambda value: value if hasattr(value, "__html__") else Markup(escape(value)),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    named = (
        anchor,
        backend_name,
        embed,
        details,
        difference_text,
        decision_text,
        measured,
        name_text,
        plural,
        seconds,
        section_file,
    )
    made.filters |= {function.__name__: function for function in (*named, repr)}
    inert: dict[str, Callable[..., str]] = {"code": code, "cut": escape, "cut_html": escape_html, "fenced": fenced}
    made.filters |= {name: _markup(function) for name, function in inert.items()} | {
        "codes": lambda names, most: Markup(", ".join(code(name, most) for name in names)),
        "label": metric_label,
        "state": lambda text, red: Markup(state_text(text, red)),
        "p": lambda value: "–" if value is None else number(float(f"{value:.2g}")),
        "unbroken": lambda text: Markup(escape(text).replace(" ", "\u00a0")),
        "verdict": verdict_text,
    }
    shared = {"alongside": _alongside, "findings": _findings, "moved": moved, "spread": spread}
    made.globals |= {"headline": headline, "meanings": MEANINGS, **shared}
    return made


def _alongside(card: Card) -> list[str]:
    return [decision_text(decision, rule) for rule, decision in card.alongside]


def _markup(function: Callable[..., str]) -> Callable[..., Markup]:
    return lambda *values: Markup(function(*values))


def _trained(run: Run) -> dict[str, int]:
    """The number of trials to the end, and of those that ``--reuse`` took from earlier runs."""
    if run.header.auto:
        trained, reused = sum(map(len, run.trials.values())), sum(run.reused.values())
    else:
        trained = sum(len(training.seeds) for training in run.trainings.values())
        reused = sum(training.reused for training in run.trainings.values())
    return {"trained": trained, "reused": reused if run.header.reuse else 0}


def _verdicts(run: Run, holm: Mapping[str, Verdict]) -> dict[str, Any]:
    """Counts of verdicts beside those of the cards: after Holm's adjustment, and in a run to the end its own."""
    claims = [claim for claim in run.claims.values() if run.header.evidence or not claim.red]
    after = [holm.get(claim.key, claim.verdict) for claim in claims]
    verdicts = {"After Holm": after} if run.header.evidence or run.header.full else {}
    if run.header.full:
        expected = [claim.comparison.expected for claim in claims if claim.comparison.expected]
        own = [claim.verdict for claim in claims]
        verdicts = {"This run's own verdicts": own, **verdicts, "Expected": expected}
    return {"verdicts": {name: headline.counted(known) for name, known in verdicts.items()}}


def _findings(cards: Mapping[str, Card]) -> list[tuple[str, str, Card | None]]:
    """The lines of a list by cause: (indent, cause, claim); the statement of a cause's only claim says it all."""
    lines: list[tuple[str, str, Card | None]] = []
    for group in headline.findings(cards):
        alone = len(group.cards) == 1
        lines += [] if alone else [("", group.cause, None)]
        lines += [("" if alone else "  ", "", card) for card in group.cards]
    return lines


def _environment(run: Run) -> dict[str, Any]:
    """The environment in a line, all of its facts, and the state of the GPU."""
    header, facts = run.header, run.header.fingerprint
    version = f"{backend_name(header.backend)} {facts.get('backend_version') or ''}".strip()
    named = [f"{name.replace('_', ' ')} {facts[name]}" for name in ENVIRONMENT if facts.get(name) is not None]
    asked = {"engine asked for": header.engine, "seeds": _seeds(header), "run": header.id, "started": header.started}
    return {
        "environment": ", ".join([version, *named, f"stack {header.stack}", f"commit {header.commit or 'unknown'}"]),
        "facts": [*facts.items(), *((name, text) for name, text in asked.items() if name != "seeds" or header.full)],
        "gpu": gpu.rows(header.gpu, run.end.gpu if run.end else None),
    }


def _seeds(header: RunStarted) -> str:
    if header.auto:
        return f"as many as each claim needs, at most {header.auto.max_seeds}"
    general = "as each experiment declares" if header.seeds is None else str(header.seeds)
    return ", ".join([general, *(f"{count} of {name}" for name, count in header.seeds_of.items())])


def spread(claim: ClaimDecided) -> list[str]:
    """The value of each seed of each variant; the quantiles if there are more than LISTED seeds."""
    lines = []
    for name, summary in claim.variants.items():
        texts, known = [*map(number, summary.values)], [value for value in summary.values if value is not None]
        if len(texts) > LISTED:
            named = zip(QUANTILES, quantiles(known), strict=True) if known else ()
            texts = [f"{100 * share:.4g} %: {number(value)}" for share, value in named]
        if texts:
            lines.append(f"{cut(name, 300)}: {', '.join(texts)}")
    return lines
