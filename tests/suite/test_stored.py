"""Which verdict a run expects of a claim: that of the stack whose evidence decides it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from baselines.evidence import path_of, read, write
from cases import CLAIMS
from harness.record.evidence import Expected
from suite.catalogue import EXPERIMENTS
from suite.options import ROOT
from suite.stored import Stored
from tests.reports.test_stored import EXAMPLE, store

CLAIM = next(claim for claim in CLAIMS if claim.key == "tips-relu-beats-linear")


def stored(root: Path, stack: str, seeds: int, verdict: str | None) -> None:
    """Two variants of Example 4, and the expected verdict of the claim on them."""
    store(root, stack, seeds)
    path = path_of(root, stack, EXAMPLE.id)
    evidence = read(path)
    assert evidence is not None
    expected = {} if verdict is None else {CLAIM.key: Expected(verdict=verdict, date="2026-11-26", reason=stack)}
    write(path, msgspec.structs.replace(evidence, expected=expected))


@pytest.mark.parametrize(("seeds", "decides"), [(10, "tensorflow-cpu"), (30, "jax-cpu")])
def test_it_is_that_of_the_stack_that_decides(seeds: int, decides: str, tmp_path: Path) -> None:
    stored(tmp_path, "tensorflow-cpu", 30, "SUPPORTED")
    stored(tmp_path, "jax-cpu", seeds, "INCONCLUSIVE")
    found = Stored(tmp_path, "jax-cpu").expected(CLAIM)
    assert found is not None
    assert found.reason == decides


def test_a_stack_that_expects_nothing_is_given_no_expectation(tmp_path: Path) -> None:
    stored(tmp_path, "tensorflow-cpu", 30, "SUPPORTED")
    stored(tmp_path, "jax-cpu", 10, None)
    assert Stored(tmp_path, "jax-cpu").expected(CLAIM) is None


def test_with_few_seeds_and_no_other_stack_it_is_its_own(tmp_path: Path) -> None:
    stored(tmp_path, "jax-cpu", 10, "INCONCLUSIVE")
    found = Stored(tmp_path, "jax-cpu").expected(CLAIM)
    assert found is not None
    assert found.reason == "jax-cpu"


def test_each_variant_has_its_own_evidence() -> None:
    root = ROOT / "baselines"
    for experiment in EXPERIMENTS.values():
        found = read(path_of(root, "tensorflow-cpu", experiment.id))
        assert found is not None
        for variant in experiment.variants:
            assert Stored(root, "tensorflow-cpu").variant(experiment.id, variant.name) == found.variants.get(
                variant.name
            )
