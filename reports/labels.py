"""The report's words: symbols and meanings of verdicts, names of backends, labels of metrics and states."""

from __future__ import annotations

from collections.abc import Mapping

from harness.domain.verdict import Basis, Verdict
from harness.training.backends import NAMES, named

NOT_CONTRADICTED = "NOT_CONTRADICTED"
"""The standing of a claim that is supported only as far as nothing contradicts it."""

SYMBOLS: Mapping[str, str] = {
    Verdict.SUPPORTED: "✔",
    NOT_CONTRADICTED: "≈",
    Verdict.REFUTED: "✘",
    Verdict.OUTDATED: "↻",
    Verdict.NEGLIGIBLE: "=",
    Verdict.INCONCLUSIVE: "?",
    Verdict.NOT_RUN: "–",
}

MEANINGS: Mapping[str, tuple[str, str]] = {
    Verdict.SUPPORTED: (
        "A test shows it, every seed has it, or a computation gives it: the claim says which.",
        "It holds for this network, this test set and this stack.",
    ),
    NOT_CONTRADICTED: (
        "The printed figure lies where one more training may fall.",
        "That is weaker than support: a wrong figure near the right one would pass as well.",
    ),
    Verdict.REFUTED: (
        "A test shows the contrary, a seed or a computation contradicts it.",
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
        "The claim says how likely more seeds decide it, if the effect is as estimated.",
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


def standing(verdict: Verdict, basis: Basis | None) -> str:
    """A verdict, or NOT_CONTRADICTED, which has a word and a mark of its own."""
    weak = verdict is Verdict.SUPPORTED and basis is Basis.NOT_CONTRADICTED
    return NOT_CONTRADICTED if weak else verdict.value


def verdict_text(verdict: str) -> str:
    """Symbol and word of a verdict or a standing: "✔ SUPPORTED"."""
    return f"{SYMBOLS[verdict]} {verdict.replace('_', ' ')}"


def state_text(state: str, red: bool) -> str:
    """The state of a training, a claim or a time; a red one is bold with a warning sign."""
    return f"⚠ **{state}**" if red else state
