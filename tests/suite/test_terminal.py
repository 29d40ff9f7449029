"""Text on a terminal; and the estimate of the time left and the lines shown, with a clock that the tests set."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from suite.session import terminal
from suite.session.terminal import EVERY, Progress, shown, table, wrapped


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Screen:
    """The part of pytest's configuration that Progress uses."""

    def __init__(self, *, tty: bool = False, verbose: int = 0, width: int = 80, column: int = 0) -> None:
        self.file, self.lines = io.StringIO(), list[str]()
        reporter = SimpleNamespace(isatty=tty, ensure_newline=lambda: None, write_line=self.lines.append)
        self.writer = writer = SimpleNamespace(
            hasmarkup=tty, fullwidth=width, width_of_current_line=column, flush=lambda: None
        )
        self.config: Any = SimpleNamespace(
            get_terminal_writer=lambda: writer,
            getoption=lambda name: verbose,
            pluginmanager=SimpleNamespace(getplugin={"terminalreporter": reporter}.get),
        )

    @property
    def live(self) -> list[tuple[str, str]]:
        """The texts of the live line so far, and the columns to which the cursor went back."""
        return LIVE.findall(self.file.getvalue())


LIVE = re.compile(r"\n\x1b\[K(.*?)\x1b\[A\x1b\[(\d+)G")
"""The live line: below pytest's line, then the cursor goes back up and to its column."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    ours = Clock()
    monkeypatch.setattr(terminal.time, "monotonic", ours.monotonic)
    return ours


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Callable[..., tuple[Screen, Progress]]:
    """Begins to train a variant; the Screen's ``file`` receives what is written to the process's standard output."""

    def begin(name: str = "a", seeds: int = 5, epochs: int = 10, **how: Any) -> tuple[Screen, Progress]:
        screen = Screen(**how)
        monkeypatch.setattr(terminal.sys, "__stdout__", screen.file)
        progress = Progress(screen.config, {name: 120.0})
        progress.start(name, range(seeds), epochs)
        return screen, progress

    return begin


def test_the_first_estimate_is_what_was_stored_and_the_running_trial_counts_by_its_epochs(clock: Clock) -> None:
    assert Progress(Screen().config, {"a": 10.0, "b": 30.0}, processes=2).left() == pytest.approx(20)
    progress = Progress(Screen().config, {"a": None, "b": 10.0})
    assert progress.left() is None
    progress.trained("a", 4.0, 0.2)
    assert progress.left() is not None
    progress = Progress(Screen().config, {"a": 20.0})
    progress.start("a", range(4), 10)
    progress.trained("a", 5.0, 0.25)
    assert progress.left() == pytest.approx(15)
    progress.epoch(1, 5)
    assert progress.left() == pytest.approx(12.5)


def test_the_clock_of_the_processes_that_train_counts(clock: Clock) -> None:
    """This process may learn late that a worker process has finished a task."""
    progress = Progress(Screen().config, {"a": 10.0, "b": 30.0}, processes=2)
    for _ in range(2):
        progress.trained("a", 5, 0.5)
    clock.now += 500
    progress.finish("a")
    assert progress.left() == pytest.approx(15)
    for _ in range(2):
        progress.trained("b", 15, 0.5)
    assert progress.left() == 0


def simulated(share: float, faster: float, spread: float, start: float, seed: int) -> float:
    """The ratio of estimated to true seconds left after a share of a run of 60 variants.

    Args:
        share: of the run that is done.
        faster: the ratio of this machine's seconds to the stored ones.
        spread: the standard deviation of its logarithm over variants.
        start: seconds of compilation of each variant, which are not stored.
        seed: of the random numbers.
    """
    random = np.random.default_rng(seed)
    stored = np.sort(np.exp(random.normal(1.0, 1.2, 60)))[::-1] if seed % 2 else np.exp(random.normal(1.0, 1.2, 60))
    taken = start + stored * faster * np.exp(random.normal(0, spread, 60))
    progress = Progress(Screen().config, {str(i): float(seconds) for i, seconds in enumerate(stored)})
    done = 0.0
    for index, seconds in enumerate(taken):
        if done > share * taken.sum():
            break
        progress.trained(str(index), float(seconds), 1.0)
        done += seconds
    left = progress.left()
    assert left is not None
    return left / float(taken.sum() - done)


@pytest.mark.parametrize("faster", [0.4, 1.0, 3.0])
def test_the_time_left_is_right_within_a_factor_of_one_and_a_half_after_a_tenth(faster: float) -> None:
    ratios = [simulated(0.1, faster, 0.2, 0.5 * faster, seed) for seed in range(200)]
    assert np.mean([2 / 3 < ratio < 3 / 2 for ratio in ratios]) > 0.9


def test_a_log_gets_a_line_now_and_then(clock: Clock, begun: Callable[..., tuple[Screen, Progress]]) -> None:
    screen, progress = begun()
    for epoch in range(1, 11):
        clock.now += EVERY / 4
        progress.epoch(0, epoch)
    lines = screen.lines
    assert (len(lines), EVERY) == (3, 30.0)
    assert lines[0].startswith("[1/1] a: 5 seeds of 10 epochs · about ")
    assert "seed 1 of 5, epoch 4 of 10" in lines[1]
    assert screen.file.getvalue() == ""
    assert not any("\x1b" in line for line in lines)


@pytest.mark.parametrize("tty", [True, False])
def test_a_quiet_run_shows_nothing(tty: bool, clock: Clock, begun: Callable[..., tuple[Screen, Progress]]) -> None:
    screen, progress = begun(tty=tty, verbose=-1)
    clock.now += 100
    progress.epoch(0, 5)
    progress.finish("a")
    assert (screen.file.getvalue(), screen.lines) == ("", [])


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (80, "[1/1] example-4/5 relu xavier: seed 1 of 1, epoch 3 of 20 · about 2 min left"),
        (60, "[1/1] example-4/5 relu xavier: seed 1 o… · about 2 min left"),
        (40, "[1/1] example-4/5 r… · about 2 min left"),
        (20, "[1/1] ex… · about…"),
    ],
)
def test_a_live_line_fits_and_ends_with_what_is_left(
    width: int, text: str, clock: Clock, begun: Callable[..., tuple[Screen, Progress]]
) -> None:
    screen, progress = begun("example-4/5 relu xavier", 1, 20, tty=True, width=width, column=12)
    clock.now += 18
    progress.epoch(0, 3)
    assert len(text) < width
    assert screen.live[-1] == (text, "13")
    assert LIVE.sub("", screen.file.getvalue()) == ""
    assert screen.lines == []


def test_a_line_of_pytest_that_is_full_is_left_alone(begun: Callable[..., tuple[Screen, Progress]]) -> None:
    screen, _ = begun(tty=True, width=40, column=40)
    assert screen.file.getvalue() == ""


def test_the_live_line_is_away_while_pytest_writes(begun: Callable[..., tuple[Screen, Progress]]) -> None:
    """And when a run is interrupted."""
    screen, progress = begun(tty=True, column=3)
    writing, running = progress.pytest_runtest_logreport(), progress.pytest_runtestloop()
    next(writing)
    assert screen.live[-1] == ("", "4")
    screen.writer.width_of_current_line = 4  # a dot
    with contextlib.suppress(StopIteration):
        next(writing)
    text, column = screen.live[-1]
    assert (text[:8], column) == ("[1/1] a:", "5")
    next(running)
    with pytest.raises(KeyboardInterrupt):
        running.throw(KeyboardInterrupt())
    assert screen.live[-1][0] == ""


def test_an_ascii_terminal_gets_ascii(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    screen, written = Screen(tty=True), io.BytesIO()
    monkeypatch.setattr(terminal.sys, "__stdout__", io.TextIOWrapper(written, encoding="ascii"))
    Progress(screen.config, {"a → 적": 30.0}).start("a → 적", [0], 10)
    assert LIVE.findall(written.getvalue().decode("ascii")) == [
        ("[1/1] a -> ?: 1 seed of 10 epochs - about 30 s left", "1")
    ]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("utf-8", "✅ 1 → 2 · ±µ× 적절"), ("latin-1", "[OK] 1 -> 2 · ±µ× ??"), ("ascii", "[OK] 1 -> 2 - +/-ux ??")],
)
def test_letters_that_a_terminal_lacks_are_replaced(encoding: str, text: str) -> None:
    assert shown("✅ 1 → 2 · ±µ× 적절", encoding) == text


def test_control_characters_reach_no_terminal() -> None:
    assert shown("a\x1b[31mb\nc\u202ed", "utf-8") == "a [31mb c d"


def test_a_name_that_is_too_wide_for_a_table_keeps_its_end() -> None:
    names = ["deep-gradients/relu, badly scaled, depth 5", "deep-gradients/relu, badly scaled, depth 10"]
    assert list(table(["training", "rounds"], [(name, 10) for name in names], 30, right=["rounds"])) == [
        "training                rounds",
        "----------------------  ------",
        "deep-gradi…ed, depth 5      10",
        "deep-gradi…d, depth 10      10",
    ]


def test_a_line_is_broken_between_words_but_a_path_is_not() -> None:
    path = f"/{'long' * 10}/REPORT.md"
    assert wrapped(f"  report is in {path} now", 20) == ["  report is in", f"    {path}", "    now"]
    assert wrapped("가나다라마바사", 12) == ["가나다라마바", "  사"]
