"""All faults, in the order of the table."""

from __future__ import annotations

import dataclasses

from benchmarks.faults import callbacks, data, engines, late, layers, losses, optimizers, own
from benchmarks.faults.fault import Fault
from harness.errors import invalid, nearest

GROUPS: dict[str, dict[str, Fault]] = {
    "optimizer": optimizers.FAULTS,
    "layers": layers.LAYERS,
    "initial weights": layers.INITIAL_WEIGHTS,
    "losses and metrics": losses.LOSSES,
    "data": data.DATA,
    "callbacks": callbacks.FAULTS,
    "determinism": data.DETERMINISM,
    "numerics": losses.NUMERICS,
    "engine": engines.FAULTS,
    "verdicts and statistics": own.VERDICTS,
    "files and baselines": own.FILES,
    "late states": late.STATES,
    "late epochs": late.EPOCHS,
}
FAULTS = tuple(
    dataclasses.replace(fault, name=name, group=group)
    for group, faults in GROUPS.items()
    for name, fault in faults.items()
)
NAMES = tuple(fault.name for fault in FAULTS)

CONTROL = Fault("none", (), (("gradient-descent", "rate 0.1"), ("optimizers", "adam")), group="control")
"""No fault: nothing may be red."""


def named(name: str) -> Fault:
    """The fault of that name, or the control; SuiteError with the nearest name where there is none."""
    for fault in (CONTROL, *FAULTS):
        if fault.name == name:
            return fault
    raise invalid("fault", expected="a name out of the table", received=repr(name), fix=nearest(name, NAMES))


def on(backend: str, faults: tuple[Fault, ...] = FAULTS) -> tuple[Fault, ...]:
    """Of the faults those that can be put into a backend: those of our engine or of Keras for another are left out."""
    others = {
        "jax": ("backends.tensorflow", "backend.tensorflow"),
        "tensorflow": ("backends.jax", "vectorized", "backend.jax"),
    }[backend]

    def elsewhere(fault: Fault) -> bool:
        return all(any(other in patch.owner for other in others) for patch in fault.patches)

    return tuple(fault for fault in faults if not elsewhere(fault))


def measured(backend: str) -> tuple[Fault, ...]:
    """The faults that a run may see, which is all but those of our own rules and files; the control comes first."""
    return CONTROL, *(fault for fault in on(backend) if fault.breaks != "own")
