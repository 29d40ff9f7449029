"""The most memory that was in use between two moments: of the device on a GPU, of the process on a CPU."""

from __future__ import annotations

from pathlib import Path

from harness.training.backend import active
from harness.training.devices import Device, peak_bytes

PROC = Path("/proc/self")


def reset_memory_peak(device: Device, proc: Path = PROC) -> bool:
    """Begins a new high-water mark; False where that is impossible: JAX's on a GPU, and any system but Linux."""
    if device.kind == "cpu":
        try:
            # "5" resets the peak resident set size: Linux, Documentation/filesystems/proc.rst
            (proc / "clear_refs").write_text("5", encoding="ascii")
        except OSError:
            return False
        return True
    return active().reset_peak_bytes()


def memory_peak(device: Device, proc: Path = PROC) -> int | None:
    """Bytes in use at the most since the last reset (where there was none: since the process began); None if unknown.

    On a CPU this is the whole process, libraries and data included; on a GPU what the backend has allocated there.
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
