"""``--seeds auto``: a claim stops when it is decided, and uses only its own seeds."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.domain.claim import Claim
from harness.domain.model import Experiment, Seconds, Size, Trial, Variant
from harness.domain.verdict import Verdict
from harness.record.outcomes import SeedsTaken
from harness.record.run import AsNeeded
from harness.rules import Exceeds
from reports.headline import seeds_text
from suite.session.looks import decide
from tests.rules.synthetic import ACCURACY
from tests.suite.command import Finished, kinds, suite, trials
from tests.suite.test_known import killed, nth_trial
from tests.suite.timeless import timeless

SIZES = (5, 10, 15, 20)
NOTHING: Any = None
EXPERIMENT = Experiment(
    id="made-up",
    data=lambda: NOTHING,
    model=lambda: None,
    optimizer=lambda: None,
    loss="mse",
    size=Size(1, 1),
    variants=(Variant("easy"), Variant("second"), Variant("never"), Variant("base")),
    metrics=(ACCURACY,),
)
"""Compared with "base": "easy" is better at once, "second" is clearly better from the tenth seed on, "never" is not."""


def value(variant: str, seed: int) -> float:
    noise = 0.01 * (-1) ** seed
    rise = {"easy": 0.2, "second": 0.012, "never": 0.0, "base": 0.0}[variant]
    return 0.7 + rise + (noise if variant != "base" else 0.0)


class Known:
    """Stands in for ``Trials``: makes trials without training, and counts them."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], tuple[Trial, ...]] = {}
        self.trained = 0

    def done(self, key: tuple[str, str]) -> tuple[Trial, ...]:
        return self.known.get(key, ())

    def get(self, keys: list[tuple[str, str]], count: int) -> dict[tuple[str, str], tuple[Trial, ...]]:
        for key in keys:
            new = [
                Trial(key[1], seed, {"val_accuracy": value(key[1], seed)}, seconds=Seconds(10.0, 1.0, 1.0, 1.0))
                for seed in range(len(self.done(key)), count)
            ]
            self.trained += len(new)
            self.known[key] = (*self.done(key), *new)
        return {key: self.known[key][:count] for key in keys}


def claim(variant: str) -> Claim:
    rule = Exceeds(variant, "base")
    return Claim(id=f"{variant}-is-better", slide="none", statement="It is.", rule=rule, experiment=EXPERIMENT)


def followed(variant: str, known: Any = None, **limits: Any) -> tuple[Any, SeedsTaken, dict[str, Any]]:
    decision, _, taken, rests = decide(claim(variant), known or Known(), SIZES, **limits)
    return decision, taken, rests


@pytest.mark.parametrize(
    ("variant", "verdict", "looks", "why", "reason"),
    [
        ("easy", Verdict.SUPPORTED, (5,), "decided", "decided after 5 of at most 20 seeds"),
        ("second", Verdict.SUPPORTED, (5, 10), "decided", "decided after 10 of at most 20 seeds"),
        ("never", Verdict.INCONCLUSIVE, SIZES, "maximum", "undecided after the maximum of 20 seeds"),
    ],
)
def test_a_claim_trains_until_it_is_decided(
    variant: str, verdict: Verdict, looks: tuple[int, ...], why: Any, reason: str
) -> None:
    known = Known()
    decision, taken, rests = followed(variant, known)
    assert (decision.verdict, taken) == (verdict, SeedsTaken(looks, 20, why))
    assert reason in decision.reason
    assert {name: len(done) for name, done in rests.items()} == {variant: looks[-1], "base": looks[-1]}
    assert known.trained == 2 * looks[-1]


@pytest.mark.parametrize("order", [("easy", "second", "never"), ("never", "second", "easy")])
def test_a_claim_uses_only_its_own_seeds_whatever_others_have_trained(order: tuple[str, ...]) -> None:
    known = Known()
    for variant in order:
        shared, alone = followed(variant, known), followed(variant)
        assert shared == alone
    assert known.trained == 20 + 20 + 10 + 5


def test_an_interrupted_run_trains_no_more() -> None:
    decision, taken, _ = followed("second", further=False)
    assert (decision.verdict, taken) == (Verdict.INCONCLUSIVE, SeedsTaken((5,), 20, "interrupted"))


def test_a_fixed_number_of_seeds_is_one_look() -> None:
    known: Any = Known()
    decision, _, taken, rests = decide(claim("second"), known, (5,))
    assert decision == claim("second").decide(rests)[0]
    assert taken == SeedsTaken((5,), 5, "decided")
    assert decision.reason.endswith("above 0")


def test_the_seeds_that_the_claims_took_are_reported() -> None:
    taken = [SeedsTaken((5,), 30, "decided"), SeedsTaken((5, 10), 30, "decided"), SeedsTaken((5,), 30, "interrupted")]
    claims = {
        str(index): SimpleNamespace(taken=one, experiment="e", variants=("a", "b") if index else ("a", "c"))
        for index, one in enumerate(taken)
    }
    trained = {("e", "a"): 10, ("e", "b"): 10, ("e", "c"): 5, ("e", "d"): 99}
    run: Any = SimpleNamespace(claims=claims, trials={key: [None] * count for key, count in trained.items()})
    assert seeds_text(run) == (
        "1 of 3 claims decided with the least seeds, 1 with more, 1 interrupted; "
        "25 trials, 65 fewer than with the maximum for every variant"
    )


AUTO = ("--backend", "jax", "--seeds", "auto:15", "-k", "rate-sweep or small-rate-local")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return suite(tmp_path_factory.mktemp("auto"), *AUTO)


@pytest.mark.slow
def test_a_run_reports_the_seeds_of_each_claim(run: Finished) -> None:
    assert run.code == 0, run.output
    took = {claim.key: claim.taken for claim in run.record.claims.values() if claim.experiment}
    assert took == {
        "rate-sweep": SeedsTaken((5, 10), 15, "decided"),
        "small-rate-local-minimum/double well": SeedsTaken((5,), 15, "decided"),
    }
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


@pytest.mark.slow
def test_workers_give_the_same_results(run: Finished, two_workers: None, tmp_path: Path) -> None:
    shared = suite(tmp_path, *AUTO, "--workers", "2")
    assert shared.code == 0, shared.output
    assert shared.verdicts == run.verdicts
    assert {key: one.taken for key, one in shared.record.claims.items()} == {
        key: one.taken for key, one in run.record.claims.items()
    }
    assert trials(shared.record) == trials(run.record)


@pytest.mark.slow
def test_a_run_killed_in_a_later_batch_goes_on(run: Finished, tmp_path: Path) -> None:
    killed(run, tmp_path, nth_trial(run, 27))
    resumed = suite(tmp_path, *AUTO, "--resume")
    assert resumed.code == 0
    assert kinds(resumed.record).count("trial") == 30
    assert timeless(resumed.report) == timeless(run.report)


@pytest.mark.slow
def test_later_batches_are_reused_too(run: Finished, tmp_path: Path) -> None:
    shutil.copytree(run.folder / "report" / "runs", tmp_path / "report" / "runs")
    again = suite(tmp_path, *AUTO, "--reuse")
    assert again.code == 0
    assert "reused: 30 of 30 trials are of earlier runs" in again.output
    assert "**30 of 30 trials were taken from earlier runs" in (tmp_path / "report" / "REPORT.md").read_text("utf-8")
    assert again.verdicts == run.verdicts


def test_the_plan_is_a_range(tmp_path: Path) -> None:
    plan = suite(tmp_path, *AUTO, "--dry-run")
    assert plan.code == 0
    assert plan.output.count("  5 to 15  ") == 11
    assert "11 variants, 55 to 165 trials to the end, 3 claims" in plan.output
