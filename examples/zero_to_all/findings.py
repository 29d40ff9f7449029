"""Causes of several verdicts."""

from __future__ import annotations

from harness.domain.finding import Finding

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
