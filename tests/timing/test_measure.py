"""The order of measurements and their results, with engines that only report given times."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.model import Dataset, Experiment, Metric, Size, Variant
from harness.timing import measure as module
from harness.timing.measure import MIN_TURNS, RUNS_PER_VISIT, measure, sized
from harness.training.engine import Measurements
from tests.make import measurement

DATA = Dataset(np.zeros((100, 3)), np.zeros((100, 1)), np.zeros((10, 3)), np.zeros((10, 1)))
EXPERIMENT = Experiment(
    id="x", data=lambda: DATA, model=lambda: None, optimizer=lambda: None, loss="mse",
    size=Size(epochs=4, batch_size=10), variants=(Variant("a"),), metrics=(Metric("loss", "lower", "nats", 0.1),),
)  # fmt: skip


class Fake:
    """An engine on a clock of its own: ``compiling`` seconds in its first launch, then ``epoch`` per epoch, and in the
    last one of several launches ``hiccup`` more."""

    weights: tuple[Any, ...] = ()

    def __init__(
        self, clock: list[float], log: list[str], name: str, epochs: int,
        epoch: float, compiling: float, hiccup: float = 0.0,
    ) -> None:  # fmt: skip
        self.clock, self.log, self.name = clock, log, name
        self.epochs, self.epoch, self.compiling, self.hiccup = epochs, epoch, compiling, hiccup
        self.setup = SimpleNamespace(data=DATA, size=Size(epochs, 10))
        self.whole = name == "whole"
        self.trained = 0

    def run(self, seed: int, on_epoch: Any) -> Measurements:
        self.log.append(f"{self.name}{'' if self.epochs > 2 else ' briefly'}")
        extra = self.compiling if self.name == "fit" or not self.trained else 0.0
        self.trained += 1
        launches = [self.epoch * self.epochs] if self.whole else [self.epoch + extra, *[self.epoch] * (self.epochs - 1)]
        launches[-1] += self.hiccup
        self.clock[0] += sum(launches) + (extra if self.whole else 0.0)
        return Measurements({}, launches=launches, compile=extra if self.whole else None)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Times fake engines: name -> (seconds per epoch, of compilation); the result and the order of trainings."""
    clock = [0.0]
    log: list[str] = []
    monkeypatch.setattr(module, "active", lambda: SimpleNamespace(synchronise=lambda: None))
    monkeypatch.setattr(module, "variant_digest", lambda experiment, variant: "0" * 16)
    monkeypatch.setattr(module, "ENGINES", {**module.ENGINES, "whole": module.ENGINES["compiled"]})
    monkeypatch.setattr(module, "gc", SimpleNamespace(collect=lambda: None))
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def run(engines: dict[str, tuple[float, ...]], **options: Any) -> Any:
        def prepared(experiment: Experiment, variant: str, engine: str) -> Any:
            clock[0] += 0.5
            return Fake(clock, log, engine, experiment.size.epochs, *engines[engine])

        monkeypatch.setattr(module, "prepare", prepared)
        return measure(EXPERIMENT, "a", list(engines), measurement([1.0]).provenance, **options).values()

    return run, log


def test_engines_take_turns_around_the_reference(bench: Any) -> None:
    run, log = bench
    fit, compiled = run({"fit": (10.0, 5.0), "compiled": (1.0, 3.0)})
    assert log[:3] == ["fit briefly", "compiled briefly", "compiled"]  # warm-up, and the first training
    assert log[3:] == ["compiled", "fit", "compiled"] * MIN_TURNS
    assert (len(fit.rounds), len(compiled.rounds)) == (MIN_TURNS, 2 * MIN_TURNS)


def test_compilation_first_epoch_and_steady_state_are_kept_apart(bench: Any) -> None:
    run, _ = bench
    fit, compiled = run({"fit": (10.0, 5.0), "compiled": (1.0, 3.0)})
    assert fit.rounds == (10.0,) * 3
    assert (fit.compile, fit.first_epoch, fit.fit) == (5.0, 15.0, None)
    assert fit.training == fit.first_training == 45.0
    assert compiled.rounds == (1.0,) * 6
    assert (compiled.compile, compiled.first_epoch, compiled.fit) == (3.0, 4.0, 10.0)
    assert (compiled.training, compiled.first_training) == (4.0, 7.5)  # with preparation and compilation
    assert (fit.images, fit.epochs) == (100, 4)
    assert fit.contention is None or fit.contention >= 0
    assert next(iter(run({"compiled": (1.0, 3.0)}))).fit is None


def test_a_hiccup_is_no_steady_state(bench: Any) -> None:
    run, _ = bench
    fit, compiled = run({"fit": (10.0, 5.0, 7.0), "compiled": (1.0, 3.0, 2.0)})
    assert (fit.rounds[0], compiled.rounds[0]) == (10.0, 1.0)
    assert (fit.training, compiled.training) == (52.0, 6.0)  # what a user waits for


def test_a_training_of_one_launch_has_no_first_epoch(bench: Any) -> None:
    run, log = bench
    _, whole = run({"fit": (0.5, 0.5), "whole": (0.001, 0.3)})
    assert whole.rounds[0] == pytest.approx(0.001)
    assert (whole.compile, whole.first_epoch) == (0.3, None)
    assert whole.first_training == pytest.approx(0.804)
    assert log.count("whole") == 3 + 2 * RUNS_PER_VISIT * log.count("fit")  # short: three times


@pytest.mark.parametrize(("epoch", "turns"), [(0.1, 24), (0.25, 20), (1.0, 8), (100.0, 3)])
def test_a_budget_of_time_decides_how_often(bench: Any, epoch: float, turns: int) -> None:
    run, log = bench
    run({"fit": (epoch, 1.0)}, seconds=40.0)
    assert log.count("fit") == turns


def test_only_the_number_of_epochs_changes() -> None:
    assert sized(EXPERIMENT, 9).size == Size(epochs=9, batch_size=10)
    assert EXPERIMENT.size.epochs == 4
