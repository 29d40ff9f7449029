"""Which stored verdict of the lecture's setting stands beside a quick run's."""

from __future__ import annotations

from pathlib import Path

import pytest

from baselines.condensed import condensed
from baselines.files import path_of, write
from baselines.record import Baseline, ExpectedVerdict, Provenance, VariantBaseline
from harness.trial import Trial
from harness.verdict import Verdict
from suite.catalogue import TRAINING_CLAIMS
from suite.stored import Authority, Stored

CLAIM = TRAINING_CLAIMS["tips-dropout-helps"]
OWN, OTHER, GPU = "jax-cpu", "tensorflow-cpu", "jax-nvidia-h100-80gb-hbm3"


def store(root: Path, stack: str, seeds: int, verdict: Verdict, model: str = "a processor") -> None:
    assert CLAIM.experiment is not None
    origin = Provenance({"device_model": model}, "a03a743", "2026-11-25", "first")
    trials = {
        name: [Trial(name, seed, {"val_accuracy": seed / 5000}) for seed in range(seeds)] for name in CLAIM.variants
    }
    variants = {
        name: VariantBaseline(tuple(condensed(held)[0] if seeds > 99 else held), "0" * 16, origin)
        for name, held in trials.items()
    }
    expected = {CLAIM.key: ExpectedVerdict(verdict, "2026-11-25", "first")}
    id = CLAIM.experiment.id
    write(path_of(root, "lecture", stack, id), Baseline(id, "lecture", stack, variants, expected))


def test_nothing_is_stored(tmp_path: Path) -> None:
    assert Stored(tmp_path, OWN).authority(CLAIM) is None


def test_the_most_seeds_decide(tmp_path: Path) -> None:
    store(tmp_path, OWN, 5, Verdict.INCONCLUSIVE)
    store(tmp_path, GPU, 1024, Verdict.SUPPORTED, "NVIDIA H100 80GB HBM3")
    store(tmp_path, OTHER, 30, Verdict.REFUTED)
    assert Stored(tmp_path, OWN).authority(CLAIM) == Authority(Verdict.SUPPORTED, 1024, GPU, "NVIDIA H100 80GB HBM3")


@pytest.mark.parametrize("own", [OWN, OTHER])
def test_of_equals_the_own_stack_counts(own: str, tmp_path: Path) -> None:
    store(tmp_path, OWN, 5, Verdict.INCONCLUSIVE)
    store(tmp_path, OTHER, 5, Verdict.SUPPORTED)
    found = Stored(tmp_path, own).authority(CLAIM)
    assert found is not None
    assert found.stack == own


def test_a_damaged_file_elsewhere_is_passed_over(tmp_path: Path) -> None:
    store(tmp_path, OWN, 5, Verdict.INCONCLUSIVE)
    store(tmp_path, GPU, 1024, Verdict.SUPPORTED)
    assert CLAIM.experiment is not None
    path_of(tmp_path, "lecture", GPU, CLAIM.experiment.id).write_text("{", encoding="utf-8")
    found = Stored(tmp_path, OWN).authority(CLAIM)
    assert found is not None
    assert (found.verdict, found.stack) == (Verdict.INCONCLUSIVE, OWN)
