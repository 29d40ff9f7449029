"""Waits until the device has done what it was given: before and after each reading of the clock.

On a CPU nothing is left to wait for but what a backend computes in threads of its own. Inside a training the engines
read the clock themselves, after they have fetched the losses and the validation of the weights just trained as numbers
of the host, which the device can give only when it has finished.
"""

from __future__ import annotations

from harness.training.backend import active


def synchronise() -> None:
    """Returns when all work that the active backend has queued on its device is done."""
    active().synchronise()
