"""The records of a run, and the ``Run`` that they fold into. The field ``kind`` says which record a line holds.

A run's file has one record per line, in the order in which things finished. Of several records of one trial,
training, claim, erratum or timing the last one counts.
"""

from __future__ import annotations

import bisect
import json
import operator
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from harness.claim import Claim
from harness.erratum import ErratumChecked
from harness.errors import SuiteError, invalid
from harness.model import Seconds, Trial
from harness.record.outcomes import Here, Part, SeedsTaken, TimeComparison, TrainingOutcome, VerdictComparison
from harness.record.timings import Measurement
from harness.record.trials import Fingerprint, ShortTrial, Struct, Training
from harness.rules.combined import adjust
from harness.verdict import Decision, Verdict

SCHEMA = 6
"""The version of this file format."""
LAST = "012f4a3"
"""The last commit that reads the version before."""

Key = tuple[str, str]
"""(experiment id, variant name)"""
NOTHING: Mapping[str, Sequence[Trial]] = MappingProxyType({})
"""No trials."""


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """One line of a run's file."""


class GpuFacts(Struct, frozen=True, kw_only=True):
    """The state of one GPU; None for what its driver does not report.

    Neither index nor serial number is recorded, so a published report identifies nobody's hardware.

    Attributes:
        unavailable: why the state is unknown; None if it is known.
        name: the GPU's model.
        driver: the driver's version.
        power_state: from "P0", the fastest, to "P15".
        sm_clock_mhz, max_sm_clock_mhz: of the multiprocessors, in MHz.
        memory_clock_mhz, max_memory_clock_mhz: in MHz.
        throttled_by: what holds the clocks down; empty if nothing does.
        power_w, power_limit_w: in watts.
        temperature_c: of the chip, in degrees Celsius.
        utilisation_percent: share of the time in which a kernel ran, from 0 to 100.
        persistence, mig: "Enabled" or "Disabled".
    """

    unavailable: str | None = None
    name: str | None = None
    driver: str | None = None
    power_state: str | None = None
    sm_clock_mhz: float | None = None
    max_sm_clock_mhz: float | None = None
    memory_clock_mhz: float | None = None
    max_memory_clock_mhz: float | None = None
    throttled_by: tuple[str, ...] | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    temperature_c: float | None = None
    utilisation_percent: float | None = None
    persistence: str | None = None
    mig: str | None = None


class AsNeeded(Part, frozen=True):
    """The limit of ``--seeds auto``: the most seeds of a claim."""

    max_seeds: int


class SessionSummary(Part, frozen=True, kw_only=True):
    """In a report of evidence: how many trials come from one block of seeds (``harness.record.trials.SeedBlock``)."""

    date: str
    commit: str
    engine: str
    device_model: str
    keras: str
    backend_version: str
    reason: str
    trials: int


class OtherStack(Part, frozen=True, kw_only=True):
    """In a report of evidence: a metric of a variant over the stored seeds of another stack."""

    stack: str
    experiment: str
    variant: str
    metric: str
    mean: float | None
    std: float | None
    n: int


class RunStarted(Record, frozen=True, kw_only=True, tag="run"):
    """The first record.

    Attributes:
        schema: version of the file format.
        id: the run's id. Ids sort by the time of start.
        started: ISO 8601, UTC.
        command: the command line, without a password.
        full: True if the run trains to the end and decides anew; False if it checks the evidence.
        evidence: True if the records are a report of a stack's evidence, and not of a run.
        seeds, first_seed: number of seeds of each variant, and the first of them.
        seeds_of: number of seeds of the experiments that have another number, by experiment id.
        auto: the limits of ``--seeds auto``; None without it.
        backend, engine, precision: as requested.
        workers: number of processes that train.
        reuse: whether the run reuses trials of earlier runs.
        selected: digest of the names of the selected tests.
        planned: keys of the selected claims.
        fingerprint: see ``harness.environment.fingerprint.fingerprint``.
        gpu: the state of the GPU at the start; None without a GPU.
        source: digest of the training code.
        commit: of the working tree; None outside git.
        stack: the stack whose evidence the run is compared with.
        course: the name of its course; "" for the default one.
        sessions, other_stacks: of a report of evidence; else empty.
    """

    schema: int = SCHEMA
    id: str
    started: str
    command: str
    full: bool
    evidence: bool = False
    seeds: int | None = None
    first_seed: int = 0
    seeds_of: dict[str, int] = {}
    auto: AsNeeded | None = None
    backend: str
    engine: str
    precision: str = "default"
    workers: int = 1
    reuse: bool = False
    selected: str = ""
    planned: tuple[str, ...] = ()
    fingerprint: Fingerprint
    gpu: GpuFacts | None = None
    source: str = ""
    commit: str | None = None
    stack: str
    course: str = ""
    sessions: tuple[SessionSummary, ...] = ()
    other_stacks: tuple[OtherStack, ...] = ()


class TrialDone(Record, frozen=True, kw_only=True, tag="trial"):
    """A trial that was trained to the end.

    Attributes:
        experiment: id of its experiment.
        definition: digest of the variant's configuration.
        reused: id of the earlier run that it is taken from; "" if this run trained it.
        trial: what was measured.
    """

    experiment: str
    definition: str
    reused: str = ""
    trial: Trial

    @property
    def key(self) -> Key:
        return self.experiment, self.trial.variant


class ShortTrialDone(Record, frozen=True, kw_only=True, tag="short trial"):
    """A short trial of a variant. ``definition``: digest of the variant's configuration."""

    experiment: str
    variant: str
    definition: str = ""
    trial: ShortTrial

    @property
    def key(self) -> Key:
        return self.experiment, self.variant


class Summary(Part, frozen=True, kw_only=True):
    """One metric over seeds.

    Attributes:
        metric: its name.
        mean, std: over the seeds with a value; None with too few values.
        n: number of seeds.
        values: one per seed; None for a seed without a value.
    """

    metric: str
    mean: float | None
    std: float | None
    n: int
    values: tuple[float | None, ...]

    @classmethod
    def of(cls, metric: str, trials: Sequence[Trial]) -> Summary:
        """Summarizes the metric of these trials."""
        values = tuple(trial.metrics.get(metric) for trial in trials)
        known = [value for value in values if value is not None]
        return cls(
            metric=metric,
            mean=statistics.fmean(known) if known else None,
            std=statistics.stdev(known) if len(known) > 1 else None,
            n=len(values),
            values=values,
        )


class TrainingCompared(Record, frozen=True, kw_only=True, tag="training"):
    """A variant that was trained and compared with the evidence.

    Attributes:
        experiment, variant: what was trained.
        engine, backend, device, device_model, precision: how and where it was trained.
        seeds: the seeds that were trained to the end.
        seconds: the total and the compilation are sums over the trials, short trials included in the total; the
            seconds per epoch are means.
        reused: number of trials from earlier runs.
        images_per_second: of a steady epoch; None if no trial was trained to the end.
        summary: of the primary metric over the seeds that were trained to the end.
        stored_mean, stored_seconds: of the same seeds in the stack's evidence: their mean, and the mean seconds of a
            training to the end; None if the evidence lacks them.
        outcome: the comparison with the evidence.
        red: whether its test fails.
        damaged: whether it is red because the evidence could not be read.
    """

    experiment: str
    variant: str
    engine: str
    backend: str
    device: str
    device_model: str
    precision: str
    seeds: tuple[int, ...]
    seconds: Seconds
    reused: int = 0
    images_per_second: float | None
    summary: Summary
    stored_mean: float | None = None
    stored_seconds: float | None = None
    outcome: TrainingOutcome
    red: bool = False
    damaged: bool = False

    @property
    def key(self) -> Key:
        return self.experiment, self.variant

    @property
    def moved(self) -> bool:
        """Whether a measurement made it red."""
        return self.red and not self.damaged


class ClaimDecided(Record, frozen=True, kw_only=True, tag="claim"):
    """A claim and its verdict. What it says is the course's; a report joins them by ``key``.

    Attributes:
        key: of the claim.
        definition: digest of its rule (``Claim.definition``).
        experiment: id of its experiment; None for an exact claim.
        variants: the trials that decide it, summarized by variant.
        decision, alongside: the decision of its rule, and of the rules reported alongside.
        here: what the evidence says, and how much of it this machine confirms; None for an exact claim.
        taken: the seeds it took with ``--seeds auto``; None without it.
        comparison: the verdict against the expected verdict.
        red: whether its test fails.
        error: why the expected verdict could not be read; "" if it could.
    """

    key: str
    definition: str = ""
    experiment: str | None = None
    variants: dict[str, Summary] = {}
    decision: Decision
    alongside: tuple[Decision, ...] = ()
    here: Here | None = None
    taken: SeedsTaken | None = None
    comparison: VerdictComparison
    red: bool = False
    error: str = ""

    @classmethod
    def of(
        cls,
        claim: Claim,
        decision: Decision,
        comparison: VerdictComparison,
        trials: Mapping[str, Sequence[Trial]] = NOTHING,
        **more: Any,
    ) -> ClaimDecided:
        """The record of a claim. ``trials``: by variant, those that decide it. ``more``: the other fields."""
        experiment, summaries = claim.experiment, {}
        if experiment is not None:
            metric = next(iter(claim.rules[0].metrics), experiment.metrics[0].name)
            summaries = {name: Summary.of(metric, trials.get(name, ())) for name in claim.variants}
        return cls(
            key=claim.key,
            definition=claim.definition,
            experiment=experiment.id if experiment else None,
            variants=summaries,
            decision=decision,
            comparison=comparison,
            **more,
        )

    @property
    def id(self) -> str:
        """Of the claim, without the case."""
        return self.key.partition("/")[0]

    @property
    def verdict(self) -> Verdict:
        return self.decision.verdict

    @property
    def moved(self) -> bool:
        """Whether a measurement made it red. False if something could not be run or read."""
        return self.red and not self.error and self.verdict is not Verdict.NOT_RUN


class SelfChecked(ClaimDecided, frozen=True, kw_only=True, tag="self-check"):
    """A self-check: what holds, where that is documented, and whether it does."""

    statement: str
    source: str


class Timed(Record, frozen=True, kw_only=True, tag="timing"):
    """The times of one engine on one training. The engines take turns (``harness.timing.measure``).

    Attributes:
        work, experiment, variant, engine: what was timed.
        measured: its times.
        comparison, red: the comparison with the stored times, and whether its test fails.
    """

    work: str
    experiment: str = ""
    variant: str = ""
    engine: str
    measured: Measurement
    comparison: TimeComparison
    red: bool = False

    @property
    def case(self) -> str:
        """The name of the case in the stored timings."""
        return f"{self.work}/{self.engine}"


class RunEnded(Record, frozen=True, kw_only=True, tag="end"):
    """How a run ended. It is written before the report and again after it. A run without this record was killed."""

    exit_status: int
    seconds: float | None
    interrupted: bool = False
    gpu: GpuFacts | None = None
    reported: bool = False


AnyRecord = (
    RunStarted
    | TrialDone
    | ShortTrialDone
    | TrainingCompared
    | ClaimDecided
    | SelfChecked
    | ErratumChecked
    | Timed
    | RunEnded
)

HEAVY = ('{"kind":"trial"', '{"kind":"short ', '{"kind":"claim"', '{"kind":"self-c')
"""How the lines of trials, claims and self-checks begin, all in 15 characters: nearly all of a run of many seeds."""

_DECODER = msgspec.json.Decoder(AnyRecord)
AnyTrial = TypeVar("AnyTrial", Trial, ShortTrial)


@dataclass
class Run:
    """The state of a run after its records so far.

    Attributes:
        path: of its file.
        header: its first record.
        trials: by (experiment, variant), in order of their seeds. Training a seed again replaces its trial.
        short: the short trials, likewise; by start, then by seed, then by perturbation, the canonical one last.
        definitions: of the trials and short trials: the digest of the configuration by (experiment, variant).
        trainings: by (experiment, variant).
        claims, self_checks, errata: by key, by key, and by id.
        timings: by (work, engine).
        evidence: in a report of evidence, what is stored; else empty.
        end: its last record; None while it runs, or if it was killed.
    """

    path: Path
    header: RunStarted
    trials: dict[Key, list[Trial]] = field(default_factory=dict)
    short: dict[Key, list[ShortTrial]] = field(default_factory=dict)
    definitions: dict[Key, str] = field(default_factory=dict)
    trainings: dict[Key, TrainingCompared] = field(default_factory=dict)
    claims: dict[str, ClaimDecided] = field(default_factory=dict)
    errata: dict[str, ErratumChecked] = field(default_factory=dict)
    self_checks: dict[str, SelfChecked] = field(default_factory=dict)
    timings: dict[Key, Timed] = field(default_factory=dict)
    evidence: dict[Key, Training] = field(default_factory=dict)
    end: RunEnded | None = None
    _reused: dict[Key, set[int]] = field(default_factory=dict, repr=False)

    def add(self, record: AnyRecord) -> None:
        """Adds the next record. SuiteError for a second header."""
        match record:
            case RunStarted():
                raise invalid(f"run {self.path}", expected="one record of kind 'run', the first", received="another")
            case TrialDone():
                _put(self.trials.setdefault(record.key, []), record.trial, "seed")
                self.definitions[record.key] = record.definition
                reused = self._reused.setdefault(record.key, set())
                (reused.add if record.reused else reused.discard)(record.trial.seed)
            case ShortTrialDone():
                _put(self.short.setdefault(record.key, []), record.trial, "start", "seed", "canonical", "perturbed")
                self.definitions[record.key] = record.definition
            case TrainingCompared():
                self.trainings[record.key] = record
            case SelfChecked():
                self.self_checks[record.key] = record
            case ClaimDecided():
                self.claims[record.key] = record
            case ErratumChecked():
                self.errata[record.id] = record
            case Timed():
                self.timings[record.work, record.engine] = record
            case RunEnded():
                self.end = record

    @property
    def reused(self) -> dict[Key, int]:
        """By variant, the number of trials from earlier runs; only variants with at least one."""
        return {key: len(seeds) for key, seeds in self._reused.items() if seeds}

    @property
    def moved(self) -> bool:
        """Whether a measurement made anything red."""
        judged = (self.trainings, self.claims, self.errata, self.self_checks)
        moved = any(record.moved for records in judged for record in records.values())
        return moved or any(timed.red for timed in self.timings.values())

    @property
    def partial(self) -> bool:
        """Whether the run was killed or interrupted."""
        return self.end is None or self.end.interrupted

    @property
    def open(self) -> bool:
        """Whether work is left: the run has no end or no report, or something could not be run."""
        end = self.end
        return end is None or end.interrupted or not end.reported or end.exit_status == INTERNAL_ERROR

    def adjusted(self) -> dict[str, tuple[Decision, Verdict]]:
        """By claim key: the decision with p-values adjusted over all claims of the run (Holm), and the verdict then."""
        return adjust({key: claim.decision for key, claim in self.claims.items()})


def _put(trials: list[AnyTrial], trial: AnyTrial, *names: str) -> None:
    """Puts a trial where it belongs in the order of these attributes, or in place of the one that is equal in them."""
    order = operator.attrgetter(*names)
    place = bisect.bisect_left(trials, order(trial), key=order)
    known = place < len(trials) and order(trials[place]) == order(trial)
    trials[place : place + known] = [trial]


INTERNAL_ERROR = 3
"""pytest's exit code of a run in which something could not be run or read."""


def read_run(path: Path) -> Run:
    """Reads a run's file. It skips a last line without an end, which a kill leaves. SuiteError for any other damage."""
    return parse_run(whole_lines(path), path)


def whole_lines(path: Path) -> list[bytes]:
    """The complete lines of a run's file. SuiteError if it cannot be read."""
    try:
        return path.read_bytes().split(b"\n")[:-1]
    except OSError as error:
        raise SuiteError(f"Cannot read the run's record {path}: {error.strerror or error}.") from error


def parse_run(lines: Iterable[bytes], path: Path) -> Run:
    """The run that the lines of the file ``path`` hold. SuiteError that names the first damaged line."""
    run: Run | None = None
    for number, line in enumerate(lines, start=1):
        if run is None:
            check_schema(line, path)
        try:
            record = decode(line)
        except ValueError as error:
            fault = " ".join(str(error).split())[:200]
            fix = "Run `pytest suite/` again to record a new run."
            received = f"{line[:60].decode('utf-8', 'backslashreplace')} ({fault})"
            raise invalid(f"line {number} of {path}", expected="a record", received=received, fix=fix) from None
        if run is not None:
            run.add(record)
        elif isinstance(record, RunStarted):
            run = Run(path, record)
        else:
            raise invalid(f"run record {path}", expected="a first line of kind 'run'", received=type(record).__name__)
    if run is None:
        raise invalid(f"run record {path}", expected="a first line of kind 'run'", received="an empty file")
    return run


def decode(line: bytes) -> AnyRecord:
    """The record of a line. ValueError if the line is no record."""
    try:
        return _DECODER.decode(line)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def check_schema(line: bytes, path: Path) -> None:
    """SuiteError if a run's first line has another schema. It ignores every other fault."""
    try:
        header = json.loads(line)
        schema = header["schema"] if header["kind"] == "run" else SCHEMA
    except (ValueError, TypeError, KeyError, RecursionError):
        return
    if schema != SCHEMA:
        newer = isinstance(schema, int) and schema > SCHEMA
        age = "a newer version of the suite" if newer else f"an earlier version of the suite, which commit {LAST} reads"
        fix = f"It was written by {age}; it stays as it is. Run `pytest suite/` for a new one."
        raise invalid(f"run record {path}", expected=f"schema {SCHEMA}", received=f"schema {schema!r:.40}", fix=fix)


def encode(record: AnyRecord) -> bytes:
    """The line of a record, without the line break."""
    try:
        return msgspec.json.encode(record, enc_hook=_plain)
    except UnicodeEncodeError:  # a path that is not UTF-8 has lone surrogates
        return msgspec.json.encode(_escaped(msgspec.to_builtins(record, enc_hook=_plain)))


def _plain(value: Any) -> Any:
    """A NumPy scalar as a Python number. TypeError for anything else."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in a record")


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_escaped(key): _escaped(item) for key, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list | tuple) else value
