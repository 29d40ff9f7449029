"""Slow tests only when asked for: ``pytest tests/`` leaves them out, ``-m slow`` runs just them.

``-m "slow or not slow"`` runs everything; a test named by its node id always runs. With ``-n 2`` two workers
divide the modules between them.
"""

from __future__ import annotations

from collections.abc import Iterator
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


TOGETHER = {"tests/training"}
"""Folders whose modules share a fixture that takes minutes."""


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
            return folder if folder in TOGETHER else module

    return ByModule(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.option.markexpr or any("::" in argument for argument in config.args):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
