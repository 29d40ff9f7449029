"""Results of steps, as they would be from a GPU."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.gpu.steps import all_steps
from benchmarks.gpu.work import FLAGS, MAIN, NETWORKS, SCALES

FULL = SCALES["full"]
FIVE = [[784, 256], *[[256, 256]] * 4, [256, 10]]
SHAPES = {"softmax": [[784, 10]], "two hidden layers": [FIVE[0], FIVE[1], FIVE[-1]]}
MS = {"softmax": 0.3, "two hidden layers": 1.0, MAIN: 2.0, "five hidden layers, dropout 0.2": 2.5}
DEVICE = {"kind": "gpu", "model": "Imaginary GPU", "precision": "float32, matmul default"}
PRINT = {
    "backend_version": "0.11.0", "keras": "3.15.1", "numpy": "2.4.6", "python": "3.12", "system": "Linux x86_64",
}  # fmt: skip


def row(ms: float, lanes: int = 128, **more: Any) -> dict[str, Any]:
    return {
        "lanes": lanes, "asked": lanes, "ms": ms, "first_ms": ms, "compile": 12.0, "seconds_per_seed": ms / 50,
        "val_accuracy": 0.98, "memory": 2_000_000_000, "notes": [], **more,
    }  # fmt: skip


def write(out: Path, name: str, measured: Any) -> None:
    step = next(step for step in all_steps(FULL) if step.name == name)
    record = {"name": name, "device": DEVICE, "fingerprint": PRINT, "gpu": None, "measured": measured}
    out.mkdir(exist_ok=True)
    step.file(out).write_text(json.dumps(record), encoding="utf-8")


def write_all(out: Path) -> None:
    """Everything but the runs of the suite and PyTorch."""
    write(
        out,
        "machine",
        {
            "flops": {"default": 4e14, "highest": 5e13},
            "batched": [{"lanes": n, "shape": [512, 256, 256], "flops": n * 1e12} for n in (64, 128)],
            "bandwidth": 3e12,
        },
    )
    for network in NETWORKS:
        measured = {
            "network": network, "shapes": SHAPES.get(network, FIVE), "train": 60000, "validation": 10000,
            "batch_size": 512, "epochs": 20,
            "rows": [row(2 * MS[network], 64), row(MS[network], 128), row(1.1 * MS[network], 256)],
        }  # fmt: skip
        write(out, f"speed {network}", measured)
        write(out, f"highest {network}", {**measured, "rows": [row(2.5 * MS[network], 128)]})
    parts = [{"part": "as it is", **row(2.0)}, {"part": "no validation", **row(1.9)}]
    write(out, "parts", {"network": MAIN, "lanes": 128, "rows": parts})
    for name in FLAGS:
        write(out, f"flags {name}", {"rows": [row(2.0)]})
    for peer, factor in (("fit on jax", 150), ("fit on tensorflow", 400)):
        rows = [
            {
                "network": n,
                "epoch": factor * ms / 1e3,
                "first_epoch": 1,
                "training": 9,
                "epochs": 6,
                "val_accuracy": 0.9,
            }
            for n, ms in MS.items()
        ]
        write(out, peer, {"rows": rows})
    for peer in ("fit on torch", "torch loop"):
        step = next(step for step in all_steps(FULL) if step.name == peer)
        step.file(out).write_text(json.dumps({"name": peer, "absent": "torch is not installed"}), encoding="utf-8")
