"""For how long other programs may have held this process up, from the kernel's own books (Linux; elsewhere unknown).

A slowdown of a program and a neighbour on its cores look alike on the clock, but not in the kernel's accounts. Two of
them are each an upper bound of the delay: the time that *others* ran on the cores this process may use, and the time
that its threads stood *ready and waiting* for a core. The first alone would blame what runs on a server's other 60
cores, the second alone what its own threads wait for each other. What a hypervisor took away is *stolen* in a guest's
accounts, and threads seem to run meanwhile: it is added.

Not seen: what a neighbour takes without taking time, of a shared cache, of memory bandwidth, of the clock's frequency.
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
    """Seconds so far: on the ``wall`` clock, ``own`` of this process on a core, ``busy`` of these cores whoever ran,
    ``stolen`` from them by a hypervisor; ``waited`` for a core, by thread of this process (None where not kept)."""

    wall: float
    own: float
    busy: float
    stolen: float
    waited: Mapping[str, float] | None


def accounts(proc: Path = PROC) -> Accounts | None:
    """The accounts now; None where the system keeps none."""
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
    if not busy:  # a sandbox that shows a table of zeros
        return None
    return Accounts(time.perf_counter(), time.process_time(), busy, stolen, _waited(proc))


def _waited(proc: Path) -> dict[str, float] | None:
    found = {}
    for thread in (proc / "self" / "task").glob("*"):
        try:
            found[thread.name] = int((thread / "schedstat").read_text("ascii").split()[1]) * NANOSECOND
        except (OSError, ValueError, IndexError):
            continue  # it has ended meanwhile, or the kernel keeps no such account
    return found or None


def contention(before: Accounts | None, after: Accounts | None) -> float | None:
    """Seconds per second by which others may have held this process up between two readings; None if unknown.

    At 0.1 the same work alone took between 90 and 100 % of the time; from 1 on nothing can be said about it.
    """
    if before is None or after is None:
        return None
    others = max((after.busy - before.busy) - (after.own - before.own), 0.0)
    if before.waited is not None and after.waited is not None:
        waited = sum(max(value - before.waited.get(name, 0.0), 0.0) for name, value in after.waited.items())
        others = min(others, waited)
    return (others + after.stolen - before.stolen) / max(after.wall - before.wall, NANOSECOND)
