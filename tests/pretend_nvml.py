"""A simulated NVML: the part of pynvml that ``harness.environment.gpu`` uses, for simulated GPUs."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType, SimpleNamespace
from typing import Any

SM, MEMORY = 1, 2
NAME, UUID = "NVIDIA H100 80GB HBM3", "GPU-11111111-aaaa-bbbb-cccc-222222222222"
H100: dict[str, Any] = {
    "UUID": UUID,
    "Name": NAME,
    "PerformanceState": 0,
    "ClockInfo": {SM: 1980, MEMORY: 2619},
    "MaxClockInfo": {SM: 1980, MEMORY: 2619},
    "CurrentClocksThrottleReasons": 1,
    "PowerUsage": 71350,
    "PowerManagementLimit": 700000,
    "Temperature": {0: 31},
    "UtilizationRates": SimpleNamespace(gpu=0, memory=0),
    "PersistenceMode": 1,
    "MigMode": [0, 0],
}
"""What the function of NVML called nvmlDeviceGet… gives; an exception is raised, and what is missing not supported."""


class NVMLError(Exception):
    """NVML's only kind of error."""


def nvml(*gpus: Mapping[str, Any], driver: str = "570.86.15") -> ModuleType:
    """A module to put into ``sys.modules`` as "pynvml", for these GPUs in NVML's order."""
    started = 0

    def start(change: int) -> None:
        nonlocal started
        started += change

    def handle(index: int) -> Mapping[str, Any]:
        assert started > 0, "NVML was not initialised"
        return gpus[index]

    def asked(what: str) -> Any:
        def answer(gpu: Mapping[str, Any], *which: int) -> Any:
            assert started > 0, "NVML was not initialised"
            value = gpu.get(what, NVMLError("Not Supported"))
            if isinstance(value, Exception):
                raise value
            return value[which[0]] if which else value

        return answer

    module = ModuleType("pynvml")
    contents = {f"nvmlDeviceGet{what}": asked(what) for what in H100} | {
        "NVMLError": NVMLError,
        "NVML_CLOCK_SM": SM,
        "NVML_CLOCK_MEM": MEMORY,
        "NVML_TEMPERATURE_GPU": 0,
        "nvmlInit": lambda: start(1),
        "nvmlShutdown": lambda: start(-1),
        "nvmlSystemGetDriverVersion": lambda: driver,
        "nvmlDeviceGetCount": lambda: len(gpus),
        "nvmlDeviceGetHandleByIndex": handle,
        "started": lambda: started,
    }
    for name, value in contents.items():
        setattr(module, name, value)
    return module


def failing(name: str, said: str, *gpus: Mapping[str, Any]) -> ModuleType:
    """The same, where the function of that name fails."""

    def fail(*_: object) -> None:
        raise NVMLError(said)

    module = nvml(*gpus)
    setattr(module, name, fail)
    return module
