"""Keras on PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.training.backends import Facts, Product, kind_of

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


def program(setup: Any) -> Any:
    from harness.training.compiled_torch import TorchProgram

    return TorchProgram(setup)


def place(value: Any) -> tuple[str, str, str]:
    import torch

    kind = kind_of(value.device.type)
    model = torch.cuda.get_device_name(value.device) if kind == "gpu" else kind
    return kind, str(model), f", matmul {torch.get_float32_matmul_precision()}"


def peak_bytes(value: Any) -> int | None:
    import torch

    return int(torch.cuda.max_memory_allocated(value.device))


def reset_peak_bytes() -> bool:
    import torch

    torch.cuda.reset_peak_memory_stats()
    return True


def products() -> dict[str, Callable[[int], Product]]:
    import torch

    where = "cuda" if torch.cuda.is_available() else "cpu"

    def prepare(size: int) -> Product:
        a, b = torch.randn(size, size, device=where), torch.randn(size, size, device=where)

        def product() -> None:
            torch.mm(a, b)
            synchronise()

        return product

    return {"torch": prepare}


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
