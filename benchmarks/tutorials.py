"""``python -m benchmarks.tutorials``: which of twenty faults ``examples/training`` sees, and its false alarms.

Each row is a run of pytest in a process of its own, on the stored evidence of the backend. ``--unchanged`` puts no
fault in: it varies the instruction set, the threads and the libraries' own kernels.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.anyone.stored import path_of
from harness.course import ROOT

FAULTS = (
    "learning rate × 0.99",
    "learning rate × 0.999",
    "Adam: beta_2 is 0.99",
    "Adam: no bias correction",
    "Adam: bias correction a step late",
    "dropout off",
    "dropout on at evaluation",
    "dropout without rescaling",
    "dropout with one mask for a batch",
    "ReLU capped at 6",
    "max pooling → mean",
    "softmax by a rough exponential",
    "glorot counts fan_in only",
    "RMSprop: rho is 0.95",
    "LSTM's output gate open",
    "LSTM without its forget bias",
    "SGD: momentum is 0.89",
    "SGD: nesterov ignored",
    "squares × 0.99",
    "outputs of Dense in float16",
)
"""Twenty of the table of ``benchmarks.faults``, chosen before any of them was tried here."""
SETS: dict[str, tuple[dict[str, str], ...]] = {
    "jax": (
        {},
        {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2"},
        {"XLA_FLAGS": "--xla_cpu_max_isa=AVX"},
        {"XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2 --xla_cpu_multi_thread_eigen=false"},
    ),
    "tensorflow": (
        {},
        {"ONEDNN_MAX_CPU_ISA": "AVX2", "XLA_FLAGS": "--xla_cpu_max_isa=AVX2"},
        {"ONEDNN_MAX_CPU_ISA": "SSE41", "XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2"},
        {"TF_ENABLE_ONEDNN_OPTS": "0"},
        {"TF_ENABLE_ONEDNN_OPTS": "0", "XLA_FLAGS": "--xla_cpu_max_isa=AVX"},
        {"ONEDNN_MAX_CPU_ISA": "AVX", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"},
    ),
}
"""The variables of each unchanged run; each is run on one core and on all."""


def tried(backend: str, fault: str = "none", cores: int = 0, **variables: str) -> tuple[list[str], list[str], str]:
    """The tests that failed and passed with a fault, and the output."""
    options = ["-p", "benchmarks.faults.plugin", "--fault", fault, "-p", "no:randomly", "-p", "no:cacheprovider", "-v"]
    command = [sys.executable, "-m", "pytest", "examples/training", *options]
    done = subprocess.run(
        ["taskset", "-c", ",".join(map(str, range(cores)))] * bool(cores) + command,
        cwd=ROOT, env={**os.environ, "KERAS_BACKEND": backend, **variables},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    names = {word: re.findall(rf"::test_(\w+) {word}", done.stdout) for word in ("FAILED", "PASSED")}
    if len(names["FAILED"]) + len(names["PASSED"]) != 3:
        sys.exit(f"{fault}: pytest ran no three tests.\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    return names["FAILED"], names["PASSED"], done.stdout


def unchanged(backend: str) -> Iterator[tuple[Mapping[str, str], int]]:
    """(variables, cores) of each unchanged run: another instruction set or kernel, on one core and on all."""
    return itertools.product(SETS[backend], (1, 0))


def large() -> str:
    """What a check of a network with a million weights stores and takes, against ``fit`` on as many steps."""
    import keras
    import numpy as np

    from harness.anyone.check import check
    from harness.anyone.training import OwnTraining

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4000, 784)).astype("float32"), rng.integers(0, 10, 4000)

    def build() -> Any:
        dense = keras.layers.Dense
        return keras.Sequential([keras.layers.Input((784,)), dense(1000, "relu"), dense(208, "relu"), dense(10)])

    def training() -> OwnTraining:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        return OwnTraining(id="test-large", build_model=build, data=(x, y), optimizer="adam", loss=loss, epochs=3,
                           batch_size=128, validation_data=(x[:1000], y[:1000]), seeds=2)  # fmt: skip

    with tempfile.TemporaryDirectory() as folder:

        def path(stack: str) -> Path:
            return path_of(Path(folder) / "test_x.py", stack, "test-large")

        clock = time.perf_counter()
        check(training(), path, update=False)
        stored, size = time.perf_counter() - clock, next(Path(folder).rglob("*.json")).stat().st_size
        clock = time.perf_counter()
        passes, _, _ = check(training(), path, update=False)
        checked = time.perf_counter() - clock
    model, seconds = training().built(0), []
    for _ in range(41):  # four short epochs of five seeds, from two states; the first compiles
        clock = time.perf_counter()
        model.fit(x[:544], y[:544], batch_size=128, shuffle=False, verbose=0, validation_data=(x[:1000], y[:1000]))
        seconds.append(time.perf_counter() - clock)
    steps = sum(seconds[1:])
    allowed = 1.5 * steps + seconds[0]
    return (
        f"{model.count_params():,} weights: {size / 1000:.0f} kB; the check took {checked:.1f} s ({passes=}), storing "
        f"{stored:.1f} s; fit takes {steps:.1f} s for as many steps and {seconds[0]:.1f} s with the first, so at most "
        f"{allowed:.1f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", choices=sorted(SETS), default="jax")
    parser.add_argument("--unchanged", action="store_true", help="no fault, on other instruction sets and cores")
    parser.add_argument("--large", action="store_true", help="a check of a million weights; KERAS_BACKEND names where")
    asked = parser.parse_args()
    if asked.large:
        print(large())
        return
    if asked.unchanged:
        runs = list(unchanged(asked.backend))
        alarms = 0
        for variables, cores in runs:
            red, _, output = tried(asked.backend, cores=cores, **variables)
            alarms += len(red)
            states = " ".join(re.findall(r"^\S+ moved: .*$", output, re.MULTILINE))
            print(
                f"{variables or 'as it is'}, {cores or 'all'} cores: {', '.join(red) or 'no alarm'} {states}",
                flush=True,
            )
        print(f"{len(runs)} runs of three tests: {alarms} alarms")
        return
    seen = 0
    for fault in FAULTS:
        red, _, output = tried(asked.backend, fault)
        seen += bool(red)
        causes = dict.fromkeys(re.findall(r"does otherwise: ([^(;]*)", output))
        print(f"| {fault} | {', '.join(red) or 'not seen'} | {'; '.join(map(str.strip, causes))} |", flush=True)
    print(f"{seen} of {len(FAULTS)} seen")


if __name__ == "__main__":
    main()
