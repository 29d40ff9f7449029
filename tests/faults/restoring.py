"""Injects and removes every fault, in a process with a backend: ``python -m tests.faults.restoring FILE``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from harness.training.backend import choose_backend, start_backend
from tests.faults.catalogue import on
from tests.faults.fault import Fault, injected


def held(fault: Fault) -> list[Any]:
    """What stands where the fault is put in: by the owner's own attributes, inherited ones apart."""
    found = []
    for patch in fault.patches:
        target = patch.target()
        found.append((vars(target).get(patch.name), getattr(target, patch.name)))
    return found


def restored(fault: Fault) -> dict[str, bool]:
    """Whether each attribute is another one with the fault and the same as before without, though the run fails."""
    before = held(fault)
    try:
        with injected(fault):
            during = held(fault)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        after = held(fault)
    return {
        "replaced": all(one[1] is not other[1] for one, other in zip(before, during, strict=True)),
        "restored": all(_same(one, other) for one, other in zip(before, after, strict=True)),
    }


def _same(one: Any, other: Any) -> bool:
    return one[0] is other[0] and (one[1] is other[1] or one[1] == other[1])


def main(path: Path) -> None:
    choose_backend("jax")
    start_backend()
    path.write_text(json.dumps({fault.name: restored(fault) for fault in on("jax")}), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
