"""``--seeds auto``: a claim stops when it is decided, uses only its own seeds, and stays within the budget."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from harness.domain.claim import Claim
from harness.domain.experiment import Experiment, Size, Variant
from harness.domain.trial import Seconds, Trial
from harness.domain.verdict import Verdict
from harness.errors import SuiteError
from harness.record.outcomes import SeedsTaken
from harness.record.run import AsNeeded
from harness.rules import Exceeds
from reports.sections.seeds import seeds_text
from suite.cli.options import LONGEST
from suite.session import resume
from suite.session.looks import decide
from tests.rules.synthetic import ACCURACY
from tests.suite.command import Finished, kinds, suite, trials
from tests.suite.test_options import checked, outcome
from tests.suite.test_resume import killed, nth_trial
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
    decision, _, taken, rests = decide(claim(variant), known or Known(), SIZES, limits.pop("deadline", None), **limits)
    return decision, taken, rests


def test_an_easy_claim_stops_at_the_least_seeds() -> None:
    known = Known()
    decision, taken, _ = followed("easy", known)
    assert (decision.verdict, taken) == (Verdict.SUPPORTED, SeedsTaken((5,), 20, "decided"))
    assert known.trained == 10
    assert decision.reason.endswith("decided after 5 of at most 20 seeds")


def test_a_claim_trains_until_it_is_decided() -> None:
    decision, taken, rests = followed("second")
    assert (decision.verdict, taken) == (Verdict.SUPPORTED, SeedsTaken((5, 10), 20, "decided"))
    assert {name: len(done) for name, done in rests.items()} == {"second": 10, "base": 10}
    assert decision.effects[0].n == 10


def test_the_maximum_leaves_it_inconclusive() -> None:
    decision, taken, _ = followed("never")
    assert (decision.verdict, taken) == (Verdict.INCONCLUSIVE, SeedsTaken(SIZES, 20, "maximum"))
    assert "undecided after the maximum of 20 seeds" in decision.reason


@pytest.mark.parametrize("order", [("easy", "second", "never"), ("never", "second", "easy")])
def test_a_claim_uses_only_its_own_seeds_whatever_others_have_trained(order: tuple[str, ...]) -> None:
    known = Known()
    for variant in order:
        shared, alone = followed(variant, known), followed(variant)
        assert shared == alone
    assert known.trained == 20 + 20 + 10 + 5


def test_a_spent_budget_leaves_it_inconclusive() -> None:
    known = Known()
    decision, taken, _ = followed("second", known, deadline=time.monotonic() - 1)
    assert (decision.verdict, taken) == (Verdict.INCONCLUSIVE, SeedsTaken((5,), 20, "budget"))
    assert "the budget of time (--budget) was spent after 5 of at most 20 seeds" in decision.reason
    assert known.trained == 10


def test_a_batch_that_would_not_fit_is_not_begun() -> None:
    """Here five seeds of two variants take 100 s."""
    assert followed("second", deadline=time.monotonic() + 60)[1].stopped == "budget"
    assert followed("second", deadline=time.monotonic() + 160)[1].stopped == "decided"


def test_finished_trials_cost_no_budget() -> None:
    known = Known()
    followed("never", known)
    known.get([("made-up", "second")], 20)
    assert followed("second", known, deadline=time.monotonic() - 1)[1] == SeedsTaken((5, 10), 20, "decided")


def test_an_interrupted_run_trains_no_more() -> None:
    decision, taken, _ = followed("second", further=False)
    assert (decision.verdict, taken) == (Verdict.INCONCLUSIVE, SeedsTaken((5,), 20, "interrupted"))


def test_a_fixed_number_of_seeds_is_one_look() -> None:
    known: Any = Known()
    decision, _, taken, rests = decide(claim("second"), known, (5,), None)
    assert decision == claim("second").decide(rests)[0]
    assert taken == SeedsTaken((5,), 5, "decided")
    assert decision.reason.endswith("above 0")


def test_the_seeds_that_the_claims_took_are_reported() -> None:
    taken = [SeedsTaken((5,), 30, "decided"), SeedsTaken((5, 10), 30, "decided"), SeedsTaken((5,), 30, "budget")]
    claims = {
        str(index): SimpleNamespace(taken=one, experiment="e", variants=("a", "b") if index else ("a", "c"))
        for index, one in enumerate(taken)
    }
    trained = {("e", "a"): 10, ("e", "b"): 10, ("e", "c"): 5, ("e", "d"): 99}
    run: Any = SimpleNamespace(claims=claims, trials={key: [None] * count for key, count in trained.items()})
    assert seeds_text(run) == (
        "1 of 3 claims decided with the least seeds, 1 with more, 1 undecided when the budget of time was spent; "
        "25 trials, 65 fewer than with the maximum for every variant"
    )


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400), ("1.5h", 5400), ("1h1m1s", 3661), ("0.5s", 0.5)]
)
def test_budgets(text: str, seconds: float) -> None:
    assert checked(seeds="auto", budget=text).as_needed == AsNeeded(30, seconds)


@pytest.mark.parametrize(
    "text",
    ["", "0s", "0h0m", "-1m", "10 parsecs", "1e99h", "1e99 h", "10", "nan", "inf", "1m1h", "9999h", "10 m", "٣m"],
)
def test_other_budgets(text: str) -> None:
    with pytest.raises(SuiteError, match=r"Invalid --budget.* Expected: a time such as 90s, 10m or 1h30m"):
        checked(seeds="auto", budget=text)


@given(st.text() | st.from_regex(r"[0-9.]{1,9}[hms]([0-9]{1,9}[hms])?", fullmatch=True))
def test_any_budget_is_a_time_or_one_short_message(text: str) -> None:
    options, error = outcome(seeds="auto", budget=text)
    if options is None:
        assert "Invalid --budget" in error
        assert len(error) < 400
    else:
        assert 0 < options.as_needed.budget <= LONGEST


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seeds": "auto", "max_seeds": "4"}, "Invalid --max-seeds.*from 5 to"),
        ({"seeds": "auto", "max_seeds": "0"}, "Invalid --max-seeds"),
        ({"seeds": "auto", "max_seeds": "-5"}, "Invalid --max-seeds"),
        ({"seeds": "auto", "max_seeds": "auto"}, "Invalid --max-seeds"),
        ({"seeds": "Auto"}, "Invalid --seeds.*, auto, or"),
        ({"max_seeds": "20"}, "--max-seeds needs --seeds auto"),
        ({"seeds": "10", "budget": "10m"}, "--budget needs --seeds auto"),
        ({"seeds": "auto", "update_baselines": "why"}, "contradict each other"),
    ],
)
def test_options_that_make_no_sense_are_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(SuiteError, match=message):
        checked(**given)


def test_the_defaults() -> None:
    assert checked().as_needed is None
    assert checked(seeds="auto").as_needed == AsNeeded(30)
    assert checked(seeds="auto").seeds is None
    assert checked(seeds="auto", max_seeds="5").as_needed == AsNeeded(5)


AUTO = ("--backend", "jax", "--seeds", "auto", "--max-seeds", "15", "-k", "rate-sweep or small-rate-local")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return suite(tmp_path_factory.mktemp("auto"), *AUTO)


def test_a_run_reports_the_seeds_of_each_claim(run: Finished) -> None:
    assert run.code == 0, run.output
    took = {claim.key: claim.taken for claim in run.report.claims if claim.marker == "training"}
    assert took == {
        "rate-sweep": SeedsTaken((5, 10), 15, "decided"),
        "small-rate-local-minimum/double well": SeedsTaken((5,), 15, "decided"),
    }
    for claim in run.report.claims:
        assert all(claim.taken and variant.n == claim.taken.seeds for variant in claim.variants.values())
    sweep = run.record.claims["rate-sweep"]
    assert sweep.decision.reason.endswith("decided after 10 of at most 15 seeds")
    assert {one.n for one in sweep.decision.effects} == {10}


def test_drift_is_compared_on_the_first_seeds(run: Finished) -> None:
    assert run.record.trainings["rate-sweep", "rate 0.1"].seeds == tuple(range(5))
    assert [trial.seed for trial in run.record.trials["rate-sweep", "rate 0.1"]] == list(range(10))


def test_the_report_has_the_seeds_too(run: Finished) -> None:
    seeds = "1 of 2 claims decided with the least seeds, 1 with more; 100 trials, 65 fewer than with the maximum"
    assert f"seeds as needed: {seeds}" in run.output
    assert "seeds as needed (at most 15)" in run.output
    text = (run.folder / "report" / "REPORT.md").read_text("utf-8")
    assert f"**As many seeds as needed:** {seeds}" in text
    assert "100 trials to the end in" in text
    details = "".join(path.read_text("utf-8") for path in (run.folder / "report" / "sections").iterdir())
    assert "- Seeds: 10 of at most 15, 5 saved; looked at after 5, 10; decided" in details
    assert "as many as each claim needs, at most 15" in text
    assert run.report.run.auto == AsNeeded(15)


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


@pytest.mark.slow
def test_another_maximum_is_another_run(run: Finished, tmp_path: Path) -> None:
    path = killed(run, tmp_path, 20)
    with pytest.raises(SuiteError, match="auto, max_seeds: then 15, now 20"):
        resume.check(path, replace(run.record.header, auto=AsNeeded(20)), with_commit=False)


def test_the_plan_is_a_range(tmp_path: Path) -> None:
    plan = suite(tmp_path, *AUTO, "--dry-run")
    assert plan.code == 0
    assert plan.output.count("  5 to 15  ") == 11
    assert "11 variants, 55 to 165 trials to the end, 3 claims" in plan.output
