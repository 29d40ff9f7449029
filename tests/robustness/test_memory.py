"""A trial for which there is not enough memory: its claims are NOT_RUN and red, all others are decided."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.robustness import hungry
from tests.suite.command import JAX, TINY, Finished, suite

CHOSEN = f"{TINY} or scale-gap-hurts"
pytestmark = pytest.mark.slow
NEEDY = {"raw-data-diverges", "minmax-fixes-divergence"}


def run(folder: Path, way: str, *options: str) -> Finished:
    return suite(folder, *JAX, "-k", CHOSEN, "-p", "tests.robustness.hungry", *options, env={hungry.WAY: way})


def check(done: Finished, said: str) -> None:
    assert done.code == 3, done.output  # nothing has moved: it could not be run
    assert {key for key, verdict in done.verdicts.items() if verdict == "NOT_RUN"} == NEEDY
    assert {*done.verdicts} == {*done.record.header.planned} > NEEDY
    assert done.red == {*NEEDY, f"{hungry.EXPERIMENT}/{hungry.VARIANT}"}
    assert all(said in claim.decision.reason for key, claim in done.record.claims.items() if key in NEEDY)
    assert done.report["partial"] is False


def test_memory_that_is_refused(tmp_path: Path) -> None:
    check(run(tmp_path, "refused"), "RESOURCE_EXHAUSTED: Out of memory allocating")


def test_a_device_that_disappears(tmp_path: Path) -> None:
    """The finished block of sixteen seeds is kept; --resume trains the fourteen that are missing."""
    key = (hungry.EXPERIMENT, hungry.VARIANT)
    many = ("--seeds", "30")
    done = run(tmp_path, "gone", *many)
    check(done, "The device failed while it trained seed 16 alone; 16 of 30 seeds are finished and kept.")
    assert [trial.seed for trial in done.record.trials[key]] == list(range(16))
    resumed = suite(tmp_path, *JAX, "-k", CHOSEN, *many, "--resume")
    assert resumed.code == 0
    assert [trial.seed for trial in resumed.record.trials[key]] == list(range(30))
    assert "NOT_RUN" not in resumed.verdicts.values()
