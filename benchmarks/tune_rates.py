"""Tunes the learning rates of ``cases.optimizers.race``: ``python -m benchmarks.tune_rates --backend tensorflow``.

Each optimizer has a half-decade grid (…, 1e-4, 3e-4, 1e-3, …), of which the least mean training loss of the last epoch
is best.

The rule is fixed beforehand: start at the slide's value, move to the better neighbour, and stop when neither neighbour
is better. So the grid has no ends. Trainings have the lecture's size and pilot seeds 1000 to 1002, which no claim uses.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.measured import Measured
from cases.optimizers.race import KERAS, PRINTED, RACE, at_rate
from harness.errors import SuiteError
from harness.model import Variant
from harness.plots import Plots

SEEDS = (1000, 1001, 1002)
RATES = Path(__file__).with_name("rates.json")
GRID = (1, 3)
"""The rates within a decade, in units of a power of ten."""
Losses = list[float | None]


def neighbour(rate: float, by: int) -> float:
    """The rate ``by`` steps away from one of the grid."""
    decade = math.floor(math.log10(rate) + 1e-9)
    place = GRID.index(round(rate / 10.0**decade)) + by
    return float(f"{GRID[place % len(GRID)]}e{decade + place // len(GRID)}")


def tune(start: float, measure: Callable[[float], Losses]) -> dict[float, float]:
    """The mean loss at each rate that was tried, inf if a training failed; the tuned rate has the least."""
    costs: dict[float, float] = {}

    def cost(rate: float) -> float:
        if rate not in costs:
            losses = [math.inf if loss is None else loss for loss in measure(rate)]
            costs[rate] = statistics.fmean(losses)
        return costs[rate]

    at = start
    while cost(best := min((neighbour(at, by) for by in (-1, 1)), key=cost)) < cost(at):
        at = best
    return costs


def losses(name: str, rate: float) -> Losses:
    """Trains the race with an optimizer at a rate; the loss of each pilot seed."""
    from harness.training.train import train

    variant = Variant(name, optimizer=at_rate(name, rate))
    own = replace(RACE, variants=(variant,), anchors=(), plots=Plots())
    return [trial.metrics.get("loss") for trial in train(own, name, SEEDS)]


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0, or 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tune_rates", description=__doc__)
    parser.add_argument("--backend", default="tensorflow")
    parser.add_argument("--only", nargs="+", default=list(KERAS), choices=list(KERAS), metavar="NAME")
    parser.add_argument(
        "--out", type=Path, default=RATES, help="JSON file of the results; a later call continues with it"
    )
    options = parser.parse_args(arguments)
    try:
        from harness.training.backend import choose_backend, start_backend

        choose_backend(options.backend)
        start_backend()
        known = Measured(options.out)
        for name in options.only:

            def measure(rate: float, name: str = name) -> Losses:
                key = f"{options.backend}, {name}, {rate:g}"
                measured: Losses = known.get(key, lambda: losses(name, rate))
                return measured

            costs = tune(PRINTED[name], measure)
            best = min(costs, key=lambda rate: costs[rate])
            print(f"{name}: {best:g}  ({', '.join(f'{rate:g}: {costs[rate]:.5g}' for rate in sorted(costs))})")
    except SuiteError as error:
        print("tune_rates:", error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
