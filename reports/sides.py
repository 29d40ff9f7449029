"""The two sides of a comparison: a run file, a run's id, a commit, a report.json, or stored evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.domain.trial import Trial
from harness.errors import SuiteError, invalid, nearest
from harness.record.run import (
    ClaimDecided,
    ErratumChecked,
    Key,
    MetricDeclared,
    Run,
    RunStarted,
    Summary,
    Timed,
    TrainingCompared,
    check_schema,
    decode,
    parse_run,
    read_run,
)
from harness.record.run_file import run_files
from harness.record.trials import ShortTrial
from reports.of_course import of_course
from reports.payload import SCHEMA, Report
from reports.stored import stored_run

if TYPE_CHECKING:
    from harness.record.address import Address

EVIDENCE = "evidence:"
EXPECTED = "a run file, a run's id, the first characters of a commit, a report.json, or evidence:STACK"
FEWEST_LETTERS = 4
"""Of a commit."""
TINY = 1e-12
"""The smallest effect of a metric that is not declared: every difference matters."""


@dataclass(frozen=True)
class Training:
    """One variant on one side.

    Attributes:
        metric: the primary metric.
        values: by seed, of the trials to the end; None if the side has only their mean.
        summary: the same as a mean; None if no trial is known.
        trials: to the end; empty in a report.json.
        short: the shortened trials.
        record: the comparison with the evidence; None in evidence.
    """

    metric: MetricDeclared
    values: Mapping[int, float | None] | None = None
    summary: Summary | None = None
    trials: Sequence[Trial] = ()
    short: Sequence[ShortTrial] = ()
    record: TrainingCompared | None = None


@dataclass(frozen=True)
class Side:
    """What is compared of a run: its header, and its results by their keys.

    Attributes:
        header: of the run.
        partial: whether the run was killed or interrupted.
        trainings: by (experiment, variant).
        claims, errata, self_checks, timings: as in ``Run``.
    """

    header: RunStarted
    partial: bool
    trainings: Mapping[Key, Training] = field(default_factory=dict)
    claims: Mapping[str, ClaimDecided] = field(default_factory=dict)
    errata: Mapping[str, ErratumChecked] = field(default_factory=dict)
    self_checks: Mapping[str, ClaimDecided] = field(default_factory=dict)
    timings: Mapping[Key, Timed] = field(default_factory=dict)


def side_of(run: Run) -> Side:
    """The side of a run, or of evidence as a run."""
    trainings = {}
    for key in {**run.trials, **run.short, **run.trainings}:
        metric = _metric(run, key)
        if metric is None:
            continue
        trials = run.trials.get(key, [])
        values = {trial.seed: trial.metrics.get(metric.name) for trial in trials}
        summary = Summary.of(metric.name, trials) if trials else None
        trainings[key] = Training(metric, values, summary, trials, run.short.get(key, ()), run.trainings.get(key))
    return Side(run.header, run.partial, trainings, run.claims, run.errata, run.self_checks, run.timings)


def _metric(run: Run, key: Key) -> MetricDeclared | None:
    """The primary metric of a training."""
    record, declared = run.trainings.get(key), run.experiments.get(key[0])
    metrics = declared.metrics if declared else ()
    if record is None:
        return metrics[0] if metrics else None
    known = (one for one in metrics if one.name == record.metric)
    return next(known, _undeclared(record.metric))


def _undeclared(name: str) -> MetricDeclared:
    return MetricDeclared(name=name, better="higher", unit="", smallest_effect=TINY, scale="linear")


def side_of_report(report: Report) -> Side:
    """The side of a report.json. The values of a training by seed are those of a claim that rests on them, if any."""
    metrics = {(e.id, m.name): m for e in report.experiments for m in e.metrics}
    summaries: dict[tuple[str, str, str], Summary] = {}
    for claim in report.claims:
        for variant, summary in claim.variants.items():
            key = (claim.experiment or "", variant, summary.metric)
            if key not in summaries or summary.n > summaries[key].n:
                summaries[key] = summary
    trainings: dict[Key, Training] = {}
    for record in report.trainings:
        metric = metrics.get((record.experiment, record.metric)) or _undeclared(record.metric)
        found = summaries.get((*record.key, record.metric))
        values = None
        if found and len(found.values) == len(record.seeds) and found.mean == record.mean:
            values = dict(zip(record.seeds, found.values, strict=True))
        whole = Summary(metric=record.metric, mean=record.mean, std=record.std, n=record.n, values=())
        trainings[record.key] = Training(metric, values, whole if record.n else None, record=record)
    if report.run.evidence:  # it has no trainings; its seeds count from 0
        for (experiment, variant, name), summary in summaries.items():
            primary = next((e.metrics[0] for e in report.experiments if e.id == experiment and e.metrics), None)
            if primary and primary.name == name:
                values = dict(enumerate(summary.values))
                trainings[experiment, variant] = Training(primary, values, summary)
    return Side(
        report.run,
        report.partial,
        trainings,
        {one.key: one for one in report.claims},
        {one.id: one for one in report.errata},
        {check.key: check for check in report.self_checks},
        {(one.work, one.engine): one for one in report.timings},
    )


def find(asked: str, folder: Path, store: Address | None, baselines: Path) -> Side:
    """The side that a word of the command line names.

    Args:
        asked: the word; see EXPECTED.
        folder: of the run files.
        store: the database to look in instead of the folder.
        baselines: the folder of all stacks' evidence.

    Raises:
        SuiteError: there is no such run, or it cannot be read.
    """
    if asked.startswith(EVIDENCE):
        return side_of(stored_run(baselines, asked.removeprefix(EVIDENCE)))
    path = Path(asked)
    if path.suffix == ".json":
        return side_of_report(_report(path))
    if path.suffix == ".jsonl" or _is_file(path):
        return side_of(read_run(path))
    headers = _stored_headers(store) if store else _recorded_headers(folder)
    name = _named(asked, headers, str(store or folder))
    if not store:
        return side_of(read_run(folder / f"{name}.jsonl"))
    from harness.record.database import stored_run as run_in

    _, content = run_in(store, name)
    return side_of(parse_run(content.split(b"\n")[:-1], Path(f"{name}.jsonl")))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False


def _named(asked: str, headers: Mapping[str, RunStarted | None], where: str) -> str:
    """The id of the run with this id, or of the course's newest run of this commit. SuiteError if there is none."""
    if asked in headers:
        return asked
    commits = {
        name: header.commit for name, header in headers.items() if header and header.commit and of_course(header)
    }
    of_commit = [name for name, commit in commits.items() if commit.startswith(asked)]
    if of_commit and len(asked) >= FEWEST_LETTERS:
        return max(of_commit)
    if not headers:
        raise SuiteError(f"No run is recorded in {where}, so {asked[:80]!r} names none. Run `pytest suite/` first.")
    known = [*sorted(headers, reverse=True), *dict.fromkeys(commits.values())]
    raise invalid("run", expected=f"{EXPECTED}, of {where}", received=repr(asked[:80]), fix=nearest(asked, known))


def _recorded_headers(folder: Path) -> dict[str, RunStarted | None]:
    """The headers of a folder's runs by id; None for a run that cannot be read."""
    found: dict[str, RunStarted | None] = {}
    for path in run_files(folder):
        try:
            with path.open("rb") as file:
                first = file.readline()
        except OSError as error:
            raise SuiteError(f"Cannot read the run's record {path}: {error.strerror or error}.") from error
        if first:
            found[path.stem] = _header(first)
    return found


def _stored_headers(store: Address) -> dict[str, RunStarted | None]:
    from harness.record.database import readable

    with readable(store) as database:
        return {run: _header(line) for run, line in database.headers().items()}


def _header(line: bytes) -> RunStarted | None:
    try:
        record = decode(line)
    except ValueError:
        return None
    return record if isinstance(record, RunStarted) else None


def _report(path: Path) -> Report:
    """The content of a report.json. SuiteError if it cannot be read."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SuiteError(f"Cannot read the report {path}: {error.strerror or error}.") from error
    fix = "Write it again with `python -m reports`."
    what = f"report {path}"
    try:
        known = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise invalid(what, expected="a report.json", received=_fault(error), fix=fix) from None
    found = known.get("schema") if isinstance(known, dict) else None
    if found != SCHEMA:
        raise invalid(what, expected=f"schema {SCHEMA}", received=f"schema {found!r:.40}", fix=fix)
    check_schema(json.dumps(known.get("run")).encode(), path)
    try:
        return msgspec.json.decode(content, type=Report)
    except (ValueError, RecursionError) as error:
        raise invalid(what, expected="a report.json", received=_fault(error), fix=fix) from None


def _fault(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
