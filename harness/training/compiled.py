"""Engine ``compiled``: one seed after another, by a program that trains whole epochs on the device.

A program holds one variant. It is compiled once and used for every seed: ``reset`` sets the weights and the optimizer's
state, ``launch`` trains one epoch for each data order that it is given. Variants that differ only in their learning
rate, their initializers and the numbers in their data use the same program: a sweep over rates compiles once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from harness.training.backends import active
from harness.training.engine import Engine, Measurements, OnEpoch, Parts, Trained, epochs_of_launch
from harness.training.seeding import data_order


class CompiledEngine(Engine):
    """Trains one seed after another with one program. ``programs`` may have it from an earlier training."""

    name = "compiled"

    def __post_init__(self) -> None:
        self.program, self._compiled = self.programs.get_for(active().program, self.setup)
        self.epochs_per_launch = epochs_of_launch(self.setup, self.program.parameters)

    @property
    def weights(self) -> Sequence[Any]:
        return self.program.weights

    def parts(self, seeds: Sequence[int], parts: Parts) -> Iterator[Trained]:
        order = np.arange(len(self.setup.data.x), dtype="int32")[None]
        for seed in seeds:
            self.program.reset(seed)
            measured = Measurements()
            for data in parts(seed):
                self.program.feed(data)
                setup = replace(self.setup, data=data)
                measured.observe(setup, lambda: self.program.model, "initial_")
                measured.add(*self.program.launch(order))
                measured.observe(setup, lambda: self.program.model)
            yield seed, measured, lambda: self.program.model

    def run(self, seed: int, on_epoch: OnEpoch) -> Measurements:
        epochs, measured = self.setup.size.epochs, Measurements()
        if self.epochs_per_launch == epochs:
            measured.compile = 0.0 if self._compiled else self._compile(seed)
        self._compiled = True
        self.program.reset(seed)
        measured.observe(self.setup, lambda: self.program.model, "initial_")
        for start in range(0, epochs, self.epochs_per_launch):
            stop = min(start + self.epochs_per_launch, epochs)
            orders = self._orders(seed, range(start, stop))
            clock = time.perf_counter()
            launched = self.program.launch(orders)
            measured.launches.append(time.perf_counter() - clock)
            measured.add(*launched)
            measured.observe(self.setup, lambda: self.program.model)
            on_epoch(seed, stop)
        return measured

    def _orders(self, seed: int, epochs: range) -> np.ndarray:
        return np.stack([data_order(seed, epoch, len(self.setup.data.x)) for epoch in epochs])

    def _compile(self, seed: int) -> float:
        """The seconds of compilation, if all epochs are one launch: first launch − second launch.

        The results of both launches are discarded.
        """
        orders = self._orders(seed, range(self.epochs_per_launch))
        taken = []
        for _ in range(2):
            self.program.reset(seed)
            clock = time.perf_counter()
            self.program.launch(orders)
            taken.append(time.perf_counter() - clock)
        return max(taken[0] - taken[1], 0.0)
