"""``GPU.md``: the report of the measurements on the GPU. It names the measurements that are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from benchmarks.gpu_worker import NETWORKS, PEERS, TARGETS
from benchmarks.roofline import least_bytes, operations
from harness.environment import gpu
from harness.record.run import GpuFacts
from reports.text import code, escape, table

Results = Mapping[str, Any]


def gpu_report(results: Results, left: Sequence[str], scale: str) -> str:
    """The results of the steps by name, None where there is none; ``left`` are the steps that are not done."""
    warning = "" if scale == "full" else f"**Scale {scale!r}: a trial of the script itself. No figure is a result.**"
    made = f"Made by {code(f'python -m benchmarks.measure_gpu --out FOLDER --scale {scale}')}."
    parts = ["# One GPU, many seeds side by side", _machine(results), warning, _speed(results), _replicas(results)]
    if run := results["full"]:
        parts.append(f"Trained to the end: [the report](full/REPORT.md) of run {code(run['run'])}.")
    parts.append(f"{made} Not measured: {', '.join(left)}." if left else made)
    return "\n\n".join(part for part in parts if part) + "\n"


def _machine(results: Results) -> str:
    record = next((each for each in results.values() if each and "device" in each), None)
    if record is None:
        return "Nothing has been measured yet."
    prints, device = record["fingerprint"], record["device"]
    rows = [
        ["device", f"{device['kind'].upper()}: {escape(device['model'])}, {escape(device['precision'])}"],
        ["JAX, Keras, NumPy", f"{prints['backend_version']}, {prints['keras']}, {prints['numpy']}"],
        ["Python, system", f"{prints['python']}, {escape(prints['system'])}"],
        *([label, start] for label, start, _ in gpu.rows(msgspec.convert(record["gpu"], GpuFacts | None), None)),
    ]
    if machine := results["machine"]:
        for precision, flops in machine["measured"]["flops"].items():
            rows.append([f"matrix products, {precision} precision", f"{flops / 1e12:,.1f} TFLOP/s"])
        rows.append(["memory, read and written", f"{machine['measured']['bandwidth'] / 1e9:,.0f} GB/s"])
    return table(["measured on", ""], rows)


def _speed(results: Results) -> str:
    rows = []
    for network in NETWORKS:
        record = results[f"speed {network}"]
        if record is None:
            continue
        best = min(record["measured"]["rows"], key=lambda row: row["ms"])
        peers = [results[f"fit on {backend}"] for backend in PEERS]
        epochs = [peer["measured"][network] if peer else None for peer in peers]
        rows.append(
            [
                escape(network),
                f"{best['ms']:.3f} ({best['seeds']})",
                f"{TARGETS[network]:g}",
                _floor(results, record["measured"], best["ms"]),
                f"{best['seconds_per_seed'] * 1e3:,.0f}, {best['compile']:.1f}",
                *("–" if ms is None else f"{ms:,.1f} (× {ms / best['ms']:,.0f})" for ms in epochs),
            ]
        )
    if not rows:
        return ""
    headers = [
        "network", "ms (seeds side by side)", "target", "floor", "training, ms; compilation, s",
        *(f"fit on {backend}" for backend in PEERS),
    ]  # fmt: skip
    return (
        "## Speed\n\n"
        + table(headers, rows, right=headers[1:])
        + "\n\nMilliseconds per seed and epoch, validation included, in steady state. The floor: the products at the "
        f"measured peak, or the least traffic at the measured bandwidth ({code('benchmarks/roofline.py')}). A training "
        "has all epochs, initial weights and data orders, and no compilation. `fit` trains one seed after another; in "
        "brackets, how many times faster seeds side by side are."
    )


def _floor(results: Results, measured: Mapping[str, Any], ms: float) -> str:
    """ "1.503 (memory, 75%)": milliseconds, what bounds them, and their share of the measured time."""
    if not results["machine"]:
        return "–"
    machine = results["machine"]["measured"]
    shapes = [tuple(shape) for shape in measured["shapes"]]
    examples = measured["train"], measured["validation"]
    products = operations(shapes, *examples) / machine["flops"]["default"] * 1e3
    memory = least_bytes(shapes, *examples, measured["batch_size"]) / machine["bandwidth"] * 1e3
    floor = max(products, memory)
    return f"{floor:.3f} ({'memory' if memory > products else 'products'}, {floor / ms:.0%})"


def _replicas(results: Results) -> str:
    known = {network: results[f"speed {network}"] for network in NETWORKS if results[f"speed {network}"]}
    by_network = {network: {row["seeds"]: row for row in of["measured"]["rows"]} for network, of in known.items()}
    counts = sorted({count for rows in by_network.values() for count in rows})
    if not counts:
        return ""
    cells = []
    for network, rows in by_network.items():
        memory = max((row["memory"] or 0 for row in rows.values()), default=0)
        times = [f"{rows[count]['ms']:.3f}" if count in rows else "–" for count in counts]
        cells.append([escape(network), *times, f"{memory / 1e9:.1f} GB" if memory else "–"])
    headers = ["network", *map(str, counts), "memory of the widest"]
    return "## How many seeds side by side\n\n" + table(headers, cells, right=headers[1:])
