"""Repeats, peaks and timed work with known content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.record.timings import Provenance, Repeat
from harness.timing.peak import Peak

FINGERPRINT = {"backend": "jax", "device": "cpu", "device_model": "AMD EPYC", "threads": 2, "jaxlib": None}
DEFINITION = "0123456789abcdef"
PEAK = Peak(200.0, 190.0, 1024, "jax", {"jax": 200.0, "numpy": 180.0}, "float32")


def repeat(rounds: Sequence[float], **changes: Any) -> Repeat:
    fingerprint = changes.pop("fingerprint", FINGERPRINT)
    origin = Provenance(commit="a03a743", date="2026-11-24", reason="first", fingerprint=fingerprint)
    fields: dict[str, Any] = {"epochs": 2, "compile": 1.5, "first_epoch": 2.5, "definition": DEFINITION}
    return Repeat(rounds=tuple(map(float, rounds)), provenance=origin, **(fields | changes))


def process(rng: np.random.Generator, mean: float, between: float, within: float, rounds: int = 6) -> Repeat:
    """One process on a machine whose processes differ by ``between`` and whose rounds by ``within`` (log sd)."""
    own = mean * np.exp(between * rng.standard_normal())
    return repeat(own * np.exp(within * rng.standard_normal(rounds)))
