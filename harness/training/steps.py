"""Short trials: some steps of a training from its initial weights, or from a late state, for a check.

The engines compile one short epoch instead of a whole one, and give the program new data for each. Such a program
depends only on the network, the optimizer, the loss and the shape of a batch. It is kept for all variants and
experiments that share these, and for all states.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.model import Dataset, Experiment
from harness.record.trials import Number, ShortTrial, Sizes, State, number, shortest
from harness.training.engine import Engine
from harness.training.late_state import Late, sizes
from harness.training.programs import Programs
from harness.training.seeding import data_order, derived
from harness.training.setup import TrainingSetup
from harness.training.train import check_seeds, with_engine

STEPS, TAIL, EARLY = 20, 4, 3
"""At least so many steps, full batches of a short epoch, and the first epoch whose end is crossed from a late state.

Short epochs are as short as that because some networks can be followed for a few steps only, evaluation included."""
EVALUATED = 1000
"""Number of validation examples per call of the network. It bounds the memory, and divides MNIST's validation set."""

_PROGRAMS = Programs(keep_all=True)
"""This process's programs of a short epoch."""


@dataclass(frozen=True)
class ShortEpochs:
    """Which examples the short epochs of a training have: of ``total`` examples in full batches of ``batch``.

    ``start``: the number of steps before them.
    """

    total: int
    batch: int
    start: int = 0

    @property
    def tail(self) -> int:
        """Full batches of a short epoch."""
        return min(TAIL, self.total // self.batch)

    @property
    def examples(self) -> int:
        """Examples of a short epoch: of its full batches and the partial one."""
        return self.tail * self.batch + self.total % self.batch

    def count(self, compared: State | None, canonical: bool) -> int:
        """The number of short epochs; with ``compared`` no more than are compared."""
        return short_epochs(self.tail + bool(self.total % self.batch), compared, canonical)

    def rows(self, seed: int, epoch: int) -> np.ndarray:
        """The examples of a short epoch, counted from 0, in their order."""
        full = self.total // self.batch
        first, step = divmod(self.start, -(-self.total // self.batch))
        order = data_order(seed, first + epoch, self.total)
        begin = self.batch * (min(step, full - self.tail) if epoch == 0 else 0)
        return np.concatenate([order[begin : begin + self.tail * self.batch], order[full * self.batch :]])


def short_epochs(steps: int, compared: State | None, canonical: bool) -> int:
    """The number of short epochs of so many steps: STEPS in all, or with ``compared`` no more than are compared."""
    count = -(-STEPS // steps)
    if compared is None:
        return count
    last = -(-(compared.canonical if canonical else compared.steps) // steps)
    return min(count, max(1, last, *compared.curves.values()))


def short_trials(
    experiment: Experiment,
    variant: str,
    seeds: Sequence[int],
    late: Late | None = None,
    *,
    compared: State | None = None,
    engine: str = "auto",
    perturbed: int = 0,
    canonical: bool = False,
) -> tuple[ShortTrial, ...]:
    """Trains some steps with each seed, from its initial weights or from a late state. Returns one trial per seed.

    They are the steps of short epochs, of up to ``TAIL`` full batches and the partial one. The first epoch from a late
    state ends as its whole epoch would; every other one begins as its whole epoch would.

    Args:
        experiment, variant: what to train.
        seeds: different integers of at least 0.
        late: the state to begin in; None for the initial weights.
        compared: the state as it is stored: no short epoch is trained after the last that is compared. None: all are.
        engine: as in ``train``. "auto" is the engine that would train the whole variant.
        perturbed, canonical: the kind of initial weights (``seeding.initialise``). A canonical training has no dropout.

    Raises:
        SuiteError: unknown variant or engine, an engine that the backend lacks, or impossible seeds.
    """
    check_seeds(seeds)
    setup = TrainingSetup.of(experiment, variant, perturbed, canonical, late)
    data, cut = setup.data, ShortEpochs(len(setup.data.x), setup.full_batch, late.steps if late else 0)
    short, model = setup.short_epoch(cut.examples), setup.build()[0] if late and late.own_labels else None

    def epochs(seed: int) -> Iterator[Dataset]:
        if model is not None:
            setup.initialise(model, seed)
        for epoch in range(cut.count(compared, canonical)):
            rows = cut.rows(seed, epoch)
            y = data.y[rows] if model is None else _predicted(model, data.x[rows])
            yield replace(short.data, x=data.x[rows], y=y)

    def trained(engine: Engine) -> tuple[ShortTrial, ...]:
        clock = time.perf_counter()
        results: list[dict[str, Any]] = [
            {
                "seed": seed,
                "losses": float32(np.concatenate(measured.losses)),
                "curves": {name: float32(curve) for name, curve in measured.history.items()},
                "rounded": rounded(model()),
            }
            for seed, measured, model in engine.parts(seeds, epochs)
        ]
        seconds = (time.perf_counter() - clock) / len(seeds)
        how: dict[str, Any] = {"perturbed": perturbed, "canonical": canonical, "start": late.steps if late else 0}
        return tuple(ShortTrial(**result, **how, engine=engine.name, seconds=seconds) for result in results)

    return with_engine(setup, engine, _PROGRAMS, trained, of=short)


def late_states(setup: TrainingSetup, sizes: Sizes) -> tuple[Late, ...]:
    """The late states that a check begins in: before the end of the third and of the last epoch, and at a drawn step.

    In the drawn one the loss is small, where a network without batch normalization classifies: that would normalise
    otherwise in training than it predicted. The step is log-uniform, from a seed of the training's name.
    """
    full, partial = divmod(len(setup.data.x), setup.full_batch)
    epochs, before = setup.size.epochs, min(TAIL, full) + bool(partial)
    rng = np.random.default_rng(derived(0, f"{setup.experiment.id}/{setup.variant.name}/late"))
    drawn = int(np.exp(rng.uniform(*np.log([before, max(epochs * setup.steps, before + 1)]))))
    classes = setup.data.y.ndim == 2 and setup.data.y.shape[1] > 1 and not any("moving" in name for name in sizes)
    ends = {epoch * setup.steps - before: False for epoch in (min(EARLY, epochs), epochs)}
    return tuple(Late(steps, sizes, own) for steps, own in sorted(({drawn: classes} | ends).items()) if steps > 0)


def late_sizes(setup: TrainingSetup) -> Sizes | None:
    """The sizes of weights and moments after ``EARLY`` epochs of a training; None if they are not finite."""
    short = setup.cut(size=replace(setup.size, epochs=min(EARLY, setup.size.epochs)))

    def trained(engine: Any) -> Sizes | None:
        engine.run(0, lambda *_: None)
        return sizes(engine.program.model, engine.program.moments, short.built[1])

    return with_engine(setup, "auto", Programs(), trained, of=short)


def float32(values: Any) -> tuple[Number, ...]:
    """float32 values as a short trial has them."""
    return tuple(map(number, shortest(values)))


def _predicted(model: Any, x: np.ndarray) -> np.ndarray:
    """What a classifier predicts, one-hot."""
    from keras.ops import convert_to_numpy

    outputs = np.concatenate(
        [convert_to_numpy(model(x[start : start + EVALUATED], training=False)) for start in range(0, len(x), EVALUATED)]
    )
    return np.eye(outputs.shape[1], dtype="float32")[outputs.argmax(1)]


def rounded(model: Any) -> int:
    """The number of weights, of ten values and more, whose 16 low bits are all 0: as after a cast to bfloat16.

    Weights that are not finite do not count: nan has such bits.
    """
    from keras.ops import convert_to_numpy

    weights = [np.asarray(convert_to_numpy(weight), "float32") for weight in model.trainable_variables]
    large = [values for values in weights if values.size >= 10 and np.isfinite(values).all()]
    return sum(bool((values.view("uint32") & 0xFFFF == 0).all()) for values in large)
