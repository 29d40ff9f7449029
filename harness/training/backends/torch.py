"""Keras on PyTorch.

The compiled program traces each step once, to the kernels that it calls, and then replays them. A replay leaves out
Keras' layers and PyTorch's automatic differentiation, which take most of the time of a small step. It calls the same
kernels, so its numbers are those of Keras' own step. The losses of all steps stay on the device until the end of a
launch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.training.backends import Facts, kind_of
from harness.training.divergence import BLOW_UP
from harness.training.programs import Program, assign
from harness.training.seeding import seed_training
from harness.training.setup import TrainingSetup

facts = Facts(
    label="PyTorch",
    distributions=("torch",),
    prefix="TORCH_",
    harmless="TORCH_(HOME|LOGS|SHOW_.*|EXTENSIONS_DIR|CUDA_ARCH_LIST)",
)


def seed(seed: int) -> None:
    import torch

    torch.manual_seed(seed)


def set_highest_precision() -> None:
    import torch

    torch.set_float32_matmul_precision("highest")


def synchronise() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def compiled(function: Any) -> Any:
    return function


def program(setup: TrainingSetup) -> TorchProgram:
    return TorchProgram(setup)


def device_of(value: Any) -> tuple[str, str, str]:
    import torch

    kind = kind_of(value.device.type)
    model = torch.cuda.get_device_name(value.device) if kind == "gpu" else kind
    return kind, str(model), f", matmul {torch.get_float32_matmul_precision()}"


def value_and_gradient(function: Callable[[Any], Any], point: np.ndarray) -> tuple[Any, Any]:
    import torch

    at = torch.tensor(point, requires_grad=True)
    value = function(at)
    return value.detach(), torch.autograd.grad(value, at)[0]


def weight_gradients(model: Any, loss: Any, x: np.ndarray, y: np.ndarray) -> list[Any]:
    import torch
    from keras.ops import convert_to_tensor

    weights = [variable.value for variable in model.trainable_variables]
    with torch.random.fork_rng():  # dropout draws from the generator of the training
        value = loss(convert_to_tensor(y), model(x, training=True)).mean()
    return [gradient.detach().cpu().numpy() for gradient in torch.autograd.grad(value, weights)]


def trajectory(optimizer: Any, variables: list[Any], gradients: list[np.ndarray]) -> list[Any]:
    import torch

    history: list[list[np.ndarray]] = [[] for _ in variables]
    for step in range(len(gradients[0])):
        optimizer.apply([torch.as_tensor(each[step]) for each in gradients], variables)
        for weights, variable in zip(history, variables, strict=True):
            weights.append(variable.value.detach().cpu().numpy().copy())
    return [np.stack(weights) for weights in history]


class TorchProgram(Program):
    """It trains the variables of its model by traced steps, one for each size of a batch."""

    def __init__(self, setup: TrainingSetup) -> None:
        super().__init__(setup)
        self._steps: dict[int, Callable[..., Any]] = {}

    def reset(self, seed: int) -> None:
        super().reset(seed)
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
        assign(self._model.variables, kept)

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

        weights = self._model.trainable_variables
        with torch.enable_grad():
            loss, hits = self._objective(x, y, training=True)
            return loss.detach(), hits, torch.autograd.grad(loss, [variable.value for variable in weights])

    def _evaluation(self, x: Any, y: Any) -> Any:
        loss, hits = self._objective(x, y, training=False)
        return loss, hits / len(x)

    def _step(self, rows: Any) -> Any:
        x, y = (array.index_select(0, rows) for array in self._data)
        loss, hits, gradients = self._steps[len(rows)](x, y)
        self._optimizer.apply(list(gradients), self._model.trainable_variables)
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
        int(bad.argmax()) + 1 if bad.any() else 0 for bad in (~np.isfinite(losses), losses > BLOW_UP * first)
    )
    is_nan = bool(broken and np.isnan(losses[broken - 1]))
    return np.array([broken, is_nan, high, first], "float32")
