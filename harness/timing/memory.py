"""The peak of memory in use since a reset: of the device on a GPU, of the process on a CPU."""

from __future__ import annotations

from pathlib import Path

from harness.training.backend import active
from harness.training.devices import Device, peak_bytes

PROC = Path("/proc/self")


def reset_memory_peak(device: Device, proc: Path = PROC) -> bool:
    """Resets the peak. False if that is impossible: with JAX on a GPU, and on a CPU of any system but Linux."""
    if device.kind == "cpu":
        try:
            # "5" resets the peak resident set size: Linux, Documentation/filesystems/proc.rst
            (proc / "clear_refs").write_text("5", encoding="ascii")
        except OSError:
            return False
        return True
    return active().reset_peak_bytes()


def memory_peak(device: Device, proc: Path = PROC) -> int | None:
    """The peak in bytes since the last reset, or since the process began; None if unknown.

    On a CPU it is that of the whole process, with libraries and data; on a GPU that of the backend's allocations.
    """
    if device.kind == "cpu":
        try:
            for line in (proc / "status").read_text(encoding="utf-8").splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        except (OSError, ValueError, IndexError):
            pass
        return None
    return peak_bytes()
