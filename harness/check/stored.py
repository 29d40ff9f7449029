"""The evidence of a run: reads each file once, gives the verdicts, and adds new measurements."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from harness.check import evidence as files
from harness.check.evidence import LONG
from harness.check.judge import REFERENCE
from harness.check.rounding import relative
from harness.claim import Claim
from harness.errors import SuiteError
from harness.model import Experiment, Metric, Trial
from harness.record.evidence import EXACT, Evidence, Expected
from harness.record.timings import Provenance
from harness.record.trials import Training
from harness.rules import PLAIN, STORED, stored_look
from harness.rules.levels import STORED_SIZES
from harness.verdict import Decision, Verdict

CLOSE = 1e-6
"""Relative difference up to which two values of a metric of float32 curves count as equal."""


def file_of(claim: Claim) -> str:
    """The file of a claim's expected verdict: an experiment id, or EXACT."""
    return claim.experiment.id if claim.experiment else EXACT


@dataclass(frozen=True)
class StoredVerdict:
    """The verdict of a claim from evidence.

    Attributes:
        decision, alongside: of the rule at the level of evidence, and of the rules reported alongside. INCONCLUSIVE
            below 30 seeds.
        stack: the stack whose evidence decides; "" if no stack has a seed of every variant of the claim.
        seeds: the number of seeds at the look that decides.
        stored: the number of seeds that the stack has of every variant of the claim.
        preliminary: below 30 seeds the rule's decision at the plain level; None without a seed, and from 30 seeds on.
    """

    decision: Decision
    alongside: tuple[Decision, ...] = ()
    stack: str = ""
    seeds: int = 0
    stored: int = 0
    preliminary: Decision | None = None


def stored_verdict(claim: Claim, stack: str, evidence: Mapping[str, Evidence]) -> StoredVerdict:
    """The claim's verdict from the run's own stack if it has 30 seeds, else from the reference stack.

    If neither stack has 30 seeds, the one with more seeds gives a preliminary decision.

    Args:
        claim: a claim that trials decide.
        stack: the run's own stack.
        evidence: of the claim's experiment, by stack.
    """
    seeds = {name: _common_seeds(claim, evidence[name]) for name in (stack, REFERENCE) if name in evidence}
    chosen = next((name for name in seeds if stored_look(seeds[name]) is not None), None)
    chosen = chosen or max(seeds, key=seeds.__getitem__, default="")
    if not seeds.get(chosen):
        return StoredVerdict(Decision(Verdict.INCONCLUSIVE, "No evidence is stored."))
    held = seeds[chosen]
    trials = {name: evidence[chosen].variants[name].trials[:held] for name in claim.variants}
    look = stored_look(held)
    if look is None:
        decision, alongside = claim.decide(trials, levels=PLAIN)
        reason = (
            f"{held} stored trainings a variant of {chosen}, and nothing is decided below {STORED_SIZES[0]}; "
            f"preliminary, at the plain level: {decision.verdict}, {decision.reason}"
        )
        undecided = replace(decision, verdict=Verdict.INCONCLUSIVE, reason=reason, basis=None)
        return StoredVerdict(undecided, alongside, chosen, held, held, decision)
    decision, alongside = claim.decide(trials, look, STORED)
    size = look.sizes[look.index]
    decision = replace(decision, reason=f"{size} stored trainings a variant, {chosen}: {decision.reason}")
    return StoredVerdict(decision, alongside, chosen, size, held)


def _common_seeds(claim: Claim, evidence: Evidence) -> int:
    """The number of seeds that the evidence has of every variant of the claim, with every metric of its rules."""
    metrics = {name for rule in claim.rules for name in rule.metrics}
    variants = [evidence.variants.get(name) for name in claim.variants]
    return min((known.seeds if known and metrics <= set(known.metrics) else 0 for known in variants), default=0)


class Stored:
    """The evidence files of one stack and of the reference stack. SuiteError if a file cannot be read.

    Attributes:
        root: the folder of all stacks.
        stack: the run's own stack.
        damaged: the errors of files that no test rests on, by (experiment, stack).
    """

    def __init__(self, root: Path, stack: str) -> None:
        self.root, self.stack = root, stack
        self.damaged: dict[tuple[str, str], str] = {}
        self._read: dict[tuple[str, str], Evidence | None] = {}
        self._verdicts: dict[str, StoredVerdict] = {}

    def get(self, experiment: str, stack: str = "") -> Evidence | None:
        """The evidence of an experiment on a stack, by default this one; None if there is none."""
        key = (stack or self.stack, experiment)
        if key not in self._read:
            self._read[key] = files.read(files.path_of(self.root, *key))
        return self._read[key]

    def variant(self, experiment: str, variant: str, stack: str = "") -> Training | None:
        """The evidence of a variant, or None."""
        known = self.get(experiment, stack)
        return known.variants.get(variant) if known else None

    def of(self, experiment: str) -> dict[str, Evidence]:
        """The evidence of an experiment by stack: this stack and the reference stack. It skips a damaged reference."""
        known = {self.stack: self.get(experiment)}
        try:
            known[REFERENCE] = self.get(experiment, REFERENCE)
        except SuiteError as error:  # no test rests on it
            self.damaged[experiment, REFERENCE] = str(error)
        return {stack: evidence for stack, evidence in known.items() if evidence is not None}

    def verdict(self, claim: Claim) -> StoredVerdict:
        """The verdict that the evidence gives a claim that trials decide."""
        assert claim.experiment is not None
        if claim.key not in self._verdicts:
            self._verdicts[claim.key] = stored_verdict(claim, self.stack, self.of(claim.experiment.id))
        return self._verdicts[claim.key]

    def trials(self, claim: Claim) -> dict[str, tuple[Trial, ...]]:
        """By variant, the stored trials that a claim's verdict rests on."""
        assert claim.experiment is not None
        decides = self.verdict(claim)
        known = self.of(claim.experiment.id).get(decides.stack)
        return {name: known.variants[name].trials[: decides.seeds] for name in claim.variants} if known else {}

    def expected(self, claim: Claim) -> Expected | None:
        """The expected verdict of a claim; None if this stack has none.

        If the reference stack's evidence decides the claim, its expected verdict counts.
        """
        known = self.get(file_of(claim))
        if known is None or claim.key not in known.expected:
            return None
        if claim.experiment and self.verdict(claim).stack == REFERENCE:
            known = self.of(claim.experiment.id)[REFERENCE]
        return known.expected.get(claim.key)

    def vanished(self, experiment: Experiment) -> tuple[str, ...]:
        """The variants that have evidence, but are no longer declared by the experiment."""
        try:
            known = self.get(experiment.id)
        except SuiteError as error:
            self.damaged[experiment.id, self.stack] = str(error)
            return ()
        declared = {variant.name for variant in experiment.variants}
        return tuple(name for name in known.variants if name not in declared) if known else ()

    def seconds(self, experiment: str, variant: str) -> float | None:
        """Mean seconds of a stored trial; None if nothing is stored, or it cannot be read."""
        stored = self._readable(experiment, variant)
        return sum(block.seconds * block.seeds for block in stored.sessions) / stored.seeds if stored else None

    def mean(self, experiment: str, variant: str, metric: str, seeds: Sequence[int]) -> float | None:
        """The mean of a metric over these seeds; None if one of them has no stored value."""
        stored = self._readable(experiment, variant)
        known = {trial.seed: trial.metrics.get(metric) for trial in stored.trials} if stored else {}
        values = [value for seed in seeds if (value := known.get(seed)) is not None]
        return sum(values) / len(values) if values and len(values) == len(seeds) else None

    def _readable(self, experiment: str, variant: str) -> Training | None:
        try:
            return self.variant(experiment, variant)
        except SuiteError:
            return None

    def check_writable(self, names: Iterable[str]) -> None:
        """SuiteError if ``add`` could not read an old file or write a new one. Call it before training."""
        folder = files.path_of(self.root, self.stack, EXACT).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise SuiteError(
                f"Cannot write evidence to {folder}: {error.strerror or error}. "
                "Make the folder writable, or name another with --baseline-dir."
            ) from error
        for name in names:
            self.get(name)

    def add(
        self,
        experiment: Experiment | None,
        measured: Mapping[str, Training],
        origin: Provenance,
        claims: Sequence[Claim],
        exact: Mapping[str, Decision] | None = None,
    ) -> str:
        """Adds the measurements of a run to a file, and updates its expected verdicts. Returns the changes as text.

        Args:
            experiment: the experiment of the file; None for the exact claims.
            measured: by variant.
            origin: of the measurements.
            claims: the catalogue's claims.
            exact: the decisions of exact claims, by key.
        """
        name = experiment.id if experiment else EXACT
        here = {claim.key: claim for claim in claims if file_of(claim) == name}

        def change(old: Evidence | None) -> Evidence:
            new = old or Evidence(experiment=name, stack=self.stack, variants={}, expected={})
            if experiment is not None:
                new = files.add(old, experiment, self.stack, measured, origin)
            verdicts = {key: (of.verdict, 0, of.reason) for key, of in (exact or {}).items()}
            for claim in here.values():
                if claim.experiment and (decides := stored_verdict(claim, self.stack, {self.stack: new})).seeds:
                    verdicts[claim.key] = decides.decision.verdict, decides.seeds, ""
            expected = dict(new.expected)
            for key, (verdict, seeds, computed) in verdicts.items():
                before = expected.get(key)
                if before is not None and (before.verdict, before.seeds) == (verdict.value, seeds):
                    expected[key] = replace(before, computed=computed)
                elif verdict is not Verdict.NOT_RUN:
                    text: Any = str(verdict)  # one of those that Expected takes
                    since, why = origin.date, origin.reason
                    expected[key] = Expected(verdict=text, date=since, reason=why, seeds=seeds, computed=computed)
            return replace(new, expected={key: of for key, of in expected.items() if key in here})

        old, new = files.update(files.path_of(self.root, self.stack, name), change)
        self._read[self.stack, name] = new
        self._verdicts.clear()
        return changes(old, new)


def changes(old: Evidence | None, new: Evidence) -> str:
    """The changes of an evidence file as text, one line for each variant and claim."""
    lines = []
    for name, variant in new.variants.items():
        before = old.variants.get(name) if old else None
        if before is None or before.seeds != variant.seeds:
            lines.append(f"  {name}: {before.seeds if before else 0} → {variant.seeds} seeds, T = {variant.steps}")
        elif before != variant:
            lines.append(f"  {name}: new traces for checks, T = {variant.steps}")
    for key, now in new.expected.items():
        then = old.expected.get(key) if old else None
        if then is None or then.verdict != now.verdict:
            rests = f" ({now.seeds} seeds)" if now.seeds else ""
            lines.append(f"  {key}: {then.verdict if then else 'new'} → {now.verdict}{rests}")
        elif then.computed != now.computed:
            lines.append(f"  {key}: {now.computed or 'nothing computed'}")
    title = f"{new.experiment} ({new.stack})"
    return "\n".join([f"{title}:", *lines]) if lines else f"{title}: nothing changes"


def replayed(metrics: Sequence[Metric], training: Training) -> str:
    """The first metric whose function gives another value for a stored curve, in words; "" if none does.

    It skips curves of more than 200 epochs, which are stored in part, and metrics without a curve. It also skips curves
    with values that are not finite, because the file does not say whether a value was nan or infinite.
    """
    epochs, facts = training.configuration.get("epochs"), training.configuration.get("facts") or {}
    if not isinstance(epochs, int) or epochs > LONG:
        return ""
    for metric in metrics:
        if metric.name in facts or metric.name not in training.metrics:
            continue
        for trial in training.trials:
            curves = {name: [x for x in curve if x is not None] for name, curve in trial.history.items()}
            whole = bool(curves) and all(len(curves[name]) == len(curve) for name, curve in trial.history.items())
            if not whole or (metric.of is None and metric.name not in curves):
                continue
            stored, now = trial.metrics[metric.name], metric.value(curves)
            if relative(now, stored) > CLOSE:
                then, here = ("no value" if x is None else f"{x:.9g}" for x in (stored, now))
                return f"{metric.name} of {trial.variant}, seed {trial.seed}: stored {then}, now {here}"
    return ""
