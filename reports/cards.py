"""What every form of the report shows of a claim: one card per claim, a run's record joined with the course."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from harness.course import INSTALLED, SUITE, course
from harness.domain.claim import Claim, Source
from harness.domain.erratum import Differs, Erratum, Outcome, plain
from harness.domain.model import Figure, Metric, Trial
from harness.domain.verdict import Basis, Decision, Effect, Verdict
from harness.record.outcomes import ClaimState
from harness.record.run import ClaimDecided, ErratumChecked, Run, Summary
from reports import sentences
from reports.effects import main_effects
from reports.words import mean_std, metric_label, number, plural, points, power_of_ten, printed, standing

ELSEWHERE = "Elsewhere"
"""The section of what no slide of the course names."""
LONGEST_ANCHOR = 60
GONE = "The course no longer has it."
OTHER_RULE = "The course decides it by another rule now."


class Alongside(NamedTuple):
    """A rule that is reported alongside the deciding rule, in words, and its decision."""

    rule: str
    decision: Decision


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

    @property
    def name(self) -> str:
        """The variant, and its metric unless that is the validation accuracy."""
        return self.variant + ("" if self.metric == "val_accuracy" else f" ({metric_label(self.metric)})")

    @property
    def value(self) -> str:
        """Mean ± standard deviation, the number of seeds, and how many of them failed."""
        failed = {"diverged": self.diverged, "collapsed": self.collapsed, "without a value": self.censored}
        parts = [mean_std(self.mean, self.std, self.unit), plural(self.seeds, "seed")]
        return ", ".join([*parts, *(f"{count:,} {how}" for how, count in failed.items() if count)])

    @property
    def to_slide(self) -> str:
        """Our mean minus the slide's figure; "" without either."""
        if self.difference is None:
            return ""
        if self.unit == "fraction":
            return points(self.difference)
        return ("+" if self.difference > 0 else "") + power_of_ten(self.difference)


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """One claim.

    Attributes:
        key, experiment, error, decision: as in ``ClaimDecided``.
        id, case, label, statement, source, quote, reading, rule, deviations, notes: as in ``Claim``; ``label`` is its
            ``slide``. The statement of a claim that the course no longer has says so.
        anchor: the id of its card in every form of the report.
        slides: the titles of the slides that state it.
        exact: whether a computation decides it, and no training.
        verdict: the headline verdict: that of the evidence. Without evidence it is that of the run; of a red claim with
            a result the expected one, since it is the machine that is at fault.
        basis: how the verdict was decided.
        stack, seeds: what ``shown`` rests on: "" and 0 for an exact claim.
        here: how far this machine confirms it; None if nothing was compared.
        here_text: what was trained here, and how it compares.
        own: the verdict of the run's own trials, if it decided anew and differs.
        expected: the expected verdict, if it differs from the verdict that the run found.
        red: whether its test fails.
        shown: what was measured, in a sentence: all parts of a conjunction, or what a computation gave.
        slide_figure: the slide's figure of the effect that decides; "" if neither the claim nor a sibling prints one.
        images: a single difference of accuracies in images; "" for anything else.
        outlook: how likely more seeds decide an undecided claim; "" for a decided one.
        say_instead: what a slide could say in place of a claim of the lecture that is not supported; "" for any other.
        reason: the rule's own words.
        rows: its variants.
        alongside: the rules that decide nothing.
        command: repeats the claim.
    """

    key: str
    anchor: str
    id: str
    case: str
    label: str
    slides: tuple[str, ...]
    statement: str
    source: Source
    quote: str
    reading: str
    rule: str
    exact: bool
    verdict: Verdict
    basis: Basis | None
    stack: str
    seeds: int
    here: ClaimState | None
    here_text: str
    own: Verdict | None
    expected: Verdict | None
    red: bool
    shown: str
    slide_figure: str
    images: str
    outlook: str
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

    @property
    def standing(self) -> str:
        """The verdict, or NOT_CONTRADICTED (``reports.words.standing``)."""
        return standing(self.verdict, self.basis)

    @property
    def open(self) -> bool:
        """Whether the lecture says something here that is not supported. A red claim is a fault of the machine, what
        the lecture does not say is none of its faults, and neither is what nobody has measured."""
        measured = self.verdict is not Verdict.INCONCLUSIVE or bool(main_effects(self.decision))
        judged = measured and self.verdict not in (Verdict.SUPPORTED, Verdict.NOT_RUN)
        return judged and not self.red and self.source != "ours"

    @property
    def finding(self) -> bool:
        """Whether the lecture is refuted here."""
        return self.open and self.verdict is Verdict.REFUTED

    @property
    def otherwise(self) -> bool:
        """Whether this machine computes something else than the evidence, so that nothing measured is shown."""
        return self.red and self.decision.verdict not in (self.verdict, Verdict.NOT_RUN)

    @property
    def counted(self) -> str:
        """With how many seeds it was measured; "" if the sentence says so, or if nothing measured is shown."""
        nothing = self.otherwise or self.decision.verdict is Verdict.NOT_RUN
        return plural(self.seeds, "seed") if self.seeds and " seed" not in self.shown and not nothing else ""

    @property
    def sentence(self) -> str:
        """The slide's figure, what was measured, and with how many seeds."""
        slide = f"Slide: {self.slide_figure}. " if self.slide_figure and not self.otherwise else ""
        return slide + self.shown + (f" {self.counted}." if self.counted else "")

    @property
    def who(self) -> str:
        """Who says it."""
        if self.source == "ours":
            return "ours, not the lecture's"
        return f"the slide, as we read it: {self.reading}" if self.source == "read" else "the slide"


@dataclass(frozen=True)
class Snippet:
    """An erratum in a report: what a run says of it, and what the course declares.

    Attributes:
        record: what its two forms did.
        declared: the erratum; None if the course no longer has it.
        expected: what its printed form should do on the run's backend.
    """

    record: ErratumChecked
    declared: Erratum | None
    expected: Outcome | None

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def red(self) -> bool:
        return self.record.red

    @property
    def label(self) -> str:
        """Where the lecture says it; "" if the course no longer has it."""
        return self.declared.slide if self.declared else ""

    @property
    def statement(self) -> str:
        return self.declared.statement if self.declared else GONE

    @property
    def outcome(self) -> str:
        """What is expected: "fails", "warns" or "differs"."""
        return type(self.expected).__name__.lower() if self.expected else ""

    @property
    def slide_value(self) -> Any:
        """The value of its ``check`` on the slide; None unless another is expected today."""
        return plain(self.expected.slide) if isinstance(self.expected, Differs) else None


def snippets(run: Run) -> list[Snippet]:
    """The errata of a run."""
    known = [(record, course().erratum(record.id)) for record in run.errata.values()]
    return [Snippet(record, of, of.expected(run.header.backend) if of else None) for record, of in known]


def section_of(label: str) -> str:
    """The slide that a claim or an erratum with this label is reported with."""
    return next(iter(course().slides_of(label)), ELSEWHERE)


def cards(run: Run) -> dict[str, Card]:
    """The card of each claim by key, in lecture order."""
    slides = {
        (claim.experiment.id, variant, metric): figure
        for claim in course().claims
        if claim.experiment is not None
        for (variant, metric), figure in claim.figures.items()
    }
    return {claim.key: _card(run, claim, slides) for claim in run.claims.values()}


def declared(claim: ClaimDecided) -> Claim | None:
    """The claim in the course; None if it has no such claim any more, or decides it by another rule."""
    known = course().claim(claim.key)
    return known if known is not None and known.definition == claim.definition else None


def statement_of(claim: ClaimDecided) -> str:
    """What the claim says; where the course no longer says it, that."""
    known = declared(claim)
    return known.statement if known else OTHER_RULE if course().claim(claim.key) else GONE


def label_of(claim: ClaimDecided) -> str:
    """Where the lecture says it; "" if the course no longer has it."""
    known = course().claim(claim.key)
    return known.slide if known else ""


def figures_of(claim: ClaimDecided) -> Mapping[tuple[str, str], Figure]:
    """The slide's figures of a claim, by variant and metric; empty if the course no longer has it."""
    known = course().claim(claim.key)
    return known.figures if known else {}


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


_Slides = Mapping[tuple[str, str, str], Figure]
"""The slide's figure by experiment, variant and metric."""


def _card(run: Run, claim: ClaimDecided, slides: _Slides) -> Card:
    here, expected = claim.here, claim.comparison.expected
    stored = here is not None and bool(here.stack)
    verdict = here.verdict if here is not None and stored else claim.verdict
    if claim.red and not stored and expected is not None and claim.verdict is not Verdict.NOT_RUN:
        verdict = expected
    known, label = declared(claim), label_of(claim)
    rules = [rule.describe() for rule in known.alongside] if known else [""] * len(claim.alongside)
    slides = {**slides, **{(claim.experiment or "", *of): figure for of, figure in figures_of(claim).items()}}
    experiment = course().experiments.get(claim.experiment or "")
    metrics = {metric.name: metric for metric in experiment.metrics} if experiment else {}
    effects = main_effects(claim.decision)
    effect = effects[0] if len(effects) == 1 else None
    slide_figure = _slide_figure(claim, effect, slides)
    own = run.header.full or not stored  # what is shown are the run's own trials, and not those of the evidence
    most = max((one.n for one in claim.variants.values()), default=0)
    shown = _shown(claim, known, metrics, verdict)
    agrees = claim.decision.verdict is verdict
    otherwise = claim.red and not agrees
    nothing = otherwise or claim.verdict is Verdict.NOT_RUN  # so nothing measured is shown
    return Card(
        key=claim.key,
        anchor=anchor(claim.key),
        id=claim.id,
        case=claim.key.partition("/")[2],
        label=label,
        slides=course().slides_of(label),
        statement=statement_of(claim),
        source=known.source if known else "slide",
        quote=known.quote if known else "",
        reading=known.reading if known else "",
        rule=known.rule.describe() if known else "",
        exact=claim.experiment is None,
        verdict=verdict,
        basis=claim.decision.basis if agrees else Basis.COMPUTED if claim.experiment is None else None,
        stack=here.stack if here is not None and not own else run.header.stack if claim.variants else "",
        seeds=here.seeds if here is not None and not own else most,
        here=here.state if here else None,
        here_text=here.text if here else "",
        own=claim.verdict if stored and not agrees else None,
        expected=expected if expected is not None and expected is not claim.verdict else None,
        red=claim.red,
        shown=f"This run: {shown}" if run.header.full and shown and claim.variants and not nothing else shown,
        slide_figure=slide_figure,
        images=sentences.images(effect, metrics.get(effect.metric)) if effect and not otherwise else "",
        outlook=sentences.outlook(claim) if agrees else "",
        say_instead=_say_instead(claim, known, metrics) if agrees and not claim.red else "",
        reason=claim.decision.reason,
        rows=tuple(_rows(run, claim, slides)),
        decision=claim.decision,
        alongside=tuple(map(Alongside, rules, claim.alongside)),
        experiment=claim.experiment,
        deviations=known.deviations if known else (),
        notes=known.notes if known else (),
        error=claim.error,
        command=command(claim),
    )


_Metrics = Mapping[str, Metric]


def _shown(claim: ClaimDecided, known: Claim | None, metrics: _Metrics, verdict: Verdict) -> str:
    """What was measured: in the claim's own sentence, else each part in words."""
    if claim.verdict is Verdict.NOT_RUN:
        return claim.decision.reason
    if claim.red and claim.verdict is not verdict:
        ours = known is not None and known.source == "ours"
        holds = f"The {'claim' if ours else 'slide'} holds" if verdict is Verdict.SUPPORTED else f"It stays {verdict}"
        return f"{holds}; this machine computes otherwise: see what moved."
    if claim.experiment is None:
        if claim.red:
            return claim.error or claim.comparison.reason
        return (known.shown if known else "") or (
            "A computation confirms it." if verdict is Verdict.SUPPORTED else "A computation contradicts it."
        )
    own = sentences.filled(known.shown, claim, metrics) if known else ""
    effects = main_effects(claim.decision)
    parts = [sentences.compared(one, metrics.get(one.metric)) for one in effects]
    if any(effect.kind == "failures" for effect in effects):  # an accuracy near chance may be far from useless
        parts += [f"mean of {name}: {text}" for name, text in _means(claim, metrics).items()]
    return own or (f"{'; '.join(parts)}." if parts else claim.decision.reason)


def _means(claim: ClaimDecided, metrics: _Metrics) -> dict[str, str]:
    """The mean of each variant that has one, failed seeds with a value included."""
    units = {name: metrics[one.metric].unit if one.metric in metrics else "" for name, one in claim.variants.items()}
    return {name: number(one.mean, units[name]) for name, one in claim.variants.items() if one.mean is not None}


def _say_instead(claim: ClaimDecided, known: Claim | None, metrics: _Metrics) -> str:
    """What a slide could say in place of a claim of the lecture, in the author's words; "" if there are none."""
    if known is None or known.source == "ours":
        return ""
    return sentences.filled(known.say.get(claim.verdict, ""), claim, metrics)


def _slide_figure(claim: ClaimDecided, effect: Effect | None, slides: _Slides) -> str:
    """The slide's figure of a single effect: printed, or the difference of two printed ones, of a sibling claim too."""
    if effect is None or claim.experiment is None:
        return ""
    if (published := effect.details.get("published")) is not None:
        same = [figure.printed for figure in figures_of(claim).values() if figure.value == published]
        return printed(same[0]) if same else sentences.value_text(effect, published)
    pair = [slides.get((claim.experiment, variant, effect.metric)) for variant in (effect.a, effect.b)]
    if effect.kind == "difference" and effect.unit != "ratio" and pair[0] and pair[1]:
        return sentences.value_text(effect, pair[0].value - pair[1].value)
    return ""


def _rows(run: Run, claim: ClaimDecided, slides: _Slides) -> list[Row]:
    summaries = list(claim.variants.items())
    for variant, metric in figures_of(claim):
        trials = run.trials.get((claim.experiment or "", variant), ())
        if trials and all((name, summary.metric) != (variant, metric) for name, summary in summaries):
            summaries.append((variant, Summary.of(metric, trials)))
    return [_row(run, claim, name, summary, slides) for name, summary in summaries]


def _row(run: Run, claim: ClaimDecided, variant: str, summary: Summary, slides: _Slides) -> Row:
    slide = slides.get((claim.experiment or "", variant, summary.metric))
    trials = run.trials.get((claim.experiment or "", variant), ())[: summary.n]
    if len(trials) < summary.n:  # the summary is of stored trials, which the run's record lacks
        trials = ()
    diverged, collapsed = failures(trials)
    absent = [one for one in trials if one.divergence is None and one.metrics.get(summary.metric) is None]
    return Row(
        variant=variant,
        metric=summary.metric,
        unit=unit_of(claim.experiment or "", summary.metric),
        slide=printed(slide.printed) if slide else "",
        mean=summary.mean,
        std=summary.std,
        seeds=summary.n,
        diverged=diverged,
        collapsed=collapsed,
        censored=len(absent) if trials else summary.values.count(None),
        difference=summary.mean - slide.value if slide and summary.mean is not None else None,
    )


def failures(trials: Sequence[Trial]) -> tuple[int, int]:
    """The number of trials that diverged (nan, infinite, blown up), and of those that collapsed (stuck at chance)."""
    kinds = [one.divergence.kind for one in trials if one.divergence]
    collapsed = kinds.count("stuck at chance")
    return len(kinds) - collapsed, collapsed


def unit_of(experiment: str, metric: str) -> str:
    """The unit of a metric; "" if the course no longer has it."""
    declared = course().experiments.get(experiment)
    return next((each.unit for each in declared.metrics if each.name == metric), "") if declared else ""
