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
from harness.training.programs import Curves, Program, assign
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
    from keras.ops import convert_to_numpy, convert_to_tensor

    history: list[list[np.ndarray]] = [[] for _ in variables]
    for step in zip(*gradients, strict=True):
        optimizer.apply([convert_to_tensor(gradient) for gradient in step], variables)
        for weights, variable in zip(history, variables, strict=True):
            weights.append(np.array(convert_to_numpy(variable)))
    return history


class TorchProgram(Program):
    """It trains the variables of its model by traced steps, one for each size of a batch."""

    def __init__(self, setup: TrainingSetup) -> None:
        super().__init__(setup)
        self._steps: dict[int, Callable[..., Any]] = {}

    def reset(self, seed: int) -> None:
        super().reset(seed)
        seed_training(seed)

    def launch(self, orders: np.ndarray) -> tuple[Curves, np.ndarray]:
        import torch
        from keras.ops import convert_to_numpy

        if not self._steps:
            self._trace()
        with torch.no_grad():
            rows, losses = zip(*map(self._epoch, torch.as_tensor(orders, device=self._data[0].device)), strict=True)
            curves = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
        return {name: convert_to_numpy(curve) for name, curve in curves.items()}, convert_to_numpy(torch.stack(losses))

    def _trace(self) -> None:
        """Traces a step of each batch size.

        A trace moves variables and draws masks of dropout, so the state of both is put back.
        """
        import torch

        kept = [variable.value.clone() for variable in self._model.variables]
        with torch.random.fork_rng():
            self._steps = {
                count: _traced(self._gradients, *(array[:count] for array in self._data))
                for count in {self._setup.full_batch, len(self._data[0]) % self._batch} - {0}
            }
        assign(self._model.variables, kept)

    def _gradients(self, x: Any, y: Any) -> Any:
        import torch

        weights = self._model.trainable_variables
        with torch.enable_grad():
            loss, (_, hits) = self._objective(None, None, x, y, training=True)
            return loss.detach(), hits, torch.autograd.grad(loss, [variable.value for variable in weights])

    def _step(self, rows: Any) -> tuple[Any, Any]:
        x, y = (array.index_select(0, rows) for array in self._data)
        loss, hits, gradients = self._steps[len(rows)](x, y)
        self._optimizer.apply(list(gradients), self._model.trainable_variables)
        return loss, hits

    def _epoch(self, order: Any) -> tuple[Curves, Any]:
        """The curves, and the loss of each step."""
        import torch

        parts = order.split(self._batch)
        losses, hits = map(torch.stack, zip(*map(self._step, parts), strict=True))
        examples = torch.tensor([len(part) for part in parts], dtype=losses.dtype, device=losses.device)
        curves = self._means("", losses @ examples / len(order), hits.sum(), len(order))
        curves |= self._curves((None, None), self._model.trainable_variables, self._data, self._validation)
        return curves, losses


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


program = TorchProgram
