"""The slowdown that the measurement of alarms injects: it lasts as long as stated, and can be removed."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from harness.training import compiled
from harness.training.fit import Clock
from tests.timing.slowdown import slowed

EPOCH = 0.02


def launch(*_: Any) -> str:
    time.sleep(EPOCH)
    return "curves"


def test_a_launch_takes_longer_inside_and_as_long_as_before_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "load_program", lambda *_: SimpleNamespace(launch=launch))
    plain = compiled.load_program, Clock.end
    with slowed(3.0):
        program = compiled.load_program(None)
        begin = time.perf_counter()
        assert program.launch(None, 0.0) == "curves"
        assert time.perf_counter() - begin >= 3 * EPOCH
    assert (compiled.load_program, Clock.end) == plain


def test_an_epoch_of_fit_takes_longer() -> None:
    inference = SimpleNamespace(inference=False, halves=False, follow={}, observe=None)
    clock = Clock(SimpleNamespace(experiment=inference), 0, lambda seed, epoch: None)
    with slowed(3.0):
        clock.begin(None, 0, None)
        time.sleep(EPOCH)
        clock.end(None, 0, None)
    assert clock.seconds[0] >= 3 * EPOCH
