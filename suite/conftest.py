"""pytest hooks of the suite: they check the options, select items, and begin and end a run."""

from __future__ import annotations

import time
import warnings
from collections.abc import Generator
from typing import Any

import pytest

from harness.errors import SuiteError
from harness.training.backend import check_installed
from harness.training.engines import resolve_engine
from reports.folders import check_writable, runs_folder
from suite.catalogue import COURSE
from suite.items import check_expressions, others_first, with_trainings
from suite.options import Options, check, usage
from suite.plugin import OF_KERAS
from suite.session import plan, terminal, timing
from suite.session.end import finish
from suite.session.session import SESSION
from suite.session.start import begin
from suite.session.terminal import Line

OPTIONS: pytest.StashKey[Options] = pytest.StashKey()
STARTED: pytest.StashKey[float] = pytest.StashKey()
LINES: pytest.StashKey[list[Line]] = pytest.StashKey()
TABLE: pytest.StashKey[list[str]] = pytest.StashKey()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.stash[STARTED] = time.monotonic()
    try:
        options = check(config)
        resolve_engine(options.engine, options.backend)
        if not config.option.collectonly and not options.dry_run:
            check_installed(options.backend)
            check_writable(runs_folder(options.reports))
            check_writable(options.reports / "figures")
    except SuiteError as error:
        raise usage(error) from None
    config.stash[OPTIONS] = options
    if config.pluginmanager.hasplugin("benchmark") and not config.option.collectonly and not options.dry_run:
        _set_benchmark_defaults(config, options)


SHOWN = ("columns", "sort", "group-by", "name", "histogram", "verbose", "compare", "cprofile")
"""pytest-benchmark's options that ask for its own tables."""


def _set_benchmark_defaults(config: pytest.Config, options: Options) -> None:
    """Makes pytest-benchmark write JSON, and no tables unless the command line asks for them."""
    if config.option.benchmark_json is None:
        config.option.benchmark_json = options.reports / "benchmark.json"
    asked = tuple(f"--benchmark-{name}" for name in SHOWN)
    if not any(str(argument).startswith(asked) for argument in config.invocation_params.args):
        config.option.benchmark_quiet = True
        config.stash[TABLE] = []


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_benchmark_group_stats(config: pytest.Config, benchmarks: list[dict[str, Any]]) -> Generator[None, Any, Any]:
    """Makes one table of pytest-benchmark's rows, in place of its own tables. A quiet run has none."""
    if TABLE in config.stash and config.get_verbosity() >= 0:
        config.stash[TABLE] = timing.training_table(benchmarks, terminal.columns_of(config))
    return (yield)


def pytest_report_header(config: pytest.Config) -> list[str]:
    options = config.stash[OPTIONS]
    line = f"claims: {options.mode}, backend {options.backend} ({options.backend_from}), engine {options.engine}"
    if options.precision != "default":
        line += f", precision {options.precision}"
    lines = [line, f"store: {options.store}"] if options.store else [line]
    return lines if COURSE.default else [f"course: {COURSE.title} ({COURSE.folder})", *lines]


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    return plan.too_few(config.stash[OPTIONS], items)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None]:
    options = config.stash[OPTIONS]
    items[:] = [item for item in items if "[NOTSET" not in item.name]  # a test of what the course has none of
    collected = list(items)
    names = {part for item in collected for part in (item.name, item.path.name)}
    markers = {line.split(":")[0].split("(")[0].strip() for line in config.getini("markers")}
    try:
        check_expressions(config.option.keyword or "", config.option.markexpr or "", names, markers)
    except SuiteError as error:
        raise usage(error) from None
    yield
    if not options.timing:
        items[:] = [item for item in items if item.get_closest_marker("timing") is None]
    items[:] = with_trainings(items, collected)
    _count_deselected(config, items, collected)
    if not items or config.option.collectonly or options.dry_run:
        return
    try:
        session = config.stash[SESSION] = begin(config, options, items)
    except SuiteError as error:
        raise usage(error) from None
    config.add_cleanup(session.close)
    if session.header.workers > 1:
        items[:] = others_first(items)


def _count_deselected(config: pytest.Config, items: list[pytest.Item], collected: list[pytest.Item]) -> None:
    """Corrects pytest's count of deselected items: it counts the trainings added here, and not the timing items."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None:
        reporter.stats.pop("deselected", None)
    kept = set(map(id, items))
    deselected = [item for item in collected if id(item) not in kept]
    if deselected:
        config.hook.pytest_deselected(items=deselected)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Prints the plan of a dry run instead of running items."""
    config = session.config
    if not config.stash[OPTIONS].dry_run or config.option.collectonly or session.testsfailed:
        return None
    lines = map(Line, plan.dry_run(config.stash[OPTIONS], session.items, terminal.columns_of(config)))
    config.stash[LINES] = [*config.stash.get(LINES, []), *lines]
    return True


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None]:
    failures: list[Line] = []
    try:
        with warnings.catch_warnings():  # a run without times has nothing to save
            warnings.filterwarnings("ignore", "Not saving anything")
            yield
    except OSError as error:  # pytest-benchmark's JSON, on a full disk
        reason = f"ERROR: a plugin could not write its file: {error}. Make room, or name another --report-dir."
        failures = [Line(reason, "red")]
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
    config = session.config
    run = config.stash.get(SESSION, None)
    if run is not None:
        seconds = time.monotonic() - config.stash[STARTED]
        with warnings.catch_warnings():  # what pytest ignores, it does not ignore here
            warnings.filterwarnings("ignore", OF_KERAS, DeprecationWarning, "keras")
            session.exitstatus, lines = finish(run, int(session.exitstatus), seconds)
        config.stash[LINES] = failures + lines


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> Generator[None]:
    """Prints the table of times before what pytest and its plugins print."""
    for line in config.stash.get(TABLE, []):
        terminalreporter.write_line(terminal.shown(line))
    yield


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Prints the summary, after everything that pytest and its plugins print."""
    lines = config.stash.get(LINES, None)
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if lines and reporter is not None:
        reporter.section("claims of the lecture")
        terminal.write(config, lines)
