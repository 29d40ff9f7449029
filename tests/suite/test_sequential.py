"""Runs with ``--seeds auto``: what they report; by workers, and after a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.record.outcomes import SeedsTaken
from harness.record.run import AsNeeded
from tests.suite.command import Finished, kinds, suite, trials
from tests.suite.test_known import killed, nth_trial
from tests.suite.timeless import timeless

AUTO = ("--backend", "jax", "--seeds", "auto:15", "-k", "rate-sweep or small-rate-local")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return suite(tmp_path_factory.mktemp("auto"), *AUTO)


def taken(run: Finished) -> dict[str, SeedsTaken | None]:
    return {key: claim.taken for key, claim in run.record.claims.items() if claim.experiment}


def test_a_run_reports_the_seeds_of_each_claim(run: Finished) -> None:
    assert run.code == 0, run.output
    few = SeedsTaken((5,), 15, "decided")
    assert taken(run) == {
        "rate-sweep": SeedsTaken((5, 10), 15, "decided"), "small-rate-local-minimum/double well": few
    }  # fmt: skip
    for claim in run.record.claims.values():
        assert all(claim.taken and variant.n == claim.taken.seeds for variant in claim.variants.values())
    assert run.record.header.auto == AsNeeded(15)
    seeds = "1 of 2 claims decided with the least seeds, 1 with more; 100 trials, 65 fewer than with the maximum"
    assert f"seeds as needed: {seeds}" in run.output
    assert run.record.trainings["rate-sweep", "rate 0.1"].seeds == tuple(range(5))  # drift, on the first seeds
    assert [trial.seed for trial in run.record.trials["rate-sweep", "rate 0.1"]] == list(range(10))
    sweep = run.record.claims["rate-sweep"]
    assert sweep.decision.reason.endswith("decided after 10 of at most 15 seeds")
    assert {effect.n for effect in sweep.decision.effects} == {10}


def test_workers_give_the_same_results(run: Finished, two_workers: None, tmp_path: Path) -> None:
    shared = suite(tmp_path, *AUTO, "--workers", "2")
    assert shared.code == 0, shared.output
    assert (shared.verdicts, taken(shared)) == (run.verdicts, taken(run))
    assert trials(shared.record) == trials(run.record)


def test_a_run_killed_in_a_later_batch_goes_on(run: Finished, tmp_path: Path) -> None:
    killed(run, tmp_path, nth_trial(run, 80))
    resumed = suite(tmp_path, *AUTO, "--resume")
    assert resumed.code == 0
    assert kinds(resumed.record).count("trial") == 100
    assert timeless(resumed.report) == timeless(run.report)
