"""Measures the false alarms of a check of first steps: ``python -m benchmarks.gate alarms``.

It trains the first steps of every variant with evidence in environments that should make no difference: other
instruction sets of XLA and oneDNN, numbers of cores, and engines. Each environment is a process of its own. Then it
simulates 100 runs. For every variant and seed, a run draws one trace from these environments and the stored perturbed
trials.

Results go to a JSON file, with which a later call continues. Nothing is trained to the end.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec

from benchmarks.measured import Measured
from harness.check import evidence as files
from harness.check.judge import Circumstances, judge
from harness.check.rounding import CHECKED, VALIDATED
from harness.course import ROOT
from harness.errors import SuiteError
from harness.record.evidence import Evidence
from harness.record.outcomes import TrainingOutcome, TrainingState
from harness.record.trials import ShortTrial, Training
from suite.catalogue import EXPERIMENTS

RUNS = 100
SEEDS = tuple(range(CHECKED))
ENGINE, CORES = "ENGINE", "CORES"
OLDEST = {"XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2", "ONEDNN_MAX_CPU_ISA": "SSE41"}
ENVIRONMENTS: dict[str, dict[str, dict[str, str]]] = {
    "tensorflow": {
        "as it is": {},
        "SSE4.2": OLDEST,
        "AVX": {"XLA_FLAGS": "--xla_cpu_max_isa=AVX", "ONEDNN_MAX_CPU_ISA": "AVX"},
        "AVX2": {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
        "one core": {CORES: "1"},
        "without oneDNN": {"TF_ENABLE_ONEDNN_OPTS": "0"},
        "fit": {ENGINE: "fit"},
        "fit, SSE4.2": {ENGINE: "fit", **OLDEST},
    },
    "jax": {
        "as it is": {},
        "SSE4.2": {"XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2"},
        "AVX": {"XLA_FLAGS": "--xla_cpu_max_isa=AVX"},
        "AVX2": {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2"},
        "one core": {CORES: "1"},
        "fit": {ENGINE: "fit"},
        "vectorized": {ENGINE: "vectorized"},
    },
}
"""Environments that should make no difference, by backend and name: variables, cores and engine."""
Known = tuple[str, str, Evidence]
"""An experiment and its variant, and the evidence of the experiment."""
Traces = Mapping[str, Sequence[ShortTrial]]
"""By "experiment/variant" the shortened trials."""


def variants(backend: str, only: Sequence[str]) -> Iterator[Known]:
    """Each variant whose first steps a check trains, or those of ``only``: experiments, or "experiment/variant"."""
    for name, experiment in EXPERIMENTS.items():
        evidence = files.read(files.path_of(ROOT / "baselines", f"{backend}-cpu", name))
        for variant in experiment.variants if evidence else ():
            stored = evidence.variants.get(variant.name) if evidence else None
            chosen = not only or name in only or f"{name}/{variant.name}" in only
            if evidence and stored and not stored.tiny and stored.steps and chosen:
                yield name, variant.name, evidence


def traces(backend: str, environment: Mapping[str, str], only: Sequence[str]) -> dict[str, Any]:
    """The shortened trials of every variant in this process, as JSON data by "experiment/variant"."""
    from harness.training.backend import choose_backend, start_backend
    from harness.training.steps import first_steps

    if CORES in environment:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    choose_backend(backend)
    start_backend()
    engine = environment.get(ENGINE, "compiled")
    trained = {}
    for name, variant, evidence in variants(backend, only):
        steps = evidence.variants[variant].steps or 0
        short = first_steps(EXPERIMENTS[name], variant, SEEDS, steps, engine=engine, validate=VALIDATED)
        trained[f"{name}/{variant}"] = msgspec.to_builtins(short)
    return trained


def in_process(backend: str, environment: Mapping[str, str], only: Sequence[str]) -> dict[str, Any]:
    """``traces`` of one environment, from a process of its own: a backend reads its variables once."""
    with mock.patch.dict(os.environ, environment), ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(traces, backend, environment, only).result()


def judged(known: Known, short: Sequence[ShortTrial]) -> TrainingOutcome:
    """A check's outcome for these shortened trials, if the training's configuration has not changed."""
    name, variant, evidence = known
    stored = evidence.variants[variant]
    trained = Training(configuration=stored.configuration, hashes=stored.hashes, short=tuple(short))
    here = Circumstances(evidence.stack, stored.sessions[0].fingerprint)
    return judge(here, EXPERIMENTS[name], variant, trained, {evidence.stack: evidence})


def alarms(measured: Mapping[str, Any], backend: str) -> Iterator[str]:
    """Lines about the alarms in each environment, then a line about the alarms in RUNS drawn runs."""
    rows = {f"{known[0]}/{known[1]}": known for known in variants(backend, ())}
    by_environment = {name: msgspec.convert(trained, dict[str, list[ShortTrial]]) for name, trained in measured.items()}
    for environment, trained in by_environment.items():
        outcomes = {key: judged(rows[key], short) for key, short in trained.items() if key in rows}
        moved = [f"  {key}: {outcome.reason}" for key, outcome in outcomes.items() if outcome.red]
        identical = sum(outcome.state is TrainingState.IDENTICAL for outcome in outcomes.values())
        yield f"{environment}: {len(outcomes)} variants, {identical} identical, {len(moved)} moved"
        yield from moved
    generator = random.Random(0)
    red = sum(any(drawn(generator, rows[key], by_environment.values()).red for key in rows) for _ in range(RUNS))
    yield f"{RUNS} drawn runs of {len(rows)} variants: {red} with an alarm"


def drawn(generator: random.Random, known: Known, environments: Iterable[Traces]) -> TrainingOutcome:
    """A check's outcome for a drawn run: for each seed, one trace of an environment or of a stored perturbed trial."""
    name, variant, evidence = known
    stored = evidence.variants[variant]
    pool = [trace for trained in environments for trace in trained.get(f"{name}/{variant}", ())]
    pool += [
        msgspec.structs.replace(trace, losses=trace.losses[: stored.steps])
        for trace in stored.traces
        if trace.perturbed
    ]
    chosen = [generator.choice([trace for trace in pool if trace.seed == seed]) for seed in SEEDS]
    return judged(known, [msgspec.structs.replace(trace, perturbed=0) for trace in chosen])


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0, or 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("alarms",), default="alarms")
    parser.add_argument("--backend", default="tensorflow", choices=list(ENVIRONMENTS))
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="experiments or variants")
    parser.add_argument("--out", type=Path, help="JSON file of the results; a later call continues with it")
    options = parser.parse_args(arguments)
    try:
        known = Measured(options.out)
        for name, environment in ENVIRONMENTS[options.backend].items():
            if name not in known.results:
                known.put(name, in_process(options.backend, environment, options.only))
        for line in alarms(known.results, options.backend):
            print(line)
    except SuiteError as error:
        print("gate:", error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
