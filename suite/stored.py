"""The stored baselines as this run sees them: read once, compared, renewed."""

from __future__ import annotations

import datetime
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baselines.curves import Rounding
from baselines.drift import Comparison, compare, undeclared
from baselines.files import path_of, read, update
from baselines.record import EXACT, Baseline, ExpectedVerdict, Provenance
from baselines.update import difference, renewed
from cases import CLAIMS
from harness.claim import Claim
from harness.errors import SuiteError
from harness.experiment import Experiment
from harness.training.configuration import variant_digest
from harness.trial import Trial
from harness.verdict import Verdict
from suite.catalogue import claims_of


@dataclass(frozen=True)
class Authority:
    """The verdict of a claim that is stored with the most ``seeds`` (0 of one that trains nothing), and where it was
    measured."""

    verdict: Verdict
    seeds: int
    stack: str
    device_model: str

    def to_json(self) -> dict[str, Any]:
        return {"seeds": self.seeds, "stack": self.stack, "device_model": self.device_model}


class Stored:
    """The baseline files of one stack; SuiteError where one of them cannot be read.

    ``damaged`` holds what was wrong with the files that ``glance`` met.
    """

    def __init__(self, root: Path, stack: str) -> None:
        self.root, self.stack = root, stack
        self.damaged: dict[tuple[str, str], str] = {}
        self._read: dict[tuple[str, str], Baseline | None] = {}
        self._elsewhere: dict[str, Stored] = {}

    def get(self, experiment: str, setting: str) -> Baseline | None:
        """The baseline of an experiment, or None."""
        key = (experiment, setting)
        if key not in self._read:
            self._read[key] = read(path_of(self.root, setting, self.stack, experiment))
        return self._read[key]

    def glance(self, experiment: str, setting: str) -> Baseline | None:
        """The same, but None for a file that cannot be read either: for what no test rests on."""
        try:
            return self.get(experiment, setting)
        except SuiteError as error:
            self.damaged[experiment, setting] = str(error)
            return None

    def expected(self, claim: Claim, setting: str) -> ExpectedVerdict | None:
        """The verdict stored for a claim in a setting, or None."""
        baseline = self.get(file_of(claim), setting)
        return baseline.verdicts.get(claim.key) if baseline else None

    def authority(self, claim: Claim) -> Authority | None:
        """The stored verdict of the lecture's setting that rests on the most seeds, of whatever stack; None without.

        Of equals this run's own stack comes first.
        """
        folder = path_of(self.root, "lecture", self.stack, EXACT).parent
        others = sorted(path.name for path in folder.parent.glob("*") if path.is_dir() and path != folder)
        found = [self._of_stack(claim, stack) for stack in (self.stack, *others)]
        return max(filter(None, found), key=lambda one: one.seeds, default=None)

    def _of_stack(self, claim: Claim, stack: str) -> Authority | None:
        if stack not in self._elsewhere:
            self._elsewhere[stack] = self if stack == self.stack else Stored(self.root, stack)
        baseline = self._elsewhere[stack].glance(file_of(claim), "lecture")
        expected = baseline.verdicts.get(claim.key) if baseline else None
        if baseline is None or expected is None:
            return None
        known = [baseline.variants[name] for name in claim.variants if name in baseline.variants]
        seeds = min((len(variant.trials) for variant in known), default=0)
        model = next((v.provenance.fingerprint.get("device_model") for v in known), None)
        return Authority(expected.verdict, seeds, stack, str(model or stack))

    def check_writable(self, files: Iterable[str], setting: str) -> None:
        """SuiteError, before anything is trained, where ``renew`` could not read an old file or write a new one."""
        folder = path_of(self.root, setting, self.stack, EXACT).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise SuiteError(
                f"Cannot write baselines to {folder}: {error.strerror or error}. "
                "Make the folder writable, or name another with --baseline-dir."
            ) from error
        for name in files:
            self.get(name, setting)

    def compare(
        self,
        experiment: Experiment,
        variant: str,
        trials: Sequence[Trial],
        *,
        setting: str,
        fingerprint: Mapping[str, Any],
        comparisons: int,
    ) -> Comparison:
        """A variant of this run against its baseline."""
        baseline = self.get(experiment.id, setting)
        stored = baseline.variants.get(variant) if baseline else None
        then = dict(stored.provenance.fingerprint) if stored else {}
        return compare(
            trials,
            stored,
            experiment.metrics,
            definition=variant_digest(experiment, variant, setting),
            same_fingerprint=stored is not None and then == dict(fingerprint),
            same_streams=stored is not None and streams(then) == streams(fingerprint),
            comparisons=comparisons,
        )

    def vanished(self, experiment: Experiment, setting: str) -> tuple[str, ...]:
        """Variants with a baseline that the experiment no longer declares: comparison is over the union."""
        baseline = self.glance(experiment.id, setting)
        return undeclared(baseline, [variant.name for variant in experiment.variants]) if baseline else ()

    def seconds(self, experiment: str, variant: str, setting: str) -> float | None:
        """Mean seconds of a stored trial of a variant, or None."""
        baseline = self.glance(experiment, setting)
        stored = baseline.variants.get(variant) if baseline else None
        if stored is None:
            return None
        return sum(trial.seconds.total for trial in stored.trials) / len(stored.trials)

    def rounding(self, experiment: str, variant: str, setting: str) -> Rounding:
        """What is stored of how far rounding takes a variant's trials; empty where that is nothing."""
        baseline = self.get(experiment, setting)
        stored = baseline.variants.get(variant) if baseline else None
        return stored.rounding if stored else {}

    def renew(
        self,
        experiment: Experiment | None,
        trials: Mapping[str, tuple[Trial, ...]],
        rounding: Mapping[str, Rounding],
        seeds: int,
        verdicts: Mapping[str, Verdict],
        setting: str,
        provenance: Provenance,
    ) -> str:
        """Writes the new baseline of an experiment (None: of the exact claims) and returns the difference in words."""
        name = experiment.id if experiment else EXACT
        claims = claims_of(name) if experiment else [claim for claim in CLAIMS if claim.experiment is None]
        declared = experiment.variants if experiment else ()

        def change(old: Baseline | None) -> Baseline:
            return renewed(
                old,
                experiment=name,
                setting=setting,
                stack=self.stack,
                variants={v.name: variant_digest(experiment, v.name, setting) for v in declared if experiment},
                claims=[claim.key for claim in claims],
                trials=trials,
                rounding=rounding,
                seeds=seeds,
                verdicts=verdicts,
                provenance=provenance,
            )

        # Not what ``get`` read when the run began: another run may have stored its part of the file since.
        old, new = update(path_of(self.root, setting, self.stack, name), change)
        self._read[name, setting] = new
        return difference(old, new)


def streams(fingerprint: Mapping[str, Any]) -> list[Any]:
    """The part of a fingerprint that says which random numbers a seed gives: versions of libraries, device, engine.

    A lane of ``vectorized`` has those of ``compiled``.
    """
    names = ("keras", "backend", "backend_version", "jaxlib", "numpy", "device", "precision")
    engine = fingerprint.get("engine")
    return [*(fingerprint.get(name) for name in names), "compiled" if engine == "vectorized" else engine]


def file_of(claim: Claim) -> str:
    """The name of the baseline file that holds a claim's expected verdict."""
    return claim.experiment.id if claim.experiment else EXACT


def provenance(fingerprint: Mapping[str, Any], reason: str) -> Provenance:
    """Of this run, now."""
    return Provenance(dict(fingerprint), commit() or "unknown", datetime.date.today().isoformat(), reason)


def commit() -> str | None:
    """The commit of the working tree, "+" where it has changes; None outside git."""
    try:
        where = Path(__file__).parent
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"],
            cwd=where,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.strip() or None
