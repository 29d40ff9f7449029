"""``python -m benchmarks.measure_gpu --out FOLDER``: measures one GPU, in steps, and writes ``GPU.md``.

The next call goes on where one was stopped (``--minutes 9``). Only JAX is required; the report names backends that are
not installed. No step takes longer than eight minutes. Nothing is read from the network, and nothing is written outside
FOLDER. ``--scale small`` tries the script itself on a CPU, in a minute or two.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec

from benchmarks.measured import Measured
from benchmarks.roofline import dense_shapes, least_bytes, operations, peaks
from cases import CLAIMS
from harness.claim import experiments
from harness.course import ROOT
from harness.environment import gpu
from harness.environment.fingerprint import fingerprint
from harness.errors import SuiteError, invalid
from harness.model import Experiment
from harness.record.run import GpuFacts, Run, read_run
from harness.record.run_file import latest_run
from harness.training.backend import choose_backend, start_backend
from harness.training.setup import TrainingSetup
from reports.folders import check_writable, runs_folder, write_atomic
from reports.words import code, escape, table

LONGEST, SHORTEST = 450.0, 45.0
"""The most seconds of a step, and the least that have to be left for a step to begin."""
PATIENCE = 330.0
"""After these seconds no further number of seeds is tried."""
GRACE = 60.0
"""Seconds that a run of the suite has to write its record after Ctrl-C."""
NETWORKS: Mapping[str, str] = {
    "softmax": "softmax",
    "two hidden layers": "2 relu xavier",
    "five hidden layers": "5 relu xavier",
    "five hidden layers, dropout 0.2": "dropout 0.2",
}
"""Variants of Example 4 by their names in tables."""
TARGETS: Mapping[str, float] = dict(zip(NETWORKS, (0.27, 1.05, 1.9, 2.2), strict=True))
"""The vectorized engine's targets on an H100: milliseconds per seed and epoch, validation included."""
PEERS = ("jax", "tensorflow", "torch")
"""The backends of ``fit``, the usual alternative: one seed after another."""
FULL = "full"
"""The step that trains the catalogue to the end with batched seeds."""
Record = dict[str, Any]


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Attributes:
        epochs, peer_epochs: epochs of each training, with batched seeds (the lecture has 20) and with ``fit``.
        train: number of training images; None for all.
        replicas: numbers of batched seeds to try.
        seeds, select: ``--seeds`` and ``-k`` of the suite's run to the end; all that train if ``select`` is "".
        sizes, megabytes: rows of the square matrices, and the array, with which the peaks are measured.
    """

    epochs: int
    peer_epochs: int
    train: int | None
    replicas: tuple[int, ...]
    seeds: str
    select: str
    sizes: tuple[int, ...]
    megabytes: int


MANY = "256,example-3=1024,example-4=1024,example-4-softmax=1024"
SCALES = {
    "full": Scale(20, 6, None, (32, 48, 64, 96, 128, 256), MANY, "", (4096, 8192, 16384), 1000),
    "small": Scale(3, 2, 600, (2, 4), "5", "minmax-fixes-divergence", (256,), 8),
}


def experiment(scale: Scale, epochs: int) -> Experiment:
    """Example 4 at the lecture's batch size, with the scale's images."""
    example = next(each for each in experiments(CLAIMS) if each.id == "example-4")
    return replace(example, size=replace(example.size, epochs=epochs, train=scale.train))


def machine(scale: Scale) -> Record:
    """The peak of products in operations/s at each precision, and the memory bandwidth in bytes/s."""
    import jax

    flops = {}
    for precision in ("default", "highest"):
        with jax.default_matmul_precision(precision):
            flops[precision], bandwidth = peaks(scale.sizes, scale.megabytes)
    return {"flops": flops, "bandwidth": bandwidth}


def speed(network: str, scale: Scale) -> Record:
    """A row per number of batched seeds, as long as time is left: milliseconds per seed and epoch."""
    setup = TrainingSetup.of(experiment(scale, scale.epochs), NETWORKS[network])
    rows: list[Record] = []
    begin = time.perf_counter()
    for count in scale.replicas:
        if not rows or time.perf_counter() - begin <= PATIENCE:
            rows.append(batched(setup, count))
    return {
        "shapes": dense_shapes(setup.build()[0]),
        "train": len(setup.data.x),
        "validation": len(setup.data.x_val) if setup.data.x_val is not None else 0,
        "batch_size": setup.size.batch_size,
        "rows": rows,
    }


def batched(setup: TrainingSetup, replicas: int) -> Record:
    """The times of one block of ``replicas`` seeds: of the compilation, and of the later epochs."""
    from harness.training.vectorized import VectorizedEngine

    engine = VectorizedEngine(setup)
    clock = time.perf_counter()
    with mock.patch.object(engine, "_width", return_value=replicas):
        block = next(engine.blocks(range(replicas), lambda seed, epoch: None))
    total = time.perf_counter() - clock
    first = block[0][1]
    return {
        "seeds": len(block),
        "ms": statistics.median(first.launches[len(first.launches) // 4 :]) * 1e3,
        "compile": first.compile or 0.0,
        "seconds_per_seed": (total - (first.compile or 0.0)) / len(block),
        "memory": (engine.program.device.memory_stats() or {}).get("peak_bytes_in_use"),
    }


def fit(scale: Scale) -> Record:
    """Milliseconds per epoch of ``keras.Model.fit`` by network, one seed after another."""
    from harness.training.fit import FitEngine

    epochs = {}
    for network, variant in NETWORKS.items():
        engine = FitEngine(TrainingSetup.of(experiment(scale, scale.peer_epochs), variant))
        epochs[network] = statistics.median(engine.run(0, lambda seed, epoch: None).launches[1:]) * 1e3
    return epochs


STEPS: dict[str, tuple[str, Callable[[Scale], Record]]] = {
    "machine": ("jax", machine),
    **{f"speed {network}": ("jax", partial(speed, network)) for network in NETWORKS},
    **{f"fit on {backend}": (backend, fit) for backend in PEERS},
}
"""By name, the most important first, the backend and the measurement of a step; FULL is the last one."""


def perform(name: str, scale: str, path: Path) -> None:
    """Adds the record of a step to the file: what was measured, where, or that its backend is absent."""
    backend, measure = STEPS[name]
    known = Measured(path)
    if importlib.util.find_spec(backend) is None:
        known.put(name, {"absent": f"{backend} is not installed"})
        return
    choose_backend(backend)
    where = start_backend()
    measured = measure(SCALES[scale])
    facts = {
        "device": {"kind": where.kind, "model": where.model, "precision": where.precision},
        "fingerprint": fingerprint(backend, where.kind, where.model, where.precision),
        "gpu": msgspec.to_builtins(gpu.facts(where.kind, where.model)),
    }
    known.put(name, {**facts, "measured": measured})


def in_process(name: str, scale: str, path: Path, seconds: float) -> None:
    """A step in a process of its own, which has one backend; it is killed when its time is up."""
    process = get_context("spawn").Process(target=perform, args=(name, scale, path))
    process.start()
    process.join(seconds)
    process.kill()
    process.join()


def to_the_end(scale: Scale, path: Path, seconds: float) -> None:
    """A run of the suite with batched seeds, which stores its evidence in FOLDER/full-evidence and goes on later."""
    out = path.parent
    known = last_run(out)
    options = [
        *("--backend", "jax", "--engine", "vectorized", "--full", "-m", "training", "--seeds", scale.seeds),
        *(("-k", scale.select) if scale.select else ()),
        *("--report-dir", str(out / FULL), "--baseline-dir", str(out / "full-evidence")),
        *("--update-baselines", f"{scale.seeds} seeds side by side", *(("--resume",) if known else ())),
        *("-p", "no:cacheprovider", "-p", "no:randomly"),
    ]
    if known is None or known.open:
        process = subprocess.Popen([sys.executable, "-m", "pytest", "suite/", *options], cwd=ROOT)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)
        finally:
            process.kill()
            process.wait()
        known = last_run(out)
    if known and known.end and not known.open:
        Measured(path).put(FULL, {"run": known.header.id, "status": known.end.exit_status})


def last_run(out: Path) -> Run | None:
    """The last run of FULL; None if there is none, or its file is damaged."""
    with contextlib.suppress(SuiteError):
        return read_run(latest_run(runs_folder(out / FULL)))
    return None


def run(names: Sequence[str], scale: str, path: Path, minutes: float | None) -> list[str]:
    """Performs the steps that have no record, as long as there is time; returns the names of those left."""
    end = time.monotonic() + (LONGEST if minutes is None else minutes * 60)
    for name in names:
        room = LONGEST if minutes is None else min(LONGEST, end - time.monotonic())
        if name in Measured(path).results or room < SHORTEST:
            continue
        clock = time.monotonic()
        if name == FULL:
            to_the_end(SCALES[scale], path, room)
        else:
            in_process(name, scale, path, room)
        said = "done" if name in Measured(path).results else "failed, or stopped: time was up"
        print(f"{name}: {said} ({time.monotonic() - clock:.0f} s)", flush=True)
    return [name for name in names if name not in Measured(path).results]


def report(results: Mapping[str, Record], scale: str) -> str:
    """``GPU.md``, of the records of the steps by name. It names the measurements that are missing."""
    measured = {name: record["measured"] for name, record in results.items() if "measured" in record}
    left = [name for name in (*STEPS, FULL) if name not in results]
    made = f"Made by {code(f'python -m benchmarks.measure_gpu --out FOLDER --scale {scale}')}."
    parts = [
        "# One GPU, many seeds side by side",
        where_measured(results) if measured else "Nothing has been measured yet.",
        "" if scale == "full" else f"**Scale {scale!r}: a trial of the script itself. No figure is a result.**",
        speeds(measured),
        replicas(measured),
        f"Trained to the end: [the report](full/REPORT.md) of run {code(results[FULL]['run'])}."
        if FULL in results
        else "",
        f"{made} Not measured: {', '.join(left)}." if left else made,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def where_measured(results: Mapping[str, Record]) -> str:
    record = next(each for each in results.values() if "device" in each)
    prints, device = record["fingerprint"], record["device"]
    rows = [
        ["device", f"{device['kind'].upper()}: {escape(device['model'])}, {escape(device['precision'])}"],
        ["JAX, Keras, NumPy", f"{prints['backend_version']}, {prints['keras']}, {prints['numpy']}"],
        ["Python, system", f"{prints['python']}, {escape(prints['system'])}"],
        *([label, start] for label, start, _ in gpu.rows(msgspec.convert(record["gpu"], GpuFacts | None), None)),
    ]
    if peak := results.get("machine"):
        for precision, flops in peak["measured"]["flops"].items():
            rows.append([f"matrix products, {precision} precision", f"{flops / 1e12:,.1f} TFLOP/s"])
        rows.append(["memory, read and written", f"{peak['measured']['bandwidth'] / 1e9:,.0f} GB/s"])
    return table(["measured on", ""], rows)


def speeds(measured: Mapping[str, Record]) -> str:
    rows = []
    for network in NETWORKS:
        if known := measured.get(f"speed {network}"):
            best = min(known["rows"], key=lambda row: row["ms"])
            peers = [measured.get(f"fit on {backend}", {}).get(network) for backend in PEERS]
            rows.append(
                [
                    escape(network),
                    f"{best['ms']:.3f} ({best['seeds']})",
                    f"{TARGETS[network]:g}",
                    floor(measured["machine"], known, best["ms"]) if "machine" in measured else "–",
                    f"{best['seconds_per_seed'] * 1e3:,.0f}, {best['compile']:.1f}",
                    *("–" if ms is None else f"{ms:,.1f} (× {ms / best['ms']:,.0f})" for ms in peers),
                ]
            )
    if not rows:
        return ""
    headers = [
        "network", "ms (seeds side by side)", "target", "floor", "training, ms; compilation, s",
        *(f"fit on {backend}" for backend in PEERS),
    ]  # fmt: skip
    return (
        f"## Speed\n\n{table(headers, rows, right=headers[1:])}\n\n"
        "Milliseconds per seed and epoch, validation included, in steady state. The floor: the products at the "
        f"measured peak, or the least traffic at the measured bandwidth ({code('benchmarks/roofline.py')}). A training "
        "has all epochs, initial weights and data orders, and no compilation. `fit` trains one seed after another; in "
        "brackets, how many times faster seeds side by side are."
    )


def floor(peak: Record, known: Record, ms: float) -> str:
    """ "1.503 (memory, 75%)": milliseconds, what bounds them, and their share of the measured time."""
    shapes = [tuple(shape) for shape in known["shapes"]]
    examples = known["train"], known["validation"]
    products = operations(shapes, *examples) / peak["flops"]["default"] * 1e3
    memory = least_bytes(shapes, *examples, known["batch_size"]) / peak["bandwidth"] * 1e3
    least = max(products, memory)
    return f"{least:.3f} ({'memory' if memory > products else 'products'}, {least / ms:.0%})"


def replicas(measured: Mapping[str, Record]) -> str:
    """A table of the milliseconds by network and number of seeds."""
    known = {name: measured[f"speed {name}"]["rows"] for name in NETWORKS if f"speed {name}" in measured}
    counts = sorted({row["seeds"] for rows in known.values() for row in rows})
    if not counts:
        return ""
    cells = []
    for network, rows in known.items():
        times = {row["seeds"]: f"{row['ms']:.3f}" for row in rows}
        memory = max(row["memory"] or 0 for row in rows)
        cells.append(
            [escape(network), *(times.get(n, "–") for n in counts), f"{memory / 1e9:.1f} GB" if memory else "–"]
        )
    headers = ["network", *map(str, counts), "memory of the widest"]
    return f"## How many seeds side by side\n\n{table(headers, cells, right=headers[1:])}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 if every step is done, 1 if some are left or failed, 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.measure_gpu", description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="the folder of results and GPU.md")
    parser.add_argument("--scale", choices=sorted(SCALES), default="full", help="small: to try the script on a CPU")
    parser.add_argument("--minutes", type=float, metavar="N", help="stop after so many minutes")
    parser.add_argument("--only", nargs="+", choices=(*STEPS, FULL), default=(*STEPS, FULL), metavar="STEP")
    options = parser.parse_args(arguments)
    path = options.out.resolve() / "measured.json"
    try:
        if options.minutes is not None and not options.minutes > 0:
            raise invalid("--minutes", expected="a number above 0", received=options.minutes)
        check_writable(path.parent)
        left = run(options.only, options.scale, path, options.minutes)
        write_atomic(path.with_name("GPU.md"), report(Measured(path).results, options.scale).encode())
    except SuiteError as error:
        print("measure_gpu:", " ".join(str(error).split()), file=sys.stderr)
        return 2
    print(f"report: {path.with_name('GPU.md')}")
    if left:
        print(f"{len(left)} steps are left: {', '.join(left)}. Repeat the command to continue.")
    return int(bool(left))


if __name__ == "__main__":
    sys.exit(main())
