"""Slow tests only when asked for: ``pytest tests/`` leaves them out, ``-m slow`` runs just them.

``-m "slow or not slow"`` runs everything; a test named by its node id always runs. With ``-n 2 --dist loadgroup`` two
workers share the modules, and those that share a costly fixture go to one worker, which makes it once.
"""

from __future__ import annotations

from collections.abc import Iterator

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


COSTLY = {"first", "stored", "plain", "workers"}
"""Fixtures that several modules of a folder use and that take long to make."""


def group_modules(items: list[pytest.Item]) -> None:
    """Marks each item with what xdist may not divide: its module, or the modules that share a costly fixture."""
    modules = [item.nodeid.partition("::")[0] for item in items]
    sharing = {m for m, item in zip(modules, items, strict=True) if COSTLY & set(getattr(item, "fixturenames", ()))}
    for module, item in zip(modules, items, strict=True):
        item.add_marker(pytest.mark.xdist_group(module.rpartition("/")[0] if module in sharing else module))


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    group_modules(items)
    if config.option.markexpr or any("::" in argument for argument in config.args):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
