"""The protocol of a compiled program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from harness.domain.experiment import Dataset
from harness.training.setup import TrainingSetup


class Program(Protocol):
    """The compiled training of one variant. Its curves are those of ``keras.Model.fit``."""

    parameters: int

    @property
    def weights(self) -> Sequence[Any]:
        """The weights after the last launch: variables or arrays."""

    @property
    def model(self) -> Any:
        """The Keras model, with its variables after the last launch or ``reset``."""

    def rebind(self, setup: TrainingSetup) -> None:
        """Switches to another training of the same ``structure``: to its data, learning rate and initializers."""

    def feed(self, data: Dataset) -> None:
        """Replaces the data by others of the same shapes, from the next launch on."""

    def reset(self, seed: int) -> None:
        """Sets the initial weights of ``seed``, and a new optimizer state."""

    def launch(self, orders: np.ndarray, initial: float) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Trains one epoch per row of ``orders``, and waits for the device.

        Args:
            orders: the data order of each epoch, shape (epochs, examples), int32.
            initial: the loss of the training's first step; nan if that step is in this launch.

        Returns:
            The curves, each of shape (epochs,), and the divergence flags, of shape (4,): the first step with a
            non-finite loss or 0, whether it is nan, the first step with a loss above BLOW_UP × the first or 0, and the
            loss of the training's first step. Steps are counted from 1 within this launch.
        """


def copy_values(source: Any, target: Any) -> None:
    """Copies the values of one model's variables to another model of the same layers."""
    if source is not target:
        for variable, value in zip(target.variables, source.variables, strict=True):
            variable.assign(value)
