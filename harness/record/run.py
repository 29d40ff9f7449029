"""What a run finds: a stream of records of one union, told apart by ``kind``; and the run that they make up.

A run's file has one record a line, in the order in which things finished. Of a trial, a training, a claim, an erratum,
a self-check and a timing that has several records, the last one counts: a resumed run decides again.
"""

from __future__ import annotations

import bisect
import json
import operator
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from harness.domain.catalogue import Broken
from harness.domain.erratum import ErratumState
from harness.domain.experiment import Size
from harness.domain.plots import Surface, Sweep, TurningPoint
from harness.domain.trial import Seconds, Trial
from harness.domain.verdict import Decision, Verdict
from harness.errors import SuiteError, invalid
from harness.record.gpu import GpuFacts
from harness.record.outcomes import Here, Part, SeedsTaken, TimeComparison, TrainingOutcome, VerdictComparison
from harness.record.trials import ShortTrial
from harness.statistics.holm import adjust
from harness.timing.peak import Peak
from harness.timing.ratio import Ratio
from harness.timing.stability import Doubt

SCHEMA = 2
"""Schema 1 was that of an earlier version of the suite."""

Fingerprint = dict[str, str | int | float | bool | None]
Key = tuple[str, str]
"""Experiment, variant."""


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """One line of a run's file."""


class AsNeeded(Part, frozen=True):
    """``--seeds auto``: at most so many seeds, and no batch that ends over ``budget`` seconds after the start."""

    max_seeds: int
    budget: float | None = None


class SessionSummary(Part, frozen=True, kw_only=True):
    """Of a report of evidence: how many trials come from one session (``harness.record.evidence.Session``)."""

    date: str
    commit: str
    engine: str
    device_model: str
    keras: str
    backend_version: str
    reason: str
    trials: int


class RunStarted(Record, frozen=True, kw_only=True, tag="run"):
    """The first record.

    Attributes:
        schema: of the run's file.
        id: sorts by the time of start.
        started: ISO 8601, UTC.
        command: what was typed, without a password.
        full: whether it trains to the end and decides anew; else it checks what the evidence holds.
        evidence: whether this is no run, but what is stored of a stack.
        seeds, first_seed, seeds_of: of each variant; from which on; and of experiments with another number.
        auto: with ``--seeds auto``.
        backend, engine, precision: what was asked for.
        workers: processes that trained.
        reuse: whether trials of earlier runs were taken.
        selected: digest of the names of the selected items.
        planned: keys of the selected claims.
        broken: what could not be read of the catalogue.
        fingerprint: see ``harness.environment.fingerprint.fingerprint``.
        gpu: what the driver says of the GPU at the start; None without one.
        source: digest of the training code.
        commit: of the working tree; None outside git.
        stack: whose evidence it is compared with.
        sessions: of a report of evidence.
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
    broken: tuple[Broken, ...] = ()
    fingerprint: Fingerprint
    gpu: GpuFacts | None = None
    source: str = ""
    commit: str | None = None
    stack: str
    sessions: tuple[SessionSummary, ...] = ()


class RunResumed(Record, frozen=True, kw_only=True, tag="resumed"):
    """A killed or interrupted run goes on: when, by what command, at which commit."""

    started: str
    command: str
    commit: str | None


class MetricDeclared(Part, frozen=True, kw_only=True):
    """The fields of ``harness.domain.metric.Metric`` that a report needs."""

    name: str
    better: str
    unit: str
    smallest_effect: float
    scale: str


class Point(Part, frozen=True, kw_only=True):
    """One variant in the figure of a sweep: where it lies, and on which line."""

    variant: str
    at: float
    series: str


class ExperimentDeclared(Record, frozen=True, kw_only=True, tag="experiment"):
    """An experiment, before its first trial.

    Attributes:
        id, order: its name, and its place in the catalogue.
        size, variants, metrics: what is trained and measured.
        accuracy: whether it trains classifiers.
        printed: the slide's own curves, by variant and curve; None where the slide prints no value.
        series: the line of each variant, where the experiment has lines.
        sweep, points: one metric over the variants.
        surface, turning_point: further figures.
    """

    id: str
    order: int = 0
    size: Size
    variants: tuple[str, ...]
    metrics: tuple[MetricDeclared, ...]
    accuracy: bool
    printed: dict[str, dict[str, tuple[float | None, ...]]] = {}
    series: dict[str, str] = {}
    sweep: Sweep | None = None
    points: tuple[Point, ...] = ()
    surface: Surface | None = None
    turning_point: TurningPoint | None = None


class TrialDone(Record, frozen=True, kw_only=True, tag="trial"):
    """A trial that went to the end.

    Attributes:
        experiment: whose.
        definition: digest of the variant's configuration.
        reused: the run that trained it, where it was taken from an earlier one.
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
    """A trial of which the first steps were trained; never evidence, never reused."""

    trial: ShortTrial

    @property
    def key(self) -> Key:
        return self.trial.experiment, self.trial.variant


class TrainingCompared(Record, frozen=True, kw_only=True, tag="training"):
    """A variant that was trained and compared.

    Attributes:
        experiment, variant: what was trained.
        engine, backend, device, device_model, precision: by what.
        seeds: those that went to the end.
        seconds: sums over the trials; of the epochs, means. Shortened trials count in the total.
        reused: how many trials are of earlier runs.
        images_per_second: of a steady epoch; None where nothing went to the end.
        metric, mean, std, n, diverged: the primary metric over the seeds that went to the end.
        outcome: how it compares with the evidence.
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
    metric: str
    mean: float | None
    std: float | None
    n: int
    diverged: int
    outcome: TrainingOutcome
    red: bool = False
    damaged: bool = False

    @property
    def key(self) -> Key:
        return self.experiment, self.variant

    @property
    def moved(self) -> bool:
        """Whether it is red because of what was measured."""
        return self.red and not self.damaged


class Alongside(Part, frozen=True):
    """A rule that is reported alongside the deciding one, and what it decides."""

    rule: str
    decision: Decision


class PublishedFigure(Part, frozen=True, kw_only=True):
    """A figure of the slide: as printed, its value, and half a unit of its last digit."""

    variant: str
    metric: str
    printed: str
    value: float
    rounding: float


class Summary(Part, frozen=True, kw_only=True):
    """One metric over seeds: mean and standard deviation of those that have a value; None for a seed without one."""

    metric: str
    mean: float | None
    std: float | None
    n: int
    values: tuple[float | None, ...]

    @classmethod
    def of(cls, metric: str, trials: Sequence[Trial]) -> Summary:
        """The summary of these trials, one value each."""
        values = tuple(trial.metrics.get(metric) for trial in trials)
        known = [value for value in values if value is not None]
        return cls(
            metric=metric,
            mean=statistics.fmean(known) if known else None,
            std=statistics.stdev(known) if len(known) > 1 else None,
            n=len(values),
            values=values,
        )


class ClaimDecided(Record, frozen=True, kw_only=True, tag="claim"):
    """A claim and its verdict; the report needs nothing else.

    Attributes:
        key, order, id, case, slide, statement, rule, deviations, notes, published: what the claim declares.
        marker: what decides it.
        experiment: whose trials; None for an exact claim.
        variants: the trials it was decided from, summarized by variant.
        decision, alongside: the verdict with its reason and effects; and what other rules say.
        here: what the evidence says, and how much of it this machine confirms; None for an exact claim.
        taken: with ``--seeds auto``.
        comparison: the verdict against the expected one.
        red: whether its test fails.
        error: why the expected verdict could not be read.
        seconds: wall clock; None where nothing was run.
    """

    key: str
    order: int = 0
    id: str
    case: str = ""
    marker: Literal["training", "exact"]
    slide: str
    statement: str
    rule: str
    decision: Decision
    alongside: tuple[Alongside, ...] = ()
    published: tuple[PublishedFigure, ...] = ()
    variants: dict[str, Summary] = {}
    experiment: str | None = None
    deviations: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    here: Here | None = None
    taken: SeedsTaken | None = None
    comparison: VerdictComparison
    red: bool = False
    error: str = ""
    seconds: float | None = None

    @property
    def verdict(self) -> Verdict:
        return self.decision.verdict

    @property
    def moved(self) -> bool:
        """Whether it is red because of what was measured, and not because something could not be run or read."""
        return self.red and not self.error and self.verdict is not Verdict.NOT_RUN


class ErratumChecked(Record, frozen=True, kw_only=True, tag="erratum"):
    """What the printed and the modern form of an erratum did.

    Attributes:
        id, order, slide, statement, given, printed, modern, check: what the erratum declares, with its code as run.
        outcome, expected: the kind of what the printed form is to do, and that in words.
        when, error, warning: what the printed form did.
        slide_value, today, replacement: what ``check`` gives: on the slide, after the printed form, after the modern.
        state, reason: whether it holds, and why not.
        seconds: wall clock.
    """

    id: str
    order: int = 0
    slide: str
    statement: str
    given: str
    printed: str
    modern: str
    check: str
    expected: str
    outcome: Literal["fails", "warns", "differs"]
    when: str = ""
    error: str = ""
    warning: str = ""
    slide_value: Any = None
    today: Any = None
    replacement: Any = None
    state: ErratumState
    reason: str
    seconds: float = 0.0

    @property
    def red(self) -> bool:
        return self.state is not ErratumState.HOLDS

    @property
    def moved(self) -> bool:
        """Whether it is red because of what the code did, and not because it could not be run."""
        return self.red and self.state is not ErratumState.NOT_RUN


class SelfCheck(Record, frozen=True, kw_only=True, tag="self-check"):
    """A self-check: what is wrong, and whether that was measured and not an error."""

    name: str
    wrong: tuple[str, ...] = ()
    moved: bool = False


class Timed(Record, frozen=True, kw_only=True, tag="timing"):
    """An engine's rounds on one piece of work, in alternation with the other engines.

    Attributes:
        work, experiment, variant, engine: what was timed.
        backend, device, device_model, trained_on, precision: where.
        epochs, images, turns: of a round; and how many turns the engines took.
        rounds: seconds per steady epoch.
        steady_epoch, compile, first_epoch, first_training, training: seconds; the first is the median of the rounds.
        images_per_second, gflops, share_of_peak, best_share_of_peak, peak: speed, of the median and the best round.
        products_epoch, share_of_products: seconds of the epoch's matrix products alone, and their share.
        memory_peak: bytes.
        load, contention, reference: what else the machine did.
        comparison, red: with the stored times, and whether its test fails.
        ratios: of the reference engine to the others; with the first engine only.
        doubts: why it may be unstable.
    """

    work: str
    experiment: str = ""
    variant: str = ""
    engine: str
    backend: str = ""
    device: str = ""
    device_model: str = ""
    trained_on: str = ""
    precision: str = ""
    epochs: int = 1
    images: int = 0
    turns: int = 0
    rounds: tuple[float, ...]
    steady_epoch: float
    compile: float | None = None
    first_epoch: float | None = None
    first_training: float | None = None
    training: float | None = None
    images_per_second: float | None = None
    gflops: float | None = None
    share_of_peak: float | None = None
    best_share_of_peak: float | None = None
    peak: float | None = None
    products_epoch: float | None = None
    share_of_products: float | None = None
    memory_peak: float | None = None
    load: tuple[float, ...] = ()
    contention: float | None = None
    reference: dict[str, float] = {}
    comparison: TimeComparison
    red: bool = False
    ratios: tuple[Ratio, ...] = ()
    doubts: tuple[Doubt, ...] = ()


class PeakMeasured(Record, frozen=True, kw_only=True, tag="peak"):
    """The machine's matrix-product peak; ``when`` is before or after which work."""

    when: str
    peak: Peak


class RunEnded(Record, frozen=True, kw_only=True, tag="end"):
    """How a run ended: once before its report is written, and once after. A run without it was killed."""

    exit_status: int
    seconds: float | None
    interrupted: bool = False
    gpu: GpuFacts | None = None
    reported: bool = False


AnyRecord = (
    RunStarted
    | RunResumed
    | ExperimentDeclared
    | TrialDone
    | ShortTrialDone
    | TrainingCompared
    | ClaimDecided
    | ErratumChecked
    | SelfCheck
    | Timed
    | PeakMeasured
    | RunEnded
)

_DECODER = msgspec.json.Decoder(AnyRecord)
AnyTrial = TypeVar("AnyTrial", Trial, ShortTrial)


@dataclass
class Run:
    """A run as its records make it up, so far.

    Attributes:
        path: of its file.
        header: its first record.
        experiments: by id.
        trials: by (experiment, variant), in order of their seeds; one that was trained again has its last trial.
        short: the shortened trials, likewise; those of one seed by their perturbation, the canonical one behind them.
        definitions: of the trials: (experiment, variant, digest).
        trainings: by (experiment, variant).
        claims, errata, self_checks: by key, id and name.
        timings, peaks: by (work, engine), and by when.
        resumed: when it went on.
        end: None while it runs, and where it was killed.
    """

    path: Path
    header: RunStarted
    experiments: dict[str, ExperimentDeclared] = field(default_factory=dict)
    trials: dict[Key, list[Trial]] = field(default_factory=dict)
    short: dict[Key, list[ShortTrial]] = field(default_factory=dict)
    definitions: set[tuple[str, str, str]] = field(default_factory=set)
    trainings: dict[Key, TrainingCompared] = field(default_factory=dict)
    claims: dict[str, ClaimDecided] = field(default_factory=dict)
    errata: dict[str, ErratumChecked] = field(default_factory=dict)
    self_checks: dict[str, SelfCheck] = field(default_factory=dict)
    timings: dict[Key, Timed] = field(default_factory=dict)
    peaks: dict[str, PeakMeasured] = field(default_factory=dict)
    resumed: list[RunResumed] = field(default_factory=list)
    end: RunEnded | None = None
    _reused: dict[Key, set[int]] = field(default_factory=dict, repr=False)

    def add(self, record: AnyRecord) -> None:
        """Takes the next record."""
        match record:
            case RunStarted():
                raise invalid(f"run {self.path}", expected="one record of kind 'run', the first", received="another")
            case RunResumed():
                self.resumed.append(record)
                self.end = None
            case ExperimentDeclared():
                self.experiments[record.id] = record
            case TrialDone():
                _put(self.trials.setdefault(record.key, []), record.trial, "seed")
                self.definitions.add((*record.key, record.definition))
                reused = self._reused.setdefault(record.key, set())
                (reused.add if record.reused else reused.discard)(record.trial.seed)
            case ShortTrialDone():
                _put(self.short.setdefault(record.key, []), record.trial, "seed", "canonical", "perturbed")
            case TrainingCompared():
                self.trainings[record.key] = record
            case ClaimDecided():
                self.claims[record.key] = record
            case ErratumChecked():
                self.errata[record.id] = record
            case SelfCheck():
                self.self_checks[record.name] = record
            case Timed():
                self.timings[record.work, record.engine] = record
            case PeakMeasured():
                self.peaks[record.when] = record
            case RunEnded():
                self.end = record

    @property
    def reused(self) -> dict[Key, int]:
        """How many of a variant's trials are of earlier runs, where any is."""
        return {key: len(seeds) for key, seeds in self._reused.items() if seeds}

    @property
    def moved(self) -> bool:
        """Whether anything is red because of what was measured."""
        return (
            any(one.moved for one in self.trainings.values())
            or any(one.moved for one in self.claims.values())
            or any(one.moved for one in self.errata.values())
            or any(one.moved for one in self.self_checks.values())
            or any(one.red for one in self.timings.values())
        )

    @property
    def partial(self) -> bool:
        """Whether the run was killed (it has no end) or interrupted."""
        return self.end is None or self.end.interrupted

    @property
    def open(self) -> bool:
        """Whether something is left to do: it did not reach its end or its report, or something could not be run."""
        end = self.end
        return end is None or end.interrupted or not end.reported or end.exit_status == INTERNAL_ERROR

    def adjusted(self) -> dict[str, tuple[Decision, Verdict]]:
        """By claim key the decision with p-values adjusted over all claims of the run (Holm), and its verdict then."""
        return adjust({key: claim.decision for key, claim in self.claims.items()})


def _put(trials: list[AnyTrial], trial: AnyTrial, *names: str) -> None:
    """Puts a trial where it belongs in the order of these attributes, or in place of the one that is equal in them."""
    order = operator.attrgetter(*names)
    place = bisect.bisect_left(trials, order(trial), key=order)
    known = place < len(trials) and order(trials[place]) == order(trial)
    trials[place : place + known] = [trial]


INTERNAL_ERROR = 3
"""pytest's exit code of a run of which something could not be run or read."""


def read_run(path: Path) -> Run:
    """Reads a run's file; a last line torn by a kill is left out. Any other damage is a SuiteError naming the line."""
    return parse_run(whole_lines(path), path)


def whole_lines(path: Path) -> list[bytes]:
    """The lines of a run's file, without a last one torn by a kill; SuiteError where it cannot be read."""
    try:
        return path.read_bytes().split(b"\n")[:-1]
    except OSError as error:
        raise SuiteError(f"Cannot read the run's record {path}: {error.strerror or error}.") from error


def parse_run(lines: Iterable[bytes], path: Path) -> Run:
    """The run of these lines, which are said to be of ``path``; SuiteError naming the line that is damaged."""
    run: Run | None = None
    for number, line in enumerate(lines, start=1):
        if run is None:
            check_schema(line, path)
        try:
            record = decode(line)
        except ValueError as error:
            said = " ".join(str(error).split())[:200]
            fix = "Run `pytest suite/` again to record a new run."
            received = f"{line[:60].decode('utf-8', 'backslashreplace')} ({said})"
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
    """The record of a line; ValueError where it holds none."""
    try:
        return _DECODER.decode(line)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def check_schema(line: bytes, path: Path) -> None:
    """SuiteError where a run's first line is of another schema, and what to do; other faults are left to the reader."""
    try:
        header = json.loads(line)
        found = header["schema"] if header["kind"] == "run" else SCHEMA
    except (ValueError, TypeError, KeyError, RecursionError):
        return
    if found != SCHEMA:
        age = "a newer" if isinstance(found, int) and found > SCHEMA else "an earlier"
        fix = f"It was written by {age} version of the suite, and stays as it is. Run `pytest suite/` for a new one."
        raise invalid(f"run record {path}", expected=f"schema {SCHEMA}", received=f"schema {found!r:.40}", fix=fix)


def encode(record: AnyRecord) -> bytes:
    """One line, without its end."""
    try:
        return msgspec.json.encode(record, enc_hook=_plain)
    except UnicodeEncodeError:  # a path that is no UTF-8 has lone surrogates, which no file can hold
        return msgspec.json.encode(_escaped(msgspec.to_builtins(record, enc_hook=_plain)))


def _plain(value: Any) -> Any:
    """A NumPy scalar as Python's number; TypeError for anything else."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in a record")


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_escaped(key): _escaped(item) for key, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list | tuple) else value
