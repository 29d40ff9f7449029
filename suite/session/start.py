"""The beginning of a run: from pytest's items and options to a ``Session``."""

from __future__ import annotations

import ast
import contextlib
import datetime
import hashlib
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.check.claims import Judge
from harness.check.judge import Circumstances
from harness.check.stored import Stored
from harness.environment import gpu
from harness.environment.fingerprint import commit, fingerprint, stack
from harness.errors import SuiteError
from harness.record.files import Held
from harness.record.run import Fingerprint, RunStarted
from harness.record.run_file import RunFile, new_id, run_files
from harness.training.backend import Device, active_backend, choose_backend, start_backend
from harness.training.engines import resolve_engine
from reports.folders import runs_folder
from suite import items
from suite.catalogue import COURSE, EXPERIMENTS, training_name
from suite.options import Options
from suite.session import known
from suite.session.plan import Place, Planned, chosen_place, default_place, planned
from suite.session.session import Session
from suite.session.terminal import Progress
from suite.session.trials import Trials


def begin(config: pytest.Config, options: Options, selected: Sequence[pytest.Item]) -> Session:
    """Begins a run of these items: starts the backend, opens the run's file, and submits the trainings.

    SuiteError if the run cannot begin.
    """
    folder = runs_folder(options.reports)
    trainings = list(filter(None, map(items.training_of, selected)))
    trainings = list(dict.fromkeys([*trainings, *sorted(items.needed_trainings(selected))]))
    if not options.full and options.update is not None and trainings:
        raise SuiteError(
            "--update-baselines needs --full here: evidence holds trainings that went to the end. Add --full --seeds "
            "N, or select what trains nothing: -m exact, -m timing."
        )
    names = "\0".join(sorted(item.name for item in selected))
    digest = hashlib.sha256(names.encode()).hexdigest()[:16]
    resumed = [] if options.resume is None else known.unfinished(folder, options.resume, digest)
    place = chosen_place(options, trainings)
    with contextlib.ExitStack() as failing:
        if place and place.cluster:
            failing.callback(place.cluster.shutdown)
        device = _started(options)
        facts = run_fingerprint(options, device)
        stored = Stored(options.baselines, stack(facts))
        plans = [planned(options, stored, key) for key in trainings]
        # as many processes as before, because their number of threads decides bits
        place = place or (Place(resumed[0].header.workers) if resumed else default_place(options, device, plans))
        if options.update is not None:
            stored.check_writable(items.files_of(selected))
        expected = {training_name(*plan.key): plan.seconds if plan.each else None for plan in plans}
        progress = Progress(config, expected, place.processes)
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
            workers=place.processes,
            reuse=options.reuse,
            selected=digest,
            planned=tuple(filter(None, map(items.key_of, selected))),
            fingerprint=facts if place.here else {**facts, "threads": 1},  # a worker process has one thread
            gpu=gpu.facts(device.kind, device.model),
            source=known.source(),
            commit=commit(),
            stack=stored.stack,
            course=COURSE.recorded,
        )
        if resumed:
            known.check_same(resumed[0], header, same_commit=options.update is not None)
        earlier = resumed or (known.readable(run_files(folder)) if options.reuse else ())
        if options.store is not None:
            try:
                options.store.prepare()
            except SuiteError as error:
                progress.say(f"store: {error} The run goes on, and is pushed when it has ended.")
        for path in folder.glob(".*.lock"):  # that killed processes left
            with contextlib.suppress(SuiteError):
                Held(path, "").release()
        file = RunFile.begin(folder, header)
        failing.callback(file.path.unlink)  # it has recorded nothing
        failing.callback(file.close)
        judge = Judge(
            _circumstances(header, options, plans),
            stored,
            EXPERIMENTS,
            update=options.update is not None,
            strict=options.strict,
            require_baselines=options.require_baselines,
        )
        trials = Trials(options, file, progress, place, known.Known(header, earlier) if earlier else None)
        failing.pop_all()
    session = Session(options, device, file, stored, judge, trials, progress)
    try:
        trials.submit(plans)
    except BaseException:
        session.close()
        raise
    return session


def _started(options: Options) -> Device:
    """Starts the backend. SuiteError if it cannot be started as the options say."""
    _check_course(options)
    choose_backend(options.backend)
    _check_flags(options)
    device = start_backend(options.precision)
    if options.require_gpu and device.kind != "gpu":
        raise SuiteError(
            f"--require-gpu: {options.backend} computes on the CPU ({device.model}); no GPU is visible to it. "
            "Check `nvidia-smi`, CUDA_VISIBLE_DEVICES, and that the backend's CUDA build is installed."
        )
    return device


def run_fingerprint(options: Options, device: Device) -> Fingerprint:
    """The fingerprint of this run. It includes the engine, because results differ in their bits between engines.

    For ``--engine auto`` it names the engine of the larger trainings; each trial names its own engine.
    """
    engine = resolve_engine(options.engine, options.backend, device.kind)
    return {**fingerprint(options.backend, device.kind, device.model, device.precision), "engine": engine}


def _circumstances(header: RunStarted, options: Options, plans: Sequence[Planned]) -> Circumstances:
    """Of this run, with the numbers of tests among which it divides its chance of a false alarm."""
    if options.full:
        trials = sum(options.seeds_of(plan.key[0]) for plan in plans)
    else:
        trials = sum(plan.seeds for plan in plans if not (plan.known and plan.known.tiny))
    return Circumstances(header.stack, header.fingerprint, header.full, max(1, len(plans)), max(1, trials))


def _check_course(options: Options) -> None:
    """SuiteError if a file of the course has imported Keras, and so another backend than that of the options."""
    if "keras" not in sys.modules or active_backend() == options.backend:
        return
    for path in filter(Path.is_file, sorted(COURSE.folder.rglob("*.py"))):
        nodes: list[ast.stmt] = []
        with contextlib.suppress(SyntaxError, ValueError):  # in a file that nothing imports
            nodes = ast.parse(path.read_bytes()).body
        for node in nodes:
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


def _command(config: pytest.Config, options: Options) -> str:
    """The command line, without the password of a store."""
    arguments = [str(argument) for argument in config.invocation_params.args]
    return shlex.join(["pytest", *(options.store.redacted(arguments) if options.store else arguments)])
