"""pytest hooks of the suite: check the options, select, begin a run, end it."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import pytest

from harness.errors import SuiteError
from harness.training.backend import check_installed
from harness.training.engines import resolve_engine
from reports.folders import check_writable, runs_folder
from suite import options as suite_options
from suite import plan, selection, summary, workers
from suite.crashed import Crashed
from suite.lifecycle import begin, check_experiments, check_whole, collect, finish
from suite.options import BROKEN, FULL_SEEDS, RUN, Options
from suite.recording import Recording, begin_recording, join_recording
from suite.stored import Stored

OPTIONS: pytest.StashKey[Options] = pytest.StashKey()
STARTED: pytest.StashKey[float] = pytest.StashKey()
LINES: pytest.StashKey[list[str]] = pytest.StashKey()
RECORDING: pytest.StashKey[Recording] = pytest.StashKey()
CRASHED: pytest.StashKey[Crashed] = pytest.StashKey()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.stash[STARTED] = time.monotonic()
    try:
        options = suite_options.check(config)
        check_whole(options)
        check_experiments(options)
        resolve_engine(options.engine, options.backend)
        workers.check(config)
        workers.check_full(config, options.full, options.update is not None)
        timing = suite_options.timing(config)
        if timing and not config.pluginmanager.hasplugin("benchmark"):
            raise SuiteError("-m timing needs the plugin pytest-benchmark. Leave -p no:benchmark out, or install it.")
        if timing and options.engine == "vectorized":
            raise SuiteError(
                "--engine vectorized and -m timing contradict each other: it times engines that train one seed after "
                "another. Leave it out, or time many seeds side by side: python -m reports.measure_gpu."
            )
        if timing and options.resume is not None:
            raise SuiteError(
                "--resume and -m timing contradict each other: times are measured in one go. Leave it out."
            )
        if workers.is_controller(config):
            selection.check_syntax(config.option.keyword or "", config.option.markexpr or "")
            _check_expressions(config, selection.catalogue_names())
        if not config.option.collectonly and not options.dry_run:
            check_installed(options.backend)
            check_writable(runs_folder(options.reports))
            check_writable(options.reports / "figures")
            if workers.is_controller(config):
                _record(config, options)
                config.stash[CRASHED] = Crashed()
                config.pluginmanager.register(config.stash[CRASHED])
    except SuiteError as error:
        raise suite_options.usage(error) from None
    config.stash[OPTIONS] = options
    if workers.is_controller(config) and (options.dry_run or config.option.collectonly):
        config.option.dist, config.option.tx = "no", []
    if workers.is_controller(config) or workers.is_worker(config):
        workers.prepare(config)
    elif config.pluginmanager.hasplugin("benchmark") and not config.option.collectonly and not options.dry_run:
        _set_benchmark_defaults(config, options)


def _record(config: pytest.Config, options: Options) -> Recording:
    """Settles where the run is recorded; SuiteError where that cannot be."""
    recording = (join_recording if workers.is_worker(config) else begin_recording)(config, options)
    config.add_cleanup(recording.close)
    config.stash[RECORDING] = recording
    return recording


def _check_expressions(config: pytest.Config, names: set[str]) -> None:
    markers = {line.split(":")[0].split("(")[0].strip() for line in config.getini("markers")}
    selection.check_expressions(config.option.keyword or "", config.option.markexpr or "", names, markers)


def _set_benchmark_defaults(config: pytest.Config, options: Options) -> None:
    """A run ends with pytest-benchmark's table, of what one round can fill, and its JSON; what was asked for stays."""
    if config.option.benchmark_json is None:
        config.option.benchmark_json = options.reports / "benchmark.json"
    if not any(argument.startswith("--benchmark-columns") for argument in config.invocation_params.args):
        config.option.benchmark_columns = ["mean", "rounds"]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """pytest-xdist's: a worker is about to start."""
    node.workerinput[workers.KEY] = node.config.stash[RECORDING].shared()


def pytest_report_header(config: pytest.Config) -> list[str]:
    options, recording = config.stash[OPTIONS], config.stash.get(RECORDING, None)
    precision = f", precision {options.precision}" if options.precision != "default" else ""
    lines = [
        f"claims: {_mode(options)}, backend {options.backend} ({options.backend_from}), "
        f"engine {options.engine}{precision}"
    ]
    if options.store:
        lines.append(f"store: {options.store}")
    return lines + (recording.said if recording else [])  # a single process has it later, and says it then


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    return plan.too_few(config.stash[OPTIONS], items)


def _mode(options: Options) -> str:
    """What a run does, in words."""
    if not options.full:
        return "check against the evidence"
    seeds = f"{options.as_needed}" if options.as_needed else f"{options.seeds or FULL_SEEDS}"
    more = [f"{count} of {name}" for name, count in options.more_seeds]
    first = f" from {options.first_seed} on" if options.first_seed else ""
    return f"to the end, seeds {', '.join([seeds, *more])}{first}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None]:
    options = config.stash[OPTIONS]
    collected = list(items)
    lost = selection.name_what_is_left_out(items)
    try:
        if not workers.is_worker(config):  # whose controller has asked already
            _check_expressions(config, lost | {part for item in collected for part in (item.name, item.path.name)})
    except SuiteError as error:
        raise suite_options.usage(error) from None
    yield
    if not suite_options.timing(config):
        items[:] = [item for item in items if item.get_closest_marker("timing") is None]
    items[:] = selection.with_trainings(items, collected)
    _count_deselected(config, items, collected)
    if not items or config.option.collectonly or options.dry_run:
        return
    try:
        if workers.is_worker(config):
            items[:] = selection.longest_first(items, Stored(options.baselines, f"{options.backend}-cpu"), options)
        config.stash[RUN] = begin(config, options, items, _record(config, options))
    except SuiteError as error:
        if not workers.is_worker(config):
            raise suite_options.usage(error) from None
        config.stash[BROKEN] = str(error)
        del items[1:]  # says it once


def _count_deselected(config: pytest.Config, items: list[pytest.Item], collected: list[pytest.Item]) -> None:
    """pytest has counted the trainings that a claim pulled in as deselected, and the timing items not: put right."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None:
        reporter.stats.pop("deselected", None)
    kept = set(map(id, items))
    deselected = [item for item in collected if id(item) not in kept]
    if deselected:
        config.hook.pytest_deselected(items=deselected)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    config = session.config
    unread = list(filter(None, map(selection.unread_of, session.items)))
    if unread and (config.stash[OPTIONS].dry_run or config.option.collectonly):
        config.stash[LINES] = [line for broken in unread for line in f"BROKEN: {broken.message}".splitlines()]
        session.testsfailed = session.testsfailed or len(unread)
    if not config.stash[OPTIONS].dry_run or config.option.collectonly or (session.testsfailed and not unread):
        return None
    lines = plan.plan(config.stash[OPTIONS], session.items, config.getoption("numprocesses", 0) or 1)
    config.stash[LINES] = [*config.stash.get(LINES, []), *lines]
    return True


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None]:
    said: list[str] = []
    try:
        yield  # pytest-xdist ends its workers first
    except OSError as error:  # pytest-benchmark's JSON, on a full disk
        said = [f"ERROR: a plugin could not write its file: {error}. Make room, or name another --report-dir."]
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
    config = session.config
    run = config.stash.get(RUN, None)
    if workers.is_worker(config):
        if run is not None:
            run.log.close()
        return
    try:
        if workers.is_controller(config) and RECORDING in config.stash:
            crashed = config.stash[CRASHED]
            said += crashed.lines()
            run = collect(config, config.stash[OPTIONS], config.stash[RECORDING])
            if crashed.lost and session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
            if crashed.lost and run is not None and exitstatus != pytest.ExitCode.INTERRUPTED:
                summary.give_up(run)
            if run is None and exitstatus == pytest.ExitCode.TESTS_FAILED:
                session.exitstatus = pytest.ExitCode.USAGE_ERROR  # as without workers
    except SuiteError as error:
        config.stash[LINES] = [f"ERROR: {error}"]
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
    if run is not None:
        seconds = time.monotonic() - config.stash[STARTED]
        session.exitstatus, lines = finish(run, int(session.exitstatus), seconds)
        config.stash[LINES] = config.stash[RECORDING].said + said + lines


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    lines = config.stash.get(LINES, None)
    if lines:
        terminalreporter.section("claims of the lecture")
        for line in lines:
            terminalreporter.write_line(line)
