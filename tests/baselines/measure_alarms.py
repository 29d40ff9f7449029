"""How often does a run in which nothing has changed show any red?

    python -m tests.baselines.measure_alarms --runs 1000         # resamples the stored pool
    python -m tests.baselines.measure_alarms --collect RUN…      # makes the pool, from run files of fresh seeds

A run is drawn from a pool of fresh trials: for each experiment as many seeds as a run trains, without replacement, the
same for all its variants, as trials are paired. It is compared with the stored baselines as ``pytest suite/`` does,
every variant for drift and every claim for its verdict. The pool holds what decides: metrics and divergences, no
curves (seeds that the baseline has not are never compared by curves).
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from baselines.drift import compare
from baselines.files import path_of, read
from baselines.record import Baseline
from baselines.verdicts import compare_verdict
from harness.store import read_run
from harness.trial import Trial
from suite.catalogue import EXPERIMENTS, TRAINING_CLAIMS, TRAININGS

ROOT = Path(__file__).resolve().parents[2]
SETTING, STACK = "quick", "jax-cpu"
POOL = Path(__file__).parent / "pool" / f"{SETTING}-{STACK}.json.gz"

Pool = Mapping[str, Mapping[str, Mapping[int, Trial]]]
"""Fresh trials by experiment, variant and seed."""


def collect(runs: Iterable[Path]) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """The trials of run files whose seeds have no baseline, without curves and times, by experiment and variant."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    baselines = stored()
    for path in runs:
        for (experiment, variant), trials in read_run(path).trials.items():
            kept = found.setdefault(experiment, {}).setdefault(variant, [])
            used = {trial.seed for trial in baselines[experiment].variants[variant].trials}
            used |= {record["seed"] for record in kept}
            fresh = [trial.to_json() for trial in trials if trial.seed not in used]
            kept += [{k: v for k, v in record.items() if k not in ("history", "seconds")} for record in fresh]
    return found


def load(path: Path = POOL) -> Pool:
    record = json.loads(gzip.decompress(path.read_bytes()))
    none = {"total": 0.0}
    return {
        experiment: {
            variant: {t["seed"]: Trial.from_json(t | {"history": {}, "seconds": none}) for t in trials}
            for variant, trials in variants.items()
        }
        for experiment, variants in record.items()
    }


def stored() -> dict[str, Baseline]:
    found = {name: read(path_of(ROOT / "baselines", SETTING, STACK, name)) for name in EXPERIMENTS}
    return {name: baseline for name, baseline in found.items() if baseline is not None}


def draw(pool: Pool, rng: np.random.Generator) -> dict[tuple[str, str], tuple[Trial, ...]]:
    """One run's trials; ValueError where the pool has too few."""
    drawn = {}
    for experiment, variants in pool.items():
        seeds = sorted(set.intersection(*(set(trials) for trials in variants.values())))
        chosen = rng.choice(seeds, EXPERIMENTS[experiment].size(SETTING).seeds, replace=False).tolist()
        for variant, trials in variants.items():
            drawn[experiment, variant] = tuple(trials[seed] for seed in chosen)
    return drawn


def red(drawn: Mapping[tuple[str, str], tuple[Trial, ...]], baselines: Mapping[str, Baseline]) -> Iterator[str]:
    """What is red in a run: variants that drifted, claims by their verdicts."""
    drifted = set()
    for (experiment, variant), trials in drawn.items():
        base = baselines[experiment].variants[variant]
        comparison = compare(
            trials,
            base,
            EXPERIMENTS[experiment].metrics,
            definition=base.definition,
            same_fingerprint=False,
            same_streams=True,
            comparisons=len(TRAININGS),
        )
        if comparison.red:
            drifted.add((experiment, variant))
            yield f"{experiment}/{variant}: {comparison.state}: {comparison.reason}"
    for key, claim in TRAINING_CLAIMS.items():
        assert claim.experiment is not None
        experiment = claim.experiment.id
        if any((experiment, name) not in drawn for name in claim.variants):
            continue
        decision, _ = claim.decide({name: drawn[experiment, name] for name in claim.variants})
        moved = any((experiment, name) in drifted for name in claim.variants)
        found = compare_verdict(decision.verdict, baselines[experiment].verdicts.get(key), drifted=moved)
        if found.red:
            yield f"{key}: {found.state}: {found.reason}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--collect", nargs="+", type=Path, metavar="RUN")
    options = parser.parse_args()
    if options.collect:
        POOL.parent.mkdir(exist_ok=True)
        POOL.write_bytes(gzip.compress(json.dumps(collect(options.collect)).encode(), mtime=0))
    pool, baselines, rng = load(), stored(), np.random.default_rng(options.seed)
    sizes = Counter(min(map(len, variants.values())) for variants in pool.values())
    print(f"pool: {sum(map(len, pool.values()))} variants; seeds per experiment: {dict(sorted(sizes.items()))}")
    alarms, what = 0, Counter[str]()
    for _ in range(options.runs):
        found = list(red(draw(pool, rng), baselines))
        alarms += bool(found)
        what.update(line.split(": ")[0] for line in found)
    print(f"{alarms} of {options.runs} runs show any red ({alarms / options.runs:.2%})")
    for name, count in what.most_common():
        print(f"  {count:5d}  {name}")


if __name__ == "__main__":
    main()
