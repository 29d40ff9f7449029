"""How much memory there is for the next block of trainings, and what running out of it looks like."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

MARGIN = 0.9
"""Of the free memory that a block may be planned for: allocators round up, and other processes breathe."""
MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")
EXHAUSTED = re.compile(r"RESOURCE_EXHAUSTED|out of memory|failed to allocate|bad_alloc", re.IGNORECASE)
"""What XLA, CUDA and the C++ library say."""


def free_bytes(device: Any) -> int | None:
    """Bytes that a program could still take on a JAX ``device``: on a GPU as its allocator counts, on a CPU of the
    machine or of this process' control group, whichever has less; None where nobody tells."""
    if device.platform != "cpu":
        stats = device.memory_stats() or {}
        if "bytes_limit" not in stats:
            return None
        return int(stats["bytes_limit"]) - int(stats.get("bytes_in_use", 0))
    found = [free for free in (_machine(MEMINFO), _group(CGROUP)) if free is not None]
    return min(found, default=None)


def needed_bytes(executable: Any, present: int) -> int | None:
    """Bytes that a compiled JAX program takes beyond the ``present`` ones of its arguments; None where untold.

    XLA's own count of what it will allocate: arguments, results that take no argument's place, and intermediates.
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
    """Of a control group (version 2) with a limit: what it may still take, caches not counted as taken."""
    try:
        limit = (folder / "memory.max").read_text(encoding="ascii").strip()
        if limit == "max":
            return None
        taken = int((folder / "memory.current").read_text(encoding="ascii"))
        stat = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
        return max(int(limit) - taken + int(stat.get("inactive_file", 0)), 0)
    except (OSError, ValueError):
        return None
