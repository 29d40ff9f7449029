"""``GPU.md``: the report of the measurements on the GPU. It names the measurements that are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu.agreeing import cpu_and_gpu, precisions
from benchmarks.gpu.roofline import RooflinePoint, roofline
from benchmarks.gpu.steps import all_steps, finished, result
from benchmarks.gpu.work import FLAGS, MAIN, NETWORKS, PEERS, TARGETS, Scale
from benchmarks.roofline import least_bytes, operations
from harness.environment import gpu
from harness.record.run import read_run
from reports.folders import runs_folder
from reports.text import code, escape, table

PICTURE = "roofline.svg"
VECTORIZED = "vectorized, best number of seeds"


def gpu_report(out: Path, scale: Scale) -> dict[str, bytes]:
    """The files of the report by name: the text, and the roofline if there is something to draw."""
    found = {step.name: result(step.file(out)) for step in all_steps(scale)}
    points = _points(found)
    parts = [
        "# One GPU, many seeds side by side",
        _machine(found),
        *([_small(scale)] if scale.name != "full" else []),
        _floors(found, points),
        _widths(found),
        _batched(found),
        _parts(found),
        _flags(found),
        _highest(found),
        _peers(found),
        _verdicts(found, out),
        precisions(out),
        cpu_and_gpu(out),
        _left(scale, out),
    ]
    text = "\n\n".join(part for part in parts if part) + "\n"
    files = {"GPU.md": text.encode()}
    if points:
        machine = found["machine"]
        assert machine is not None
        files[PICTURE] = roofline(points, machine["measured"]["flops"]["default"], machine["measured"]["bandwidth"])
    return files


def _machine(found: Mapping[str, Any]) -> str:
    record = next((one for one in found.values() if one and "device" in one), None)
    if record is None:
        return "Nothing has been measured yet."
    prints, device = record["fingerprint"], record["device"]
    rows = [
        ["device", f"{device['kind'].upper()}: {escape(device['model'])}"],
        ["precision", escape(device["precision"])],
        ["JAX, Keras, NumPy", f"{prints['backend_version']}, {prints['keras']}, {prints['numpy']}"],
        ["Python, system", f"{prints['python']}, {escape(prints['system'])}"],
        *([label, start] for label, start, _ in gpu.rows(gpu.read(record["gpu"]), None)),
    ]
    machine = found.get("machine")
    if machine:
        peaks, bandwidth = machine["measured"]["flops"], machine["measured"]["bandwidth"]
        rows += [
            ["matrix products, default precision", _rate(peaks["default"])],
            ["matrix products, highest precision", _rate(peaks["highest"])],
            ["memory, read and written", f"{bandwidth / 1e9:,.0f} GB/s"],
        ]
    return table(["measured on", ""], rows)


def _small(scale: Scale) -> str:
    what = f"a trial of the script itself, with {scale.train} images"
    return f"**Scale {scale.name!r}: {what}. No figure here is a result.**"


def _points(found: Mapping[str, Any]) -> list[RooflinePoint]:
    """Each network's operations, traffic and fastest epoch; empty if the machine's peaks were not measured."""
    points = []
    for network in NETWORKS:
        record = found.get(f"speed {network}")
        if not record or not found.get("machine"):
            continue
        measured = record["measured"]
        shapes = [tuple(shape) for shape in measured["shapes"]]
        sizes = (measured["train"], measured["validation"])
        points.append(
            RooflinePoint(
                network,
                operations(shapes, *sizes),
                least_bytes(shapes, *sizes, measured["batch_size"]),
                min(row["ms"] for row in measured["rows"]) / 1e3,
            )
        )
    return points


def _floors(found: Mapping[str, Any], points: Sequence[RooflinePoint]) -> str:
    machine = found.get("machine")
    if not machine or not points:
        return ""
    flops, bandwidth = machine["measured"]["flops"]["default"], machine["measured"]["bandwidth"]
    rows = []
    for point in points:
        floor = max(point.operations / flops, point.traffic / bandwidth)
        bound = "memory" if point.traffic / bandwidth > point.operations / flops else "products"
        best = min(found[f"speed {point.name}"]["measured"]["rows"], key=lambda row: row["ms"])
        rows.append(
            [
                escape(point.name),
                f"{point.operations / 1e9:.1f}",
                f"{point.traffic / 1e9:.2f}",
                f"{floor * 1e3:.3f} ({bound})",
                f"{best['ms']:.3f} ({best['lanes']})",
                f"{TARGETS[point.name]:g}",
                f"{floor / point.seconds:.0%}",
                f"{best['seconds_per_seed'] * 1e3:,.0f}",
                f"{best['compile']:.1f}",
            ]
        )
    headers = [
        "network", "GFLOP", "GB at least", "floor, ms", "measured, ms (seeds side by side)", "target, ms",
        "of the floor", "a whole training, ms", "compilation, s",
    ]  # fmt: skip
    return (
        "## Floors and speed\n\n"
        + table(headers, rows, right=headers[1:])
        + f"\n\n![Roofline: arithmetic per byte against operations per second, for each network.]({PICTURE})\n\n"
        "Per seed and epoch, validation included. The floor is the time of the products at the measured peak or of "
        "the least traffic at the measured bandwidth, whichever is longer. The least traffic assumes that nothing of a "
        "seed stays in a cache, and that everything but the products is done inside them; see "
        f"{code('benchmarks/roofline.py')}. Measured is the median over the epochs after the first launch, at the "
        "fastest number of seeds side by side. A whole training includes all epochs, initial weights and data orders, "
        "but no compilation."
    )


def _widths(found: Mapping[str, Any]) -> str:
    records = {network: found.get(f"speed {network}") for network in NETWORKS}
    counts = sorted({row["lanes"] for one in records.values() if one for row in one["measured"]["rows"]})
    if not counts:
        return ""
    rows = []
    for network, record in records.items():
        known = {row["lanes"]: row for row in record["measured"]["rows"]} if record else {}
        cells = [f"{known[c]['ms']:.3f}" if c in known else "–" for c in counts]
        memory = [row["memory"] for row in known.values() if row["memory"]]
        rows.append([escape(network), *cells, f"{max(memory) / 1e9:.1f} GB" if memory else "–"])
    headers = ["network", *map(str, counts), "memory of the widest"]
    text = "## How many seeds side by side\n\n" + table(headers, rows, right=headers[1:])
    return text + "\n\nMilliseconds per seed and epoch by number of seeds. Memory as XLA counts it."


def _batched(found: Mapping[str, Any]) -> str:
    """The section on the batched products of the networks' layers alone."""
    record = found.get("machine")
    rates = record["measured"]["batched"] if record else []
    if not rates:
        return ""
    counts = sorted({rate["lanes"] for rate in rates})
    by_shape: dict[str, dict[int, str]] = {}
    for rate in rates:
        by_shape.setdefault(" × ".join(map(str, rate["shape"])), {})[rate["lanes"]] = _rate(rate["flops"])
    rows = [[shape, *(of.get(count, "–") for count in counts)] for shape, of in by_shape.items()]
    headers = ["rows × inputs × outputs", *map(str, counts)]
    return "## Their products alone, by number of seeds\n\n" + table(headers, rows, right=headers[1:])


def _parts(found: Mapping[str, Any]) -> str:
    record = found.get("parts")
    if not record:
        return ""
    rows = record["measured"]["rows"]
    whole = rows[0]["ms"]
    cells = [[escape(row["part"]), f"{row['ms']:.3f}", f"{row['ms'] - whole:+.3f}".replace("-", "−")] for row in rows]
    title = f"## Where the time goes: {record['measured']['network']}, {record['measured']['lanes']} side by side"
    return f"{title}\n\n" + table(["", "ms", "difference"], cells, right=["ms", "difference"])


def _flags(found: Mapping[str, Any]) -> str:
    rows = []
    for name, flags in FLAGS.items():
        record = found.get(f"flags {name}")
        if record:
            (row,) = record["measured"]["rows"]
            rows.append([escape(name), code(flags) or "–", f"{row['ms']:.3f}", f"{row['compile']:.1f}"])
    if not rows:
        return ""
    headers = ["flags of XLA", "", "ms", "compilation, s"]
    return f"## The compiler: {MAIN}\n\n" + table(headers, rows, right=headers[2:])


def _highest(found: Mapping[str, Any]) -> str:
    rows = []
    for network in NETWORKS:
        record, plain = found.get(f"highest {network}"), found.get(f"speed {network}")
        if record and plain:
            (row,) = record["measured"]["rows"]
            same = next((r for r in plain["measured"]["rows"] if r["lanes"] == row["lanes"]), None)
            usual = f"{same['ms']:.3f}" if same else "–"
            times = f"× {row['ms'] / same['ms']:.2f}" if same else "–"
            rows.append([escape(network), usual, f"{row['ms']:.3f}", times])
    if not rows:
        return ""
    headers = ["network", "default, ms", "highest, ms", "takes"]
    return "## Precision of products: time\n\n" + table(headers, rows, right=headers[1:])


def _peers(found: Mapping[str, Any]) -> str:
    """The section on alternatives: the time of an epoch per seed, and the speed-up by batched seeds."""
    rows = []
    ours = {}
    for network in NETWORKS:
        record = found.get(f"speed {network}")
        if record:
            ours[network] = min(record["measured"]["rows"], key=lambda row: row["ms"])
    if not ours:
        return ""
    absent = []
    notes = []
    for peer in PEERS:
        record = found.get(peer)
        if not record:
            absent.append(peer)
            continue
        by_network = {row["network"]: row for row in record["measured"]["rows"]}
        cells = []
        for network in NETWORKS:
            row, best = by_network.get(network), ours.get(network)
            if row is None or best is None:
                cells.append("–")
            else:
                cells.append(f"{row['epoch'] * 1e3:,.1f} (× {row['epoch'] * 1e3 / best['ms']:,.0f})")
        how = next((row["how"] for row in by_network.values() if "how" in row), "")
        if how:
            notes.append(f"{peer}: {how}.")
        version = record["fingerprint"]["backend_version"]
        rows.append([f"{escape(peer)} {version}", *cells])
    cells = [f"{ours[network]['ms']:.3f}" if network in ours else "–" for network in NETWORKS]
    rows.append([f"**{VECTORIZED}**", *cells])
    headers = ["ms per seed and epoch", *NETWORKS]
    text = "## What a user would pick instead\n\n" + table(headers, rows, right=headers[1:])
    text += (
        "\n\nOne seed after another, each row in a process of its own on the same card. The work is the same: all "
        "images, batches of 512 and a partial one, validation after each epoch. Times are in steady state, without "
        "compilation. In brackets: how many times faster seeds side by side are, per seed and epoch."
    )
    if notes:
        text += " " + escape(" ".join(notes))
    if absent:
        text += f" Not measured here: {', '.join(absent)}."
    return text


def _verdicts(found: Mapping[str, Any], out: Path) -> str:
    """The section that links to the verdicts, and tells how long each experiment trained."""
    record = found.get("full")
    path = runs_folder(out / "full") / f"{record['run']}.jsonl" if record else None
    if record is None or path is None or not path.exists():
        return ""
    run = read_run(path)
    seconds: dict[str, list[float]] = {}
    for training in run.trainings.values():
        one = seconds.setdefault(training.experiment, [0, 0, 0.0, 0.0])
        each = training.seconds
        for index, value in enumerate((1, len(training.seeds), each.total, each.compile)):
            one[index] += value
    rows = [
        [code(name), f"{count}", f"{trials:,}", duration(total), duration(compiled)]
        for name, (count, trials, total, compiled) in seconds.items()
    ]
    rows.append(
        [
            "**in all**",
            *(f"{sum(one[i] for one in seconds.values()):,}" for i in (0, 1)),
            *(duration(sum(one[i] for one in seconds.values())) for i in (2, 3)),
        ]
    )
    headers = ["experiment", "variants", "trials", "training", "of it compilation"]
    return (
        "## Trained to the end\n\n"
        f"Verdicts, curves and intervals: [the run's report](REPORT.md), of run {code(record['run'])}.\n\n"
        + table(headers, rows, right=headers[1:])
    )


def duration(seconds: float) -> str:
    """Seconds in words: "9 min 30 s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def _left(scale: Scale, out: Path) -> str:
    left = [step.name for step in all_steps(scale) if not finished(step, out)]
    made = f"Made by {code(f'python -m benchmarks.measure_gpu --out FOLDER --scale {scale.name}')}."
    return f"{made} Not measured: {', '.join(left)}." if left else made


def _rate(flops: float) -> str:
    return f"{flops / 1e12:,.1f} TFLOP/s"
