"""The report's vocabulary: a symbol for each verdict, what each word means, and which states are red."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from baselines.judge import RED
from baselines.verdicts import VerdictState
from harness.training.backends import NAMES, named
from harness.verdict import Verdict

SYMBOLS: Mapping[str, str] = {
    Verdict.SUPPORTED: "✔",
    Verdict.REFUTED: "✘",
    Verdict.INCONCLUSIVE: "?",
    Verdict.NOT_RUN: "–",
}

MEANINGS: Mapping[str, tuple[str, str]] = {
    Verdict.SUPPORTED: (
        "The measurement agrees with the lecture by more than chance between seeds explains.",
        "It holds for this network, this test set and this stack; the effect's interval says how large it is.",
    ),
    Verdict.REFUTED: (
        "The measurement contradicts the lecture by more than chance between seeds explains.",
        "That is a finding and not a fault of the run; a test stays green as long as its claim stays refuted.",
    ),
    Verdict.INCONCLUSIVE: (
        "This number of seeds decides neither way; it is no evidence that there is no effect.",
        "The claim's details give the smallest effect these seeds could have shown, and the seeds it would take.",
    ),
    Verdict.NOT_RUN: (
        "No result could be obtained: a training failed, or something it needs is not installed.",
        "The claim's reason says what was missing.",
    ),
}

BACKENDS: Mapping[str, str] = {name: named(name).facts.label for name in NAMES}

RED_STATES = (*map(str, RED), str(VerdictState.FLIPPED), str(VerdictState.NOT_RUN))
"""Of trainings and of claims."""


def backend_name(backend: str) -> str:
    """As its makers write it."""
    return BACKENDS.get(backend, backend)


def metric_label(metric: str) -> str:
    """A metric's name in words: "best validation loss"."""
    return metric.replace("val_", "validation ").replace("_", " ")


def verdict_text(verdict: str | None) -> str:
    """Symbol and word, so that neither colour nor font is needed: "✔ SUPPORTED"; a dash where there is none."""
    return "–" if verdict is None else f"{SYMBOLS[verdict]} {verdict.replace('_', ' ')}"


def is_red(baseline: Mapping[str, Any]) -> bool:
    """Whether a training or a claim is red: as the record says, else by its state."""
    return bool(baseline.get("red", baseline["state"] in RED_STATES))


def state_text(baseline: Mapping[str, Any]) -> str:
    """A training's or a claim's state, marked where it is red."""
    if baseline["state"] is None:
        return "–"
    return f"⚠ **{baseline['state']}**" if is_red(baseline) else str(baseline["state"])
