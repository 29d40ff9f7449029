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

from harness.training.backend import active
from harness.training.engine import Engine, FirstSteps, Measurements, Notice, OnEpoch, ShortTraining
from harness.training.engines import epochs_of_launch
from harness.training.programs import Program, Programs
from harness.training.recorded import record_metrics
from harness.training.seeding import data_order
from harness.training.setup import TrainingSetup


def load_program(setup: TrainingSetup) -> Program:
    """A new program, on the active backend."""
    return active().program(setup)


def prepare(setup: TrainingSetup, programs: Programs, notice: Notice) -> CompiledEngine:
    """As ``EngineModule`` says."""
    return CompiledEngine(setup, programs)


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


class CompiledEngine(Engine):
    """Trains one seed after another with one program. ``programs`` may have it from an earlier training."""

    name = "compiled"

    def __init__(self, setup: TrainingSetup, programs: Programs | None = None) -> None:
        self.setup = setup
        self.program, self._compiled = (programs or Programs()).get(self.name, setup, load_program)
        self.epochs_per_launch = epochs_of_launch(setup, self.program.parameters)

    @property
    def weights(self) -> Sequence[Any]:
        return self.program.weights

    def run(self, seed: int, on_epoch: OnEpoch) -> Measurements:
        epochs, count = self.setup.size.epochs, len(self.setup.data.x)
        measured = Measurements({}, initial=float("nan"))
        if self.epochs_per_launch == epochs:
            measured.compile = 0.0 if self._compiled else self._compile(seed)
        self._compiled = True
        self.program.reset(seed)
        self._record(measured, "initial_")
        for start in range(0, epochs, self.epochs_per_launch):
            batch = range(start, min(start + self.epochs_per_launch, epochs))
            orders = np.stack([data_order(seed, epoch, count) for epoch in batch])
            clock = time.perf_counter()
            curves, flags = self.program.launch(orders, measured.initial)
            measured.launches.append(time.perf_counter() - clock)
            for name, curve in curves.items():
                measured.history.setdefault(name, []).extend(float(value) for value in curve)
            measured.add_flags(flags, steps_before=start * self.setup.steps)
            self._record(measured)
            on_epoch(seed, batch[-1] + 1)
        return measured

    def _record(self, measured: Measurements, prefix: str = "") -> None:
        if self.setup.experiment.observe is not None:
            record_metrics(self.setup, self.program.model, measured.history, prefix)

    def _compile(self, seed: int) -> float:
        """The seconds of compilation, if all epochs are one launch: first launch − second launch.

        The results of both launches are discarded.
        """
        orders = np.stack([data_order(seed, epoch, len(self.setup.data.x)) for epoch in range(self.epochs_per_launch)])
        taken = []
        for _ in range(2):
            self.program.reset(seed)
            clock = time.perf_counter()
            self.program.launch(orders, float("nan"))
            taken.append(time.perf_counter() - clock)
        return max(taken[0] - taken[1], 0.0)
