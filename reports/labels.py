"""The report's vocabulary: a symbol for each verdict, and what each word means."""

from __future__ import annotations

from collections.abc import Mapping

from harness.domain.verdict import Verdict
from harness.training.backends import NAMES, named

SYMBOLS: Mapping[Verdict, str] = {
    Verdict.SUPPORTED: "✔",
    Verdict.REFUTED: "✘",
    Verdict.INCONCLUSIVE: "?",
    Verdict.NOT_RUN: "–",
}

MEANINGS: Mapping[Verdict, tuple[str, str]] = {
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


def backend_name(backend: str) -> str:
    """As its makers write it."""
    return BACKENDS.get(backend, backend)


def metric_label(metric: str) -> str:
    """A metric's name in words: "best validation loss"."""
    return metric.replace("val_", "validation ").replace("_", " ")


def verdict_text(verdict: Verdict) -> str:
    """Symbol and word, so that neither colour nor font is needed: "✔ SUPPORTED"."""
    return f"{SYMBOLS[verdict]} {verdict.replace('_', ' ')}"


def state_text(state: str, red: bool) -> str:
    """The state of a training, a claim or a time, marked where it is red."""
    return f"⚠ **{state}**" if red else state
