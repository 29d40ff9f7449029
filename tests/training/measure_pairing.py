"""Measures what a seed determines before training: the initial weights of each layer, and the data order."""

from __future__ import annotations

import functools
import gc
import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from cases.networks import dense_softmax, mlp
from harness.domain.experiment import Experiment
from harness.training.backend import active_backend, device
from harness.training.compiled import CompiledEngine
from harness.training.fit import FitEngine, Steps
from harness.training.seeding import initialise, roles, seed_everything
from harness.training.setup import TrainingSetup
from tests.training.experiments import AGREEMENT, ORDER, small


def environment() -> dict[str, Any]:
    import keras

    where = device()
    return {
        "backend": active_backend(),
        "floatx": keras.config.floatx(),
        "epsilon": keras.config.epsilon(),
        "dtype of a kernel": str(dense_softmax(2, 2).weights[0].dtype),
        "device": [where.kind, where.model, where.precision],
        "objects passed over by garbage collections": gc.get_freeze_count(),
    }


def recurrent() -> Any:
    import keras
    from keras import layers

    head = [layers.LSTM(3), layers.Dense(4), layers.Dense(4)]
    return keras.Sequential([layers.Input((5, 2)), layers.LSTM(3, return_sequences=True), *head])


def convolutional() -> Any:
    import keras
    from keras import layers

    filters = [layers.Conv2D(2, 3) for _ in range(2)]
    return keras.Sequential([layers.Input((8, 8, 1)), *filters, layers.Flatten(), layers.Dense(4)])


def nested() -> Any:
    """``mlp(3)`` as a layer of another model."""
    import keras
    from keras import layers

    return keras.Sequential([layers.Input((784,)), mlp(3)])


def deep(**arguments: Any) -> Any:
    """Of the lecture's width, so that on JAX initialisers compile once for all networks."""
    return small(units=256, **arguments)


NETWORKS: dict[str, Callable[[], Any]] = {
    "plain": functools.partial(mlp, 3),
    "dropout": functools.partial(mlp, 3, dropout=0.2),
    "random uniform": functools.partial(mlp, 2, "relu", "random_uniform"),
    "batch norm": functools.partial(deep, hidden=3, batch_norm=True),
    "batch norm and dropout": functools.partial(deep, hidden=3, batch_norm=True, dropout=0.5),
    "nested": nested,
    "recurrent": recurrent,
    "convolutional": convolutional,
}


def digest(value: Any) -> str:
    return hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()


def described(model: Any) -> dict[str, dict[str, Any]]:
    """Of every variable, by "role/name": its bits, shape and spread."""
    found = {}
    for role, layer in roles(model):
        for variable in layer.variables:
            value = np.asarray(variable)
            found[f"{role}/{variable.name}"] = {
                "bits": digest(value),
                "shape": list(value.shape),
                "largest": float(np.abs(value).max()),
                "std": float(value.std()),
            }
    return found


def weights() -> dict[str, dict[str, Any]]:
    """Each network with seed 0, with seed 1, and with seed 0 again; each time the generators are in another state."""
    found: dict[str, dict[str, Any]] = {}
    for name, build in NETWORKS.items():
        model = build()
        found[name] = {}
        for state, (key, seed) in enumerate((("0", 0), ("1", 1), ("0 again", 0))):
            seed_everything(state)
            initialise(model, seed)
            found[name][key] = described(model)
    return found


def set_up(experiment: Experiment, variant: str) -> TrainingSetup:
    declared = experiment.variant(variant)
    assert declared.data is not None
    return TrainingSetup(experiment, declared, experiment.size, declared.data())


def engine_weights() -> dict[str, list[str]]:
    """The initial weights of seed 3 as each engine sets them, ``compiled`` after another seed."""
    from_fit = FitEngine(set_up(AGREEMENT, "batch norm")).model(3)
    program: Any = CompiledEngine(set_up(AGREEMENT, "batch norm")).program
    program.reset(1)
    program.reset(3)
    return {
        "fit": [digest(value) for value in from_fit.get_weights()],
        "compiled": [digest(value) for value in program.model.get_weights()],
    }


def orders() -> dict[str, list[int]]:
    """The examples in the order in which ``fit`` takes them, two epochs on end, told by their losses."""
    found = {}
    for variant, seed in (("plain", 0), ("dropout", 0), ("plain", 1)):
        given = set_up(ORDER, variant)
        steps = Steps(len(given.data.x), given.size.batch_size)
        FitEngine(given)._fit(seed, batch_end=steps.end)
        found[f"{variant}, seed {seed}"] = [round(loss) for loss in steps.losses]
    return found
