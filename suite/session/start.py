"""The beginning of a run: from pytest's items and options to a ``Session``."""

from __future__ import annotations

import ast
import contextlib
import datetime
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.check.claims import Asked, Judge
from harness.check.judge import Counts
from harness.check.stored import Stored
from harness.environment import gpu
from harness.environment.fingerprint import commit, fingerprint, stack
from harness.errors import SuiteError, invalid, nearest
from harness.record.locks import Held
from harness.record.run import Fingerprint, Key, RunStarted, read_run
from harness.record.run_file import RunFile, new_id, run_files
from harness.training.backend import Device, active_backend, choose_backend, start_backend
from harness.training.engines import resolve_engine
from reports.folders import runs_folder
from suite.catalogue import COURSE, EXPERIMENTS, training_name
from suite.cli import selection
from suite.cli.options import Options
from suite.session import place
from suite.session.known import Known, resumable, source
from suite.session.known import selection as selection_digest
from suite.session.progress import Progress
from suite.session.session import Session
from suite.session.trials import Trials


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
    where = place.requested(options, compared)
    _check_course(options)
    choose_backend(options.backend)
    _check_flags(options)
    device = start_backend(options.precision)
    _check_gpu(options, device)
    stored = Stored(options.baselines, stack(run_fingerprint(options, device)))
    where = where or _as_before(folder, options) or place.default(options, device, stored, compared)
    prints = run_fingerprint(options, device, single_threaded=not where.here)
    if options.update is not None:
        stored.check_writable(selection.files_of(list(items)))
    progress = Progress(config, _expected_seconds(options, stored, trainings), where.number)
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
        workers=where.number,
        reuse=options.reuse,
        selected=selection_digest(item.name for item in items),
        planned=tuple(key for item in items if (key := selection.key_of(item))),
        fingerprint=prints,
        gpu=gpu.facts(device.kind, device.model),
        source=source(),
        commit=commit(),
        stack=stored.stack,
        course=COURSE.recorded,
    )
    _check_store(options, progress)
    known = _known(folder, header, options)
    file = RunFile.begin(folder, header)
    try:
        asked = Asked(
            full=options.full,
            update=options.update is not None,
            strict=options.strict,
            require_baselines=options.require_baselines,
        )
        judge = Judge(stored, prints, asked, counts(options, compared), EXPERIMENTS)
        trials = Trials(options, file, prints, stored, progress, where, known)
    except BaseException:
        file.close()
        file.path.unlink()  # it has recorded nothing
        raise
    session = Session(options, device, file, stored, judge, trials, progress)
    try:
        trials.expect(compared)
    except BaseException:
        session.close()
        raise
    return session


def _as_before(folder: Path, options: Options) -> place.TrainingPlace | None:
    """As many processes as the run that is resumed had, because their number of threads decides bits; else None."""
    if options.resume is None:
        return None
    for path in reversed(run_files(folder)):
        if options.resume in ("", path.stem, path.name, str(path)):
            with contextlib.suppress(SuiteError):  # ``resumable`` says what is wrong with it
                run = read_run(path)
                if run.open:
                    return place.TrainingPlace(run.header.workers)
    return None


def run_fingerprint(options: Options, device: Device, single_threaded: bool = False) -> Fingerprint:
    """The fingerprint of this run. It includes the engine, because results differ in their bits between engines.

    For ``--engine auto`` it names the engine of the larger trainings; each trial names its own engine.
    ``single_threaded``: whether worker processes train; they have one thread each.
    """
    engine = resolve_engine(options.engine, options.backend, device.kind)
    facts = {**fingerprint(options.backend, device.kind, device.model, device.precision), "engine": engine}
    return {**facts, "threads": 1} if single_threaded else facts


def counts(options: Options, trainings: Sequence[Key]) -> Counts:
    """The numbers of tests among which the run divides its chance of a false alarm."""
    if options.full:
        trials = sum(options.seeds_of(name) for name, _ in trainings)
    else:
        trials = sum(variant in EXPERIMENTS[name].anchors for name, variant in trainings)
    return Counts(max(1, len(trainings)), max(1, trials))


def _known(folder: Path, header: RunStarted, options: Options) -> Known | None:
    """The trials to take of earlier runs: with --resume those of runs without an end, with --reuse those of all."""
    for path in folder.glob(".*.lock"):  # locks that killed processes left
        with contextlib.suppress(SuiteError):
            Held(path, "").release()
    if options.resume is not None:
        return Known(header, resumable(folder, options.resume, header, options.update is not None))
    return Known(header, run_files(folder)) if options.reuse else None


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


def _check_course(options: Options) -> None:
    """SuiteError if a file of the course has imported Keras, and so another backend than that of the options."""
    if "keras" not in sys.modules or active_backend() == options.backend:
        return
    for path in sorted(COURSE.folder.rglob("*.py")):
        for node in ast.parse(path.read_bytes()).body:
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.partition(".")[0] == "keras" for name in names):
                raise SuiteError(
                    f"{path}, line {node.lineno}, imports Keras when the course is read. So Keras runs on "
                    f"{active_backend()!r}, and {options.backend!r} cannot be chosen. Import it in functions."
                )


PROBE = {
    "jax": "import jax; jax.numpy.zeros(1)",
    "tensorflow": "import tensorflow as tf; tf.function(lambda: tf.zeros(1), jit_compile=True)()",
}
"""By backend, a program that reads XLA_FLAGS."""


def _check_flags(options: Options) -> None:
    """SuiteError if XLA refuses XLA_FLAGS: it ends the process that reads them."""
    if not os.environ.get("XLA_FLAGS") or options.backend not in PROBE:
        return
    probe = subprocess.run([sys.executable, "-c", PROBE[options.backend]], capture_output=True, check=False)
    if probe.returncode:
        said = probe.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit status {probe.returncode}"]
        reason = said[-1].rpartition("] ")[2][:300]
        raise SuiteError(f"Invalid XLA_FLAGS: {options.backend} says {reason!r}, and ends.")


def _check_gpu(options: Options, device: Device) -> None:
    """SuiteError if --require-gpu is set and the backend has no GPU."""
    if options.require_gpu and device.kind != "gpu":
        raise SuiteError(
            f"--require-gpu: {options.backend} computes on the CPU ({device.model}); no GPU is visible to it. "
            "Check `nvidia-smi`, CUDA_VISIBLE_DEVICES, and that the backend's CUDA build is installed."
        )


def _expected_seconds(options: Options, stored: Stored, trainings: Sequence[Key]) -> dict[str, float | None]:
    """About how many seconds each variant trains; None where no time is stored."""
    return {
        training_name(*key): place.seconds(options, stored, key) if stored.seconds(*key) else None for key in trainings
    }


def _command(config: pytest.Config, options: Options) -> str:
    """The command line, without the password of a store."""
    arguments = [str(argument) for argument in config.invocation_params.args]
    return shlex.join(["pytest", *(options.store.redacted(arguments) if options.store else arguments)])
