"""What is folded away under a claim."""

from pathlib import Path

import pytest

from harness.rules import Comparison, Difference, Exact
from harness.store import Run
from harness.trial import Trial
from reports.details import _further, details
from reports.shapes import SHAPES, faults
from tests.reports.synthetic import claim


def figure(metric: str) -> dict[str, object]:
    return {"variant": "raw", "metric": metric, "printed": "3", "value": 3.0, "rounding": 0.5}


def test_a_slides_figure_of_another_metric_stands_beside_our_own_values() -> None:
    trials = tuple(Trial("raw", seed, {"loss": None, "first_inf_epoch": 3.0 + seed}) for seed in range(3))
    run = Run(Path("x"), {}, trials={("shares", "raw"): trials})
    claim = {
        "experiment": "shares",
        "variants": {"raw": {"metric": "loss"}},
        "published": [figure("loss"), figure("first_inf_epoch")],
    }
    summary = {"metric": "first_inf_epoch", "mean": 4.0, "std": 1.0, "n": 3, "values": [3.0, 4.0, 5.0]}
    assert _further(run, claim) == [("raw", summary)]
    assert _further(Run(Path("x"), {}), claim) == []


ADAM = Difference("ten steps | Adam()", 0.004053, 0.0099010, "the paper (Kingma & Ba 2015)", "Its ε is smaller.")
NAME = Difference("the name of lr", "learning_rate", "lr", "the slide")


def exact(**changes: object) -> dict[str, object]:
    decision = Exact().decide([Comparison("w", 1.0, 1.0), ADAM, NAME]).to_json()
    return claim("adam-rule", **{**decision, "marker": "exact", **changes})


def test_what_differs_from_the_paper_is_said() -> None:
    text = details(Run(Path("x"), {}, claims=(exact(),)))
    assert "Differences; they decide nothing:" in text
    said = r"- differs from the paper (Kingma &amp; Ba 2015): ten steps \| Adam(): 0.004053, there 0.009901. Its ε"
    assert said in text
    assert r"- differs from the slide: the name of lr: learning\_rate, there lr." in text


def test_a_record_of_a_run_before_there_were_differences_is_still_read() -> None:
    old = exact()
    del old["differences"]
    assert not list(faults(old, SHAPES["claim"], ""))
    assert "Differences" not in details(Run(Path("x"), {}, claims=(old,)))


@pytest.mark.parametrize(("key", "value"), [("obtained", None), ("other", [1]), ("source", 3), ("of", None)])
def test_a_difference_of_another_shape_is_found(key: str, value: object) -> None:
    assert not list(faults(exact(), SHAPES["claim"], ""))
    ((where, _, _),) = faults(exact(differences=[{**ADAM.to_json(), key: value}]), SHAPES["claim"], "")
    assert where == f"differences[0].{key}"
