"""What every form of the report shows of a claim: one card per claim, made from a run's records alone."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping, Sequence

import msgspec

from harness.course import INSTALLED, SUITE, course
from harness.domain.trial import Trial
from harness.domain.verdict import Decision, Effect, Verdict
from harness.record.outcomes import ClaimState
from harness.record.run import Alongside, ClaimDecided, MetricDeclared, Run, Summary
from reports import wording
from reports.sections.effects import effects_by_relevance
from reports.text import plural, printed

ELSEWHERE = "Elsewhere"
"""The section of what no slide of the course names."""
LONGEST_ANCHOR = 60


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One variant of a claim: the slide's figure and ours.

    Attributes:
        variant, metric, unit: what was measured.
        slide: the slide's figure as printed; "" if it prints none.
        mean, std: over the seeds with a value; None with too few.
        seeds: the number of seeds.
        diverged, collapsed, censored: number of seeds whose loss was nan or infinite or blew up; whose accuracy stayed
            at chance; that trained and have no value, as they never reached the target (of trials that the run's record
            lacks, all seeds without a value).
        difference: our mean minus the slide's figure; None without either.
    """

    variant: str
    metric: str
    unit: str
    slide: str = ""
    mean: float | None
    std: float | None
    seeds: int
    diverged: int = 0
    collapsed: int = 0
    censored: int = 0
    difference: float | None = None


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """One claim.

    Attributes:
        key, id, case, label, statement, rule, experiment, deviations, notes, error: as in ``ClaimDecided``; ``label``
            is its ``slide``.
        anchor: the id of its card in every form of the report.
        slides: the titles of the slides that state it.
        exact: whether a computation decides it, and no training.
        verdict: the headline verdict: that of the evidence, if there is evidence; else that of the run.
        stack, seeds: what the verdict rests on: "" and 0 for an exact claim, and for a run's own verdict its stack.
        here: how far this machine confirms it; None if nothing was compared.
        here_text: what was trained here, and how it compares.
        own: the verdict of the run's own trials, if it decided anew and differs.
        expected: the expected verdict, if it differs from the verdict that the run found.
        red: whether its test fails.
        sentence: "Slide: +0.42 points. Here: +0.27 points [0.12, 0.43], 30 seeds."
        slide_figure: the slide's figure of the deciding effect; "" if neither the claim nor a sibling prints one.
        of: what the deciding effect compares ("dropout 0.2 − 5 relu xavier"); "" for an exact claim.
        measured: our figure of it, with its interval; "" for an exact claim.
        images: the effect in images; "" if it is no difference of accuracies.
        power: what an undecided claim lacks.
        say_instead: what a slide could say in place of a refuted or undecided claim; "" for any other claim.
        reason: the rule's own words.
        rows: its variants.
        decision, alongside: as in ``ClaimDecided``.
        command: repeats the claim.
    """

    key: str
    anchor: str
    id: str
    case: str
    label: str
    slides: tuple[str, ...]
    statement: str
    rule: str
    exact: bool
    verdict: Verdict
    stack: str
    seeds: int
    here: ClaimState | None
    here_text: str
    own: Verdict | None
    expected: Verdict | None
    red: bool
    sentence: str
    slide_figure: str
    of: str
    measured: str
    images: str
    power: str
    say_instead: str
    reason: str
    rows: tuple[Row, ...]
    decision: Decision
    alongside: tuple[Alongside, ...]
    experiment: str | None
    deviations: tuple[str, ...]
    notes: tuple[str, ...]
    error: str
    command: str

    @property
    def section(self) -> str:
        """The slide that it is reported with: the first of its slides, or ELSEWHERE."""
        return section_of(self.label)


def section_of(label: str) -> str:
    """The slide that a claim or an erratum with this label is reported with."""
    return next(iter(course().slides_of(label)), ELSEWHERE)


def cards(run: Run) -> dict[str, Card]:
    """The card of each claim by key, in lecture order."""
    slide_values = _slide_values(run)
    return {claim.key: _card(run, claim, slide_values) for claim in run.claims.values()}


def anchor(key: str) -> str:
    """The id of a claim's card: its key, with a hyphen for other characters than letters and digits of ASCII.

    A digest of the key replaces what this leaves out of a long key, or of one without such a character.
    """
    name = re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")
    if name and len(name) <= LONGEST_ANCHOR:
        return name
    return f"{name[:LONGEST_ANCHOR]}-{hashlib.sha256(key.encode(errors='replace')).hexdigest()[:8]}".strip("-")


def command(claim: ClaimDecided) -> str:
    """The command that repeats a claim alone, in a clone or with the installed package."""
    if re.fullmatch(r"[a-z0-9-]+", claim.key):
        return f"pytest {SUITE}{course().option} -k {claim.key}"
    name = "claims" if claim.experiment else "exact"
    module = f"suite.test_{name}" if INSTALLED else f"suite/test_{name}.py"
    test = shlex.quote(f"{module}::test_{name}[{claim.key}]")
    return f"pytest {'--pyargs ' if INSTALLED else ''}{test}{course().option}"


_Slides = Mapping[tuple[str, str, str], tuple[str, float]]
"""The slide's figure, as printed and as a number, by experiment, variant and metric."""


def _slide_values(run: Run) -> dict[tuple[str, str, str], tuple[str, float]]:
    """The run's figures; of sibling claims that the run has not decided, the catalogue's."""
    known = {
        (claim.experiment.id, variant, metric): (figure.printed, figure.value)
        for claim in course().claims
        if claim.experiment is not None
        for (variant, metric), figure in claim.figures.items()
    }
    return known | {
        (claim.experiment, one.variant, one.metric): (one.printed, one.value)
        for claim in run.claims.values()
        if claim.experiment is not None
        for one in claim.published
    }


def _card(run: Run, claim: ClaimDecided, slides: _Slides) -> Card:
    here = claim.here
    stored = here is not None and bool(here.stack)
    verdict = here.verdict if here is not None and stored else claim.verdict
    effect = next(iter(effects_by_relevance(claim)), None)
    metric = _metric(run, claim, effect)
    slide_figure = _slide_figure(claim, effect, slides)
    ours = "" if effect is None or claim.marker == "exact" else wording.measured(effect, metric)
    seeds = here.seeds if here is not None and stored else max((one.n for one in claim.variants.values()), default=0)
    expected = claim.comparison.expected
    return Card(
        key=claim.key,
        anchor=anchor(claim.key),
        id=claim.id,
        case=claim.case,
        label=claim.slide,
        slides=course().slides_of(claim.slide),
        statement=claim.statement,
        rule=claim.rule,
        exact=claim.marker == "exact",
        verdict=verdict,
        stack=here.stack if here is not None and stored else run.header.stack if claim.variants else "",
        seeds=seeds,
        here=here.state if here else None,
        here_text=here.text if here else "",
        own=claim.verdict if stored and claim.verdict is not verdict else None,
        expected=expected if expected is not None and expected is not claim.verdict else None,
        red=claim.red,
        sentence=_sentence(claim, effect, slide_figure, ours, seeds),
        slide_figure=slide_figure,
        of=wording.name_text(effect).partition(": seeds ")[0] if ours and effect else "",
        measured=ours,
        images=wording.images(effect, metric) if effect else "",
        power=wording.power(claim, effect),
        say_instead=wording.say_instead(claim, verdict, effect, metric, slide_figure),
        reason=claim.decision.reason,
        rows=tuple(_rows(run, claim, slides)),
        decision=claim.decision,
        alongside=claim.alongside,
        experiment=claim.experiment,
        deviations=claim.deviations,
        notes=claim.notes,
        error=claim.error,
        command=command(claim),
    )


def _metric(run: Run, claim: ClaimDecided, effect: Effect | None) -> MetricDeclared | None:
    declared = run.experiments.get(claim.experiment or "")
    if declared is None or effect is None:
        return None
    return next((one for one in declared.metrics if one.name == effect.metric), None)


def _slide_figure(claim: ClaimDecided, effect: Effect | None, slides: _Slides) -> str:
    """The slide's figure of the effect: printed, or the difference of two printed ones, of a sibling claim too."""
    if effect is None or claim.experiment is None:
        return ""
    if (published := effect.details.get("published")) is not None:
        same = [one.printed for one in claim.published if one.value == published]
        return printed(same[0]) if same else wording.value_text(effect, published)
    first, minus, second = effect.of.partition(" − ")
    pair = [slides.get((claim.experiment, variant, effect.metric)) for variant in (first, second)]
    if minus and pair[0] and pair[1]:
        return wording.value_text(effect, pair[0][1] - pair[1][1])
    return ""


def _sentence(claim: ClaimDecided, effect: Effect | None, slide: str, ours: str, seeds: int) -> str:
    if claim.marker == "exact":
        if claim.verdict is Verdict.SUPPORTED:
            return "A computation confirms it."
        return f"Computed: {claim.decision.reason}"
    if not ours or effect is None:
        return claim.decision.reason
    name = wording.name_text(effect).partition(": seeds ")[0]
    counted = "" if " seed" in ours else f", {plural(seeds, 'seed')}"
    return (f"Slide: {slide}. " if slide else "") + f"Here: {f'{name}: ' if name else ''}{ours}{counted}."


def _rows(run: Run, claim: ClaimDecided, slides: _Slides) -> list[Row]:
    declared = run.experiments.get(claim.experiment or "")
    units = {one.name: one.unit for one in declared.metrics} if declared else {}
    summaries = list(claim.variants.items())
    for one in claim.published:
        trials = run.trials.get((claim.experiment or "", one.variant), ())
        if trials and all((name, summary.metric) != (one.variant, one.metric) for name, summary in summaries):
            summaries.append((one.variant, Summary.of(one.metric, trials)))
    return [_row(run, claim, name, summary, units.get(summary.metric, ""), slides) for name, summary in summaries]


def _row(run: Run, claim: ClaimDecided, variant: str, summary: Summary, unit: str, slides: _Slides) -> Row:
    slide = slides.get((claim.experiment or "", variant, summary.metric))
    trials = run.trials.get((claim.experiment or "", variant), ())[: summary.n]
    if len(trials) < summary.n:  # the summary is of stored trials, which the run's record lacks
        trials = ()
    diverged, collapsed = failures(trials)
    absent = [one for one in trials if one.divergence is None and one.metrics.get(summary.metric) is None]
    return Row(
        variant=variant,
        metric=summary.metric,
        unit=unit,
        slide=printed(slide[0]) if slide else "",
        mean=summary.mean,
        std=summary.std,
        seeds=summary.n,
        diverged=diverged,
        collapsed=collapsed,
        censored=len(absent) if trials else summary.values.count(None),
        difference=summary.mean - slide[1] if slide and summary.mean is not None else None,
    )


def failures(trials: Sequence[Trial]) -> tuple[int, int]:
    """The number of trials that diverged (nan, infinite, blown up), and of those that collapsed (stuck at chance)."""
    kinds = [one.divergence.kind for one in trials if one.divergence]
    collapsed = kinds.count("stuck at chance")
    return len(kinds) - collapsed, collapsed
