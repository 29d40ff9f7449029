"""The beginning and the end of a run: from pytest's items to a ``SuiteRun``, and from that to exit code and report."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import pytest

from harness import gpu
from harness.errors import SuiteError, invalid, nearest
from harness.fingerprint import stack
from harness.store import RunLog, read_run
from harness.training.backend import Device, choose_backend, start_backend
from reports.folders import runs_folder
from suite import errata, resume, selection, summary, timing, workers
from suite.catalogue import EXPERIMENTS, UNREAD, training_name
from suite.check import CheckRun
from suite.earlier import Earlier, source
from suite.exchange import Exchange
from suite.options import Options
from suite.progress import Progress
from suite.recording import Recording, remove_locks
from suite.run import SuiteRun, restored, run_fingerprint
from suite.stored import Stored, commit

REWRITTEN = 6
"""Exit code of a run that stored new baselines: never green, so that no pipeline passes by rewriting."""


def check_whole(options: Options) -> None:
    """SuiteError where baselines are to be stored of a catalogue with a mistake: what it lacks would be forgotten."""
    if UNREAD and options.update is not None:
        first = next(iter(UNREAD.values()))
        raise SuiteError(
            f"--update-baselines needs the whole catalogue, and {first.name} ({first.where}) could not be read: "
            f"{' '.join(first.error.split())}"
        )


def check_experiments(options: Options) -> None:
    """SuiteError where --seeds names an experiment that the catalogue does not have."""
    for name, _ in options.more_seeds:
        if name not in EXPERIMENTS:
            fix = nearest(name, EXPERIMENTS)
            raise invalid("--seeds", expected="the id of an experiment before =", received=repr(name), fix=fix)


def begin(config: pytest.Config, options: Options, items: Sequence[pytest.Item], recording: Recording) -> SuiteRun:
    """The run of these items, in this process or as a worker's part of one; SuiteError where it cannot begin."""
    if workers.is_worker(config):
        workers.divide_machine(config)
    choose_backend(options.backend)
    where = start_backend(options.precision)
    check_gpu(options, where)
    prints = run_fingerprint(options, where)
    trainings = [training for item in items if (training := selection.training_of(item))]
    if not options.full and options.update is not None and trainings:
        raise SuiteError(
            "--update-baselines needs --full here: evidence holds trainings that went to the end. Add --full --seeds "
            "N, or select what trains nothing: -m exact, -m timing."
        )
    stored = Stored(options.baselines, stack(prints))
    if options.update is not None:
        stored.check_writable(selection.files_of(list(items)))
    earlier = Earlier(runs_folder(options.reports), prints, options.engine) if options.reuse else None
    header: dict[str, Any] = {
        "id": recording.id,
        "started": recording.started,
        "command": recording.command,
        "full": options.full,
        "seeds": options.seeds,
        **({"seeds_of": dict(options.more_seeds)} if options.more_seeds else {}),
        "first_seed": options.first_seed,
        **({"auto": options.as_needed.to_json()} if options.as_needed else {}),
        "backend": options.backend,
        "engine": options.engine,
        **({"precision": options.precision} if options.precision != "default" else {}),
        "workers": workers.count(config),
        "reuse": options.reuse,
        "selected": resume.digest(item.name for item in items),
        "planned": [key for item in items if (key := selection.key_of(item))],
        "broken": [dataclasses.asdict(broken) for item in items if (broken := selection.unread_of(item))],
        "fingerprint": prints,
        "gpu": msgspec.to_builtins(gpu.facts(where.kind, where.model)),
        "source": source(),
        "commit": commit(),
        "stack": stack(prints),
    }
    compared = list(dict.fromkeys([*trainings, *sorted(selection.needed_trainings(list(items)))]))
    check_budget(options, stored, compared)
    progress = Progress(config, expected_seconds(options, stored, trainings))
    for line in recording.said:
        progress.say(line)
    follower = recording.follower(progress.say)
    log, exchange = open_log(recording, header, options, follower)
    run = run_for(options, prints, log, stored, progress, header["planned"], compared, exchange, earlier)
    run.broken, run.follower = header["broken"], follower
    if options.as_needed and options.as_needed.budget is not None:
        run.deadline = time.monotonic() + options.as_needed.budget
    return run


def run_for(options: Options, *arguments: Any) -> SuiteRun:
    """The run that was asked for; ``arguments`` are those of ``SuiteRun``."""
    return (SuiteRun if options.full else CheckRun)(options, *arguments)


def check_budget(options: Options, stored: Stored, trainings: Sequence[tuple[str, str]]) -> None:
    """SuiteError where the budget of time does not suffice for a single trial."""
    budget = options.as_needed.budget if options.as_needed else None
    least = min(filter(None, (stored.seconds(*training) for training in trainings)), default=None)
    if budget is not None and least is not None and budget < least:
        raise SuiteError(
            f"--budget {budget:g} s is too small for one trial: the shortest of the selected trainings takes about "
            f"{least:.1f} s. Give more time, or select other claims with -k."
        )


def open_log(
    recording: Recording, header: Mapping[str, Any], options: Options, written: Callable[[], object]
) -> tuple[RunLog, Exchange | None]:
    """The run's file, begun or gone on with by whichever process comes first, and what it shares with others."""
    path = recording.path
    if not recording.locks and not recording.resumed:
        return RunLog(path.parent, header, written), None
    exchange = Exchange(path, recording.locks)
    with exchange.lock("run"):
        if recording.resumed:
            resume.check(path, header, options)
            exchange.refresh()
            if recording.resumed not in exchange.resumed:
                log = RunLog.join(path)
                how = {"started": recording.resumed, "command": recording.command, "commit": header["commit"]}
                log.append("resumed", how)
                log.close()
        elif not path.exists():
            RunLog(path.parent, header).close()
    return RunLog.join(path, written), exchange


def check_gpu(options: Options, where: Device) -> None:
    """SuiteError where a GPU was asked for and the backend has none."""
    if options.require_gpu and where.kind != "gpu":
        raise SuiteError(
            f"--require-gpu: {options.backend} computes on the CPU ({where.model}); no GPU is visible to it. "
            "Check `nvidia-smi`, CUDA_VISIBLE_DEVICES, and that the backend's CUDA build is installed."
        )


def expected_seconds(
    options: Options, stored: Stored, trainings: Sequence[tuple[str, str]]
) -> dict[str, float | None]:  # fmt: skip
    """What each training takes, from its stored trials; None where there are none."""
    expected: dict[str, float | None] = {}
    for experiment, variant in trainings:
        seconds = stored.seconds(experiment, variant)
        count = options.seeds_of(experiment) if options.full else 1
        expected[training_name(experiment, variant)] = seconds * count if seconds else None
    return expected


def collect(config: pytest.Config, options: Options, recording: Recording) -> SuiteRun | None:
    """The run that the workers have recorded, None where they never began it; SuiteError for a damaged record."""
    remove_locks(recording)
    path = recording.path
    if not path.exists() or not resume.went_on(path, recording.resumed):
        return None
    record = read_run(path)
    header = record.header
    stored = Stored(options.baselines, header["stack"])
    progress = Progress(config, {})
    follower = recording.follower(progress.say)
    log = RunLog.join(path, follower)
    run = run_for(options, header["fingerprint"], log, stored, progress, header["planned"], ())
    run.broken, run.follower = header["broken"], follower
    restored(run, record)
    return run


def finish(run: SuiteRun, exitstatus: int, seconds: float) -> tuple[int, list[str]]:
    """Ends a run: adjusts, says, stores what was asked for, writes the report. The exit code, and what to print."""
    lines: list[str] = []
    interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
    try:
        if interrupted:
            summary.decide_trained(run)
            lines.append(summary.interrupted_line(run))
        summary.adjust_all(run)
        lines += [*summary.verdict_lines(run), *errata.lines(run.errata.values()), *summary.conformance_lines(run)]
        lines += [*summary.evidence_lines(run), *summary.seeds_lines(run), *timing.lines(run)]
        vanished = summary.vanished(run)
        if vanished and exitstatus == pytest.ExitCode.OK:
            exitstatus = pytest.ExitCode.TESTS_FAILED
        elif exitstatus == pytest.ExitCode.TESTS_FAILED and not (run.moved or vanished or run.broken):
            exitstatus = pytest.ExitCode.INTERNAL_ERROR  # what is red could not be run, or read: nothing has moved
        if run.options.update is not None:
            if interrupted:
                lines.append("baselines: nothing is stored of an interrupted run")
            else:
                exitstatus = REWRITTEN
                lines += ["baselines stored:", *summary.update_baselines(run), *timing.update(run)]
    except SuiteError as error:
        lines.append(f"ERROR: {error}")
        exitstatus = pytest.ExitCode.INTERNAL_ERROR
    try:
        facts = msgspec.to_builtins(gpu.facts(run.device.kind, run.device.model))
        exitstatus = settle(run, exitstatus, lines)
        end = {"exit_status": int(exitstatus), "seconds": seconds, "interrupted": interrupted, "gpu": facts}
        run.log.append("end", {**end, "reported": False})
        from reports.write import write_report

        lines.append(f"report: {write_report(run.log.path, run.options.reports)}")
        run.log.append("end", {**end, "reported": True})
        exitstatus = settle(run, exitstatus, lines)
    except Exception as error:
        said = str(error) if isinstance(error, SuiteError) else f"{type(error).__name__}: {error}"
        lines.append(f"ERROR: the report could not be written: {said} The run's record is {run.log.path}.")
        if exitstatus == pytest.ExitCode.OK:
            exitstatus = pytest.ExitCode.INTERNAL_ERROR
    run.log.close()
    return int(exitstatus), lines


def settle(run: SuiteRun, exitstatus: int, lines: list[str]) -> int:
    """Has the store catch up at the end; where it cannot, says so once, and a run that would be green is not."""
    fault = run.follower.settle() if run.follower else ""
    if not fault:
        return exitstatus
    folder = run.log.path.parent
    line = f"ERROR: store: {fault} The next run with this store and {folder} brings it up to date."
    if line not in lines:
        lines.append(line)
    return pytest.ExitCode.INTERNAL_ERROR if exitstatus == pytest.ExitCode.OK else exitstatus
