"""All faults, in the order of the table."""

from __future__ import annotations

import dataclasses

from benchmarks.faults import data, drawn, engines, epochs, late, layers, losses, optimizers, own
from benchmarks.faults import places as at
from benchmarks.faults.fault import Fault
from harness.errors import invalid, nearest

OWN = {"verdicts and statistics": own.VERDICTS, "files and baselines": own.FILES}
GROUPS: dict[str, dict[str, Fault]] = {
    "optimizer": optimizers.FAULTS,
    "layers": layers.LAYERS,
    "initial weights": layers.INITIAL_WEIGHTS,
    "losses and metrics": losses.LOSSES,
    "data": data.DATA,
    "callbacks": losses.CALLBACKS,
    "determinism": data.DETERMINISM,
    "numerics": losses.NUMERICS,
    "engine": engines.FAULTS,
    **OWN,
    "late states": late.STATES,
    "late epochs": epochs.EPOCHS,
    "drawn steps": drawn.DRAWN,
}
FAULTS = tuple(
    dataclasses.replace(fault, name=name, group=group, own=group in OWN)
    for group, faults in GROUPS.items()
    for name, fault in faults.items()
)
NAMES = tuple(fault.name for fault in FAULTS)
CONTROL = Fault((), (("gradient-descent", "rate 0.1"), at.ADAM_RACE), name="none", group="control")
"""No fault: nothing may be red."""
DRAWN = tuple(fault for fault in FAULTS if fault.name in drawn.DRAWN)
"""These are tried with the check alone."""
MEASURED = (CONTROL, *(fault for fault in FAULTS if not fault.own and fault not in DRAWN))
"""The faults that a run may see: all but those of our own rules and files, and the drawn ones."""


def named(name: str) -> Fault:
    """The fault of that name, or the control; SuiteError with the nearest name where there is none."""
    for fault in (CONTROL, *FAULTS):
        if fault.name == name:
            return fault
    raise invalid("fault", expected="a name out of the table", received=repr(name), fix=nearest(name, NAMES))
