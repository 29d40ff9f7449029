"""Engine ``compiled``: one seed after another, by a program that trains whole epochs on the device.

A program holds one variant. It is compiled once and used for every seed: ``reset`` sets the weights and the optimizer's
state, ``launch`` trains one epoch for each data order that it is given. Variants that differ only in their learning
rate, their initializers and the numbers in their data use the same program: a sweep over rates compiles once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from harness.training.backends import active
from harness.training.engines import (
    Engine,
    FirstSteps,
    Measurements,
    Notice,
    OnEpoch,
    ShortTraining,
    epochs_of_launch,
)
from harness.training.programs import Program, Programs
from harness.training.seeding import data_order
from harness.training.setup import TrainingSetup


def load_program(setup: TrainingSetup) -> Program:
    """A new program, on the active backend."""
    return active().program(setup)


class CompiledEngine(Engine):
    """Trains one seed after another with one program. ``programs`` may have it from an earlier training."""

    name = "compiled"

    def __init__(
        self, setup: TrainingSetup, programs: Programs | None = None, notice: Notice = lambda text: None
    ) -> None:
        super().__init__(setup)
        self.program, self._compiled = (programs or Programs()).get(self.name, setup, load_program)
        self.epochs_per_launch = epochs_of_launch(setup, self.program.parameters)

    @staticmethod
    def first_steps(short: ShortTraining) -> Iterator[FirstSteps]:
        """Trains with a program of one step, which gets a new batch for each step."""
        program, _ = short.programs.get("compiled", short.setup.one_step(), load_program)
        order = np.arange(short.setup.full_batch, dtype="int32")[None]
        for seed in short.seeds:
            program.reset(seed)
            losses = []
            for data in short.batches(seed):
                program.feed(data)
                losses.append(program.launch(order, float("nan"))[0]["loss"][0])
            yield seed, losses, program.model if seed in short.validate else None

    @property
    def weights(self) -> Sequence[Any]:
        return self.program.weights

    def run(self, seed: int, on_epoch: OnEpoch) -> Measurements:
        epochs = self.setup.size.epochs
        measured = Measurements({})
        if self.epochs_per_launch == epochs:
            measured.compile = 0.0 if self._compiled else self._compile(seed)
        self._compiled = True
        self.program.reset(seed)
        self._record(measured, "initial_")
        for start in range(0, epochs, self.epochs_per_launch):
            stop = min(start + self.epochs_per_launch, epochs)
            orders = self._orders(seed, range(start, stop))
            clock = time.perf_counter()
            curves, flags = self.program.launch(orders, measured.initial)
            measured.launches.append(time.perf_counter() - clock)
            measured.add(curves, flags, steps_before=start * self.setup.steps)
            self._record(measured)
            on_epoch(seed, stop)
        return measured

    def _orders(self, seed: int, epochs: range) -> np.ndarray:
        return np.stack([data_order(seed, epoch, len(self.setup.data.x)) for epoch in epochs])

    def _record(self, measured: Measurements, prefix: str = "") -> None:
        measured.record(self.setup, lambda: self.program.model, prefix)

    def _compile(self, seed: int) -> float:
        """The seconds of compilation, if all epochs are one launch: first launch − second launch.

        The results of both launches are discarded.
        """
        orders = self._orders(seed, range(self.epochs_per_launch))
        taken = []
        for _ in range(2):
            self.program.reset(seed)
            clock = time.perf_counter()
            self.program.launch(orders, float("nan"))
            taken.append(time.perf_counter() - clock)
        return max(taken[0] - taken[1], 0.0)
