"""The report's words: symbols and meanings of verdicts, names of backends, labels of metrics and states."""

from __future__ import annotations

from collections.abc import Mapping

from harness.domain.verdict import Verdict
from harness.training.backends import NAMES, named

SYMBOLS: Mapping[Verdict, str] = {
    Verdict.SUPPORTED: "✔",
    Verdict.REFUTED: "✘",
    Verdict.OUTDATED: "↻",
    Verdict.NEGLIGIBLE: "=",
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
    Verdict.OUTDATED: (
        "It was true of the release that the slides were made with; today's Keras does otherwise.",
        "The erratum beside it has the code that does what the slide means.",
    ),
    Verdict.NEGLIGIBLE: (
        "A tie: the difference is smaller than the smallest effect of interest, whichever sign it has.",
        "The question is answered: more seeds would not make the difference matter.",
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

METRICS: Mapping[str, str] = {
    "first_inf_epoch": "first infinite epoch",
    "first_nan_epoch": "first nan epoch",
    "gap": "training − validation gap",
    "rise": "rise of the validation loss",
}
"""Names of metrics that their words alone do not explain."""

BACKENDS: Mapping[str, str] = {name: named(name).facts.label for name in NAMES}


def backend_name(backend: str) -> str:
    """The backend's name as its makers write it: "TensorFlow"."""
    return BACKENDS.get(backend, backend)


def metric_label(metric: str) -> str:
    """A metric's name in words: "best validation loss"."""
    return METRICS.get(metric) or metric.replace("val_", "validation ").replace("_", " ")


def verdict_text(verdict: Verdict) -> str:
    """Symbol and word: "✔ SUPPORTED"."""
    return f"{SYMBOLS[verdict]} {verdict.replace('_', ' ')}"


def state_text(state: str, red: bool) -> str:
    """The state of a training, a claim or a time; a red one is bold with a warning sign."""
    return f"⚠ **{state}**" if red else state
