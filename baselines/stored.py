"""The evidence as a run sees it: read once, asked for verdicts, and added to."""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from baselines import evidence as files
from baselines.decide import StoredVerdict, stored_verdict
from baselines.evidence import Measured
from baselines.judge import REFERENCE
from baselines.replay import Changed, replay
from harness.domain.claim import Claim
from harness.domain.experiment import Experiment
from harness.domain.trial import Trial
from harness.domain.verdict import Verdict
from harness.errors import SuiteError
from harness.record.evidence import EXACT, Evidence, Expected, VariantEvidence


def file_of(claim: Claim) -> str:
    """The name of the file that holds a claim's expected verdict."""
    return claim.experiment.id if claim.experiment else EXACT


class Stored:
    """The evidence files of one stack, and those of the reference stack; SuiteError where one cannot be read.

    ``damaged`` holds what was wrong with files that no test rests on.
    """

    def __init__(self, root: Path, stack: str) -> None:
        self.root, self.stack = root, stack
        self.damaged: dict[tuple[str, str], str] = {}
        self._read: dict[tuple[str, str], Evidence | None] = {}
        self._verdicts: dict[str, StoredVerdict] = {}
        self._replayed: dict[str, list[Changed]] = {}

    def get(self, experiment: str, stack: str = "") -> Evidence | None:
        """The evidence of an experiment on this stack, or on another one; None where there is none."""
        key = (stack or self.stack, experiment)
        if key not in self._read:
            self._read[key] = files.read(files.path_of(self.root, *key))
        return self._read[key]

    def variant(self, experiment: str, variant: str, stack: str = "") -> VariantEvidence | None:
        """The stored trials of a variant, or None."""
        found = self.get(experiment, stack)
        return found.variants.get(variant) if found else None

    def reference(self, experiment: str) -> Evidence | None:
        """The evidence of the reference stack; None where it cannot be read, for no test rests on it."""
        try:
            return self.get(experiment, REFERENCE)
        except SuiteError as error:
            self.damaged[experiment, REFERENCE] = str(error)
            return None

    def of(self, experiment: str) -> dict[str, Evidence]:
        """The evidence of an experiment by stack: this run's own and the reference stack's, where there is any.

        Where a run's own can be read, a damaged file of the reference stack is passed over.
        """
        found = {self.stack: self.get(experiment)}
        if self.stack != REFERENCE:
            found[REFERENCE] = self.reference(experiment)
        return {stack: one for stack, one in found.items() if one is not None}

    def verdict(self, claim: Claim) -> StoredVerdict:
        """What the evidence says of a claim that trials decide."""
        assert claim.experiment is not None
        if claim.key not in self._verdicts:
            self._verdicts[claim.key] = stored_verdict(claim, self.stack, self.of(claim.experiment.id))
        return self._verdicts[claim.key]

    def replayed(self, experiment: Experiment) -> list[Changed]:
        """The metrics whose function gives another value for the stored curves than when they were stored."""
        if experiment.id not in self._replayed:
            known = self.get(experiment.id)
            self._replayed[experiment.id] = replay(experiment, known) if known else []
        return self._replayed[experiment.id]

    def trials(self, claim: Claim) -> dict[str, tuple[Trial, ...]]:
        """The stored trials that a claim's verdict rests on, by variant."""
        assert claim.experiment is not None
        found = self.verdict(claim)
        known = self.of(claim.experiment.id).get(found.stack)
        if known is None:
            return {}
        return {name: files.trials(known.variants[name], name)[: found.seeds] for name in claim.variants}

    def expected(self, claim: Claim) -> Expected | None:
        """The verdict that is stored for a claim, or None where this run's stack has none.

        It is that of the stack whose evidence decides the claim: the reference one, where this one has too few seeds.
        """
        found = self.get(file_of(claim))
        stored = found.expected.get(claim.key) if found else None
        decides = self.verdict(claim).stack if stored and claim.experiment else ""
        if claim.experiment and decides == REFERENCE != self.stack:
            other = self.of(claim.experiment.id)[REFERENCE]
            stored = other.expected.get(claim.key)
        return stored

    def vanished(self, experiment: Experiment) -> tuple[str, ...]:
        """Variants with evidence that the experiment no longer declares."""
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

    def check_writable(self, names: Iterable[str]) -> None:
        """SuiteError, before anything is trained, where ``add`` could not read an old file or write a new one."""
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
        measured: Mapping[str, Measured],
        reason: str,
        fingerprint: Mapping[str, Any],
        commit: str,
        claims: Sequence[Claim],
        exact: Mapping[str, Verdict] | None = None,
    ) -> str:
        """Adds what a run measured, and the verdicts that follow from all that is stored then; the difference in words.

        Args:
            experiment: whose file; None for the exact claims.
            measured: by variant.
            reason: why it is stored.
            fingerprint, commit: of the run, and of the working tree.
            claims: the catalogue's.
            exact: the verdicts of exact claims, by key.
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
            verdicts = {key: (verdict, 0) for key, verdict in (exact or {}).items()}
            here = [claim for claim in claims if file_of(claim) == name]
            for claim in here:
                if claim.experiment is None:
                    continue
                found = stored_verdict(claim, self.stack, {self.stack: new})
                if found.seeds:
                    verdicts[claim.key] = found.verdict, found.seeds
            expected = dict(new.expected)
            for key, (verdict, seeds) in verdicts.items():
                before = expected.get(key)
                known = before is not None and (before.verdict, before.seeds) == (verdict.value, seeds)
                if verdict is not Verdict.NOT_RUN and not known:
                    name_of: Any = str(verdict)  # one of the three that Expected takes
                    expected[key] = Expected(verdict=name_of, date=today, reason=reason, seeds=seeds)
            declared = {claim.key for claim in here}
            return msgspec.structs.replace(new, expected={k: v for k, v in expected.items() if k in declared})

        old, new = files.update(files.path_of(self.root, self.stack, name), change)
        self._read[self.stack, name] = new
        self._verdicts.clear()
        return difference(old, new)


def difference(old: Evidence | None, new: Evidence) -> str:
    """What is added to an evidence file, a line for each variant and claim."""
    lines = []
    for name, variant in new.variants.items():
        before = old.variants.get(name) if old else None
        if before is None or before.seeds != variant.seeds:
            lines.append(f"  {name}: {before.seeds if before else 0} → {variant.seeds} seeds, T = {variant.steps}")
        elif before != variant:
            lines.append(f"  {name}: what a check compares is stored, T = {variant.steps}")
    for key, now in new.expected.items():
        then = old.expected.get(key) if old else None
        if then is None or then.verdict != now.verdict:
            rests = f" ({now.seeds} seeds)" if now.seeds else ""
            lines.append(f"  {key}: {then.verdict if then else 'new'} → {now.verdict}{rests}")
    title = f"{new.experiment} ({new.stack})"
    return "\n".join([f"{title}:", *lines]) if lines else f"{title}: nothing changes"
