"""Measures the false alarms of a check of short trials: ``python -m benchmarks.gate alarms``.

It trains every variant with evidence from its initial state and its late ones, in environments that should make no
difference: other instruction sets of XLA and oneDNN, numbers of cores, engines, and weights with other last bits. Each
environment is a process of its own. Then it simulates 1,000 runs. For every variant, state and seed, a run draws one
trial from these environments.

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
from harness.check.rounding import CHECKED
from harness.course import ROOT
from harness.errors import SuiteError
from harness.record.evidence import Evidence
from harness.record.outcomes import TrainingOutcome, TrainingState
from harness.record.trials import ShortTrial, Training
from suite.catalogue import EXPERIMENTS

RUNS = 1000
SEEDS = tuple(range(CHECKED))
ENGINE, CORES, BITS = "ENGINE", "CORES", "BITS"
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
        "other last bits": {BITS: "1"},
    },
    "jax": {
        "as it is": {},
        "SSE4.2": {"XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2"},
        "AVX": {"XLA_FLAGS": "--xla_cpu_max_isa=AVX"},
        "AVX2": {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2"},
        "one core": {CORES: "1"},
        "fit": {ENGINE: "fit"},
        "vectorized": {ENGINE: "vectorized"},
        "other last bits": {BITS: "1"},
    },
}
"""Environments that should make no difference, by backend and name: variables, cores, engine, and perturbation."""
Known = tuple[str, str, Evidence]
"""An experiment and its variant, and the evidence of the experiment."""
Traces = Mapping[str, Sequence[ShortTrial]]
"""By "experiment/variant" the short trials."""


def variants(backend: str, only: Sequence[str]) -> Iterator[Known]:
    """Each variant that a check trains for some steps, or those of ``only``: experiments, or "experiment/variant"."""
    for name, experiment in EXPERIMENTS.items():
        evidence = files.read(files.path_of(ROOT / "baselines", f"{backend}-cpu", name))
        for variant in experiment.variants if evidence else ():
            stored = evidence.variants.get(variant.name) if evidence else None
            chosen = not only or name in only or f"{name}/{variant.name}" in only
            if evidence and stored and not stored.tiny and stored.steps and chosen:
                yield name, variant.name, evidence


def traces(backend: str, environment: Mapping[str, str], only: Sequence[str]) -> dict[str, Any]:
    """The short trials of every variant in this process, as JSON data by "experiment/variant"."""
    from harness.training.backend import choose_backend, start_backend
    from harness.training.late_state import Late
    from harness.training.steps import short_trials

    if CORES in environment:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    choose_backend(backend)
    start_backend()
    engine = environment.get(ENGINE, "compiled")
    trained = {}
    for name, variant, evidence in variants(backend, only):
        stored, bits = evidence.variants[variant], int(environment.get(BITS, "0"))
        short = []
        for state in stored.states:
            late = Late(state.start, stored.sizes, state.own_labels) if state.start else None
            how: Any = {"compared": state, "engine": engine, "perturbed": bits}
            trials = short_trials(EXPERIMENTS[name], variant, SEEDS, late, **how)
            short += [msgspec.structs.replace(state.compared(trial), perturbed=0) for trial in trials]
        trained[f"{name}/{variant}"] = msgspec.to_builtins(short)
    return trained


def in_process(backend: str, environment: Mapping[str, str], only: Sequence[str]) -> dict[str, Any]:
    """``traces`` of one environment, from a process of its own: a backend reads its variables once."""
    with mock.patch.dict(os.environ, environment), ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(traces, backend, environment, only).result()


def judged(known: Known, short: Sequence[ShortTrial]) -> TrainingOutcome:
    """A check's outcome for these short trials, if the training's configuration has not changed."""
    name, variant, evidence = known
    stored = evidence.variants[variant]
    trained = Training(configuration=stored.configuration, hashes=stored.hashes, short=tuple(short))
    here = Circumstances(evidence.stack, stored.sessions[0].fingerprint)
    return judge(here, EXPERIMENTS[name], variant, trained, {evidence.stack: evidence})


def alarms(measured: Mapping[str, Any], backend: str) -> Iterator[str]:
    """Lines about the alarms in each environment, then a line about the alarms in RUNS drawn runs."""
    tried = {key for trained in measured.values() for key in trained}
    rows = {key: known for known in variants(backend, ()) if (key := f"{known[0]}/{known[1]}") in tried}
    by_environment = {name: msgspec.convert(trained, dict[str, list[ShortTrial]]) for name, trained in measured.items()}
    for environment, trained in by_environment.items():
        outcomes = {key: judged(rows[key], short) for key, short in trained.items()}
        moved = [f"  {key}: {outcome.reason}" for key, outcome in outcomes.items() if outcome.red]
        identical = sum(outcome.state is TrainingState.IDENTICAL for outcome in outcomes.values())
        yield f"{environment}: {len(outcomes)} variants, {identical} identical, {len(moved)} moved"
        yield from moved
    generator = random.Random(0)
    red = sum(any(drawn(generator, rows[key], by_environment.values()).red for key in rows) for _ in range(RUNS))
    bound = f"at most {100 * (1 - 0.05 ** (1 / RUNS)):.1f} % (95 %)" if not red else "more than none"
    yield f"{RUNS} drawn runs of {len(rows)} variants: {red} with an alarm, {bound}"


def drawn(generator: random.Random, known: Known, environments: Iterable[Traces]) -> TrainingOutcome:
    """A check's outcome for a drawn run: for each state and seed, the trial of one environment."""
    pool: dict[tuple[int, int], list[ShortTrial]] = {}
    for trained in environments:
        for trial in trained.get(f"{known[0]}/{known[1]}", ()):
            pool.setdefault((trial.start, trial.seed), []).append(trial)
    return judged(known, [generator.choice(trials) for trials in pool.values()])


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
