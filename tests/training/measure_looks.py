"""Measures the recorded metrics of an experiment beyond losses and accuracies, and programs that variants share."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from unittest import mock

import msgspec
import numpy as np

from cases.networks import dense_softmax, sgd
from harness.domain.experiment import Dataset, Experiment, Size, Variant
from harness.training import compiled, engines, fit, train
from harness.training.weight_gradients import weight_gradients
from tests.training.experiments import BATCH, LOSS, SIZE, images
from tests.training.ordered import OrderedFit

L2, SEED = 0.01, 3
RATES = (0.1, 0.01)


def penalised(batch_norm: bool = False) -> Any:
    """A softmax layer, its kernel penalised with L2 · Σ W²."""
    import keras
    from keras import layers

    stack = [layers.BatchNormalization()] if batch_norm else []
    output = layers.Dense(10, activation="softmax", kernel_regularizer=keras.regularizers.L2(L2))
    return keras.Sequential([layers.Input((784,)), *stack, output])


def sum_of_squares(weights: Sequence[Any]) -> Any:
    from keras import ops

    return ops.sum(ops.square(weights[0]))


def look(model: Any, data: Dataset) -> Mapping[str, float]:
    """The same number from the model, by NumPy, and how many examples it trains on."""
    kernel = np.array(model.trainable_variables[0], dtype="float64")
    return {"observed": float(np.sum(kernel**2)), "examples": float(len(data.x))}


LOOKS = Experiment(
    id="looks",
    data=images,
    model=penalised,
    optimizer=functools.partial(sgd, 0.1),
    loss="categorical_crossentropy",
    size=SIZE,
    metrics=(LOSS,),
    halves=True,
    follow={"followed": sum_of_squares},
    observe=look,
    variants=(Variant("penalised"),),
)
NO_EPOCH = replace(LOOKS, size=Size(epochs=0, batch_size=BATCH))


def looks() -> dict[str, Any]:
    """Seed 3 by ``fit``, in the order of ``compiled``, by ``compiled`` in one launch and in one an epoch; and of no
    epoch at all."""
    found = {}
    with mock.patch.object(fit, "FitEngine", OrderedFit):
        found["fit"] = _one(LOOKS, "fit")
    found["compiled"] = _one(LOOKS, "compiled")
    with mock.patch.object(engines, "TINY", 0):
        found["epoch by epoch"] = _one(LOOKS, "compiled")
    for engine in ("fit", "compiled"):
        found[f"{engine}, no epoch"] = _one(NO_EPOCH, engine)
    return found


def _one(experiment: Experiment, engine: str, variant: str = "penalised") -> Any:
    return msgspec.to_builtins(train.train(experiment, variant, [SEED], engine)[0])


def whole_batches() -> Dataset:
    """As many images as fill batches. A partial batch would double what is compiled."""
    return images().first(4 * BATCH)


def fewer() -> Dataset:
    return images().first(2 * BATCH)


def reversed_images() -> Dataset:
    """As many images, other numbers."""
    full = whole_batches()
    return Dataset(full.x[::-1].copy(), full.y[::-1].copy(), full.x_val, full.y_val)


ALONE = ("other rate", "other data")
"""After a variant with the same program, with the same and other numbers in it."""

# neighbours that may share a program, and neighbours that must not
SHARED = Experiment(
    id="shared",
    data=whole_batches,
    model=functools.partial(dense_softmax, 784, 10),
    optimizer=functools.partial(sgd, RATES[0]),
    loss="categorical_crossentropy",
    size=Size(epochs=2, batch_size=BATCH),
    metrics=(LOSS,),
    variants=(
        Variant("first"),
        Variant("other rate", optimizer=functools.partial(sgd, RATES[1])),
        Variant("other data", data=reversed_images),
        Variant("fewer images", data=fewer),
        Variant("other model", penalised),
        Variant("batch normalization", functools.partial(penalised, batch_norm=True)),
    ),
)


def sharing() -> dict[str, Any]:
    """Every variant after the one before it, with the number of programs loaded so far; and some by a process' first
    program: an old one's state must leave no trace."""
    loaded = mock.Mock(side_effect=compiled.load_program)
    names = [variant.name for variant in SHARED.variants]
    found: dict[str, Any] = {"in turn": {}, "alone": {}, "programs": {}}
    train._programs.cache_clear()
    with mock.patch.object(compiled, "load_program", loaded):
        for name in names:
            found["in turn"][name] = _one(SHARED, "compiled", variant=name)["history"]
            found["programs"][name] = loaded.call_count
    for name in ALONE:
        train._programs.cache_clear()
        found["alone"][name] = _one(SHARED, "compiled", variant=name)["history"]
    return found


def gradients() -> dict[str, Any]:
    """Of a softmax layer's weights, by the backend and by (pᵀ − y)ᵀ x / n; and whether looking left the statistics of
    batch normalization as they were."""
    model, data = dense_softmax(784, 10), images()
    x, y = data.x.astype("float64"), data.y.astype("float64")
    kernel, bias = (np.array(weight, dtype="float64") for weight in model.trainable_variables)
    exponentials = np.exp(x @ kernel + bias)
    error = (exponentials / exponentials.sum(axis=1, keepdims=True) - y) / len(x)
    obtained = weight_gradients(model, "categorical_crossentropy", data.x.astype("float32"), data.y.astype("float32"))
    expected = [x.T @ error, error.sum(axis=0)]
    normalised = penalised(batch_norm=True)
    before = [np.array(variable) for variable in normalised.non_trainable_variables]
    weight_gradients(normalised, "categorical_crossentropy", data.x.astype("float32"), data.y.astype("float32"))
    after = [np.array(variable) for variable in normalised.non_trainable_variables]
    return {
        "error": [float(np.abs(a - b).max()) for a, b in zip(obtained, expected, strict=True)],
        "size": [float(np.abs(gradient).max()) for gradient in expected],
        "kept": all(np.array_equal(a, b) for a, b in zip(before, after, strict=True)),
    }
