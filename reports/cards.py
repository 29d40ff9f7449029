"""What every form of the report shows of a claim: one card per claim, a run's record joined with the course."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from harness.claim import Claim, Source
from harness.course import INSTALLED, SUITE, course
from harness.model import Figure, Metric
from harness.record.outcomes import ClaimState, Here
from harness.record.run import ClaimDecided, Run, Summary
from harness.verdict import Basis, Decision, Effect, Verdict
from reports import sentences
from reports.sentences import Row, main_effects, metrics_of
from reports.words import number, plural, printed, standing

ELSEWHERE = "Elsewhere"
"""The section of what no slide of the course names."""
LONGEST_ANCHOR = 60
GONE = "The course no longer has it."
OTHER_RULE = "The course decides it by another rule now."
COMPUTED = {
    Verdict.SUPPORTED: "A computation confirms it.",
    Verdict.OUTDATED: "A computation confirms it for the release of the slides, and contradicts it for today's.",
}

Figures = Mapping[tuple[str, str, str], Figure]
"""The slide's figures by experiment, variant and metric."""


@dataclass(frozen=True)
class Unknown:
    """A claim that the course no longer has, or decides by another rule: what a card shows in place of its texts."""

    statement: str = GONE
    slide: str = ""
    source: Source = "slide"
    quote: str = ""
    reading: str = ""
    shown: str = ""
    say: Mapping[Verdict, str] = field(default_factory=dict)
    alongside: tuple[()] = ()
    figures: Mapping[tuple[str, str], Figure] = field(default_factory=dict)
    deviations: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def declared(record: ClaimDecided) -> Claim | Unknown:
    """What the course declares of a claim."""
    claim = course().claim(record.key)
    if claim is None or claim.definition == record.definition:
        return claim or Unknown()
    return Unknown(OTHER_RULE, claim.slide, figures=claim.figures)


@dataclass(frozen=True)
class Card:
    """A claim: what a run says of it, what the course declares, and what follows from both.

    Attributes:
        run, record: the run and its record of the claim.
        claim: what the course declares.
        siblings: the slide's figures of all claims of the course.
    """

    run: Run
    record: ClaimDecided
    claim: Claim | Unknown
    siblings: Figures

    @property
    def key(self) -> str:
        return self.record.key

    @property
    def red(self) -> bool:
        """Whether its test fails."""
        return self.record.red

    @property
    def exact(self) -> bool:
        """Whether a computation decides it, and no training."""
        return self.record.experiment is None

    @property
    def experiment(self) -> str:
        return self.record.experiment or ""

    @property
    def statement(self) -> str:
        return self.claim.statement

    @property
    def source(self) -> Source:
        return self.claim.source

    @property
    def rule(self) -> str:
        return self.claim.rule.describe() if isinstance(self.claim, Claim) else ""

    @property
    def who(self) -> str:
        """Who says it."""
        if self.source == "ours":
            return "ours, not the lecture's"
        return f"the slide. As we read it: {self.claim.reading}" if self.source == "read" else "the slide"

    @property
    def slides(self) -> tuple[str, ...]:
        """The titles of the slides that state it."""
        return course().slides_of(self.claim.slide)

    @property
    def section(self) -> str:
        """The slide that it is reported with: the first of its slides, or ELSEWHERE."""
        return section_of(self.claim.slide)

    @property
    def anchor(self) -> str:
        """The id of its card in every form of the report."""
        return anchor(self.key)

    @property
    def alongside(self) -> list[tuple[str, Decision]]:
        """The rules that are reported alongside, in words, and their decisions."""
        return [(rule.describe(), of) for rule, of in zip(self.claim.alongside, self.record.alongside, strict=False)]

    # Verdict

    @property
    def evidence(self) -> Here | None:
        """What the evidence says; None without any."""
        return self.record.here if self.record.here and self.record.here.stack else None

    @property
    def verdict(self) -> Verdict:
        """The headline verdict: that of the evidence. Without evidence it is that of the run; of a red claim with a
        result the expected one, since it is the machine that is at fault."""
        if self.evidence:
            return self.evidence.verdict
        expected = self.record.comparison.expected
        return expected if self.red and expected and self.record.verdict is not Verdict.NOT_RUN else self.record.verdict

    @property
    def agrees(self) -> bool:
        """Whether the verdict is that of the run."""
        return self.record.verdict is self.verdict

    @property
    def own(self) -> Verdict | None:
        """The verdict of the run's own trials, if it decided anew and differs."""
        return self.record.verdict if self.evidence and not self.agrees else None

    @property
    def expected(self) -> Verdict | None:
        """The expected verdict, if it differs from the verdict that the run found."""
        expected = self.record.comparison.expected
        return expected if expected is not self.record.verdict else None

    @property
    def basis(self) -> Basis | None:
        """How the verdict was decided."""
        return self.record.decision.basis if self.agrees else Basis.COMPUTED if self.exact else None

    @property
    def standing(self) -> str:
        """The verdict, or NOT_CONTRADICTED (``reports.words.standing``)."""
        return standing(self.verdict, self.basis)

    @property
    def open(self) -> bool:
        """Whether the lecture says something here that is not supported. A red claim is a fault of the machine, what
        the lecture does not say is none of its faults, and neither is what nobody has measured."""
        measured = self.verdict is not Verdict.INCONCLUSIVE or bool(self.effects)
        judged = measured and self.verdict not in (Verdict.SUPPORTED, Verdict.NOT_RUN)
        return judged and not self.red and self.source != "ours"

    @property
    def finding(self) -> bool:
        """Whether the lecture is refuted here."""
        return self.open and self.verdict is Verdict.REFUTED

    @property
    def otherwise(self) -> bool:
        """Whether this machine computes something else than the evidence, so that nothing measured is shown."""
        return self.red and not self.agrees and self.record.verdict is not Verdict.NOT_RUN

    @property
    def here(self) -> ClaimState | None:
        """How far this machine confirms the verdict; None if nothing was compared."""
        return self.record.here.state if self.record.here else None

    @property
    def here_text(self) -> str:
        """What was trained here, and how it compares."""
        return self.record.here.text if self.record.here else ""

    # What was measured

    @cached_property
    def effects(self) -> list[Effect]:
        return main_effects(self.record.decision)

    @property
    def effect(self) -> Effect | None:
        """The effect that decides alone; None if several do."""
        return self.effects[0] if len(self.effects) == 1 else None

    @cached_property
    def metrics(self) -> Mapping[str, Metric]:
        return metrics_of(self.experiment)

    @property
    def own_trials(self) -> bool:
        """Whether what is shown was measured on trials of this run, trained to the end, and not on the evidence."""
        measured = self.record.verdict is not Verdict.NOT_RUN and not self.otherwise
        return self.run.header.full and bool(self.record.variants) and measured

    @property
    def stack(self) -> str:
        """The stack whose trials were measured; "" for an exact claim."""
        if self.evidence and not self.run.header.full:
            return self.evidence.stack
        return self.run.header.stack if self.record.variants else ""

    @property
    def seeds(self) -> int:
        """The number of seeds of each variant that were measured; 0 for an exact claim."""
        if self.evidence and not self.run.header.full:
            return self.evidence.seeds
        return max((summary.n for summary in self.record.variants.values()), default=0)

    @cached_property
    def shown(self) -> str:
        """What was measured, in a sentence: all parts of a conjunction, or what a computation gave."""
        shown = self._shown()
        return f"This run: {shown}" if self.own_trials and shown else shown

    def _shown(self) -> str:
        """In the claim's own sentence, else each part in words."""
        if self.record.verdict is Verdict.NOT_RUN:
            return self.record.decision.reason
        if self.otherwise:
            whose = "The claim" if self.source == "ours" else "The slide"
            holds = f"{whose} holds" if self.verdict is Verdict.SUPPORTED else f"It stays {self.verdict}"
            return f"{holds}; this machine computes otherwise: see what moved."
        if self.exact and self.red:
            return self.record.error or self.record.comparison.reason
        if self.exact:
            return self.claim.shown or COMPUTED.get(self.verdict, "A computation contradicts it.")
        if self._own_sentence:
            return self._own_sentence
        spoken = [sentences.in_words(effect, self.experiment) for effect in self.effects]
        parts = [sentences.compared(effect, self.metrics.get(effect.metric)) for effect in spoken]
        if any(effect.kind == "failures" for effect in self.effects):  # an accuracy near chance may be of use
            for name, summary in self.record.variants.items():
                unit = self.metrics[summary.metric].unit if summary.metric in self.metrics else ""
                parts += (
                    []
                    if summary.mean is None
                    else [f"mean of {sentences.variant_words(self.experiment, name)}: {number(summary.mean, unit)}"]
                )
        return f"{'; '.join(parts)}." if parts else self.record.decision.reason

    @cached_property
    def _own_sentence(self) -> str:
        return sentences.filled(self.claim.shown, self.record, self.metrics)

    @property
    def counted(self) -> str:
        """With how many seeds it was measured; "" if the sentence says so, or if nothing measured is shown."""
        if not self.seeds or self.otherwise or self.record.verdict is Verdict.NOT_RUN:
            return ""
        said = sentences.placed(self.claim.shown, self.record).values() if self._own_sentence else self.effects
        return "" if any(map(sentences.of_seeds, said)) else plural(self.seeds, "seed")

    @property
    def sentence(self) -> str:
        """The slide's figure, what was measured, and with how many seeds."""
        slide = f"Slide: {self.slide_figure}. " if self.slide_figure and not self.otherwise else ""
        return slide + self.shown + (f" {self.counted}." if self.counted else "")

    @property
    def images(self) -> str:
        """A single difference of accuracies in images; "" for anything else."""
        if self.effect is None or self.otherwise:
            return ""
        return sentences.images(self.effect, self.metrics.get(self.effect.metric))

    @property
    def outlook(self) -> str:
        """How likely more seeds decide an undecided claim; "" for a decided one."""
        return sentences.outlook(self.record) if self.agrees else ""

    @cached_property
    def say_instead(self) -> str:
        """What a slide could say in place of a claim of the lecture, in the author's words; "" if there are none."""
        if self.red or not self.agrees or self.source == "ours":
            return ""
        return sentences.filled(self.claim.say.get(self.verdict, ""), self.record, self.metrics)

    @cached_property
    def slide_figure(self) -> str:
        """The slide's figure of a single effect: printed, or the difference of two printed ones, of a sibling claim
        too; "" if the slides print none."""
        effect = self.effect
        if effect is None or self.exact:
            return ""
        if (published := effect.details.get("published")) is not None:
            same = [figure.printed for figure in self.claim.figures.values() if figure.value == published]
            return printed(same[0]) if same else sentences.value_text(effect, published)
        first, second = (self.figure(variant, effect.metric) for variant in (effect.a, effect.b))
        if effect.kind == "difference" and effect.unit != "ratio" and first and second:
            return sentences.value_text(effect, first.value - second.value)
        return ""

    def figure(self, variant: str, metric: str) -> Figure | None:
        """The slide's figure of a variant, from this claim or a sibling."""
        own = self.claim.figures.get((variant, metric))
        return own or self.siblings.get((self.experiment, variant, metric))

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Its variants, and what else the slide prints and the run has trials of."""
        summaries = list(self.record.variants.items())
        for variant, metric in self.claim.figures:
            trials = self.run.trials.get((self.experiment, variant), ())
            if trials and (variant, metric) not in [(name, summary.metric) for name, summary in summaries]:
                summaries.append((variant, Summary.of(metric, trials)))
        return tuple(
            Row.of(self.run, (self.experiment, name), summary, self.figure(name, summary.metric))
            for name, summary in summaries
        )

    def rests_on(self, training: str) -> bool:
        """Whether a variant ("experiment/variant") is one of its own."""
        return training in {f"{self.experiment}/{name}" for name in self.record.variants}

    @property
    def command(self) -> str:
        """The command that repeats it alone, in a clone or with the installed package."""
        if re.fullmatch(r"[a-z0-9-]+", self.key):
            return f"pytest {SUITE}{course().option} -k {self.key}"
        name = "exact" if self.exact else "claims"
        module = f"suite.test_{name}" if INSTALLED else f"suite/test_{name}.py"
        test = shlex.quote(f"{module}::test_{name}[{self.key}]")
        return f"pytest {'--pyargs ' if INSTALLED else ''}{test}{course().option}"


def cards(run: Run) -> dict[str, Card]:
    """The card of each claim by key, in lecture order."""
    figures = {
        (claim.experiment.id, variant, metric): figure
        for claim in course().claims
        if claim.experiment is not None
        for (variant, metric), figure in claim.figures.items()
    }
    return {key: Card(run, record, declared(record), figures) for key, record in run.claims.items()}


def anchor(key: str) -> str:
    """The id of a claim's card: its key, with a hyphen for other characters than letters and digits of ASCII.

    A digest of the key replaces what this leaves out of a long key, or of one without such a character.
    """
    name = re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")
    if name and len(name) <= LONGEST_ANCHOR:
        return name
    return f"{name[:LONGEST_ANCHOR]}-{hashlib.sha256(key.encode(errors='replace')).hexdigest()[:8]}".strip("-")


def section_of(label: str) -> str:
    """The slide that a claim or an erratum with this label is reported with."""
    return next(iter(course().slides_of(label)), ELSEWHERE)
