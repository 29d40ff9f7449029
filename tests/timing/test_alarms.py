"""How often the rule gives false alarms, and what it detects, on recorded processes of identical code.

``pool.json`` holds processes of one machine (2 cores of an AMD EPYC), recorded by ``-m timing`` runs with up to 24
rounds each. They are grouped by the machine's load: "busy" is a load average of 5 to 6, "quiet" is no other work in the
guest system. In slowed processes each epoch took 1.1 times as long. A comparison draws the stored repeats and the
process to be judged without replacement; for busy processes it also draws the rounds, with replacement. No second
series confirms an alarm here, so the figures are those of one series.
"""

from __future__ import annotations

import json
from collections import Counter
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
POOL: dict[str, dict[str, list[dict[str, Any]]]] = json.loads(Path(__file__).with_name("pool.json").read_text("utf-8"))
"""Noise -> case -> processes."""
RARE = binom.ppf(0.999, RUNS, 0.01)


def drawn(rng: np.random.Generator, recorded: dict[str, Any], told: bool) -> Measurement:
    """A process with its rounds drawn anew; ``told``: with its contention, as a run knows it."""
    rounds = rng.choice(recorded["rounds"], len(recorded["rounds"]))
    return measurement(rounds, epochs=recorded["epochs"], contention=recorded["contention"] if told else None)


def states(case: str, *, told: bool = True, stored_when_quiet: bool = False) -> Counter[TimeState]:
    """The states of busy processes."""
    rng = np.random.default_rng(0)
    counts: Counter[TimeState] = Counter()
    busy, quiet = POOL["busy"][case], POOL["quiet"][case]
    for _ in range(RUNS):
        last, *others = (busy[index] for index in rng.choice(len(busy), STORED + 1, replace=False))
        if stored_when_quiet:
            others = [quiet[index] for index in rng.choice(len(quiet), STORED, replace=False)]
        stored = [drawn(rng, other, told) for other in others]
        counts[slower(drawn(rng, last, told), stored, CASES).state] += 1
    return counts


@pytest.mark.parametrize("case", [FIT, COMPILED])
@pytest.mark.parametrize("stored_when_quiet", [False, True])
def test_identical_code_on_a_busy_machine_alarms_at_most_once_in_a_hundred(case: str, stored_when_quiet: bool) -> None:
    assert states(case, stored_when_quiet=stored_when_quiet)[TimeState.SLOWER] <= RARE


def test_it_is_the_contention_that_tells() -> None:
    """Why it is part of the rule: without it, a machine that has become busy is an alarm most of the time."""
    assert states(FIT, told=False, stored_when_quiet=True)[TimeState.SLOWER] > 0.5 * RUNS
    assert states(FIT, told=True, stored_when_quiet=True)[TimeState.DISTURBED] > 0.5 * RUNS


@pytest.mark.parametrize(
    ("case", "noise", "factor", "stored", "least", "most"),
    [
        (FIT, "quiet, 10 % slower", 1.0, 10, 0.9 * RUNS, RUNS),
        (FIT, "quiet", 1.1, 10, 0.75 * RUNS, RUNS),  # all processes, with their times multiplied
        (FIT, "quiet", 1.0, 10, 0, RARE),
        (FIT, "quiet", 1.0, 5, 0, RARE),
        (COMPILED, "quiet", 1.1, 10, 0, 0),  # what takes a millisecond as a whole may take a tenth more
    ],
)
def test_ten_percent_are_caught_on_a_quiet_machine_and_nothing_else_is(
    case: str, noise: str, factor: float, stored: int, least: float, most: float
) -> None:
    """How often a process of ``noise``, ``factor`` times as slow, is found slower than so many quiet ones."""
    rng = np.random.default_rng(1)
    quiet, judged = POOL["quiet"][case], POOL[noise][case]
    alarms = 0
    for _ in range(RUNS):
        order = rng.permutation(len(quiet))
        last = quiet[order[-1]] if noise == "quiet" else judged[rng.integers(len(judged))]
        now, *before = (
            measurement(
                [times * seconds for seconds in each["rounds"]], epochs=each["epochs"], contention=each["contention"]
            )
            for times, each in ((factor, last), *((1.0, quiet[index]) for index in order[:stored]))
        )
        alarms += slower(now, before, CASES).state is TimeState.SLOWER
    assert least <= alarms <= most
