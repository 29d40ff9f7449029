"""How often the rule cries wolf, and what it catches, on recorded processes of identical code.

``pool.json`` holds processes of one machine (2 cores of an Intel Xeon), recorded by ``tests.timing.measure_alarms``, up
to 12 rounds of each, by what else ran: "busy" is a load average of 7 to 15. A comparison draws the stored repeats and
the process to be judged without replacement, and the rounds of each with replacement. Nothing confirms an alarm here:
the figures are those of one series.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from baselines.timing import TimeState, compare_times
from baselines.timing_record import Repeat
from tests.timing.make import process, repeat

STORED, CASES, RUNS = 5, 8, 300
FIT, COMPILED = "example-1/rate 0.1/fit", "example-1/rate 0.1/compiled"
ALONE = {FIT: 1.34e-3, COMPILED: 4.6e-6}
"""Seconds per epoch on the same machine, alone."""


@functools.cache
def pool() -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Noise -> case -> processes."""
    held: dict[str, dict[str, list[dict[str, Any]]]] = json.loads(
        (Path(__file__).parent / "pool.json").read_text("utf-8")
    )
    return held


def drawn(rng: np.random.Generator, recorded: dict[str, Any], *, told: bool) -> Repeat:
    """A process with its rounds drawn anew; ``told``: with its contention."""
    rounds = rng.choice(recorded["rounds"], len(recorded["rounds"]))
    contention = recorded["contention"] if told else None
    return repeat(rounds, epochs=recorded["epochs"], reference=recorded["reference"], contention=contention)


def quiet(rng: np.random.Generator, case: str) -> Repeat:
    """A made-up repeat of a quiet machine: processes differ by 0.5 %, rounds by 1 %."""
    return replace(process(rng, ALONE[case], 0.005, 0.01, 12), epochs=200, contention=0.0)


def states(case: str, *, told: bool, stored_when_quiet: bool = False) -> Counter[TimeState]:
    """What busy processes are found to be; ``told``: with their contention, as a run knows it."""
    rng = np.random.default_rng(0)
    found: Counter[TimeState] = Counter()
    busy = pool()["busy"][case]
    for _ in range(RUNS):
        last, *others = (busy[index] for index in rng.choice(len(busy), STORED + 1, replace=False))
        stored = [quiet(rng, case) if stored_when_quiet else drawn(rng, other, told=told) for other in others]
        found[compare_times(drawn(rng, last, told=told), stored, CASES).state] += 1
    return found


@pytest.mark.parametrize("case", [FIT, COMPILED])
@pytest.mark.parametrize("stored_when_quiet", [False, True])
def test_identical_code_on_a_busy_machine_alarms_at_most_once_in_a_hundred(case: str, stored_when_quiet: bool) -> None:
    found = states(case, told=True, stored_when_quiet=stored_when_quiet)
    assert found[TimeState.SLOWER] <= binom.ppf(0.999, RUNS, 0.01)


@pytest.mark.parametrize("case", [FIT, COMPILED])
def test_it_is_the_contention_that_tells(case: str) -> None:
    """Why it is part of the rule: without it, a machine that has become busy is an alarm nearly every time."""
    untold = states(case, told=False, stored_when_quiet=True)
    assert untold[TimeState.SLOWER] > 0.8 * RUNS
    assert states(case, told=True, stored_when_quiet=True)[TimeState.DISTURBED] > 0.8 * RUNS
