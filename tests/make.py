"""Builders of what many tests need: records and measurements with known content."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from harness.check.evidence import add, digest_of
from harness.claim import Claim
from harness.model import Experiment, Metric, Size, Variant
from harness.record.evidence import Evidence, EvidenceFile
from harness.record.outcomes import TimeComparison, TimeState, VerdictComparison, VerdictState
from harness.record.run import SelfChecked, Timed
from harness.record.timings import Measurement, Provenance
from harness.record.trials import Training
from harness.rules import Comparison, Exact, Exceeds
from harness.verdict import Decision, Verdict

MACHINE = {"backend": "jax", "device": "cpu", "device_model": "AMD EPYC", "threads": 2, "jaxlib": None}
NEW = TimeComparison(TimeState.NEW, "No time is stored for this case.")


def provenance(reason: str = "first", fingerprint: Mapping[str, Any] = MACHINE, **changes: str) -> Provenance:
    """Where a measurement comes from; ``changes``: its commit or date."""
    return Provenance(
        **{"commit": "abc", "date": "2026-11-25", "reason": reason, "fingerprint": dict(fingerprint)} | changes
    )


def measurement(rounds: Sequence[float], fingerprint: Mapping[str, Any] = MACHINE, **changes: Any) -> Measurement:
    """A process's times; ``changes``: fields of Measurement."""
    origin = provenance("first", fingerprint, commit="a03a743", date="2026-11-24")
    fields: dict[str, Any] = {"epochs": 2, "compile": 1.5, "first_epoch": 2.5, "definition": "0123456789abcdef"}
    return Measurement(rounds=tuple(map(float, rounds)), provenance=origin, **(fields | changes))


def timed(
    work: str,
    rounds: Sequence[float],
    engine: str = "fit",
    comparison: TimeComparison = NEW,
    red: bool = False,
    **changes: Any,
) -> Timed:
    """The record of a timed case; ``changes``: fields of its measurement."""
    return Timed(work=work, engine=engine, measured=measurement(rounds, **changes), comparison=comparison, red=red)


def self_check(key: str, wrong: str = "", verdict: Verdict = Verdict.REFUTED) -> SelfChecked:
    """A self-check that holds, or one with this verdict if something is ``wrong``."""
    verdict = verdict if wrong else Verdict.SUPPORTED
    state = VerdictState.FLIPPED if wrong else VerdictState.AS_EXPECTED
    return SelfChecked(
        key=key,
        statement="Adam moves by 0.1.",
        source="Keras' documentation",
        decision=Decision(verdict, wrong or "3 comparisons"),
        comparison=VerdictComparison(state, Verdict.SUPPORTED, verdict, bool(wrong), wrong),
        red=bool(wrong),
    )


def edit(path: Path, change: Callable[[Any], object]) -> None:
    """Changes the content of a file of evidence, and its digest where the content still has the format."""
    content = json.loads(path.read_text("utf-8")) | {"digest": ""}
    change(content)
    with contextlib.suppress(msgspec.ValidationError):
        content["digest"] = digest_of(msgspec.convert(content, EvidenceFile))
    path.write_text(json.dumps(content), "utf-8")


ACCURACY = Metric("val_accuracy", "higher", "fraction", 0.0005)
LOSS = Metric("val_loss", "lower", "nats", 0.001)
VERSIONS = {"keras": "3.15.1", "backend": "tensorflow", "backend_version": "2.21.0", "jaxlib": None, "numpy": "2.4.6"}


def experiment(
    *variants: str, metrics: Sequence[Metric] = (ACCURACY, LOSS), epochs: int = 4, **changes: Any
) -> Experiment:
    """An experiment that declares trainings, and trains none; ``changes``: fields of Experiment."""
    fields: dict[str, Any] = {
        "id": "nets",
        "data": object,
        "model": object,
        "optimizer": object,
        "loss": "mse",
        "size": Size(epochs=epochs, batch_size=32),
        "variants": tuple(map(Variant, variants)),
        "metrics": tuple(metrics),
    }
    return Experiment(**(fields | changes))


DEPTH = experiment("shallow", "deep", id="depth")


def claim(**changes: Any) -> Claim:
    """A claim on two networks; ``changes``: fields of Claim."""
    fields: dict[str, Any] = {
        "id": "deeper-is-better",
        "slide": "Slide 3",
        "statement": "Deeper is better.",
        "rule": Exceeds("deep", "shallow"),
        "experiment": DEPTH,
    }
    return Claim(**(fields | changes))


def exact_claim(**changes: Any) -> Claim:
    """A claim that holds by its check."""
    return claim(**({"rule": Exact(), "experiment": None, "check": lambda: [Comparison("w", 1.0, 1.0)]} | changes))


def evidence(
    of: Experiment,
    trainings: Mapping[str, Training],
    stack: str = "tensorflow-cpu",
    old: Evidence | None = None,
    reason: str = "first",
) -> Evidence:
    """What a session stores of these trainings."""
    return add(old, of, stack, trainings, provenance(reason, VERSIONS))
