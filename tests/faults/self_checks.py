"""Runs the self-checks of ``suite/selfcheck`` by pytest in this process, until one is red."""

from __future__ import annotations

import contextlib
import importlib
import io
from collections.abc import Sequence

import pytest

from harness.course import ROOT
from harness.errors import invalid
from suite.session.session import reason_of

FOLDER = ROOT / "suite" / "selfcheck"
PLUGINS = ("terminal", "cacheprovider", "randomly", "xdist", "benchmark", "hypothesispytest", "html", "cov")
"""Of pytest, that a process of many faults does without."""


def names() -> list[str]:
    """The self-checks as pytest names them, such as "test_trainings.py::test_network[relu-adam]"; collects nothing.

    A self-check has at most one parameter, whose values are texts or numbers.
    """
    found = []
    for path in sorted(FOLDER.glob("test_*.py")):
        for name, function in vars(importlib.import_module(f"suite.selfcheck.{path.stem}")).items():
            if not name.startswith("test_"):
                continue
            marks = [mark for mark in getattr(function, "pytestmark", ()) if mark.name == "parametrize"]
            values = [f"[{value}]" for mark in marks for value in mark.args[1]] or [""]
            found += [f"{path.name}::{name}{value}" for value in values]
    return found


NAMES = names()
"""Imports the self-checks now, before a fault is in: what they keep of our functions is then without it."""


class _FirstRed:
    """A plugin: what the suite's own ``conftest.py`` gives a self-check, the order, and the first that is red."""

    def __init__(self, engine: str, likely: Sequence[str]) -> None:
        self._engine, self._likely = engine, likely
        self.said = ""

    @pytest.fixture(scope="session")
    def engine(self) -> str:
        return self._engine

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        def hope(item: pytest.Item) -> int:
            return next((place for place, part in enumerate(self._likely) if part in item.nodeid), len(self._likely))

        items.sort(key=hope)

    def pytest_exception_interact(self, node: pytest.Item, call: pytest.CallInfo[None]) -> None:
        assert call.excinfo is not None
        error = call.excinfo.value
        if isinstance(error, AssertionError):
            wrong = (str(error).splitlines() or ["an assertion fails"])[0]
        else:
            wrong = f"it could not be checked: {reason_of(error) if isinstance(error, Exception) else error}"
        self.said = self.said or f"{node.nodeid.rpartition('/')[2]}: {wrong}"


def first_red(engine: str, likely: Sequence[str] = ()) -> str:
    """What the first self-check that is red says; empty where none is. The backend has been started.

    Args:
        engine: that trains the larger networks, as ``--engine`` has it.
        likely: parts of names, of the self-checks to make first.

    Raises:
        SuiteError: where pytest could not make them.
    """
    plugin = _FirstRed(engine, likely)
    options = ["--noconftest", "-psuite.plugin", "-x", f"-c{ROOT / 'tox.ini'}", *(f"-pno:{name}" for name in PLUGINS)]
    with contextlib.redirect_stdout(io.StringIO()):
        status = pytest.main([*options, str(FOLDER)], plugins=[plugin])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or bool(status) != bool(plugin.said):
        raise invalid("run of the self-checks", expected="exit code 0 or 1", received=f"{status!r}, {plugin.said!r}")
    return plugin.said
