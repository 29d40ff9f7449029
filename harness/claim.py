"""A claim: a statement of the lecture, and the rule that decides it; and causes of what is found."""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from msgspec.structs import replace

from harness.errors import KEBAB, SuiteError, invalid, nearest
from harness.model import Experiment, Figure, Published, Trial
from harness.rules.base import Rule, Sample
from harness.rules.exact import Comparison, Exact
from harness.rules.levels import ONLY, PLAIN, Levels, Look
from harness.verdict import Decision, Difference, Verdict

Source = Literal["slide", "read", "ours"]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One statement of the lecture. SuiteError on construction if its parts do not fit together.

    Attributes:
        id: stable, kebab-case.
        slide: where the lecture says it.
        statement: what it says, in a sentence.
        rule: the rule that decides it, on variants and metrics of ``experiment``; by default ``Exact``, on ``check``.
        experiment: its trials decide the claim; None for an exact claim.
        check: for an exact claim: gives comparisons with an independent reference, and differences to report.
        case: distinguishes several cases of one claim ("softmax"). Id and case together are unique.
        then: for an exact claim that today's Keras may contradict: comparisons with the release that the slides were
            made with, in NumPy. If ``check`` fails and ``then`` holds, the verdict is OUTDATED.
        alongside: rules that are reported alongside the deciding rule. They decide nothing.
        source: who says it. "slide": the lecture, in the words of ``quote``. "read": the lecture, as ``reading`` reads
            it. "ours": not the lecture, so it is no finding about it.
        quote: the lecture's own words.
        reading: for "read": how the words are read, and how else they can be read.
        shown: what was measured, in a sentence that is true whatever the verdict. ``{0}``, ``{1}``, … are the measured
            effects of the rule's parts in order, ``{a0}``, … those of the rules alongside, ``{variant}`` is the mean of
            a variant. ``{0:short}`` leaves the interval out, ``{0:size}`` the sign as well.
        say: by verdict, what the lecturer can say instead, on a stage: with its number and its reason. It may use what
            ``shown`` may.
        published: the slide's figures. Only ``Reproduces`` uses them.
        deviations: where we depart from the slide, or fill in what it leaves open.
        notes: what a reader of the verdict should know.
    """

    id: str
    slide: str
    statement: str
    rule: Rule | Exact = field(default_factory=Exact)
    experiment: Experiment | None = None
    check: Callable[[], Iterable[Comparison | Difference]] | None = None
    then: Callable[[], Iterable[Comparison]] | None = None
    case: str = ""
    source: Source = "slide"
    quote: str = ""
    reading: str = ""
    shown: str = ""
    say: Mapping[Verdict, str] = field(default_factory=dict)
    alongside: tuple[Rule, ...] = ()
    published: tuple[Published, ...] = ()
    deviations: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        where = f"claim {self.key!r}"
        if not KEBAB.fullmatch(self.id):
            raise invalid(f"id of {where}", expected="kebab-case, e.g. 'relu-beats-linear'", received=self.id)
        for name in ("slide", "statement"):
            if not getattr(self, name).strip():
                raise invalid(f"{name} of {where}", expected="a non-empty text", received=repr(getattr(self, name)))
        if self.source not in get_args(Source) or (self.source == "read") != bool(self.reading.strip()):
            expected = "'slide', 'ours', or 'read' with a `reading`"
            raise invalid(f"source of {where}", expected=expected, received=(self.source, self.reading))
        if self.then is not None and self.check is None:
            raise invalid(where, expected="`then` beside a `check`", received="no `check`")
        if isinstance(self.rule, Exact):
            if self.check is None or self.experiment is not None:
                raise invalid(where, expected="Exact with a `check` and no experiment", received=self.rule)
            return
        if self.experiment is None or self.check is not None:
            raise invalid(where, expected="an experiment, and no `check`", received=self.rule.describe())
        self._check_names(where, self.experiment)

    def _check_names(self, where: str, experiment: Experiment) -> None:
        known = {
            "variant": sorted(variant.name for variant in experiment.variants),
            "metric": sorted(metric.name for metric in experiment.metrics),
        }
        used = [(f"rule of {where}", "variant", name) for rule in self.rules for name in rule.variants]
        used += [(f"rule of {where}", "metric", name) for rule in self.rules for name in rule.metrics]
        for variant, metric in self.figures:
            used += [(f"published figure of {where}", "variant", variant)]
            used += [(f"published figure of {where}", "metric", metric)]
        for what, kind, name in used:
            if name not in known[kind]:
                expected, fix = f"{kind}s of experiment {experiment.id!r}", nearest(name, known[kind])
                raise invalid(what, expected=expected, received=f"{kind} {name!r}", fix=fix)
        for variant, metric in (pair for rule in self.rules for pair in rule.figures):
            if (variant, metric) not in self.figures:
                expected = f"a published figure for variant {variant!r} and metric {metric!r}"
                raise invalid(f"rule of {where}", expected=expected, received=f"figures for {sorted(self.figures)}")

    @property
    def key(self) -> str:
        """``id`` or ``id/case``: its name in tests, evidence and reports."""
        return f"{self.id}/{self.case}" if self.case else self.id

    @property
    def definition(self) -> str:
        """The digest of what decides it. A record with another one is of another rule."""
        return hashlib.sha256(self.rule.describe().encode(errors="replace")).hexdigest()[:16]

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The deciding rule, then the rules reported alongside; empty for an exact claim."""
        return () if isinstance(self.rule, Exact) else (self.rule, *self.alongside)

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants that its rules need, in the experiment's order."""
        if self.experiment is None:
            return ()
        needed = {name for rule in self.rules for name in rule.variants}
        return tuple(variant.name for variant in self.experiment.variants if variant.name in needed)

    @property
    def figures(self) -> dict[tuple[str, str], Figure]:
        """The slide's figures by (variant, metric)."""
        return {
            (variant, published.metric): figure
            for published in self.published
            for variant, figure in published.figures.items()
        }

    def computed(self) -> Decision:
        """The decision of an exact claim: by today's Keras, and by the printed release if the claim has it (``then``).

        OUTDATED if the check fails today and the printed release passes. If the printed release fails, the claim was
        never true: it is REFUTED.
        """
        if not isinstance(self.rule, Exact) or self.check is None:
            raise SuiteError(f"Claim {self.key!r} is decided by trials, not by a check.")
        today = self.rule.decide(self.check())
        if self.then is None:
            return today
        printed = self.rule.decide(self.then())
        if printed.verdict is not Verdict.SUPPORTED:
            return replace(printed, reason=f"the release that the slides were made with: {printed.reason}")
        reason = f"today: {today.reason}; the release that the slides were made with: {printed.reason}"
        verdict = Verdict.OUTDATED if today.verdict is Verdict.REFUTED else today.verdict
        return replace(today, verdict=verdict, reason=reason)

    def decide(
        self, trials: Mapping[str, tuple[Trial, ...]], look: Look = ONLY, levels: Levels = PLAIN
    ) -> tuple[Decision, tuple[Decision, ...]]:
        """The decision of the rule, and those of the rules reported alongside.

        Args:
            trials: by variant name.
            look: one of several looks (``harness.rules.stored_look``) uses the first ``look.size`` seeds only.
            levels: the error rates.
        """
        if self.experiment is None or isinstance(self.rule, Exact):
            raise SuiteError(f"Claim {self.key!r} is exact: it is decided by its check, not by trials.")
        if look.size is not None:
            first = {name: sorted(done, key=lambda trial: trial.seed) for name, done in trials.items()}
            trials = {name: tuple(done[: look.size]) for name, done in first.items()}
        metrics = {metric.name: metric for metric in self.experiment.metrics}
        sample = Sample(trials, metrics, self.figures, look, levels)
        return self.rule.decide(sample), tuple(rule.decide(sample) for rule in self.alongside)


def experiments(claims: Iterable[Claim]) -> tuple[Experiment, ...]:
    """The experiments of the claims, each once, in order of first use."""
    return tuple({claim.experiment.id: claim.experiment for claim in claims if claim.experiment is not None}.values())


@dataclass(frozen=True)
class Finding:
    """Claims that one cause explains.

    Args:
        cause: a few words.
        claims: keys of the claims, "id" or "id/case". A table of findings shows the first.
    """

    cause: str
    claims: tuple[str, ...]


@dataclass(frozen=True)
class Cause:
    """Why metrics of trainings are not the same on another stack.

    Args:
        text: a sentence.
        stacks: patterns of the stacks' names, as of a shell: ``jax-*``.
        explains: what it explains, and nothing else: experiment, variant and its metrics.
        tested: how it was tested that it is the cause of these, in a sentence.
    """

    text: str
    stacks: tuple[str, ...]
    explains: tuple[tuple[str, str, tuple[str, ...]], ...]
    tested: str

    def of(self, stack: str, experiment: str, variant: str, metric: str) -> bool:
        """Whether it explains a metric of a training on a stack."""
        there = any(fnmatch.fnmatchcase(stack, pattern) for pattern in self.stacks)
        return there and any((experiment, variant) == each[:2] and metric in each[2] for each in self.explains)
