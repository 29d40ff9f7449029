"""Stores evidence of one training, and finds out what detects a fault with it, on JAX.

``python -m tests.faults.trying FOLDER FILE``
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from unittest import mock

from harness.check.measuring import measure
from harness.check.stored import Stored
from harness.errors import SuiteError
from harness.training.train import train
from suite.catalogue import EXPERIMENTS
from tests.faults.catalogue import named
from tests.faults.fault import Fault
from tests.faults.run import _check, row, seen, session_of, within

EXPERIMENT, VARIANT = "gradient-descent", "rate 0.01"
NAMES = ("small: learning rate × 1.003", "small: Adam: beta_2 × 0.9")


def on_it(name: str) -> Fault:
    """The fault of that name, or none, tried on the training that has evidence."""
    return dataclasses.replace(named(name), only=((EXPERIMENT, VARIANT),), yardstick=(EXPERIMENT, VARIANT))


def check(name: str, folder: Path) -> str:
    """Why a check is red with the fault of that name."""
    with session_of("jax", folder) as session:
        return _check(session, on_it(name))[0]


def main(folder: Path, path: Path) -> None:
    declared = EXPERIMENTS[EXPERIMENT]
    with session_of("jax", folder) as session:
        stored, fingerprint = Stored(folder, session.stored.stack), session.header.fingerprint
    found = measure(declared, VARIANT, train(declared, VARIANT, range(10)), None, "auto")
    stored.add(declared, {VARIANT: found}, "a test", fingerprint, "unknown", ())
    checks = {name: check(name, folder) for name in ("none", *NAMES)}
    try:
        seen(named("small: learning rate × 1.003"), "jax", folder)
        said = ""
    except SuiteError as error:
        said = str(error)
    written = {
        "check": checks,
        "row": row(on_it(NAMES[0]), "jax", folder),
        "within": {name: within(on_it(name), Stored(folder, stored.stack)) for name in NAMES},
        "without evidence": said,
    }
    path.write_text(json.dumps(written), encoding="utf-8")


if __name__ == "__main__":
    with mock.patch("tests.faults.run.CHEAP", ()):  # they have no evidence in that folder
        main(Path(sys.argv[1]), Path(sys.argv[2]))
