"""The expected verdict of a claim: that of the stack whose evidence decides it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from cases import CLAIMS
from harness.check.evidence import path_of, read, write
from harness.check.rounding import calm_to_the_end
from harness.check.stored import Stored
from harness.model import Trial
from harness.record.evidence import Expected
from tests.reports.test_stored import EXAMPLE, store
from tests.robustness import made

CLAIM = next(claim for claim in CLAIMS if claim.key == "tips-relu-beats-linear")


def stored(root: Path, stack: str, seeds: int, verdict: str | None) -> None:
    """Evidence of two variants of Example 4, and the expected verdict of the claim on them."""
    store(root, stack, seeds)
    path = path_of(root, stack, EXAMPLE.id)
    evidence = read(path)
    assert evidence is not None
    expected = {} if verdict is None else {CLAIM.key: Expected(verdict=verdict, date="2026-11-26", reason=stack)}
    write(path, msgspec.structs.replace(evidence, expected=expected))


OF_REFERENCE = {"tensorflow-cpu": (30, "SUPPORTED")}


@pytest.mark.parametrize(
    ("held", "decides"),
    [
        (OF_REFERENCE | {"jax-cpu": (10, "INCONCLUSIVE")}, "tensorflow-cpu"),
        (OF_REFERENCE | {"jax-cpu": (30, "INCONCLUSIVE")}, "jax-cpu"),
        (OF_REFERENCE | {"jax-cpu": (10, None)}, ""),  # a stack that expects nothing is given no expectation
        ({"jax-cpu": (10, "INCONCLUSIVE")}, "jax-cpu"),
    ],
)
def test_it_is_that_of_the_stack_that_decides(
    held: dict[str, tuple[int, str | None]], decides: str, tmp_path: Path
) -> None:
    for stack, (seeds, verdict) in held.items():
        stored(tmp_path, stack, seeds, verdict)
    expected = Stored(tmp_path, "jax-cpu").expected(CLAIM)
    assert (expected.reason if expected else "") == decides


class Trained:
    """Stands in for ``train``. A perturbation moves the losses by ``moved``, from the seed ``first`` on."""

    def __init__(self, moved: float, first: int = 0) -> None:
        self.moved, self.first, self.calls = moved, first, 0

    def __call__(self, experiment: object, variant: str, seeds: tuple[int], engine: str, perturbed: int = 0) -> list:
        self.calls += 1
        moves = perturbed and seeds[0] >= self.first
        return [Trial(variant, seeds[0], history={"loss": (1.0, 0.5 * (1 + self.moved * bool(moves)))})]


@pytest.mark.parametrize(
    ("trained", "steps", "calm", "calls"),
    [
        (Trained(1e-7), 20, True, 25),
        (Trained(1e-4), 20, False, 2),
        (Trained(1e-4, first=4), 20, False, 22),
        (Trained(1e-7), 19, False, 0),
    ],
    ids=["calm", "not calm", "one seed that is not calm", "whose first steps are not calm"],
)
def test_whether_rounding_moves_no_epoch(
    trained: Trained, steps: int, calm: bool, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training stops at the first perturbed trial that moves. Nothing is trained if rounding moves the first steps."""
    monkeypatch.setattr("harness.training.train.train", trained)
    old = made.variant([0.5])
    assert calm_to_the_end(EXAMPLE, "plain", msgspec.structs.replace(old, steps=steps), "fit") is calm
    assert trained.calls == calls
    known = msgspec.structs.replace(old, steps=steps, calm_to_the_end=not calm)
    assert calm_to_the_end(EXAMPLE, "plain", known, "fit") is not calm
    assert trained.calls == calls


def test_trials_that_are_given_are_not_trained_again(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = Trained(1e-7)
    given = [trained(EXAMPLE, "plain", (seed,), "fit")[0] for seed in range(5)]
    monkeypatch.setattr("harness.training.train.train", trained)
    old = msgspec.structs.replace(made.variant([0.5]), steps=20)
    assert calm_to_the_end(EXAMPLE, "plain", old, "fit", given)
    assert trained.calls == 25  # five here, and twenty perturbed ones
