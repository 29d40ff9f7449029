"""The program of engine ``compiled`` on PyTorch: eager steps over data on the device.

Nothing is compiled: Keras' layers and optimizers are calls of PyTorch's own kernels. The losses of all steps stay on
the device until the end of a launch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.domain.experiment import Dataset
from harness.training.divergence import BLOW_UP
from harness.training.seeding import initialise, seed_training
from harness.training.setup import TrainingSetup


class TorchProgram:
    """The training of one variant (``programs.Program``). Its state is in the variables of the model and optimizer."""

    def __init__(self, setup: TrainingSetup) -> None:
        self.rebind(setup)

    def rebind(self, setup: TrainingSetup) -> None:
        import keras

        self._setup, (self.model, self._optimizer) = setup, setup.built
        self._loss = keras.losses.get(setup.experiment.loss)
        self._fresh = [variable.value.clone() for variable in self._optimizer.variables]
        self.weights = list(self.model.trainable_variables)
        self.parameters = self.model.count_params()
        self.feed(setup.data)

    def feed(self, data: Dataset) -> None:
        from keras.ops import convert_to_tensor

        self._data = tuple(convert_to_tensor(array, "float32") for array in (data.x, data.y))
        self._validation = (
            ()
            if data.x_val is None
            else tuple(convert_to_tensor(array, "float32") for array in (data.x_val, data.y_val))
        )

    def reset(self, seed: int) -> None:
        initialise(self.model, seed, self._setup.perturbed, self._setup.canonical)
        for variable, value in zip(self._optimizer.variables, self._fresh, strict=True):
            variable.assign(value)
        seed_training(seed)

    def launch(self, orders: np.ndarray, initial: float) -> tuple[dict[str, np.ndarray], np.ndarray]:
        import torch
        from keras.ops import convert_to_numpy

        losses, epochs = zip(*map(self._epoch, torch.as_tensor(orders, device=self._data[0].device)), strict=True)
        curves = {name: convert_to_numpy(torch.stack([curves[name] for curves in epochs])) for name in epochs[0]}
        return curves, _flags(convert_to_numpy(torch.cat(losses)), initial)

    def _objective(self, x: Any, y: Any, training: bool) -> Any:
        """(the loss, the number of hits) of some examples."""
        outputs = self.model(x, training=training)
        loss = self._loss(y, outputs).mean() + sum(self.model.losses)
        if not self._setup.experiment.accuracy:
            return loss, loss.new_zeros(())
        return loss, (outputs.argmax(-1) == y.argmax(-1)).sum()

    def _step(self, rows: Any) -> Any:
        import torch

        x, y = (array.index_select(0, rows) for array in self._data)
        loss, right = self._objective(x, y, training=True)
        gradients = torch.autograd.grad(loss, [variable.value for variable in self.weights])
        with torch.no_grad():
            self._optimizer.apply(list(gradients), self.weights)
        return loss.detach(), right

    def _epoch(self, order: Any) -> tuple[Any, dict[str, Any]]:
        """The loss of each step, and the value of each curve."""
        import torch

        experiment, count = self._setup.experiment, len(order)
        batches = order.split(self._setup.size.batch_size)
        losses, hits = map(torch.stack, zip(*map(self._step, batches), strict=True))
        sizes = torch.tensor([float(len(rows)) for rows in batches], device=losses.device)
        curves = {"loss": losses @ sizes / count} | ({"accuracy": hits.sum() / count} if experiment.accuracy else {})
        with torch.no_grad():
            if self._validation:
                curves |= self._evaluate("val_", *self._validation)
            if self._validation and experiment.halves:
                of_each = self._loss(self._validation[1], self.model(self._validation[0], training=False))
                curves |= {"even_val_loss": of_each[::2].mean(), "odd_val_loss": of_each[1::2].mean()}
            if experiment.inference:
                curves |= self._evaluate("train_", *self._data)
            curves |= {name: of(self.weights).float() for name, of in experiment.follow.items()}
        return losses, curves

    def _evaluate(self, prefix: str, x: Any, y: Any) -> dict[str, Any]:
        loss, right = self._objective(x, y, training=False)
        return {f"{prefix}loss": loss} | (
            {f"{prefix}accuracy": right / len(x)} if self._setup.experiment.accuracy else {}
        )


def _flags(losses: np.ndarray, initial: float) -> np.ndarray:
    """The divergence flags (``Program.launch``) of a launch with these losses of its steps."""
    first = losses[0] if np.isnan(initial) else np.float32(initial)
    broken, high = (
        int(found.argmax()) + 1 if found.any() else 0 for found in (~np.isfinite(losses), losses > BLOW_UP * first)
    )
    is_nan = bool(broken and np.isnan(losses[broken - 1]))
    return np.array([broken, is_nan, high, first], "float32")
