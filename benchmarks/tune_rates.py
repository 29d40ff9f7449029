"""Hyper-parameters of the catalogue that are tuned: ``python -m benchmarks.tune_rates --backend tensorflow``.

For each optimizer of ``cases.optimizers.race`` the learning rate, on a half-decade grid (…, 1e-4, 3e-4, 1e-3, …), by
the least mean training loss of the last epoch; for ``cases.overfitting.regularization`` the λ of L2 with batch
normalization, on a grid of decades, by the highest mean validation accuracy. The rule is fixed beforehand: start at the
slide's value, move to the better neighbour, and stop where neither neighbour is better. So the value found is never the
end of a grid. Pilot seeds 1000 to 1002, which no claim uses, at the lecture's size.
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

from cases.optimizers.race import ORDER, PRINTED, RACE, at_rate
from cases.overfitting.regularization import REGULARIZATION, deep
from harness.domain.experiment import Experiment, Variant
from harness.domain.plots import Plots
from harness.errors import SuiteError, invalid
from harness.record.atomic import replace_file

SEEDS = (1000, 1001, 1002)
RATES = Path(__file__).with_name("rates.json")


@dataclass(frozen=True)
class Search:
    """One value to be tuned: the variant that has it, where to start, the grid's steps in a decade, and the metric."""

    experiment: Experiment
    variant: Callable[[float], Variant]
    start: float
    steps: tuple[int, ...]
    metric: str

    def neighbour(self, value: float, by: int) -> float:
        """The grid's value ``by`` steps from ``value``, which is one of ``steps`` times a power of ten."""
        decade = math.floor(math.log10(value) + 1e-9)
        place = self.steps.index(round(value / 10.0**decade)) + by
        return float(f"{self.steps[place % len(self.steps)]}e{decade + place // len(self.steps)}")

    def cost(self, trials: list[float | None]) -> float:
        """The mean over seeds, less is better; inf where a training failed."""
        if any(value is None for value in trials):
            return math.inf
        mean = statistics.fmean(value for value in trials if value is not None)
        return mean if self.experiment.metric(self.metric).better == "lower" else -mean


def _optimizer(name: str, rate: float) -> Variant:
    return Variant(name, optimizer=at_rate(name, rate))


def _l2(strength: float) -> Variant:
    return Variant("l2", functools.partial(deep, batch_normalization=True, l2=strength))


SEARCHES = {
    **{name: Search(RACE, functools.partial(_optimizer, name), PRINTED[name], (1, 3), "loss") for name in ORDER},
    "l2 with batch normalization": Search(REGULARIZATION, _l2, 0.001, (1,), "val_accuracy"),
}


def tune(search: Search, measure: Callable[[float], list[float | None]]) -> dict[float, float]:
    """The cost of each value that the rule looks at; the least is that of the value found."""
    costs: dict[float, float] = {}

    def look(value: float) -> float:
        if value not in costs:
            costs[value] = search.cost(measure(value))
        return costs[value]

    at = search.start
    while True:
        best = min((search.neighbour(at, by) for by in (-1, 1)), key=look)
        if not look(best) < look(at):
            return costs
        at = best


def train_value(search: Search, value: float) -> list[float | None]:
    """The metric of each pilot seed."""
    from harness.training.train import train

    variant = search.variant(value)
    own = replace(search.experiment, variants=(variant,), anchors=(), plots=Plots())
    return [trial.metrics.get(search.metric) for trial in train(own, variant.name, SEEDS)]


def read(path: Path) -> dict[str, list[float | None]]:
    """What an earlier call measured; empty where there is no file."""
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
        "--out", type=Path, default=RATES, help="JSON file of what is measured; a later call goes on from it"
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
    """From the file, or trained and written to it."""
    key = f"{options.backend}, {name}, {value:g}"
    if key not in known:
        known[key] = train_value(SEARCHES[name], value)
        print(f"{key}: {known[key]}", file=sys.stderr, flush=True)
        replace_file(options.out, (json.dumps(known, indent=1) + "\n").encode())
    return known[key]


if __name__ == "__main__":
    sys.exit(main())
