"""The memory that is free for a block of seeds, and the errors that report a lack of memory."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

MARGIN = 0.9
"""The share of the free memory that a block may take. Allocators round up, and other processes may take more."""
MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")
EXHAUSTED = re.compile(r"RESOURCE_EXHAUSTED|out of memory|failed to allocate|bad_alloc", re.IGNORECASE)
"""Part of the out-of-memory messages of XLA, CUDA and the C++ library."""


def free_bytes(device: Any) -> int | None:
    """Bytes that a program can still take on a JAX ``device``; None if unknown.

    On a GPU the allocator counts them. On a CPU they are the free bytes of the machine or of this process's control
    group, whichever is less.
    """
    if device.platform != "cpu":
        stats = device.memory_stats() or {}
        if "bytes_limit" not in stats:
            return None
        return int(stats["bytes_limit"]) - int(stats.get("bytes_in_use", 0))
    found = [free for free in (_machine(MEMINFO), _group(CGROUP)) if free is not None]
    return min(found, default=None)


def needed_bytes(executable: Any, present: int) -> int | None:
    """Bytes that a compiled JAX program will allocate; None if unknown.

    XLA counts arguments, results that do not replace an argument, and intermediate values. ``present`` is subtracted:
    the bytes of arguments that are already on the device.
    """
    counted = executable.memory_analysis()
    if counted is None:
        return None
    results = counted.output_size_in_bytes - counted.alias_size_in_bytes
    return int(counted.argument_size_in_bytes + results + counted.temp_size_in_bytes) - present


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of a compilation or a launch reports a lack of memory."""
    return isinstance(error, MemoryError) or bool(EXHAUSTED.search(str(error)))


def readable(size: float) -> str:
    """A number of bytes as text: "1.9 GB", with powers of 1000."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB" if size < 1000 else f"{size:,.0f} GB"


def _machine(meminfo: Path) -> int | None:
    try:
        for line in meminfo.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def _group(folder: Path) -> int | None:
    """Bytes that a control group (version 2) may still take. Caches count as free. None without a limit."""
    try:
        limit = (folder / "memory.max").read_text(encoding="ascii").strip()
        if limit == "max":
            return None
        taken = int((folder / "memory.current").read_text(encoding="ascii"))
        stat = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
        return max(int(limit) - taken + int(stat.get("inactive_file", 0)), 0)
    except (OSError, ValueError):
        return None
