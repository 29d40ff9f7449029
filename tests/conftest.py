"""Runs slow tests only on request: ``pytest tests/`` leaves them out, ``-m slow`` runs only them.

``-m "slow or not slow"`` runs everything; a test named by its node id always runs. ``-m slow --every 2`` runs half of
the modules today and the others tomorrow. With ``-n 2`` two workers share the modules.
"""

from __future__ import annotations

import datetime
import os
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.postgresql import Given, Server, absent, given, programs


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server | Given]:
    """A PostgreSQL server, whose ``new`` gives the URL of an empty database."""
    where = programs()
    server = given() or (Server(where) if where else None)
    if server is None:
        absent()
    else:
        yield server
        server.remove()


@pytest.fixture
def own_server() -> Iterator[Server]:
    """One that a test may stop and start."""
    where = programs()
    if where is None:
        absent()
    else:
        server = Server(where)
        yield server
        server.remove()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Gives a worker whole modules, or folders, so that what they share is made once.

    Groups of xdist 3.8 (``--dist loadgroup``) have no effect with pytest 9.2.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByModule(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module = nodeid.partition("::")[0]
            folder = module.rpartition("/")[0]
            return folder if folder in together else module

    config.option.loadscopereorder = False  # LONGEST is first, not what has most tests
    # the slow runs of the suite take longer than what they share
    together = {"tests/training"} if config.option.markexpr else {"tests/suite", "tests/training"}
    return ByModule(config, log)


LONGEST = ("tests/suite/", "tests/training/", "tests/reports/page/", "tests/reports/test_charts", "tests/test_docu")
"""What takes longest begins first, so that no worker waits for another in the end."""
DAY = "SLOW_TESTS_DAY"
"""The environment variable that has workers agree on the day, though it be midnight."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every", type=int, default=1, metavar="N", help="a part of the modules, all in N days")


CACHE = "JAX_COMPILATION_CACHE_DIR"


def share_compiled_programs(config: pytest.Config) -> None:
    """Gives all processes of these tests one folder for compiled programs of JAX: equal trainings compile once."""
    if CACHE not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="compiled-", ignore_cleanup_errors=True)
        config.add_cleanup(folder.cleanup)
        os.environ[CACHE] = folder.name
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
        os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"


def pytest_configure(config: pytest.Config) -> None:
    share_compiled_programs(config)
    # Two workers share the cores. A second thread of NumPy's waits for its turn, at the cost of four times the work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if config.getoption("--every") < 1:
        raise pytest.UsageError(f"Invalid --every. Expected: at least 1. Received: {config.getoption('--every')}.")
    os.environ.setdefault(DAY, str(datetime.datetime.now(datetime.UTC).toordinal()))


def todays(modules: Sequence[str], day: int, every: int) -> set[str]:
    """One in ``every`` modules, another part each day."""
    return {module for place, module in enumerate(sorted(set(modules))) if (place + day) % every == 0}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if any("::" in argument for argument in config.args):
        return
    if config.option.markexpr:
        _keep(config, items, chosen(config, items))
    else:
        _keep(config, items, [item for item in items if not item.get_closest_marker("slow")])
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def chosen(config: pytest.Config, items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Of the modules with slow tests today's part, where ``--every`` asks for it."""
    slow = [item.nodeid.partition("::")[0] for item in items if item.get_closest_marker("slow")]
    today = todays(slow, int(os.environ[DAY]), config.getoption("--every"))
    return [item for item in items if item.nodeid.partition("::")[0] in today or not item.get_closest_marker("slow")]


def _keep(config: pytest.Config, items: list[pytest.Item], kept: list[pytest.Item]) -> None:
    known = set(map(id, kept))
    left_out = [item for item in items if id(item) not in known]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept
