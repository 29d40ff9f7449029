"""The reference works: three fixed pieces of work that show how fast the machine is. They use no backend.

Two machines may have the same name, and a virtual machine's share of its host changes from day to day. Then every
training is slower, and so are the reference works. They run in each turn of the engines, under the same conditions.
They use one thread, because idle threads of a library would take cores from the next engine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

LOOPS, NUMBERS, COPIED = 30_000, 400_000, 2_000_000
"""Numbers of additions of the interpreter, of float32 sines, and of copied float32 (more than a core's caches hold).
Each takes about a millisecond, less than a time slice of the scheduler."""


def reference_work() -> Callable[[], dict[str, float]]:
    """A function that runs each reference work and returns its seconds, by name."""
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
    """The least seconds of each reference work. Engines are compared by their fastest rounds, too."""
    return {name: min(sample[name] for sample in samples) for name in samples[0]} if samples else {}
