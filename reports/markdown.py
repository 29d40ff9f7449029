"""The Markdown of a report: what the templates of ``reports/templates`` are filled with."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import numpy as np
from markupsafe import Markup

from harness.claim import Finding
from harness.course import course
from harness.environment import gpu
from harness.errors import invalid
from harness.record.run import ClaimDecided, Run, RunStarted
from harness.rules.levels import STORED_SIZES
from harness.verdict import Verdict
from reports import headline
from reports.cards import Card, anchor, cards
from reports.charts_data import QUANTILES
from reports.headline import moved
from reports.sentences import (
    Row,
    decision_text,
    details,
    difference_text,
    in_words,
    measured,
    name_text,
    unit_of,
    variant_words,
)
from reports.slides import slides
from reports.times import times, timing
from reports.words import (
    MEANINGS,
    SYMBOLS,
    backend_name,
    code,
    cut,
    escape,
    escape_html,
    fenced,
    first_sentence,
    mean_std,
    metric_label,
    number,
    plural,
    release,
    seconds,
    state_text,
    verdict_text,
)

if TYPE_CHECKING:
    from reports.charts import Picture

REPORT, SUMMARY, ERRATA, FIGURES = "REPORT.md", "SUMMARY.md", "ERRATA.md", "figures"
LIMITS = {SUMMARY: 10_000, REPORT: 60_000}
"""Bytes that a file stays below."""
SHORTER = (240, 160, 110, 80, 50, 30, 15, 5)
"""Characters of a text in a table: the first number with which a file stays below its limit."""
ENVIRONMENT = ("keras", "python", "device_model", "instruction_set", "threads", "precision", "system")
METRICS = ("val_accuracy", "accuracy")
MOST = 40
"""Rows of a table; those without a figure of the slide go first. The files of the sections have all."""
Line = tuple[str, str, Card | None]
"""Of a list by cause: indent, cause, claim."""
LISTED = 10
"""Up to this many seeds a section lists the value of each; report.json has all."""


def texts(run: Run, shown: Mapping[str, Card], holm: Mapping[str, Verdict], drawn: Sequence[Picture]) -> dict[str, str]:
    """The Markdown files by path.

    Args:
        run: the run, with adjusted p-values.
        shown: its claims.
        holm: verdicts after the adjustment, by key.
        drawn: its figures.
    """
    sections = [slide for slide in slides(run, shown, drawn) if slide.cards or slide.errata or slide.pictures]
    context: dict[str, Any] = {
        "run": run,
        "cards": shown,
        "file_of": {card.key: file for section in sections for file, own in section.files.items() for card in own},
        "holm": holm,
        "sections": sections,
        "further": [section.file for section in sections if section.pictures and not section.cards],
        "overview": [picture for picture in drawn if not picture.heading],
        "elsewhere": functools.partial(elsewhere, run),
        "trained_here": functools.partial(trained_here, run),
        "times": functools.partial(times, run),
        "timing": timing(run),
        **_trained(run),
        **_verdicts(run, holm),
        **_environment(run),
    }
    files = {
        file: rendered("section.md.j2", context | vars(section) | {"cards": own, "file": file, "files": section.files})
        for section in sections
        for file, own in section.files.items()
    }
    if run.errata:
        files[ERRATA] = rendered("errata.md.j2", context)
    files[SUMMARY] = _fitting(SUMMARY, context | {"linked": False})
    files[REPORT] = _fitting(REPORT, context | {"linked": True})
    return files


def findings(run: Run, known: Sequence[Finding] | None = None) -> str:
    """README's table of the lecture's claims that are refuted, outdated or a tie, and the numbers of verdicts.

    Raises SuiteError if a finding names a claim that is not in the catalogue.
    """
    shown, known = cards(run), course().findings if known is None else known
    for key in (key for finding in known for key in finding.claims):
        if key not in shown:
            raise invalid(f"findings of {course().name}", expected="keys of claims", received=repr(key))
    order = list(SYMBOLS)
    wrong = [card for group in headline.findings(shown, known) for card in group.open]
    context = {
        "named": sorted(
            (c for c in wrong if c.verdict is not Verdict.INCONCLUSIVE), key=lambda c: order.index(c.verdict)
        ),
        "counted": headline.count_text(list(shown.values())),
        "few": sum(not card.exact and card.seeds < STORED_SIZES[0] for card in shown.values()),
        "least": STORED_SIZES[0],
    }
    return rendered("findings.md.j2", context)


def claim_page(run: Run, card: Card, holm: Mapping[str, Verdict]) -> str:
    """A page on one claim: what a section says of it, and the code that declares it."""
    from reports.page.data import sources

    source = sources([card.record.id]).get(card.record.id)
    context = {"run": run, "card": card, "holm": holm, "source": source, "elsewhere": functools.partial(elsewhere, run)}
    return rendered("claim.md.j2", context)


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
        in_words,
        measured,
        name_text,
        plural,
        seconds,
        first_sentence,
    )
    made.filters |= {function.__name__: function for function in (*named, repr)}
    inert: dict[str, Callable[..., str]] = {
        "code": code,
        "cut": escape,
        "cut_html": escape_html,
        "fenced": fenced,
        "release": release,
    }
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
    own = [claim.verdict for claim in claims]
    after = [holm.get(claim.key, claim.verdict) for claim in claims]
    adjusted = "no verdict changes" if own and after == own else headline.counted(after)
    verdicts = {"After Holm's correction for many claims": adjusted} if run.header.evidence or run.header.full else {}
    if run.header.full:
        expected = [claim.comparison.expected for claim in claims if claim.comparison.expected]
        verdicts = {
            "This run's own verdicts": headline.counted(own),
            **verdicts,
            "Expected": headline.counted(expected),
        }
    return {"verdicts": verdicts}


def _findings(cards: Mapping[str, Card]) -> tuple[list[Line], list[Line]]:
    """The lines of a list by cause; first those of causes with a refuted claim, then the others.

    The statement of a cause's only claim says it all.
    """
    lines: tuple[list[Line], list[Line]] = [], []
    for group in headline.findings(cards):
        alone, own = len(group.cards) == 1, lines[not any(card.finding for card in group.cards)]
        own += [] if alone else [("", group.cause, None)]
        own += [("" if alone else "  ", "", card) for card in group.cards]
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
            named = zip(QUANTILES, np.quantile(known, QUANTILES).tolist(), strict=True) if known else ()
            texts = [f"{100 * share:.4g} % are below {number(value)}" for share, value in named]
        if texts:
            lines.append(f"{cut(variant_words(claim.experiment or '', name), 300)}: {', '.join(texts)}")
    return lines


def trained_here(run: Run, most: int) -> tuple[Markup, int, int] | None:
    """What this machine trained to the end, beside the same seeds of the evidence; None for a report of evidence.

    Returns a table, how many trainings it leaves out, and how many were not trained to the end. ``most``: characters of
    a name.
    """
    from pandas import DataFrame

    ended = [training for training in run.trainings.values() if training.summary.n and run.trials.get(training.key)]
    if run.header.evidence or not ended:
        return None
    ended.sort(key=lambda training: (not training.red, training.summary.metric not in METRICS))
    rows = []
    for training in ended[:MOST]:
        metric, stored = training.summary.metric, training.stored_seconds
        unit = unit_of(training.experiment, metric)
        here = statistics.fmean(trial.seconds.total for trial in run.trials[training.key])
        names = escape("/".join(training.key), most), escape(metric_label(metric))
        means = number(training.stored_mean, unit), number(training.summary.mean, unit)
        state = state_text(training.outcome.state, training.red)
        ratio = f"{here / stored:.2f}" if stored and here else "–"
        rows.append((*names, *means, state, seconds(stored), seconds(here), ratio))
    headers = ("training", "metric", "stored", "here", "state", "s stored", "s here", "ratio")
    numbers = ("stored", "here", "s stored", "s here", "ratio")
    sides = ["right" if name in numbers else "left" for name in headers]
    text = DataFrame(rows, columns=headers).to_markdown(index=False, disable_numparse=True, colalign=sides)
    return Markup(text), max(len(ended) - MOST, 0), len(run.trainings) - len(ended)


def elsewhere(run: Run, experiment: str, row: Row) -> Markup:
    """A variant as it was stored and as it is here; in a report of evidence its result on other stacks."""
    if run.header.evidence:
        lines = [
            escape(f"{other.stack}: {mean_std(other.mean, other.std, row.unit)}, {plural(other.n, 'seed')}")
            for other in run.header.other_stacks
            if (other.experiment, other.variant, other.metric) == (experiment, row.variant, row.metric)
        ]
        return Markup("<br>".join(lines) or "–")
    training = run.trainings.get((experiment, row.variant))
    if training is None:
        return Markup("not trained")
    outcome, lines = training.outcome, [state_text(training.outcome.state, training.red)]
    if outcome.to_the_end:
        for anchor in outcome.anchors[:3]:
            before, now = (number(value, unit_of(experiment, anchor.metric)) for value in (anchor.before, anchor.now))
            lines.append(f"seed {anchor.seed}: {before} → {now}")
    elif outcome.steps:
        lines[0] += f", {plural(outcome.steps, 'step')} of {plural(outcome.seeds, 'seed')}"
    return Markup("<br>".join(lines))
