"""Engine ``compiled``: whole epochs, or a tiny training as a whole, as one XLA program over data on the device.

A program holds one variant. It is compiled once and used for every seed: ``reset`` sets the weights and the optimizer's
state, ``launch`` trains as many epochs as it is given data orders.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from harness.training.seeding import data_order
from harness.training.task import OnEpoch, Raw, Task

WHOLE = 1e8
"""Examples × epochs × parameters up to which a training is one launch; beyond, a launch is one epoch, so that a launch
lasts at most seconds and Ctrl-C is heard."""


class Program(Protocol):
    """One variant, compiled. Its curves are those of ``keras.Model.fit``: epoch means weighted by batch size."""

    parameters: int

    @property
    def weights(self) -> Sequence[Any]:
        """The trained weights, where the last launch left them: variables or arrays."""

    def reset(self, seed: int) -> None:
        """Initial weights and optimizer state of ``seed``."""

    def launch(self, orders: np.ndarray, initial: float) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Trains one epoch per row of ``orders`` (epochs, examples), int32.

        ``initial`` is the loss of the training's first step, nan if that step is in this launch. Returns the curves,
        each of shape (epochs,), and (first step with a non-finite loss or 0, whether it is nan, first step with a loss
        above BLOW_UP × the first or 0, loss of the training's first step), steps counted from 1 within this launch.
        The device has finished when it returns.
        """


def load_program(task: Task, backend: str) -> Program:
    """The program of a task on TensorFlow or JAX."""
    if backend == "tensorflow":
        from harness.training.compiled_tensorflow import TensorFlowProgram

        return TensorFlowProgram(task)
    from harness.training.compiled_jax import JaxProgram

    return JaxProgram(task)


class CompiledEngine:
    """Trains seed after seed of one task with one program."""

    def __init__(self, task: Task, backend: str) -> None:
        self.task = task
        self.program = load_program(task, backend)
        work = len(task.data.x) * task.size.epochs * max(self.program.parameters, 1000)
        self.epochs_per_launch = task.size.epochs if work <= WHOLE else 1
        self._compiled = False

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
        for start in range(0, epochs, self.epochs_per_launch):
            batch = range(start, min(start + self.epochs_per_launch, epochs))
            orders = np.stack([data_order(seed, epoch, count) for epoch in batch])
            clock = time.perf_counter()
            curves, signs = self.program.launch(orders, raw.initial)
            raw.launches.append(time.perf_counter() - clock)
            for name, curve in curves.items():
                raw.history.setdefault(name, []).extend(float(value) for value in curve)
            _note(raw, signs, steps_before=start * self.task.steps)
            on_epoch(seed, batch[-1] + 1)
        return raw

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


def _note(raw: Raw, signs: Any, steps_before: int) -> None:
    broken, is_nan, high, raw.initial = int(signs[0]), bool(signs[1]), int(signs[2]), float(signs[3])
    if broken and not raw.broken:
        raw.broken, raw.broken_is_nan = broken + steps_before, is_nan
    if high and not raw.high:
        raw.high = high + steps_before
