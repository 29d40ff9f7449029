"""The process of one measurement: ``python -m benchmarks.gpu.worker NAME FILE BACKEND SCALE ARGUMENTS``.

``benchmarks.measure_gpu`` starts it. It writes a JSON file with the result and the environment: device, versions,
precision. ARGUMENTS is a JSON object.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.gpu.work import SCALES, Scale
from harness.environment import gpu
from harness.environment.fingerprint import fingerprint
from harness.training.backend import choose_backend, start_backend
from reports.folders import write_atomic


def measured(name: str, backend: str, scale: Scale, arguments: dict[str, Any]) -> dict[str, Any]:
    """The result of the measurement with this name."""
    if name == "machine":
        from benchmarks.gpu import machine

        return machine.measure(scale)
    if name == "speed":
        from benchmarks.gpu import speed

        return speed.measure(scale, arguments["network"], tuple(arguments["lanes"]))
    if name == "parts":
        from benchmarks.gpu import speed

        return speed.parts(scale, arguments["lanes"])
    if name == "torch loop":
        from benchmarks.gpu import torch_loop

        return torch_loop.measure(scale)
    from benchmarks.gpu import peers

    return peers.measure(scale, backend)


def main(name: str, path: Path, backend: str, scale: str, arguments: dict[str, Any]) -> None:
    if importlib.util.find_spec(backend) is None:
        write_atomic(path, json.dumps({"name": name, "absent": f"{backend} is not installed"}).encode())
        return
    choose_backend(backend)
    where = start_backend(arguments.get("precision", "default"))
    clock = time.perf_counter()
    found = measured(name, backend, SCALES[scale], arguments)
    record = {
        "name": name,
        "scale": scale,
        "arguments": arguments,
        "device": {"kind": where.kind, "model": where.model, "precision": where.precision},
        "fingerprint": fingerprint(backend, where.kind, where.model, where.precision),
        "gpu": msgspec.to_builtins(gpu.facts(where.kind, where.model)),
        "seconds": time.perf_counter() - clock,
        "measured": found,
    }
    write_atomic(path, json.dumps(record, indent=1, allow_nan=False).encode())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4], json.loads(sys.argv[5]))
