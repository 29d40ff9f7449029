"""The estimate of the time left, and the lines shown, with a clock that the tests set."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from suite.session import progress
from suite.session.progress import EVERY, Progress


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Reporter:
    def __init__(self, isatty: bool) -> None:
        self.isatty = isatty
        self.lines: list[str] = []

    def ensure_newline(self) -> None:
        pass

    def write_line(self, text: str) -> None:
        self.lines.append(text)


class Screen:
    """The part of pytest's configuration that Progress uses."""

    def __init__(self, *, tty: bool = False, verbose: int = 0, width: int = 80, column: int = 0) -> None:
        self.file, self.reporter = io.StringIO(), Reporter(tty)
        writer = SimpleNamespace(hasmarkup=tty, fullwidth=width, width_of_current_line=column, flush=lambda: None)
        self.config: Any = SimpleNamespace(
            get_terminal_writer=lambda: writer,
            getoption=lambda name: verbose,
            pluginmanager=SimpleNamespace(getplugin={"terminalreporter": self.reporter}.get),
        )


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Screen]:
    """Makes a Screen. Its ``file`` receives what is written to the standard output of the process."""

    def make(**how: Any) -> Screen:
        made = Screen(**how)
        monkeypatch.setattr(progress.sys, "__stdout__", made.file)
        return made

    return make


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    ours = Clock()
    monkeypatch.setattr(progress.time, "monotonic", ours.monotonic)
    return ours


def test_nothing_is_known_without_a_baseline(clock: Clock) -> None:
    shown = Progress(Screen().config, {"a": None, "b": 10.0})
    assert shown.left() is None
    shown.start("task", "a", range(5), 10)
    assert shown.left() is None


def test_the_first_estimate_is_what_was_stored(clock: Clock) -> None:
    shown = Progress(Screen().config, {"a": 10.0, "b": 30.0})
    assert shown.left() == pytest.approx(40)
    shown.start("task", "a", range(5), 10)
    clock.now += 4
    assert shown.left() == pytest.approx(36)


def test_a_machine_half_as_fast_takes_twice_as_long(clock: Clock) -> None:
    shown = Progress(Screen().config, {"a": 10.0, "b": 30.0, "c": 5.0})
    shown.start("task", "a", range(5), 10)
    clock.now += 20
    shown.finish("task")
    assert shown.left() == pytest.approx(70)


def test_the_running_variant_counts_by_its_epochs(clock: Clock) -> None:
    shown = Progress(Screen().config, {"a": None})
    shown.start("task", "a", range(4), 10)
    clock.now += 6
    shown.epoch("task", 0, 10)
    assert shown.left() == pytest.approx(18)
    clock.now += 3
    shown.epoch("task", 1, 5)
    assert shown.left() == pytest.approx(15)


def test_a_variant_without_stored_seconds_counts_as_the_mean(clock: Clock) -> None:
    shown = Progress(Screen().config, {"a": None, "b": None, "c": None})
    for name, seconds in (("a", 10.0), ("b", 20.0)):
        shown.start("task", name, range(5), 10)
        clock.now += seconds
        shown.finish("task")
    assert shown.left() == pytest.approx(15)


def test_the_time_left_is_never_negative_and_ends_at_zero(clock: Clock) -> None:
    shown = Progress(Screen().config, {"a": 1.0})
    shown.start("task", "a", range(5), 10)
    clock.now += 500
    assert shown.left() == 0
    shown.epoch("task", 4, 10)
    assert shown.left() == 0
    shown.finish("task")
    assert shown.left() == 0


def test_the_time_left_never_grows_while_a_steady_variant_trains(clock: Clock) -> None:
    shown = Progress(Screen().config, {"a": None})
    shown.start("task", "a", range(5), 10)
    estimates = []
    for seed in range(5):
        for epoch in range(1, 11):
            clock.now += 0.5
            shown.epoch("task", seed, epoch)
            estimates.append(shown.left())
    assert estimates == pytest.approx([25 - 0.5 * k for k in range(1, 51)])


def test_a_log_gets_a_line_now_and_then(clock: Clock, screen: Callable[..., Screen]) -> None:
    terminal = screen()
    shown = Progress(terminal.config, {"a": 100.0, "b": 100.0})
    shown.start("task", "a", range(5), 10)
    for epoch in range(1, 11):
        clock.now += EVERY / 4
        shown.epoch("task", 0, epoch)
    assert len(terminal.reporter.lines) == 3
    assert terminal.reporter.lines[0].startswith("[1/2] a: 5 seeds of 10 epochs, about ")
    assert "seed 1 of 5, epoch 4 of 10" in terminal.reporter.lines[1]
    assert terminal.file.getvalue() == ""
    assert not any("\x1b" in line for line in terminal.reporter.lines)


@pytest.mark.parametrize("tty", [True, False])
def test_a_quiet_run_shows_nothing(tty: bool, clock: Clock, screen: Callable[..., Screen]) -> None:
    terminal = screen(tty=tty, verbose=-1)
    shown = Progress(terminal.config, {"a": 100.0})
    shown.start("task", "a", range(5), 10)
    clock.now += 100
    shown.epoch("task", 0, 5)
    shown.finish("task")
    assert terminal.file.getvalue() == ""
    assert terminal.reporter.lines == []


@pytest.mark.parametrize(
    ("width", "column", "length"), [(40, 0, 38), (40, 25, 13), (80, 20, 58), (40, 35, 0), (5, 0, 0)]
)
def test_a_live_line_fits(width: int, column: int, length: int, clock: Clock, screen: Callable[..., Screen]) -> None:
    terminal = screen(tty=True, width=width, column=column)
    shown = Progress(terminal.config, {"a" * 100: 100.0})
    shown.start("task", "a" * 100, range(5), 10)
    written = terminal.file.getvalue()
    assert written.count("a") == max(length - len("[1/1] "), 0)
    assert len(written) == (length + len("\x1b7 \x1b[K\x1b8") if length else 0)
    assert terminal.reporter.lines == []


def test_a_finished_variant_leaves_an_empty_line(clock: Clock, screen: Callable[..., Screen]) -> None:
    terminal = screen(tty=True)
    shown = Progress(terminal.config, {"a": 1.0})
    shown.start("task", "a", range(5), 10)
    shown.finish("task")
    assert terminal.file.getvalue().endswith("\x1b7 \x1b[K\x1b8")
