"""How much memory is free for the next block of seeds, and which errors say that there is too little."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

MARGIN = 0.9
"""The share of the free memory that a block may take: allocators round up, and other processes take more."""
MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")
EXHAUSTED = re.compile(r"RESOURCE_EXHAUSTED|out of memory|failed to allocate|bad_alloc", re.IGNORECASE)
"""What errors of XLA, CUDA and the C++ library say."""


def free_bytes(device: Any) -> int | None:
    """Bytes that a program could still take on a JAX ``device``; None where that is unknown.

    On a GPU its allocator counts them. On a CPU they are those of the machine or of this process' control group,
    whichever has less.
    """
    if device.platform != "cpu":
        stats = device.memory_stats() or {}
        if "bytes_limit" not in stats:
            return None
        return int(stats["bytes_limit"]) - int(stats.get("bytes_in_use", 0))
    found = [free for free in (_machine(MEMINFO), _group(CGROUP)) if free is not None]
    return min(found, default=None)


def needed_bytes(executable: Any, present: int) -> int | None:
    """Bytes that a compiled JAX program will allocate; None where that is unknown.

    XLA counts arguments, results that do not replace an argument, and intermediate values. The ``present`` bytes of
    arguments that are on the device already are subtracted.
    """
    counted = executable.memory_analysis()
    if counted is None:
        return None
    results = counted.output_size_in_bytes - counted.alias_size_in_bytes
    return int(counted.argument_size_in_bytes + results + counted.temp_size_in_bytes) - present


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of a compilation or a launch says that memory was not enough."""
    return isinstance(error, MemoryError) or bool(EXHAUSTED.search(str(error)))


def readable(size: float) -> str:
    """ "1.9 GB": powers of 1000."""
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
    """Bytes that a control group (version 2) may still take; caches count as free. None where it has no limit."""
    try:
        limit = (folder / "memory.max").read_text(encoding="ascii").strip()
        if limit == "max":
            return None
        taken = int((folder / "memory.current").read_text(encoding="ascii"))
        stat = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
        return max(int(limit) - taken + int(stat.get("inactive_file", 0)), 0)
    except (OSError, ValueError):
        return None
