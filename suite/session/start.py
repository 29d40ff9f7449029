"""The beginning of a run: from pytest's items and options to a ``Session``."""

from __future__ import annotations

import contextlib
import datetime
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.check.claims import Asked, Judge, to_the_end
from harness.check.judge import REFERENCE, Counts
from harness.check.stored import Stored
from harness.environment import gpu
from harness.environment.fingerprint import commit, fingerprint, stack
from harness.errors import SuiteError, invalid, nearest
from harness.execution import workers
from harness.record.locks import Held
from harness.record.run import Fingerprint, Key, RunResumed, RunStarted
from harness.record.run_file import RunFile, locked, new_id
from harness.training.backend import Device, choose_backend, start_backend
from harness.training.engines import resolve_engine
from reports.folders import runs_folder
from suite.catalogue import COURSE, EXPERIMENTS, ORDER, training_name
from suite.cli import selection
from suite.cli.options import Options
from suite.session import resume
from suite.session.progress import Progress
from suite.session.session import Session
from suite.session.trial_cache import TrialCache, source
from suite.session.trials import TrainingPlace, Trials

SHORT = 30.0
"""A run that trains for fewer seconds starts no worker processes by itself: each has to import the backend first."""
FIRST_STEPS = 3.0
"""About how many seconds the first steps of a variant take. Most of that time is compilation."""


def check_experiments(options: Options) -> None:
    """SuiteError if --seeds names an experiment that is not in the catalogue."""
    for name, _ in options.more_seeds:
        if name not in EXPERIMENTS:
            fix = nearest(name, EXPERIMENTS)
            raise invalid("--seeds", expected="the id of an experiment before =", received=repr(name), fix=fix)


def begin(config: pytest.Config, options: Options, items: Sequence[pytest.Item]) -> Session:
    """Begins a run of these items: starts the backend, opens the run's file, and submits the trainings to workers.

    SuiteError if the run cannot begin.
    """
    folder = runs_folder(options.reports)
    trainings = [training for item in items if (training := selection.training_of(item))]
    compared = list(dict.fromkeys([*trainings, *sorted(selection.needed_trainings(list(items)))]))
    if not options.full and options.update is not None and trainings:
        raise SuiteError(
            "--update-baselines needs --full here: evidence holds trainings that went to the end. Add --full --seeds "
            "N, or select what trains nothing: -m exact, -m timing."
        )
    place = _requested_place(options, compared)
    choose_backend(options.backend)
    device = start_backend(options.precision)
    _check_gpu(options, device)
    stored = Stored(options.baselines, stack(run_fingerprint(options, device)))
    place = place or _default_place(options, device, stored, compared)
    prints = run_fingerprint(options, device, single_threaded=not place.here)
    if options.update is not None:
        stored.check_writable(selection.files_of(list(items)))
    check_budget(options, stored, compared)
    progress = Progress(config, _expected_seconds(options, stored, trainings), place.number)
    config.pluginmanager.register(progress)
    now = datetime.datetime.now(datetime.UTC)
    header = RunStarted(
        id=new_id(folder, now, os.getpid()),
        started=now.isoformat(timespec="seconds"),
        command=_command(config, options),
        full=options.full,
        seeds=options.seeds,
        first_seed=options.first_seed,
        seeds_of=dict(options.more_seeds),
        auto=options.as_needed,
        backend=options.backend,
        engine=options.engine,
        precision=options.precision,
        workers=place.number,
        reuse=options.reuse,
        selected=resume.digest(item.name for item in items),
        planned=tuple(key for item in items if (key := selection.key_of(item))),
        fingerprint=prints,
        gpu=gpu.facts(device.kind, device.model),
        source=source(),
        commit=commit(),
        stack=stored.stack,
        course=COURSE.recorded,
    )
    _check_store(options, progress)
    file = _open_file(folder, header, options)
    try:
        if options.resume is not None:
            progress.say(f"resumed: the run {file.path.stem}")
        asked = Asked(
            full=options.full,
            update=options.update is not None,
            strict=options.strict,
            require_baselines=options.require_baselines,
        )
        judge = Judge(stored, prints, asked, counts(options, compared), EXPERIMENTS, ORDER)
        cache = TrialCache(folder, prints, options.engine) if options.reuse else None
        trials = Trials(options, file, prints, stored, progress, place, cache)
    except BaseException:
        file.close()
        if options.resume is None:  # it has recorded nothing
            file.path.unlink()
        raise
    session = Session(options, device, file, stored, judge, trials, progress)
    try:
        trials.expect(compared)
    except BaseException:
        session.close()
        raise
    return session


def run_fingerprint(options: Options, device: Device, single_threaded: bool = False) -> Fingerprint:
    """The fingerprint of this run. It includes the engine, because results differ in their bits between engines.

    For ``--engine auto`` it names the engine of the larger trainings; each trial names its own engine.
    ``single_threaded``: whether worker processes train; they have one thread each.
    """
    engine = resolve_engine(options.engine, options.backend, device.kind)
    facts = {**fingerprint(options.backend, device.kind, device.model, device.precision), "engine": engine}
    return {**facts, "threads": 1} if single_threaded else facts


def _requested_place(options: Options, trainings: Sequence[Key]) -> TrainingPlace | None:
    """The place that --cluster or --workers names; None without these options. SuiteError if it cannot be used."""
    if options.cluster:
        from harness.execution.cluster import capacity

        return TrainingPlace(capacity(options.cluster, (options.backend,)), options.cluster, options.backend)
    if options.workers is None:
        return None
    return TrainingPlace(workers.count(options.workers, _tasks(options, trainings)))


def _default_place(options: Options, device: Device, stored: Stored, trainings: Sequence[Key]) -> TrainingPlace:
    """The place of a run without --cluster and --workers.

    Worker processes on a CPU, if training takes at least ``SHORT`` seconds; otherwise this process.
    """
    if device.kind != "cpu" or sum(_seconds(options, stored, key) for key in trainings) < SHORT:
        return TrainingPlace()
    return TrainingPlace(workers.count(None, _tasks(options, trainings)))


def _tasks(options: Options, trainings: Sequence[Key]) -> int:
    """The number of tasks that can run at the same time."""
    return sum(options.seeds_of(name) for name, _ in trainings) if options.full else len(trainings)


def _seconds(options: Options, stored: Stored, key: Key) -> float:
    """About how many seconds a variant trains in this run."""
    each = stored.seconds(*key) or FIRST_STEPS
    if options.full:
        return each * options.seeds_of(key[0])
    try:
        known = stored.variant(*key) or stored.variant(*key, REFERENCE)
    except SuiteError:
        return FIRST_STEPS
    return each * to_the_end(EXPERIMENTS[key[0]], key[1], known) + (0.0 if known and known.tiny else FIRST_STEPS)


def counts(options: Options, trainings: Sequence[Key]) -> Counts:
    """The numbers of tests among which the run divides its chance of a false alarm."""
    if options.full:
        trials = sum(options.seeds_of(name) for name, _ in trainings)
    else:
        trials = sum(variant in EXPERIMENTS[name].anchors for name, variant in trainings)
    return Counts(max(1, len(trainings)), max(1, trials))


def _open_file(folder: Path, header: RunStarted, options: Options) -> RunFile:
    """Opens the run's file: a new one, or that of the run to resume. SuiteError if that is not possible."""
    for path in folder.glob(".*.lock"):  # locks that killed processes left
        with contextlib.suppress(SuiteError):
            Held(path, "").release()
    if options.resume is None:
        return RunFile.begin(folder, header)
    path = resume.find(folder, options.resume)
    lock = locked(path)
    try:
        resume.check(path, header, with_commit=options.update is not None)
        resumed = RunResumed(started=header.started, command=header.command, commit=header.commit)
        return RunFile.resume(path, resumed, lock)
    except BaseException:
        lock.release()
        raise


def _check_store(options: Options, progress: Progress) -> None:
    """Reports a database that cannot be used now. The run goes on, and is pushed at its end."""
    if options.store is None:
        return
    from harness.record.database import StoreError, opened

    try:
        with opened(options.store):
            pass
    except StoreError as error:
        progress.say(f"store: {error} The run goes on, and is pushed when it has ended.")


def check_budget(options: Options, stored: Stored, trainings: Sequence[Key]) -> None:
    """SuiteError if the budget of time is too small for a single trial."""
    budget = options.as_needed.budget if options.as_needed else None
    least = min(filter(None, (stored.seconds(*training) for training in trainings)), default=None)
    if budget is not None and least is not None and budget < least:
        raise SuiteError(
            f"--budget {budget:g} s is too small for one trial: the shortest of the selected trainings takes about "
            f"{least:.1f} s. Give more time, or select other claims with -k."
        )


def _check_gpu(options: Options, device: Device) -> None:
    """SuiteError if --require-gpu is set and the backend has no GPU."""
    if options.require_gpu and device.kind != "gpu":
        raise SuiteError(
            f"--require-gpu: {options.backend} computes on the CPU ({device.model}); no GPU is visible to it. "
            "Check `nvidia-smi`, CUDA_VISIBLE_DEVICES, and that the backend's CUDA build is installed."
        )


def _expected_seconds(options: Options, stored: Stored, trainings: Sequence[Key]) -> dict[str, float | None]:
    """About how many seconds each variant trains; None where no time is stored."""
    return {training_name(*key): _seconds(options, stored, key) if stored.seconds(*key) else None for key in trainings}


def _command(config: pytest.Config, options: Options) -> str:
    """The command line, without the password of a store."""
    arguments = [str(argument) for argument in config.invocation_params.args]
    return shlex.join(["pytest", *(options.store.redacted(arguments) if options.store else arguments)])
