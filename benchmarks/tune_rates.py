"""Tunes the learning rates of ``cases.optimizers.race``: ``python -m benchmarks.tune_rates --backend tensorflow``.

Each optimizer has a half-decade grid (…, 1e-4, 3e-4, 1e-3, …), of which the least mean training loss of the last epoch
is best.

The rule is fixed beforehand: start at the slide's value, move to the better neighbour, and stop when neither neighbour
is better. So the grid has no ends. Trainings have the lecture's size and pilot seeds 1000 to 1002, which no claim uses.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from cases.optimizers.race import KERAS, PRINTED, RACE, at_rate
from harness.domain.model import Experiment, Variant
from harness.domain.plots import Plots
from harness.errors import SuiteError, invalid
from harness.record.atomic import replace_file

SEEDS = (1000, 1001, 1002)
RATES = Path(__file__).with_name("rates.json")


@dataclass(frozen=True)
class Search:
    """One value to tune.

    Attributes:
        experiment: the experiment that is trained.
        variant: gives the variant with a value.
        start: the first value.
        steps: the grid's values within a decade, in units of a power of ten.
        metric: the metric to optimise.
    """

    experiment: Experiment
    variant: Callable[[float], Variant]
    start: float
    steps: tuple[int, ...]
    metric: str

    def neighbour(self, value: float, by: int) -> float:
        """The grid's value ``by`` steps away from ``value``, which must be on the grid."""
        decade = math.floor(math.log10(value) + 1e-9)
        place = self.steps.index(round(value / 10.0**decade)) + by
        return float(f"{self.steps[place % len(self.steps)]}e{decade + place // len(self.steps)}")

    def cost(self, trials: list[float | None]) -> float:
        """The mean over seeds, signed so that less is better; inf if a training failed."""
        if any(value is None for value in trials):
            return math.inf
        mean = statistics.fmean(value for value in trials if value is not None)
        return mean if self.experiment.metric(self.metric).better == "lower" else -mean


def _optimizer(name: str, rate: float) -> Variant:
    return Variant(name, optimizer=at_rate(name, rate))


SEARCHES = {
    **{name: Search(RACE, functools.partial(_optimizer, name), PRINTED[name], (1, 3), "loss") for name in KERAS},
}


def tune(search: Search, measure: Callable[[float], list[float | None]]) -> dict[float, float]:
    """The cost of each value that was tried; the tuned value has the least."""
    costs: dict[float, float] = {}

    def cost(value: float) -> float:
        if value not in costs:
            costs[value] = search.cost(measure(value))
        return costs[value]

    at = search.start
    while True:
        best = min((search.neighbour(at, by) for by in (-1, 1)), key=cost)
        if not cost(best) < cost(at):
            return costs
        at = best


def train_value(search: Search, value: float) -> list[float | None]:
    """Trains the variant with this value; the metric of each pilot seed."""
    from harness.training.train import train

    variant = search.variant(value)
    own = replace(search.experiment, variants=(variant,), anchors=(), plots=Plots())
    return [trial.metrics.get(search.metric) for trial in train(own, variant.name, SEEDS)]


def read(path: Path) -> dict[str, list[float | None]]:
    """The results of earlier calls; empty without a file. Raises SuiteError if the file is damaged."""
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise invalid(f"file {path}", expected="what --out wrote", received=error) from None
    if not isinstance(found, dict):
        raise invalid(f"file {path}", expected="what --out wrote", received=type(found).__name__)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0, or 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tune_rates", description=__doc__)
    parser.add_argument("--backend", default="tensorflow")
    parser.add_argument("--only", nargs="+", default=list(SEARCHES), choices=list(SEARCHES), metavar="NAME")
    parser.add_argument(
        "--out", type=Path, default=RATES, help="JSON file of the results; a later call continues with it"
    )
    options = parser.parse_args(arguments)
    try:
        from harness.training.backend import choose_backend, start_backend

        choose_backend(options.backend)
        start_backend()
        known = read(options.out)
        for name in options.only:
            costs = tune(SEARCHES[name], functools.partial(_measured, options, known, name))
            found = min(costs, key=lambda value: costs[value])
            print(f"{name}: {found:g}  ({', '.join(f'{value:g}: {costs[value]:.5g}' for value in sorted(costs))})")
    except SuiteError as error:
        print("tune_rates:", error, file=sys.stderr)
        return 2
    return 0


def _measured(
    options: argparse.Namespace, known: dict[str, list[float | None]], name: str, value: float
) -> list[float | None]:
    """The results for a value, from the file; if they are not there, they are trained and written to it."""
    key = f"{options.backend}, {name}, {value:g}"
    if key not in known:
        known[key] = train_value(SEARCHES[name], value)
        print(f"{key}: {known[key]}", file=sys.stderr, flush=True)
        replace_file(options.out, (json.dumps(known, indent=1) + "\n").encode())
    return known[key]


if __name__ == "__main__":
    sys.exit(main())
