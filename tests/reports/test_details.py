"""The folded details of a claim."""

from dataclasses import replace
from pathlib import Path

from harness.domain.trial import Trial
from harness.domain.verdict import Verdict
from harness.record.run import ClaimDecided, Run, Summary
from harness.statistics import Comparison, Difference, Exact
from reports.sections.details import _further, details
from tests.reports.synthetic import HEADER, claim, published


def test_a_slides_figure_of_another_metric_stands_beside_our_own_values() -> None:
    trials = [Trial("raw", seed, {"loss": None, "first_inf_epoch": 3.0 + seed}) for seed in range(3)]
    run = Run(Path("x"), HEADER, trials={("shares", "raw"): trials})
    one = claim(
        "shares",
        "SUPPORTED",
        experiment="shares",
        variants={"raw": Summary.of("loss", trials)},
        published=(published("raw", "3", "loss"), published("raw", "3", "first_inf_epoch")),
    )
    summary = Summary(metric="first_inf_epoch", mean=4.0, std=1.0, n=3, values=(3.0, 4.0, 5.0))
    assert _further(run, one) == [("raw", summary)]
    assert _further(replace(run, trials={}), one) == []


ADAM = Difference("ten steps | Adam()", 0.004053, 0.0099010, "the paper (Kingma & Ba 2015)", "Its ε is smaller.")
NAME = Difference("the name of lr", "learning_rate", "lr", "the slide")


def shown(one: ClaimDecided, holm: dict[str, Verdict] | None = None) -> str:
    return details(Run(Path("x"), HEADER, claims={one.key: one}), holm or {})


def test_what_differs_from_the_paper_is_said() -> None:
    found = Exact().decide([Comparison("w", 1.0, 1.0), ADAM, NAME])
    text = shown(claim("adam-rule", found, marker="exact"))
    assert "Differences; they decide nothing:" in text
    said = r"- differs from the paper (Kingma &amp; Ba 2015): ten steps \| Adam(): 0.004053, there 0.009901. Its ε"
    assert said in text
    assert r"- differs from the slide: the name of lr: learning\_rate, there lr." in text


def test_holms_verdict_is_given_of_a_claim_that_trains_and_of_no_other() -> None:
    after = {"a": Verdict.INCONCLUSIVE}
    assert "- After Holm: ? INCONCLUSIVE\n" in shown(claim("a", "SUPPORTED"), after)
    assert "After Holm" not in shown(claim("a", "SUPPORTED", marker="exact"), after)
    assert "After Holm" not in shown(claim("a", "SUPPORTED"))
