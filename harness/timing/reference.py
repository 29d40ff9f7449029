"""How fast the machine itself is: three fixed pieces of work in which neither a backend nor our own code has a hand.

Two machines may carry the same name, and a virtual one gets more or less of its host from day to day. Then every
training is slower, and these are too. They run in each turn of the engines, so that they see what the engines see, and
on one thread: a library's threads, waiting for more work, would take cores from the engine that comes next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

LOOPS, NUMBERS, COPIED = 30_000, 400_000, 2_000_000
"""Additions of the interpreter, float32 of a sine, and of a copy, larger than a core's own caches: about a millisecond
each, less than a scheduler's slice."""


def reference_work() -> Callable[[], dict[str, float]]:
    """A function that runs each piece and returns its seconds: of the interpreter, of arithmetic, of a copy."""
    import numpy as np

    angles, memory = np.linspace(0, 1, NUMBERS, dtype="float32"), np.ones(COPIED, "float32")
    sines, copy = np.empty_like(angles), np.empty_like(memory)
    pieces: dict[str, Callable[[], object]] = {
        "interpreter": lambda: sum(i & 1 for i in range(LOOPS)),
        "arithmetic": lambda: np.sin(angles, out=sines),
        "copy": lambda: np.copyto(copy, memory),
    }

    def run() -> dict[str, float]:
        taken = {}
        for name, piece in pieces.items():
            begin = time.perf_counter()
            piece()
            taken[name] = time.perf_counter() - begin
        return taken

    run()
    return run


def fastest(samples: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of each piece, over all times it ran: as engines are compared by their fastest rounds."""
    return {name: min(sample[name] for sample in samples) for name in samples[0]} if samples else {}
