"""Which learning rate that is off by a little is seen, by the last metric alone and by the learning curves?

    python -m tests.baselines.measure_curves --backend jax

Trains the stored seeds of a few variants with every optimizer's rate scaled, and compares them with the quick
baselines at the level of a whole run.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from baselines.drift import ALPHA, Comparison, compare
from baselines.files import path_of, read
from harness.training.backend import choose_backend, start_backend
from harness.training.train import train
from suite.catalogue import EXPERIMENTS, TRAININGS
from tests.faults.fault import injected
from tests.faults.optimizers import rate_times

ROOT = Path(__file__).resolve().parents[2]
VARIANTS = (
    ("optimizers", "adam"),
    ("optimizers", "sgd nesterov"),
    ("more-data", "2,000 images"),
    ("batch-normalization-rates", "normalised, rate 0.02"),
)
FACTORS = (0.9, 0.97, 0.99, 0.997, 0.999)


def compared(backend: str, experiment: str, variant: str, factor: float) -> Comparison:
    stored = read(path_of(ROOT / "baselines", "quick", f"{backend}-cpu", experiment))
    assert stored is not None
    base, declared = stored.variants[variant], EXPERIMENTS[experiment]
    with injected(rate_times(factor)):
        trials = train(declared, variant, [trial.seed for trial in base.trials], "quick")
    return compare(
        trials,
        base,
        declared.metrics,
        definition=base.definition,
        same_fingerprint=False,
        same_streams=True,
        comparisons=len(TRAININGS),
    )


def main() -> None:
    from tabulate import tabulate

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", default="jax")
    backend = parser.parse_args().backend
    choose_backend(backend)
    start_backend()
    rows = []
    for experiment, variant in VARIANTS:
        smallest, level = EXPERIMENTS[experiment].metrics[0].smallest_effect, ALPHA / len(TRAININGS) / 2
        for factor in FACTORS:
            found = compared(backend, experiment, variant, factor)
            assert found.primary is not None
            alone = "seen" if found.primary.beyond_chance(smallest, level) else f"p = {found.primary.p:.2g}"
            rows.append([f"{experiment}/{variant}", factor, alone, str(found.shift or "nothing moved")])
    print(tabulate(rows, ["variant", "rate ×", "last metric alone", "learning curves"], disable_numparse=True))


if __name__ == "__main__":
    main()
