"""Measures the false alarms of a check of first steps: ``python -m benchmarks.gate alarms``.

It trains the first steps of every variant with evidence in environments that should make no difference: other
instruction sets of XLA and oneDNN, numbers of cores, and engines. Each environment is a process of its own. Then it
simulates 100 runs. For every variant and seed, a run draws one trace from these environments and the stored perturbed
trials.

Results go to a JSON file, with which a later call continues. Nothing is trained to the end.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from harness.check import evidence as files
from harness.check.judge import Circumstances, judge
from harness.check.rounding import CHECKED, VALIDATED
from harness.errors import SuiteError, invalid
from harness.record.atomic import replace_file
from harness.record.evidence import Evidence
from harness.record.outcomes import TrainingOutcome, TrainingState
from harness.record.trials import ShortTrial, Training
from suite.catalogue import EXPERIMENTS

ROOT = Path(__file__).resolve().parents[1]
RUNS = 100
SEEDS = tuple(range(CHECKED))

ENVIRONMENTS: dict[str, dict[str, dict[str, str]]] = {
    "tensorflow": {
        "as it is": {},
        "SSE4.2": {"XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2", "ONEDNN_MAX_CPU_ISA": "SSE41"},
        "AVX": {"XLA_FLAGS": "--xla_cpu_max_isa=AVX", "ONEDNN_MAX_CPU_ISA": "AVX"},
        "AVX2": {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
        "one core": {"CORES": "1"},
        "without oneDNN": {"TF_ENABLE_ONEDNN_OPTS": "0"},
        "fit": {"ENGINE": "fit"},
        "fit, SSE4.2": {"ENGINE": "fit", "XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2", "ONEDNN_MAX_CPU_ISA": "SSE41"},
    },
    "jax": {
        "as it is": {},
        "SSE4.2": {"XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2"},
        "AVX": {"XLA_FLAGS": "--xla_cpu_max_isa=AVX"},
        "AVX2": {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2"},
        "one core": {"CORES": "1"},
        "fit": {"ENGINE": "fit"},
        "vectorized": {"ENGINE": "vectorized"},
    },
}
"""Environments that should make no difference, by backend and name: environment variables, cores and engine."""


def variants(root: Path, stack: str, only: Sequence[str] = ()) -> Iterator[tuple[str, str, Evidence]]:
    """(experiment, variant, evidence) of each variant whose first steps a check trains."""
    for name, experiment in EXPERIMENTS.items():
        found = files.read(files.path_of(root, stack, name))
        for variant in experiment.variants if found else ():
            stored = found.variants.get(variant.name) if found else None
            chosen = not only or name in only or f"{name}/{variant.name}" in only
            if found and stored and not stored.tiny and stored.steps and chosen:
                yield name, variant.name, found


def traces(root: Path, backend: str, engine: str, only: Sequence[str]) -> dict[str, Any]:
    """The shortened trials of every variant in this process, as JSON data by "experiment/variant"."""
    from harness.training.backend import choose_backend, start_backend
    from harness.training.steps import first_steps

    choose_backend(backend)
    start_backend()
    return {
        f"{name}/{variant}": msgspec.to_builtins(
            first_steps(
                EXPERIMENTS[name], variant, SEEDS, found.variants[variant].steps or 0, engine=engine, validate=VALIDATED
            )
        )
        for name, variant, found in variants(root, f"{backend}-cpu", only)
    }


def judged(name: str, variant: str, found: Evidence, short: Sequence[ShortTrial]) -> TrainingOutcome:
    """A check's outcome for these shortened trials, if the training's configuration has not changed."""
    stored = found.variants[variant]
    trained = Training(configuration=stored.configuration, hashes=stored.hashes, short=tuple(short))
    here = Circumstances(found.stack, stored.sessions[0].fingerprint)
    return judge(here, EXPERIMENTS[name], variant, trained, {found.stack: found})


def in_process(backend: str, environment: Mapping[str, str], root: Path, only: Sequence[str]) -> dict[str, Any]:
    """``traces`` of one environment, from a process of its own. Raises SuiteError if the process fails."""
    own = {key: value for key, value in environment.items() if key not in ("CORES", "ENGINE")}
    command = [sys.executable, "-m", "benchmarks.gate", "--traces", "--backend", backend, "--root", str(root)]
    command += ["--engine", environment.get("ENGINE", "compiled"), *(["--only", *only] if only else [])]
    if environment.get("CORES") == "1":
        command = ["taskset", "-c", "0", *command]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **own}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SuiteError(f"The environment {dict(environment)} could not be trained: {done.stderr.strip()[-500:]}")
    content: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return content


def short_trials(content: Sequence[Mapping[str, Any]]) -> tuple[ShortTrial, ...]:
    return msgspec.convert(list(content), tuple[ShortTrial, ...])


def alarms(known: Mapping[str, Any], root: Path, backend: str) -> Iterator[str]:
    """Lines about the alarms in each environment, then a line about the alarms in RUNS drawn runs."""
    stack = f"{backend}-cpu"
    rows = list(variants(root, stack))
    for environment, content in known.items():
        outcomes = {
            key: judged(name, variant, found, short_trials(content[key]))
            for name, variant, found in rows
            if (key := f"{name}/{variant}") in content
        }
        moved = [f"{key}: {one.reason}" for key, one in outcomes.items() if one.red]
        identical = sum(one.state is TrainingState.IDENTICAL for one in outcomes.values())
        yield f"{environment}: {len(outcomes)} variants, {identical} identical, {len(moved)} moved"
        yield from (f"  {text}" for text in moved)
    generator, red = random.Random(0), 0
    for _ in range(RUNS):
        red += any(_drawn(generator, name, variant, found, known).red for name, variant, found in rows)
    yield f"{RUNS} drawn runs of {len(rows)} variants: {red} with an alarm"


def _drawn(
    generator: random.Random, name: str, variant: str, found: Evidence, known: Mapping[str, Any]
) -> TrainingOutcome:
    """A check's outcome for a drawn run: for each seed, one trace of an environment or of a stored perturbed trial."""
    stored, key = found.variants[variant], f"{name}/{variant}"
    pool: dict[int, list[ShortTrial]] = {seed: [] for seed in SEEDS}
    for content in known.values():
        for one in short_trials(content.get(key, [])):
            pool[one.seed].append(one)
    for trace in stored.traces:
        if trace.perturbed and trace.seed in pool:
            first = trace.losses[: stored.steps]
            pool[trace.seed].append(msgspec.structs.replace(trace, losses=first))
    chosen = [generator.choice(pool[seed]) for seed in SEEDS]
    return judged(name, variant, found, [msgspec.structs.replace(one, perturbed=0) for one in chosen])


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0, or 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("alarms",), default="alarms")
    parser.add_argument("--backend", default="tensorflow", choices=list(ENVIRONMENTS))
    parser.add_argument("--root", type=Path, default=ROOT / "baselines")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="experiments or variants")
    parser.add_argument("--environment", nargs="+", default=[], metavar="NAME", help="default: all")
    parser.add_argument("--out", type=Path, help="JSON file of the results; a later call continues with it")
    parser.add_argument("--engine", default="compiled", help=argparse.SUPPRESS)
    parser.add_argument("--traces", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        if options.traces:
            print(json.dumps(traces(options.root, options.backend, options.engine, options.only)))
            return 0
        known = _read(options.out)
        environments = ENVIRONMENTS[options.backend]
        for name in options.environment:
            if name not in environments:
                raise invalid("--environment", expected=" or ".join(map(repr, environments)), received=repr(name))
        for environment, settings in environments.items():
            chosen = not options.environment or environment in options.environment
            if chosen and environment not in known:
                known[environment] = in_process(options.backend, settings, options.root, options.only)
                _write(options.out, known)
        for line in alarms(known, options.root, options.backend):
            print(line)
    except SuiteError as error:
        print("gate:", error, file=sys.stderr)
        return 2
    return 0


def _read(path: Path | None) -> dict[str, Any]:
    if path is None or not path.exists():
        return {}
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise invalid(f"file {path}", expected="what --out wrote", received=error) from None
    return found


def _write(path: Path | None, known: Mapping[str, Any]) -> None:
    if path is not None:
        replace_file(path, json.dumps(known).encode())


if __name__ == "__main__":
    sys.exit(main())
