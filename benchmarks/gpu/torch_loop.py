"""A fast training loop in PyTorch: one seed, everything on the device.

The network is compiled, a whole step (gather, forward, backward, fused Adam) is one CUDA graph, products are in TF32,
and nothing waits for the host within an epoch. The work is that of the other rows: Keras' Adam (epsilon 1e-7), a
partial last batch, validation after every epoch.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.gpu.work import NETWORKS, Scale, experiment
from harness.training.seeding import data_order

LAYERS = {"softmax": (0, 0.0), "2 relu xavier": (2, 0.0), "5 relu xavier": (5, 0.0), "dropout 0.2": (5, 0.2)}
"""(number of hidden layers of 256 units, dropout rate) by variant."""
WARM_UP = 3
"""Number of steps before a graph is captured."""


def measure(scale: Scale) -> dict[str, Any]:
    """As ``peers.measure``; each row also tells how the step ran."""
    import torch

    torch.set_float32_matmul_precision("high")
    place = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    declared = experiment(scale)
    size, chosen = declared.size, declared.variant(NETWORKS["softmax"])
    assert chosen.data is not None
    data = chosen.data().first(size.train)
    assert data.x_val is not None
    assert data.y_val is not None
    x, x_val = (torch.as_tensor(np.asarray(a, "float32"), device=place) for a in (data.x, data.x_val))
    y, y_val = (torch.as_tensor(np.asarray(a).argmax(-1), device=place) for a in (data.y, data.y_val))
    rows = []
    for network, variant in NETWORKS.items():
        clock = time.perf_counter()
        model, optimizer = _built(*LAYERS[variant], place)
        step, how = _step(model, optimizer, x, y, size.batch_size)
        epochs, accuracy = [], 0.0
        for epoch in range(scale.peer_epochs):
            begun = time.perf_counter()
            order = torch.as_tensor(data_order(0, epoch, len(x)).astype("int64"), device=place)
            for start in range(0, len(x), size.batch_size):
                step(order[start : start + size.batch_size])
            accuracy = _accuracy(model, x_val, y_val)
            epochs.append(time.perf_counter() - begun)
        rows.append(
            {
                "network": network,
                "epoch": statistics.median(epochs[1:]),
                "first_epoch": epochs[0],
                "training": time.perf_counter() - clock,
                "epochs": scale.peer_epochs,
                "val_accuracy": accuracy,
                "device": f"gpu: {torch.cuda.get_device_name(place)}" if place.type == "cuda" else "cpu",
                "how": how,
            }
        )
    return {"rows": rows}


def _built(hidden: int, dropout: float, place: Any) -> tuple[Any, Any]:
    import torch
    from torch import nn

    torch.manual_seed(0)
    layers: list[nn.Module] = []
    inputs = 784
    for _ in range(hidden):
        layers += [nn.Linear(inputs, 256), nn.ReLU(), *([nn.Dropout(dropout)] if dropout else [])]
        inputs = 256
    model = nn.Sequential(*layers, nn.Linear(inputs, 10))
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    model.to(place)
    fused = place.type == "cuda"
    return model, torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7, fused=fused, capturable=fused)


def _step(model: Any, optimizer: Any, x: Any, y: Any, batch_size: int) -> tuple[Callable[[Any], None], str]:
    """A function that makes one step on the batch of the given rows, and how it runs, in words."""
    import torch
    from torch import nn

    def eager(rows: Any, forward: Any) -> None:
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(forward(x[rows]), y[rows]).backward()
        optimizer.step()

    if x.device.type != "cuda":
        return lambda rows: eager(rows, model), "eager, on a CPU"
    forward, how = _compiled(model, x[:batch_size])
    initial = [parameter.detach().clone() for parameter in model.parameters()]
    full = _graph(lambda rows: eager(rows, forward), torch.arange(batch_size, device=x.device))
    rest = len(x) % batch_size
    partial = _graph(lambda rows: eager(rows, forward), torch.arange(rest, device=x.device)) if rest else None
    with torch.no_grad():  # undo the steps of the warm-up
        for parameter, value in zip(model.parameters(), initial, strict=True):
            parameter.copy_(value)
        for state in optimizer.state.values():
            for value in state.values():
                value.zero_()

    def step(rows: Any) -> None:
        replay = full if len(rows) == batch_size else partial
        assert replay is not None
        replay(rows)

    return step, f"{how}, one CUDA graph a step"


def _compiled(model: Any, batch: Any) -> tuple[Any, str]:
    """The model compiled by torch.compile, or unchanged if that fails; and which of the two, in words."""
    import torch

    try:
        compiled = torch.compile(model)
        compiled(batch).sum().backward()
        return compiled, "torch.compile"
    except Exception as error:
        return model, f"torch.compile failed ({type(error).__name__}), eager kernels"


def _graph(work: Callable[[Any], None], rows: Any) -> Callable[[Any], None]:
    """``work`` as a CUDA graph: a function that replays it with other rows."""
    import torch

    held = rows.clone()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UP):
            work(held)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work(held)

    def replay(rows: Any) -> None:
        held.copy_(rows)
        graph.replay()

    return replay


def _accuracy(model: Any, x: Any, y: Any) -> float:
    import torch

    model.eval()
    with torch.no_grad():
        found = float((model(x).argmax(-1) == y).float().mean())
    model.train()
    return found
