"""The evidence of a run: reads each file once, gives the verdicts, and adds new measurements."""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from harness.check import evidence as files
from harness.check.evidence import LONG
from harness.check.judge import REFERENCE
from harness.check.rounding import relative
from harness.check.verdicts import StoredVerdict, stored_verdict
from harness.domain.claim import Claim
from harness.domain.model import Experiment, Trial
from harness.domain.verdict import Decision, Verdict
from harness.errors import SuiteError
from harness.record.evidence import EXACT, Evidence, Expected
from harness.record.trials import Fingerprint, Training

CLOSE = 1e-6
"""Relative difference up to which two values of a metric of float32 curves count as equal."""


def file_of(claim: Claim) -> str:
    """The file of a claim's expected verdict: an experiment id, or EXACT."""
    return claim.experiment.id if claim.experiment else EXACT


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
        self._replayed: dict[str, list[Changed]] = {}

    def get(self, experiment: str, stack: str = "") -> Evidence | None:
        """The evidence of an experiment on a stack, by default this one; None if there is none."""
        key = (stack or self.stack, experiment)
        if key not in self._read:
            self._read[key] = files.read(files.path_of(self.root, *key))
        return self._read[key]

    def variant(self, experiment: str, variant: str, stack: str = "") -> Training | None:
        """The evidence of a variant, or None."""
        found = self.get(experiment, stack)
        return found.variants.get(variant) if found else None

    def reference(self, experiment: str) -> Evidence | None:
        """The evidence of the reference stack; None if it cannot be read, since no test rests on it."""
        try:
            return self.get(experiment, REFERENCE)
        except SuiteError as error:
            self.damaged[experiment, REFERENCE] = str(error)
            return None

    def of(self, experiment: str) -> dict[str, Evidence]:
        """The evidence of an experiment by stack: this stack and the reference stack. It skips a damaged reference."""
        found = {self.stack: self.get(experiment)}
        if self.stack != REFERENCE:
            found[REFERENCE] = self.reference(experiment)
        return {stack: one for stack, one in found.items() if one is not None}

    def verdict(self, claim: Claim) -> StoredVerdict:
        """The verdict that the evidence gives a claim that trials decide."""
        assert claim.experiment is not None
        if claim.key not in self._verdicts:
            self._verdicts[claim.key] = stored_verdict(claim, self.stack, self.of(claim.experiment.id))
        return self._verdicts[claim.key]

    def replayed(self, experiment: Experiment) -> list[Changed]:
        """The metrics whose function now gives another value for the stored curves (``replay``)."""
        if experiment.id not in self._replayed:
            known = self.get(experiment.id)
            self._replayed[experiment.id] = list(replay(experiment, known)) if known else []
        return self._replayed[experiment.id]

    def trials(self, claim: Claim) -> dict[str, tuple[Trial, ...]]:
        """By variant, the stored trials that a claim's verdict rests on."""
        assert claim.experiment is not None
        found = self.verdict(claim)
        known = self.of(claim.experiment.id).get(found.stack)
        if known is None:
            return {}
        return {name: known.variants[name].trials[: found.seeds] for name in claim.variants}

    def expected(self, claim: Claim) -> Expected | None:
        """The expected verdict of a claim; None if this stack has none.

        If the reference stack's evidence decides the claim, its expected verdict counts.
        """
        found = self.get(file_of(claim))
        stored = found.expected.get(claim.key) if found else None
        decides = self.verdict(claim).stack if stored and claim.experiment else ""
        if claim.experiment and decides == REFERENCE != self.stack:
            other = self.of(claim.experiment.id)[REFERENCE]
            stored = other.expected.get(claim.key)
        return stored

    def vanished(self, experiment: Experiment) -> tuple[str, ...]:
        """The variants that have evidence, but are no longer declared by the experiment."""
        try:
            found = self.get(experiment.id)
        except SuiteError as error:
            self.damaged[experiment.id, self.stack] = str(error)
            return ()
        declared = {variant.name for variant in experiment.variants}
        return tuple(name for name in found.variants if name not in declared) if found else ()

    def seconds(self, experiment: str, variant: str) -> float | None:
        """Mean seconds of a stored trial, or None."""
        try:
            stored = self.variant(experiment, variant)
        except SuiteError:
            return None
        if stored is None:
            return None
        return sum(one.seconds * one.seeds for one in stored.sessions) / stored.seeds

    def mean(self, experiment: str, variant: str, metric: str, seeds: Sequence[int]) -> float | None:
        """The mean of a metric over these seeds; None if one of them has no stored value."""
        try:
            stored = self.variant(experiment, variant)
        except SuiteError:
            return None
        trials = {trial.seed: trial for trial in stored.trials} if stored else {}
        values = [trials[seed].metrics.get(metric) if seed in trials else None for seed in seeds]
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known and len(known) == len(values) else None

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
        reason: str,
        fingerprint: Fingerprint,
        commit: str,
        claims: Sequence[Claim],
        exact: Mapping[str, Decision] | None = None,
    ) -> str:
        """Adds the measurements of a run to a file, and updates its expected verdicts. Returns the changes as text.

        Args:
            experiment: the experiment of the file; None for the exact claims.
            measured: by variant.
            reason: why it is stored.
            fingerprint, commit: of the run, and of the working tree.
            claims: the catalogue's claims.
            exact: the decisions of exact claims, by key.
        """
        name, today = experiment.id if experiment else EXACT, datetime.date.today().isoformat()

        def change(old: Evidence | None) -> Evidence:
            new = old or Evidence(experiment=name, stack=self.stack, variants={}, expected={})
            if experiment is not None:
                new = files.add(
                    old,
                    experiment,
                    self.stack,
                    measured,
                    commit=commit,
                    date=today,
                    reason=reason,
                    fingerprint=fingerprint,
                )
            verdicts = {key: (one.verdict, 0, one.reason) for key, one in (exact or {}).items()}
            here = [claim for claim in claims if file_of(claim) == name]
            for claim in here:
                if claim.experiment is None:
                    continue
                found = stored_verdict(claim, self.stack, {self.stack: new})
                if found.seeds:
                    verdicts[claim.key] = found.verdict, found.seeds, ""
            expected = dict(new.expected)
            for key, (verdict, seeds, computed) in verdicts.items():
                before = expected.get(key)
                if before is not None and (before.verdict, before.seeds) == (verdict.value, seeds):
                    expected[key] = msgspec.structs.replace(before, computed=computed)
                elif verdict is not Verdict.NOT_RUN:
                    text: Any = str(verdict)  # one of those that Expected takes
                    expected[key] = Expected(verdict=text, date=today, reason=reason, seeds=seeds, computed=computed)
            declared = {claim.key for claim in here}
            return msgspec.structs.replace(new, expected={k: v for k, v in expected.items() if k in declared})

        old, new = files.update(files.path_of(self.root, self.stack, name), change)
        self._read[self.stack, name] = new
        self._verdicts.clear()
        return difference(old, new)


def difference(old: Evidence | None, new: Evidence) -> str:
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


@dataclass(frozen=True)
class Changed:
    """A metric whose function gives another value, with the first seed that shows it."""

    variant: str
    metric: str
    seed: int
    stored: float | None
    now: float | None

    def __str__(self) -> str:
        stored, now = ("no value" if x is None else f"{x:.9g}" for x in (self.stored, self.now))
        return f"{self.metric} of {self.variant}, seed {self.seed}: stored {stored}, now {now}"


def replay(experiment: Experiment, evidence: Evidence) -> Iterator[Changed]:
    """The metrics whose function gives another value for stored curves: one entry per variant and metric.

    It skips curves of more than 200 epochs, which are stored in part, and metrics without a curve. It also skips curves
    with values that are not finite, because the file does not say whether a value was nan or infinite.
    """
    for name, training in evidence.variants.items():
        epochs, facts = training.configuration.get("epochs"), training.configuration.get("facts") or {}
        if not isinstance(epochs, int) or epochs > LONG:
            continue
        curves = [(trial, _whole(trial.history)) for trial in training.trials if trial.history]
        for metric in experiment.metrics:
            if metric.name in facts or metric.name not in training.metrics:
                continue
            for trial, whole in curves:
                if whole is None or (metric.of is None and metric.name not in whole):
                    continue
                stored, now = trial.metrics[metric.name], metric.value(whole)
                if relative(now, stored) > CLOSE:
                    yield Changed(name, metric.name, trial.seed, stored, now)
                    break


def _whole(history: Mapping[str, Sequence[float | None]]) -> dict[str, list[float]] | None:
    """The curves; None if a value is not finite."""
    curves = {name: [value for value in curve if value is not None] for name, curve in history.items()}
    return curves if all(len(curves[name]) == len(history[name]) for name in curves) else None
