"""pytest hooks of the suite: choose the backend, select, record, report, exit code."""

from __future__ import annotations

import datetime
import os
import shlex
import time
from collections.abc import Generator
from typing import Any

import pytest

from harness.errors import SuiteError
from harness.fingerprint import stack
from harness.store import RunLog
from harness.training.backend import choose_backend, start_backend
from harness.training.train import resolve_engine
from reports.folders import check_writable, runs_folder
from suite import options as suite_options
from suite import selection, summary
from suite.catalogue import EXPERIMENTS, training_name
from suite.options import RUN, Options
from suite.progress import Progress
from suite.run import SuiteRun, run_fingerprint
from suite.stored import Stored, commit

OPTIONS: pytest.StashKey[Options] = pytest.StashKey()
STARTED: pytest.StashKey[float] = pytest.StashKey()
LINES: pytest.StashKey[list[str]] = pytest.StashKey()
REWRITTEN = 6
"""Exit code of a run that stored new baselines: never green, so that no pipeline passes by rewriting."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.stash[STARTED] = time.monotonic()
    try:
        options = suite_options.check(config)
        resolve_engine(options.engine, options.backend)
        suite_options.check_one_process(config)
        if not config.option.collectonly:
            check_writable(runs_folder(options.reports))
            check_writable(options.reports / "figures")
    except SuiteError as error:
        raise suite_options.usage(error) from None
    config.stash[OPTIONS] = options
    if config.pluginmanager.hasplugin("benchmark") and not config.option.collectonly:
        _set_benchmark_defaults(config, options)


def _set_benchmark_defaults(config: pytest.Config, options: Options) -> None:
    """A run ends with pytest-benchmark's table, of what one round can fill, and its JSON; what was asked for stays."""
    if config.option.benchmark_json is None:
        config.option.benchmark_json = options.reports / "benchmark.json"
    if not any(argument.startswith("--benchmark-columns") for argument in config.invocation_params.args):
        config.option.benchmark_columns = ["mean", "rounds"]


def pytest_report_header(config: pytest.Config) -> str:
    options = config.stash[OPTIONS]
    seeds = options.seeds or "each experiment's own"
    return (
        f"claims: backend {options.backend} ({options.backend_from}), engine {options.engine}, "
        f"setting {options.setting}, seeds {seeds}"
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None]:
    collected = list(items)
    expressions = config.option.keyword or "", config.option.markexpr or ""
    names = {part for item in collected for part in (item.name, item.path.name)}
    markers = {line.split(":")[0].split("(")[0].strip() for line in config.getini("markers")}
    try:
        selection.check_expressions(*expressions, names, markers)
    except SuiteError as error:
        raise suite_options.usage(error) from None
    yield
    if "timing" not in (config.option.markexpr or ""):
        items[:] = [item for item in items if item.get_closest_marker("timing") is None]
    items[:] = selection.with_trainings(items, collected)
    _count_deselected(config, items, collected)
    if items and not config.option.collectonly:
        try:
            config.stash[RUN] = _begin(config, items)
        except SuiteError as error:
            raise suite_options.usage(error) from None


def _count_deselected(config: pytest.Config, items: list[pytest.Item], collected: list[pytest.Item]) -> None:
    """pytest has counted the trainings that a claim pulled in as deselected, and the timing items not: put right."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None:
        reporter.stats.pop("deselected", None)
    kept = set(map(id, items))
    deselected = [item for item in collected if id(item) not in kept]
    if deselected:
        config.hook.pytest_deselected(items=deselected)


def _begin(config: pytest.Config, items: list[pytest.Item]) -> SuiteRun:
    options = config.stash[OPTIONS]
    choose_backend(options.backend)
    where = start_backend()
    if options.require_gpu and where.kind != "gpu":
        raise SuiteError(
            f"--require-gpu: {options.backend} computes on the CPU ({where.model}); no GPU is visible to it. "
            "Check `nvidia-smi`, CUDA_VISIBLE_DEVICES, and that the backend's CUDA build is installed."
        )
    now = datetime.datetime.now(datetime.UTC)
    prints = run_fingerprint(options, where)
    header = {
        "id": f"{now:%Y-%m-%dT%H-%M-%S-%f}-{os.getpid()}",
        "started": now.isoformat(timespec="seconds"),
        "command": shlex.join(["pytest", *config.invocation_params.args]),
        "setting": options.setting,
        "seeds": options.seeds,
        "backend": options.backend,
        "engine": options.engine,
        "fingerprint": prints,
        "commit": commit(),
        "stack": stack(prints),
    }
    trainings = [training for item in items if (training := selection.training_of(item))]
    stored = Stored(options.baselines, stack(prints))
    if options.update is not None:
        stored.check_writable(selection.files_of(items), options.setting)
    expected = {}
    for experiment, variant in trainings:
        seconds = stored.seconds(experiment, variant, options.setting)
        seeds = options.seeds or EXPERIMENTS[experiment].size(options.setting).seeds
        expected[training_name(experiment, variant)] = seconds * seeds if seconds else None
    log = RunLog(runs_folder(options.reports), header)
    return SuiteRun(options, where, log, stored, Progress(config, expected), comparisons=len(trainings))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    run = session.config.stash.get(RUN, None)
    if run is None:
        return
    lines = session.config.stash[LINES] = []
    interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
    try:
        if interrupted:
            summary.decide_trained(run, session.items)
            lines.append(summary.interrupted_line(run, session.items))
        summary.adjust_all(run)
        lines += [*summary.verdict_lines(run), *summary.baseline_lines(run)]
        if summary.vanished(run) and session.exitstatus == pytest.ExitCode.OK and run.options.update is None:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if run.options.update is not None:
            if interrupted:
                lines.append("baselines: nothing is stored of an interrupted run")
            else:
                session.exitstatus = REWRITTEN
                lines += ["baselines stored:", *summary.update_baselines(run)]
    except SuiteError as error:
        lines.append(f"ERROR: {error}")
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
    seconds = time.monotonic() - session.config.stash[STARTED]
    run.log.append("end", {"exit_status": int(session.exitstatus), "seconds": seconds, "interrupted": interrupted})
    run.log.close()
    try:
        lines.append(_report(run))
    except Exception as error:
        said = str(error) if isinstance(error, SuiteError) else f"{type(error).__name__}: {error}"
        lines.append(f"ERROR: the report could not be written: {said} The run's record is {run.log.path}.")
        if session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR


def _report(run: SuiteRun) -> str:
    from reports.write import write_report

    return f"report: {write_report(run.log.path, run.options.reports)}"


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    lines = config.stash.get(LINES, None)
    if lines:
        terminalreporter.section("claims of the lecture")
        for line in lines:
            terminalreporter.write_line(line)
