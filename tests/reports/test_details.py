"""What is folded away under a claim."""

from pathlib import Path

from harness.store import Run
from harness.trial import Trial
from reports.details import _further


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
