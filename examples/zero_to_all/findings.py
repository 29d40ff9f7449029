"""Causes of several verdicts, and what the labs could say instead of a refuted claim."""

from __future__ import annotations

from harness.domain.finding import Finding, Instead
from harness.domain.verdict import Verdict

FINDINGS = (
    Finding("Good initialization makes the difference", ("xavier-lifts-accuracy", "xavier-lowers-first-cost")),
    Finding(
        "Printed last costs are lower than ours",
        ("printed/four layers, last cost", "printed/two layers, last cost", "printed/Xavier, last cost"),
    ),
    Finding(
        "Batch normalization trains faster and ends better",
        ("normalized-ends-better", "normalized-is-faster"),
    ),
    Finding(
        "Without batch normalization the printed first epoch is worse than ours",
        ("printed/none, accuracy of epoch 1", "printed/none, loss of epoch 1"),
    ),
)

INSTEAD = {
    "printed/two layers, last cost": Instead(Verdict.REFUTED, "The cost of the last epoch is about 0.8."),
    "printed/Xavier, last cost": Instead(Verdict.REFUTED, "The cost of the last epoch is about 0.010."),
    "printed/four layers, last cost": Instead(Verdict.REFUTED, "The cost of the last epoch is about 0.014."),
    "printed/none, accuracy of epoch 1": Instead(
        Verdict.REFUTED, "Without batch normalization the accuracy after one epoch is about 0.94."
    ),
    "printed/none, loss of epoch 1": Instead(
        Verdict.REFUTED, "Without batch normalization the loss after one epoch is about 0.21."
    ),
}
"""By claim key. Another verdict than the one here has no such sentence."""
