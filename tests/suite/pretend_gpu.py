"""A plugin (-p tests.suite.pretend_gpu) under which the backend claims a GPU and computes where it always did."""

from harness.training import backend
from harness.training.backend import Device

MODEL = "NVIDIA H100 80GB HBM3"
real = backend.start_backend


def start_backend(precision: str = "default") -> Device:
    return Device("gpu", MODEL, real(precision).precision)


backend.start_backend = start_backend
