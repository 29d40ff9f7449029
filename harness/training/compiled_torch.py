"""The compiled program on PyTorch: each step is traced once, to the kernels that it calls, and then replayed.

A replay leaves out Keras' layers and PyTorch's automatic differentiation, which take most of the time of a small step.
It calls the same kernels, so its numbers are those of Keras' own step. The losses of all steps stay on the device until
the end of a launch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.domain.experiment import Dataset
from harness.training.divergence import BLOW_UP
from harness.training.program import copy_values
from harness.training.seeding import initialise, seed_training
from harness.training.setup import TrainingSetup


class TorchProgram:
    """The training of one variant (``programs.Program``). Its state is in the variables of the model and optimizer."""

    def __init__(self, setup: TrainingSetup) -> None:
        import keras

        self._model, self._optimizer = setup.built
        self._loss = keras.losses.get(setup.experiment.loss)
        self.weights = list(self._model.trainable_variables)
        self.parameters = self._model.count_params()
        self._steps: dict[int, Callable[..., Any]] = {}
        self.rebind(setup)

    def rebind(self, setup: TrainingSetup) -> None:
        self._setup, (self._own, optimizer) = setup, setup.built  # the initializers of this model draw the weights
        self._fresh = [variable.value.clone() for variable in optimizer.variables]
        self.feed(setup.data)

    def feed(self, data: Dataset) -> None:
        from keras.ops import convert_to_tensor

        self._data = tuple(convert_to_tensor(array, "float32") for array in (data.x, data.y))
        self._validation = (
            ()
            if data.x_val is None
            else tuple(convert_to_tensor(array, "float32") for array in (data.x_val, data.y_val))
        )

    @property
    def model(self) -> Any:
        copy_values(self._model, self._own)
        return self._own

    def reset(self, seed: int) -> None:
        initialise(self._own, seed, self._setup.perturbed, self._setup.canonical)
        copy_values(self._own, self._model)
        for variable, value in zip(self._optimizer.variables, self._fresh, strict=True):
            variable.assign(value)
        seed_training(seed)

    def launch(self, orders: np.ndarray, initial: float) -> tuple[dict[str, np.ndarray], np.ndarray]:
        import torch
        from keras.ops import convert_to_numpy

        if not self._steps:
            self._trace()
        count, where = orders.shape[1], self._data[0].device
        sizes = [min(self._setup.full_batch, count - first) for first in range(0, count, self._setup.full_batch)]
        with torch.no_grad():
            losses, hits, rows = zip(*map(self._epoch, torch.as_tensor(orders, device=where)), strict=True)
            examples = torch.tensor(sizes, dtype=losses[0].dtype, device=where)
            curves = {"loss": torch.stack([each @ examples / count for each in losses])}
            curves |= {"accuracy": torch.stack(hits).sum(1) / count} if self._setup.experiment.accuracy else {}
            curves |= {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
        flags = _flags(convert_to_numpy(torch.cat(losses)), initial)
        return {name: convert_to_numpy(curve) for name, curve in curves.items()}, flags

    def _trace(self) -> None:
        """Traces a step of each batch size, and the evaluations.

        A trace moves variables and draws masks of dropout, so the state of both is put back.
        """
        import torch

        kept = [variable.value.clone() for variable in self._model.variables]
        with torch.random.fork_rng():
            self._trace_all()
        for variable, value in zip(self._model.variables, kept, strict=True):
            variable.assign(value)

    def _trace_all(self) -> None:
        size = self._setup.size.batch_size
        self._steps = {
            count: _traced(self._gradients, *(array[:count] for array in self._data))
            for count in {self._setup.full_batch, len(self._data[0]) % size} - {0}
        }
        self._evaluations = {
            prefix: _traced(self._evaluation, *data)
            for prefix, data in (("val_", self._validation), ("train_", self._data))
            if data and (prefix == "val_" or self._setup.experiment.inference)
        }

    def _objective(self, x: Any, y: Any, training: bool) -> Any:
        """(the loss, the number of hits) of some examples."""
        outputs = self._model(x, training=training)
        loss = self._loss(y, outputs).mean() + sum(self._model.losses)
        if not self._setup.experiment.accuracy:
            return loss, loss.new_zeros(())
        return loss, (outputs.argmax(-1) == y.argmax(-1)).sum()

    def _gradients(self, x: Any, y: Any) -> Any:
        import torch

        with torch.enable_grad():
            loss, hits = self._objective(x, y, training=True)
            return loss.detach(), hits, torch.autograd.grad(loss, [variable.value for variable in self.weights])

    def _evaluation(self, x: Any, y: Any) -> Any:
        loss, hits = self._objective(x, y, training=False)
        return loss, hits / len(x)

    def _step(self, rows: Any) -> Any:
        x, y = (array.index_select(0, rows) for array in self._data)
        loss, hits, gradients = self._steps[len(rows)](x, y)
        self._optimizer.apply(list(gradients), self.weights)
        return loss, hits

    def _epoch(self, order: Any) -> tuple[Any, Any, dict[str, Any]]:
        """The loss and the hits of each step, and the curves of validation, inference and what is followed."""
        import torch

        experiment = self._setup.experiment
        losses, hits = map(torch.stack, zip(*map(self._step, order.split(self._setup.size.batch_size)), strict=True))
        row: dict[str, Any] = {}
        for prefix, evaluate in self._evaluations.items():
            loss, accuracy = evaluate(*(self._validation if prefix == "val_" else self._data))
            row |= {f"{prefix}loss": loss} | ({f"{prefix}accuracy": accuracy} if experiment.accuracy else {})
        if self._validation and experiment.halves:
            of_each = self._loss(self._validation[1], self._model(self._validation[0], training=False))
            row |= {"even_val_loss": of_each[::2].mean(), "odd_val_loss": of_each[1::2].mean()}
        return losses, hits, row | {name: of(self.weights).float() for name, of in experiment.follow.items()}


def _traced(function: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
    """The kernels that ``function`` calls for ``arguments``, as a function of other arguments of the same shapes.

    It calls ``function`` once. It returns ``function`` itself if that reads a value of the device on the host, as a
    Dropout layer with a seed of its own does: a replay would repeat that value.
    """
    import torch
    from torch.fx.experimental.proxy_tensor import make_fx

    with torch.no_grad():
        try:
            return make_fx(lambda x, y: function(x, y))(*arguments)
        except RuntimeError as error:
            if "aten._local_scalar_dense" not in str(error):
                raise
            return function


def _flags(losses: np.ndarray, initial: float) -> np.ndarray:
    """The divergence flags (``Program.launch``) of a launch with these losses of its steps."""
    first = losses[0] if np.isnan(initial) else np.float32(initial)
    broken, high = (
        int(found.argmax()) + 1 if found.any() else 0 for found in (~np.isfinite(losses), losses > BLOW_UP * first)
    )
    is_nan = bool(broken and np.isnan(losses[broken - 1]))
    return np.array([broken, is_nan, high, first], "float32")
