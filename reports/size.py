"""Which claims rest on an experiment that the quick setting makes smaller, and how small it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.store import Run
from harness.verdict import Verdict
from reports.text import code, plural


def is_small(run: Run, experiment: Mapping[str, Any]) -> bool:
    """Whether an experiment is smaller than the lecture's; in a quick run also where its record does not say."""
    return run.header["setting"] == "quick" and bool(experiment.get("reduced", True))


def is_reduced(run: Run, claim: Mapping[str, Any]) -> bool:
    """Whether a claim was decided at less than the lecture's size. A claim that trains nothing never is."""
    if run.header["setting"] != "quick" or claim["marker"] != "training":
        return False
    experiment = run.experiments.get(claim["experiment"] or "")
    return experiment is None or is_small(run, experiment)


def is_figure(claim: Mapping[str, Any]) -> bool:
    """Whether a claim is about nothing but figures that a slide printed."""
    return bool(claim["effects"]) and all("published" in effect["details"] for effect in claim["effects"])


def split(run: Run, verdict: Verdict) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """The claims of a verdict: those at the lecture's size, and the reduced ones."""
    found = [claim for claim in run.claims if claim["verdict"] == verdict]
    return [c for c in found if not is_reduced(run, c)], [c for c in found if is_reduced(run, c)]


def size_text(experiment: Mapping[str, Any]) -> str:
    """ "10,000 images, 10 epochs"."""
    train, epochs = experiment["size"]["train"], experiment["size"]["epochs"]
    images = "all images" if train is None else f"{train:,} images"
    return f"{images}, {plural(epochs, 'epoch')}"


def small_experiments(run: Run) -> str:
    """The reduced experiments of the run's claims, with their sizes, in a line; empty where none is."""
    of_claims = {claim["experiment"] for claim in run.claims if is_reduced(run, claim)}
    small = [record for key, record in run.experiments.items() if key in of_claims]
    return "; ".join(f"{code(record['id'])}: {size_text(record)}" for record in small)
