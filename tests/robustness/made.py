"""Evidence of known content."""

from __future__ import annotations

from collections.abc import Sequence

from harness.model import Divergence
from harness.record.evidence import Columns, Evidence, Expected, packed, unpacked
from harness.record.trials import Hashes, SeedBlock, ShortTrial, State, Training

NAMES = ("deep-dropout", "jax-cpu")
"""Experiment and stack."""
FINGERPRINT = {"backend": "jax", "device": "cpu", "threads": 2, "jaxlib": None}


def variant(values: Sequence[float | None]) -> Training:
    """A value of its metric for each seed; None where the trial failed."""
    columns = Columns(
        configuration={"model": {"layers": [{"units": 256}, {"rate": 0.2}]}, "batch_size": 32, "epochs": 2},
        hashes=Hashes(initial="0" * 16, order="1" * 16),
        steps=2,
        traces=(
            ShortTrial(seed=0, losses=(2.0, 1 / 3), curves={"val_loss": (0.5,)}),
            ShortTrial(seed=0, losses=(2.5, "inf"), canonical=True),
            ShortTrial(seed=0, start=343, losses=(2.0, 0.33333334), rounded=1),
        ),
        states=(State(steps=2), State(start=343, steps=2, curves={"val_loss": 1})),
        sizes={"Dense-0/kernel": (0.0, 0.1)},
        metrics={"val_accuracy": tuple(values)},
        failures={str(seed): Divergence("nan", 3, 17) for seed, x in enumerate(values) if x is None},
        curves={"loss": ((2.0, 1.0 / 3.0), (4.9e11, None))[: len(values)]},
        sessions=(
            SeedBlock(
                first=0,
                seeds=len(values),
                commit="a03a743",
                date="2026-11-23",
                reason="first",
                engine="compiled",
                seconds=1.5,
                fingerprint=dict(FINGERPRINT),
            ),
        ),
    )
    return unpacked(columns, "relu")


def evidence(**variants: Training) -> Evidence:
    held = {"relu": variant([0.9812, 0.1 + 0.2, 5e-324, -0.0, 1 / 3]), "적절한 −0.1": variant([0.5, None])}
    expected = {
        "tips-relu-beats-linear": Expected(
            verdict="SUPPORTED", date="2026-11-23T23:00:00+00:00", reason="first", seeds=30
        ),
        "tips-figures/softmax": Expected(
            verdict="INCONCLUSIVE", date="2026-11-23", reason='quote " and \\ backslash', seeds=5
        ),
    }
    experiment, stack = NAMES
    named = {name: unpacked(packed(training), name) for name, training in (variants or held).items()}
    return Evidence(experiment=experiment, stack=stack, variants=named, expected=expected)
