"""How long other programs may have held this process up, by the kernel's accounts (Linux; elsewhere unknown).

On the clock, a slower program looks the same as a neighbour on its cores; in the kernel's accounts it does not. Two
accounts are each an upper bound of the delay, and the smaller one counts:

- the time that *others* ran on the cores of this process. It includes what runs on a server's other 60 cores.
- the time that threads of this process were *ready and waiting* for a core. It includes waiting for each other.

In a virtual machine, the time that the hypervisor took away is *stolen*. Threads seem to run meanwhile, so it is added.

A neighbour's use of the shared cache, the memory bandwidth or the clock frequency is not seen.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
NANOSECOND = 1e-9


@dataclass(frozen=True)
class Accounts:
    """The kernel's accounts at one moment, in seconds.

    Attributes:
        wall: the clock.
        own: processor time of this process.
        busy: time that the cores of this process were busy, with any program.
        stolen: time that a hypervisor took from these cores.
        waited: by thread of this process, the time it waited for a core; None if the kernel has no such account.
    """

    wall: float
    own: float
    busy: float
    stolen: float
    waited: Mapping[str, float] | None


def accounts(proc: Path = PROC) -> Accounts | None:
    """The accounts now; None if the system has none."""
    try:
        cores = {f"cpu{core}" for core in os.sched_getaffinity(0)}
        lines = [line.split() for line in (proc / "stat").read_text("ascii").splitlines()]
        tick = os.sysconf("SC_CLK_TCK")
        # user nice system idle iowait irq softirq steal; a guest's time is in user's
        counts = [list(map(int, numbers[:8])) for name, *numbers in lines if name in cores]
        busy = sum(sum(core[:3]) + sum(core[5:7]) for core in counts) / tick
        stolen = sum(core[7] for core in counts) / tick
    except (OSError, AttributeError, ValueError, IndexError):
        return None
    if not busy:  # some sandboxes show a table of zeros
        return None
    return Accounts(time.perf_counter(), time.process_time(), busy, stolen, _waited(proc))


def _waited(proc: Path) -> dict[str, float] | None:
    waited = {}
    for thread in (proc / "self" / "task").glob("*"):
        try:
            waited[thread.name] = int((thread / "schedstat").read_text("ascii").split()[1]) * NANOSECOND
        except (OSError, ValueError, IndexError):
            continue  # the thread has ended, or the kernel has no such account
    return waited or None


def contention(before: Accounts | None, after: Accounts | None) -> float | None:
    """The share of the time between two readings that other programs may have cost; None if unknown.

    At 0.1, the same work alone would have taken 90 to 100 % of the time. From 1 on, nothing is known.
    """
    if before is None or after is None:
        return None
    others = max((after.busy - before.busy) - (after.own - before.own), 0.0)
    if before.waited is not None and after.waited is not None:
        waited = sum(max(value - before.waited.get(name, 0.0), 0.0) for name, value in after.waited.items())
        others = min(others, waited)
    return (others + after.stolen - before.stolen) / max(after.wall - before.wall, NANOSECOND)
