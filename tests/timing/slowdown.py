"""A plugin (-p tests.timing.slowdown) with which every epoch of both engines takes SLOWDOWN times as long.

It waits busily within the measured time, like work that a careless change adds to each epoch.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import pytest

FACTOR = "SLOWDOWN"
"""The environment variable that says how many times as long."""


@contextmanager
def slowed(factor: float) -> Iterator[None]:
    """Epochs of ``fit`` and launches of ``compiled`` take ``factor`` times as long, until the block ends."""
    from harness.training import compiled
    from harness.training.fit import Clock

    load, end = compiled.load_program, Clock.end

    def slower_end(self: Clock, *arguments: Any) -> None:
        _spin((factor - 1) * (time.perf_counter() - self._start))
        end(self, *arguments)

    def slower_program(*arguments: Any) -> Any:
        program = load(*arguments)
        launch = program.launch

        def slower_launch(*given: Any) -> Any:
            begin = time.perf_counter()
            found = launch(*given)
            _spin((factor - 1) * (time.perf_counter() - begin))
            return found

        setattr(program, "launch", slower_launch)  # noqa: B010 (mypy takes an assignment for a mistake)
        return program

    with ExitStack() as patches:
        patches.enter_context(mock.patch.object(Clock, "end", slower_end))
        patches.enter_context(mock.patch.object(compiled, "load_program", slower_program))
        yield


def _spin(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop() -> Iterator[None]:
    with slowed(float(os.environ[FACTOR])):
        return (yield)
