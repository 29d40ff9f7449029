"""A trial for which there is not enough memory: its claims are NOT_RUN and red, all others are decided."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.suite.acting import NEEDY
from tests.suite.command import JAX, TINY, suite

CHOSEN = ("-k", f"{TINY} or scale-gap-hurts")
CLAIMS = {"raw-data-diverges", "minmax-fixes-divergence"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("refused", "RESOURCE_EXHAUSTED: Out of memory allocating"),
        ("gone", "The device failed while it trained seed 16 alone; 16 of 30 seeds are finished and kept."),
    ],
)
def test_memory_that_is_refused_and_a_device_that_disappears(how: str, said: str, tmp_path: Path) -> None:
    """The finished block of sixteen seeds is kept; --resume trains the fourteen that are missing."""
    options = (*JAX, *CHOSEN, "--seeds", "30" if how == "gone" else "5")
    run = suite(tmp_path, *options, "-p", "tests.suite.acting", env={"HUNGRY": how})
    assert run.code == 3, run.output  # nothing has moved: it could not be run
    assert {key for key, verdict in run.verdicts.items() if verdict == "NOT_RUN"} == CLAIMS
    assert {*run.verdicts} == {*run.record.header.planned} > CLAIMS
    assert run.red == {*CLAIMS, "/".join(NEEDY)}
    assert all(said in claim.decision.reason for key, claim in run.record.claims.items() if key in CLAIMS)
    assert run.report["partial"] is False
    if how == "gone":
        assert [trial.seed for trial in run.record.trials[NEEDY]] == list(range(16))
        resumed = suite(tmp_path, *options, "--resume")
        assert resumed.code == 0
        assert [trial.seed for trial in resumed.record.trials[NEEDY]] == list(range(30))
        assert "NOT_RUN" not in resumed.verdicts.values()
