"""The beginning and the end of a run: from pytest's items to a ``SuiteRun``, and from that to exit code and report."""

from __future__ import annotations

import dataclasses
import datetime
import os
import shlex
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness import gpu
from harness.errors import SuiteError
from harness.fingerprint import stack
from harness.store import RunLog, new_id, read_run
from harness.training.backend import Device, choose_backend, start_backend
from reports.folders import runs_folder
from suite import errata, selection, summary, timing, workers
from suite.catalogue import EXPERIMENTS, UNREAD, training_name
from suite.earlier import Earlier, source
from suite.exchange import Exchange
from suite.options import Options
from suite.progress import Progress
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


def identity(config: pytest.Config, options: Options) -> dict[str, Any]:
    """Id, start and command of a new run."""
    now = datetime.datetime.now(datetime.UTC)
    return {
        "id": new_id(runs_folder(options.reports), now, os.getpid()),
        "started": now.isoformat(timespec="seconds"),
        "command": shlex.join(["pytest", *config.invocation_params.args]),
    }


def begin(config: pytest.Config, options: Options, items: Sequence[pytest.Item]) -> SuiteRun:
    """The run of these items, in this process or as a worker's part of one; SuiteError where it cannot begin."""
    shared = workers.shared_input(config) if workers.is_worker(config) else None
    if shared is not None:
        workers.divide_machine(config)
    choose_backend(options.backend)
    where = start_backend()
    check_gpu(options, where)
    prints = run_fingerprint(options, where)
    trainings = [training for item in items if (training := selection.training_of(item))]
    stored = Stored(options.baselines, stack(prints))
    if options.update is not None:
        stored.check_writable(selection.files_of(list(items)), options.setting)
    earlier = Earlier(runs_folder(options.reports), prints) if options.reuse else None
    header = {
        **({name: shared[name] for name in ("id", "started", "command")} if shared else identity(config, options)),
        "setting": options.setting,
        "seeds": options.seeds,
        "first_seed": options.first_seed,
        "auto": options.as_needed.to_json() if options.as_needed else None,
        "backend": options.backend,
        "engine": options.engine,
        "workers": workers.count(config),
        "reuse": options.reuse,
        "planned": [key for item in items if (key := selection.key_of(item))],
        "broken": [dataclasses.asdict(broken) for item in items if (broken := selection.unread_of(item))],
        "fingerprint": prints,
        "gpu": gpu.record(where.kind, where.model),
        "source": source(),
        "commit": commit(),
        "stack": stack(prints),
    }
    comparisons = len({*trainings, *selection.needed_trainings(list(items))})
    if shared is None:
        log, exchange = RunLog(runs_folder(options.reports), header), None
    else:
        path = runs_folder(options.reports) / f"{header['id']}.jsonl"
        exchange = Exchange(path, Path(shared["locks"]))
        with exchange.lock("run"):
            if not path.exists():
                RunLog(path.parent, header).close()
        log = RunLog.join(path)
    progress = Progress(config, expected_seconds(options, stored, trainings))
    run = SuiteRun(options, prints, log, stored, progress, header["planned"], comparisons, exchange, earlier)
    run.broken = header["broken"]
    if options.as_needed and options.as_needed.budget is not None:
        run.deadline = time.monotonic() + options.as_needed.budget
    return run


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
        seconds = stored.seconds(experiment, variant, options.setting)
        seeds = options.seeds or EXPERIMENTS[experiment].size(options.setting).seeds
        expected[training_name(experiment, variant)] = seconds * seeds if seconds else None
    return expected


def hand_out(config: pytest.Config, options: Options) -> dict[str, Any]:
    """What the controller tells its workers; ``locks`` is a new folder, which ``collect`` removes."""
    return {**identity(config, options), "locks": tempfile.mkdtemp(prefix="claims-locks-")}


def collect(config: pytest.Config, options: Options, shared: Mapping[str, Any]) -> SuiteRun | None:
    """The run that the workers have recorded, None where they never began it; SuiteError for a damaged record."""
    shutil.rmtree(shared["locks"], ignore_errors=True)
    path = runs_folder(options.reports) / f"{shared['id']}.jsonl"
    if not path.exists():
        return None
    record = read_run(path)
    header = record.header
    stored = Stored(options.baselines, header["stack"])
    log, progress = RunLog.join(path), Progress(config, {})
    run = SuiteRun(options, header["fingerprint"], log, stored, progress, header["planned"], 1)
    run.broken = header["broken"]
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
        lines += [*summary.verdict_lines(run), *errata.lines(run.errata.values()), *summary.baseline_lines(run)]
        lines += [*summary.seeds_lines(run), *timing.lines(run)]
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
        facts = gpu.record(run.device.kind, run.device.model)
        end = {"exit_status": int(exitstatus), "seconds": seconds, "interrupted": interrupted, "gpu": facts}
        run.log.append("end", end)
        run.log.close()
        from reports.write import write_report

        lines.append(f"report: {write_report(run.log.path, run.options.reports)}")
    except Exception as error:
        said = str(error) if isinstance(error, SuiteError) else f"{type(error).__name__}: {error}"
        lines.append(f"ERROR: the report could not be written: {said} The run's record is {run.log.path}.")
        if exitstatus == pytest.ExitCode.OK:
            exitstatus = pytest.ExitCode.INTERNAL_ERROR
    return int(exitstatus), lines
