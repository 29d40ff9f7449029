"""The protocol of a compiled program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from harness.domain.experiment import Dataset
from harness.training.setup import TrainingSetup


class Program(Protocol):
    """The training of one variant, compiled.

    Its curves are those of ``keras.Model.fit``: epoch means weighted by batch size.
    """

    parameters: int

    @property
    def weights(self) -> Sequence[Any]:
        """The trained weights, where the last launch left them: variables or arrays."""

    @property
    def model(self) -> Any:
        """The Keras model, with all variables as the last launch, or ``reset``, left them."""

    def rebind(self, setup: TrainingSetup) -> None:
        """Takes over another training of the same ``structure``: its data, learning rate and initializers."""

    def feed(self, data: Dataset) -> None:
        """Trains on other data of the same shapes from the next launch on."""

    def reset(self, seed: int) -> None:
        """Sets the initial weights of ``seed`` and a fresh state of the optimizer."""

    def launch(self, orders: np.ndarray, initial: float) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Trains one epoch per row of ``orders`` (epochs, examples), int32, and waits for the device.

        Args:
            orders: the data order of each epoch.
            initial: the loss of the training's first step; nan if that step is in this launch.

        Returns:
            The curves, each of shape (epochs,), and the divergence flags, of shape (4,): the first step with a
            non-finite loss or 0, whether it is nan, the first step with a loss above BLOW_UP × the first or 0, and the
            loss of the training's first step. Steps are counted from 1 within this launch.
        """
