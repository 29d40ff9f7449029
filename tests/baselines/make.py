"""Trials and baselines of known content."""

from __future__ import annotations

from collections.abc import Iterable

from baselines.record import Baseline, ExpectedVerdict, Provenance, VariantBaseline
from harness.metric import Metric
from harness.trial import Divergence, Seconds, Trial
from harness.verdict import Verdict

ACCURACY = Metric("val_accuracy", "higher", "fraction", 0.0005)
LOSS = Metric("val_loss", "lower", "nats", 0.01)
STEPS = Metric("steps", "lower", "steps", 0.1, scale="log")
DEFINITION = "0123456789abcdef"
PROVENANCE = Provenance(
    {"backend": "jax", "device": "cpu", "threads": 2, "jaxlib": None}, "a03a743", "2026-11-23", "first"
)


def trial(seed: int, value: float | None, variant: str = "relu", **changes: object) -> Trial:
    fields: dict = {
        "metrics": {"val_accuracy": value},
        "history": {"loss": (2.0, 1.0 / 3.0), "val_accuracy": (0.1, value)},
        "seconds": Seconds(1.5, 0.25, 0.5, 0.1),
        "engine": "compiled",
    }
    return Trial(variant, seed, **(fields | changes))


def trials(values: Iterable[float | None], first: int = 0, variant: str = "relu") -> tuple[Trial, ...]:
    return tuple(trial(first + i, value, variant) for i, value in enumerate(values))


def stored(values: Iterable[float | None], first: int = 0, variant: str = "relu") -> VariantBaseline:
    return VariantBaseline(trials(values, first, variant), DEFINITION, PROVENANCE)


def baseline(**variants: VariantBaseline) -> Baseline:
    diverged = trial(1, None, "적절한 −0.1", divergence=Divergence("nan", 3, 17), history={"loss": (4.9e11, None)})
    held = {
        "relu": stored([0.9812, 0.1 + 0.2, 5e-324, -0.0, 1 / 3]),
        "적절한 −0.1": VariantBaseline((diverged,), DEFINITION, PROVENANCE),
    }
    verdicts = {
        "tips-relu-beats-linear": ExpectedVerdict(Verdict.SUPPORTED, "2026-11-23T23:00:00+00:00", "first"),
        "tips-figures/softmax": ExpectedVerdict(Verdict.INCONCLUSIVE, "2026-11-23", 'quote " and \\ backslash'),
    }
    return Baseline("deep-dropout", "quick", "jax-cpu", variants or held, verdicts)
