"""A plugin (-p tests.suite.pretend_gpu): the backend reports a GPU, and computes on the device it always uses.

The driver reports the power state P0 the first time, and P2 later.
"""

import sys

from harness.training import backend
from harness.training.backend import Device
from tests.pretend_nvml import H100, NAME, nvml

real = backend.start_backend
states = iter((0, 2))


def start_backend(precision: str = "default") -> Device:
    return Device("gpu", NAME, real(precision).precision)


backend.start_backend = start_backend
pretended = nvml(H100)
vars(pretended)["nvmlDeviceGetPerformanceState"] = lambda gpu: next(states, 2)
sys.modules["pynvml"] = pretended
