"""Results of steps, as they would be from a GPU."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.gpu.steps import all_steps
from benchmarks.gpu.work import NETWORKS

FIVE = [[784, 256], *[[256, 256]] * 4, [256, 10]]
SHAPES = {"softmax": [[784, 10]], "two hidden layers": [FIVE[0], FIVE[1], FIVE[-1]]}
MS = dict(zip(NETWORKS, (0.3, 1.0, 2.0, 2.5), strict=True))
DEVICE = {"kind": "gpu", "model": "Imaginary GPU", "precision": "float32, matmul default"}
PRINT = {
    "backend_version": "0.11.0", "keras": "3.15.1", "numpy": "2.4.6", "python": "3.12", "system": "Linux x86_64",
}  # fmt: skip


def write(out: Path, name: str, measured: Any) -> None:
    step = next(step for step in all_steps("full") if step.name == name)
    record = {"device": DEVICE, "fingerprint": PRINT, "gpu": None, "measured": measured}
    out.mkdir(exist_ok=True)
    step.file(out).write_text(json.dumps(record), encoding="utf-8")


def write_all(out: Path) -> None:
    """Everything but the run of the suite and PyTorch."""
    write(out, "machine", {"flops": {"default": 4e14, "highest": 5e13}, "bandwidth": 3e12})
    for network, ms in MS.items():
        rows = [
            {"seeds": seeds, "ms": times * ms, "compile": 12.0, "seconds_per_seed": ms / 50, "memory": 2e9}
            for seeds, times in ((64, 2), (128, 1), (256, 1.1))
        ]
        measured = {
            "shapes": SHAPES.get(network, FIVE), "train": 60000, "validation": 10000, "batch_size": 512, "rows": rows,
        }  # fmt: skip
        write(out, f"speed {network}", measured)
    for backend, times in (("jax", 150), ("tensorflow", 400)):
        write(out, f"fit on {backend}", {network: times * ms for network, ms in MS.items()})
    (out / "fit-on-torch.json").write_text('{"absent": "torch is not installed"}', encoding="utf-8")
