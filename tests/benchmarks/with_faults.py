"""Faults in a process with JAX: ``python -m tests.benchmarks.with_faults restored|seen FOLDER`` writes said.json there.

"restored": whether each fault replaces what it names, and what stands there afterwards is what stood there before.
"seen": what a check and the self-checks see of two faults, on evidence of one tiny training.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.faults import sight
from benchmarks.faults.fault import Fault, injected
from benchmarks.faults.table import FAULTS, named
from harness.check.rounding import measure
from harness.errors import SuiteError
from harness.training.backend import choose_backend, start_backend
from harness.training.train import train
from suite.catalogue import EXPERIMENTS
from tests.make import provenance

TRAINING = ("gradient-descent", "rate 0.01")
RATE, BETA = "small: learning rate × 1.003", "small: Adam: beta_2 × 0.9"


def held(fault: Fault) -> list[tuple[Any, Any]]:
    """What stands where the fault is put in: among the owner's own attributes, and among inherited ones."""
    places = [(patch.target(), patch.name) for patch in fault.patches]
    return [(vars(target).get(name), getattr(target, name)) for target, name in places]


def restored(fault: Fault) -> dict[str, bool]:
    """Though the run fails."""
    before = held(fault)
    try:
        with injected(fault):
            during = held(fault)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        after = held(fault)
    return {
        "replaced": all(old[1] is not new[1] for old, new in zip(before, during, strict=True)),
        "restored": all(old[0] is new[0] and old[1] == new[1] for old, new in zip(before, after, strict=True)),
    }


def seen(folder: Path) -> dict[str, Any]:
    def on_it(name: str) -> Fault:
        return dataclasses.replace(named(name), trainings=(TRAINING,))

    name, variant = TRAINING
    check = sight.Check("jax", folder)
    measured = measure(EXPERIMENTS[name], variant, train(EXPERIMENTS[name], variant, range(10)), None, "auto")
    check.stored.add(EXPERIMENTS[name], {variant: measured}, provenance("a test", check.fingerprint), ())
    try:
        sight.seen(named(RATE), "jax", folder)
        said = ""
    except SuiteError as error:
        said = str(error)
    with mock.patch.object(sight, "CHEAP", ()):  # they have no evidence in that folder
        return {
            "check": {name: sight.Check("jax", folder).seen(on_it(name))[0] for name in ("none", RATE, BETA)},
            "row": sight.row(on_it(RATE), "jax", folder),
            "without evidence": said,
        }


if __name__ == "__main__":
    choose_backend("jax")
    start_backend()
    folder = Path(sys.argv[2])
    written = {f.name: restored(f) for f in FAULTS} if sys.argv[1] == "restored" else seen(folder / "baselines")
    (folder / "said.json").write_text(json.dumps(written), encoding="utf-8")
