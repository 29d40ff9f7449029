"""Engine ``compiled``: whole epochs, or a tiny training as a whole, as one XLA program over data on the device.

A program holds one variant. It is compiled once and used for every seed: ``reset`` sets the weights and the optimizer's
state, ``launch`` trains as many epochs as it is given data orders. Variants that differ in nothing but their learning
rate, their initializers and the numbers in their data use one program after the other: a sweep over rates compiles
once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from harness.experiment import Dataset
from harness.training.backends import named
from harness.training.configuration import nameless
from harness.training.engines import epochs_of_launch
from harness.training.observing import observed
from harness.training.seeding import data_order
from harness.training.task import OnEpoch, Raw, Task


class Program(Protocol):
    """One variant, compiled. Its curves are those of ``keras.Model.fit``: epoch means weighted by batch size."""

    parameters: int

    @property
    def weights(self) -> Sequence[Any]:
        """The trained weights, where the last launch left them: variables or arrays."""

    @property
    def model(self) -> Any:
        """The task's Keras model with all variables as the last launch, or ``reset``, left them."""

    def rebind(self, task: Task) -> None:
        """Takes over another task of the same ``structure``: its data, learning rate and initializers."""

    def feed(self, data: Dataset) -> None:
        """Trains on other data from now on, of the same shapes."""

    def reset(self, seed: int) -> None:
        """The task's initial weights and optimizer state of ``seed``."""

    def launch(self, orders: np.ndarray, initial: float) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Trains one epoch per row of ``orders`` (epochs, examples), int32.

        ``initial`` is the loss of the training's first step, nan if that step is in this launch. Returns the curves,
        each of shape (epochs,), and (first step with a non-finite loss or 0, whether it is nan, first step with a loss
        above BLOW_UP × the first or 0, loss of the training's first step), steps counted from 1 within this launch.
        The device has finished when it returns.
        """


def load_program(task: Task, backend: str) -> Program:
    """The program of a task on a backend that compiles."""
    return named(backend).program(task)


def structure(task: Task) -> str:
    """All that a compiled program of a task depends on: equal texts, one program.

    Layers and optimizers count by what their ``get_config`` says, which Keras asks to be complete. Initializers do not
    count: they decide the weights that a program is given, not what it does to them.
    """
    model, optimizer = task.built
    config = nameless(optimizer.get_config())
    if isinstance(config["learning_rate"], float):
        del config["learning_rate"]  # a variable of the optimizer
    experiment, data = task.experiment, task.data
    shapes = [None if array is None else array.shape for array in (data.x, data.y, data.x_val, data.y_val)]
    recorded = [
        experiment.loss,
        experiment.accuracy,
        experiment.inference,
        experiment.halves,
        sorted(experiment.follow),
    ]
    layers = nameless(model.get_config(), without="_initializer")
    follows = experiment.id if experiment.follow else ""  # functions of an experiment's own, known by their names
    parts = [follows, layers, type(optimizer).__name__, config, recorded, shapes]
    return json.dumps([*parts, task.size.epochs, task.size.batch_size], sort_keys=True, default=repr)


class Programs:
    """The last program, kept for the next task if that has the same structure."""

    def __init__(self) -> None:
        self._last: tuple[str, Program] | None = None

    def get(self, task: Task, backend: str) -> tuple[Program, bool]:
        """A program for the task, and whether it has been used before."""
        key = f"{backend} {structure(task)}"
        if self._last is not None and self._last[0] == key:
            self._last[1].rebind(task)
            return self._last[1], True
        self._last = None  # before the next one takes up memory
        program = load_program(task, backend)
        self._last = key, program
        return program, False


class CompiledEngine:
    """Trains seed after seed of one task with one program, which ``programs`` may have from an earlier task."""

    name = "compiled"

    def __init__(self, task: Task, backend: str, programs: Programs | None = None) -> None:
        self.task = task
        self.program, self._compiled = (programs or Programs()).get(task, backend)
        self.epochs_per_launch = epochs_of_launch(task, self.program.parameters)

    @property
    def weights(self) -> Sequence[Any]:
        return self.program.weights

    def run(self, seed: int, on_epoch: OnEpoch) -> Raw:
        epochs, count = self.task.size.epochs, len(self.task.data.x)
        raw = Raw({}, initial=float("nan"))
        if self.epochs_per_launch == epochs:
            raw.compile = 0.0 if self._compiled else self._compile(seed)
        self._compiled = True
        self.program.reset(seed)
        self._observe(raw, "initial_")
        for start in range(0, epochs, self.epochs_per_launch):
            batch = range(start, min(start + self.epochs_per_launch, epochs))
            orders = np.stack([data_order(seed, epoch, count) for epoch in batch])
            clock = time.perf_counter()
            curves, signs = self.program.launch(orders, raw.initial)
            raw.launches.append(time.perf_counter() - clock)
            for name, curve in curves.items():
                raw.history.setdefault(name, []).extend(float(value) for value in curve)
            note(raw, signs, steps_before=start * self.task.steps)
            self._observe(raw)
            on_epoch(seed, batch[-1] + 1)
        return raw

    def _observe(self, raw: Raw, prefix: str = "") -> None:
        if self.task.experiment.observe is not None:
            observed(self.task, self.program.model, raw.history, prefix)

    def _compile(self, seed: int) -> float:
        """Seconds of compiling a training of one launch: what its first takes longer than its second, both thrown away.

        Where every epoch is a launch, the first of them tells.
        """
        orders = np.stack([data_order(seed, epoch, len(self.task.data.x)) for epoch in range(self.epochs_per_launch)])
        taken = []
        for _ in range(2):
            self.program.reset(seed)
            clock = time.perf_counter()
            self.program.launch(orders, float("nan"))
            taken.append(time.perf_counter() - clock)
        return max(taken[0] - taken[1], 0.0)


def note(raw: Raw, signs: Any, steps_before: int) -> None:
    """Adds what a launch gave beside its curves (``Program.launch``) to a trial's measurements."""
    broken, is_nan, high, raw.initial = int(signs[0]), bool(signs[1]), int(signs[2]), float(signs[3])
    if broken and not raw.broken:
        raw.broken, raw.broken_is_nan = broken + steps_before, is_nan
    if high and not raw.high:
        raw.high = high + steps_before
