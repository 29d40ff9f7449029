"""Waits until the device has finished its work, before a reading of the clock.

Inside a training the engines read the clock themselves, after they have copied losses and validation results to the
host. The device can return these only when it has finished.
"""

from __future__ import annotations

from harness.training.backend import active


def synchronise() -> None:
    """Returns when all work that the active backend has queued on its device is done."""
    active().synchronise()
