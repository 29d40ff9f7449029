"""How often the rule gives false alarms, and what it detects, on recorded processes of identical code.

``pool.json`` holds processes of one machine (2 cores of an AMD EPYC), recorded by ``-m timing`` runs with up to 24
rounds each. They are grouped by the machine's load: "busy" is a load average of 5 to 6, "quiet" is no other work in the
guest system. In slowed processes each epoch took 1.1 times as long. A comparison draws the stored repeats and the
process to be judged without replacement; for busy processes it also draws the rounds, with replacement. No second
series confirms an alarm here, so the figures are those of one series.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from harness.record.outcomes import TimeState
from harness.record.timings import Measurement
from harness.timing.slower import slower
from tests.make import measurement

STORED, CASES, RUNS = 5, 8, 300
FIT, COMPILED = "example-1/rate 0.1/fit", "example-1/rate 0.1/compiled"
SLOWER = "quiet, 10 % slower"


@functools.cache
def pool() -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Noise -> case -> processes."""
    held: dict[str, dict[str, list[dict[str, Any]]]] = json.loads(
        (Path(__file__).parent / "pool.json").read_text("utf-8")
    )
    return held


def process_of(recorded: dict[str, Any], rounds: Sequence[float], *, told: bool = True) -> Measurement:
    """A recorded process with other rounds; ``told``: with its contention."""
    contention = recorded["contention"] if told else None
    return measurement(rounds, epochs=recorded["epochs"], contention=contention)


def drawn(rng: np.random.Generator, recorded: dict[str, Any], *, told: bool) -> Measurement:
    """A process with its rounds drawn anew."""
    return process_of(recorded, rng.choice(recorded["rounds"], len(recorded["rounds"])), told=told)


def states(case: str, *, told: bool, stored_when_quiet: bool = False) -> Counter[TimeState]:
    """What busy processes are found to be; ``told``: with their contention, as a run knows it."""
    rng = np.random.default_rng(0)
    found: Counter[TimeState] = Counter()
    busy, quiet = pool()["busy"][case], pool()["quiet"][case]
    for _ in range(RUNS):
        last, *others = (busy[index] for index in rng.choice(len(busy), STORED + 1, replace=False))
        if stored_when_quiet:
            others = [quiet[index] for index in rng.choice(len(quiet), STORED, replace=False)]
        stored = [drawn(rng, other, told=told) for other in others]
        found[slower(drawn(rng, last, told=told), stored, CASES).state] += 1
    return found


@pytest.mark.parametrize("case", [FIT, COMPILED])
@pytest.mark.parametrize("stored_when_quiet", [False, True])
def test_identical_code_on_a_busy_machine_alarms_at_most_once_in_a_hundred(case: str, stored_when_quiet: bool) -> None:
    found = states(case, told=True, stored_when_quiet=stored_when_quiet)
    assert found[TimeState.SLOWER] <= binom.ppf(0.999, RUNS, 0.01)


def test_it_is_the_contention_that_tells() -> None:
    """Why it is part of the rule: without it, a machine that has become busy is an alarm most of the time."""
    assert states(FIT, told=False, stored_when_quiet=True)[TimeState.SLOWER] > 0.5 * RUNS
    assert states(FIT, told=True, stored_when_quiet=True)[TimeState.DISTURBED] > 0.5 * RUNS


def slower_when_quiet(case: str, factor: float, stored: int, noise: str = "quiet") -> float:
    """How often a process of ``noise``, ``factor`` times as slow, is found slower than so many quiet ones."""
    rng = np.random.default_rng(1)
    quiet, judged = pool()["quiet"][case], pool()[noise][case]
    found = 0
    for _ in range(RUNS):
        order = rng.permutation(len(quiet))
        last = quiet[order[-1]] if noise == "quiet" else judged[rng.integers(len(judged))]
        now = process_of(last, [factor * seconds for seconds in last["rounds"]])
        before = [process_of(quiet[index], quiet[index]["rounds"]) for index in order[:stored]]
        found += slower(now, before, CASES).state is TimeState.SLOWER
    return found / RUNS


def test_ten_percent_are_caught_on_a_quiet_machine_and_nothing_else_is() -> None:
    """Ten stored repeats: of processes that were slower, and of all processes with their times multiplied."""
    assert slower_when_quiet(FIT, 1.0, 10, SLOWER) >= 0.9
    assert slower_when_quiet(FIT, 1.1, 10) >= 0.75
    assert slower_when_quiet(FIT, 1.0, 10) <= binom.ppf(0.999, RUNS, 0.01) / RUNS
    assert slower_when_quiet(FIT, 1.0, 5) <= binom.ppf(0.999, RUNS, 0.01) / RUNS


def test_what_takes_a_millisecond_as_a_whole_may_take_a_tenth_more() -> None:
    """Nobody waits for it: a limit of the rule, not of the measurement."""
    assert slower_when_quiet(COMPILED, 1.1, 10) == 0.0
