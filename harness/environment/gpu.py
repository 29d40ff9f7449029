"""Reads the state of the GPU in use from its driver, by NVML: power state, clocks, throttling. It changes nothing.

Times mean nothing without this state: a GPU in a low power state, or one that is too hot, computes the same numbers at
a fraction of the speed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import TypeVar

from harness.errors import SuiteError
from harness.record.run import GpuFacts

T = TypeVar("T")
REASONS = (
    "idle",
    "application clocks",
    "software power cap",
    "hardware slowdown",
    "sync boost",
    "software thermal slowdown",
    "hardware thermal slowdown",
    "power brake",
    "display clocks",
)
"""The reasons for clocks below their maximum: the bits of NVML's mask, from the lowest on."""
ROWS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("state of the GPU", ("unavailable",), ""),
    ("GPU", ("name",), ""),
    ("driver", ("driver",), ""),
    ("power state", ("power_state",), ""),
    ("SM clock, of at most", ("sm_clock_mhz", "max_sm_clock_mhz"), "MHz"),
    ("memory clock, of at most", ("memory_clock_mhz", "max_memory_clock_mhz"), "MHz"),
    ("clocks held down by", ("throttled_by",), ""),
    ("power, of at most", ("power_w", "power_limit_w"), "W"),
    ("temperature", ("temperature_c",), "°C"),
    ("utilisation", ("utilisation_percent",), "%"),
    ("persistence mode", ("persistence",), ""),
    ("MIG mode", ("mig",), ""),
)
"""The rows of a table for readers: label, fields of GpuFacts, unit."""


def facts(kind: str, model: str = "", environ: Mapping[str, str] = os.environ) -> GpuFacts | None:
    """The state of the first visible GPU, or why it is unknown; None if ``kind`` is not "gpu". It never raises.

    Args:
        kind: "cpu" or "gpu", the device in use.
        model: the GPU's name as the backend gives it; "" if unknown. It selects one of several models, because CUDA may
            count GPUs in another order (the fastest first) than NVML.
        environ: the environment, for CUDA_VISIBLE_DEVICES.
    """
    if kind != "gpu":
        return None
    import pynvml as nvml

    try:
        with _driver(nvml):
            return _facts(nvml, _in_use(nvml, model, environ.get("CUDA_VISIBLE_DEVICES")))
    except nvml.NVMLError as error:
        return GpuFacts(unavailable=f"NVML: {error}")
    except SuiteError as error:
        return GpuFacts(unavailable=str(error))


def count() -> int:
    """Number of GPUs that the driver knows."""
    import pynvml as nvml

    try:
        with _driver(nvml):
            return int(nvml.nvmlDeviceGetCount())
    except nvml.NVMLError:
        return 0


def rows(start: GpuFacts | None, end: GpuFacts | None) -> list[tuple[str, str, str]]:
    """Table rows (label, value at the start, value at the end), with "" for an unknown value. Empty without a GPU."""
    cells = [(label, _cell(start, names, unit), _cell(end, names, unit)) for label, names, unit in ROWS]
    return [row for row in cells if row[1] or row[2]]


@contextlib.contextmanager
def _driver(nvml: ModuleType) -> Iterator[None]:
    nvml.nvmlInit()
    try:
        yield
    finally:
        with contextlib.suppress(nvml.NVMLError):
            nvml.nvmlShutdown()


def _in_use(nvml: ModuleType, model: str, visible: str | None) -> object:
    """The handle of the first GPU in CUDA's order. SuiteError if it cannot be determined."""
    gpus = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
    names = [nvml.nvmlDeviceGetName(gpu) for gpu in gpus]
    if not gpus:
        raise SuiteError("NVML lists no GPU")
    chosen = list(range(len(gpus)))
    first = "" if visible is None else visible.split(",")[0].strip()
    if first.startswith("GPU-"):
        chosen = [index for index in chosen if nvml.nvmlDeviceGetUUID(gpus[index]).startswith(first)]
    elif visible is not None and not (first.startswith("MIG-") and len(gpus) == 1):
        chosen = [index for index in chosen if str(index) == first]
    if visible is not None and len(chosen) != 1:
        raise SuiteError(f"CUDA_VISIBLE_DEVICES={visible!r} names none of the {len(gpus)} GPUs that NVML lists")
    if model and names[chosen[0]] != model and len(set(names)) > 1:
        chosen = [index for index, name in enumerate(names) if name == model]
        if len(chosen) != 1:
            raise SuiteError(f"NVML lists {len(chosen)} GPUs called {model!r}; set CUDA_DEVICE_ORDER=PCI_BUS_ID")
    return gpus[chosen[0]]


def _facts(nvml: ModuleType, gpu: object) -> GpuFacts:
    def reported(query: Callable[[], T]) -> T | None:
        try:
            return query()
        except nvml.NVMLError:
            return None

    return GpuFacts(
        name=reported(lambda: nvml.nvmlDeviceGetName(gpu)),
        driver=reported(nvml.nvmlSystemGetDriverVersion),
        power_state=reported(lambda: _power_state(nvml.nvmlDeviceGetPerformanceState(gpu))),
        sm_clock_mhz=reported(lambda: float(nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM))),
        max_sm_clock_mhz=reported(lambda: float(nvml.nvmlDeviceGetMaxClockInfo(gpu, nvml.NVML_CLOCK_SM))),
        memory_clock_mhz=reported(lambda: float(nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_MEM))),
        max_memory_clock_mhz=reported(lambda: float(nvml.nvmlDeviceGetMaxClockInfo(gpu, nvml.NVML_CLOCK_MEM))),
        throttled_by=reported(lambda: _reasons(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu))),
        power_w=reported(lambda: nvml.nvmlDeviceGetPowerUsage(gpu) / 1000),
        power_limit_w=reported(lambda: nvml.nvmlDeviceGetPowerManagementLimit(gpu) / 1000),
        temperature_c=reported(lambda: float(nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU))),
        utilisation_percent=reported(lambda: float(nvml.nvmlDeviceGetUtilizationRates(gpu).gpu)),
        persistence=reported(lambda: _mode(nvml.nvmlDeviceGetPersistenceMode(gpu))),
        mig=reported(lambda: _mode(nvml.nvmlDeviceGetMigMode(gpu)[0])),
    )


def _power_state(state: int) -> str | None:
    return f"P{state}" if 0 <= state <= 15 else None  # 32 is NVML's unknown


def _mode(on: int) -> str:
    return "Enabled" if on else "Disabled"


def _reasons(mask: int) -> tuple[str, ...]:
    known = tuple(reason for bit, reason in enumerate(REASONS) if mask >> bit & 1)
    rest = mask >> len(REASONS) << len(REASONS)
    return (*known, f"{rest:#x}") if rest else known


def _cell(facts: GpuFacts | None, names: tuple[str, ...], unit: str) -> str:
    values = [_text(getattr(facts, name)) for name in names] if facts else [""]
    return " / ".join(value or "?" for value in values) + (f" {unit}" if unit else "") if values[0] else ""


def _text(value: str | float | tuple[str, ...] | None) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "nothing"
    return f"{value:g}" if isinstance(value, float) else value or ""
