"""Configurations, digests and structures of trainings that differ in one property each; and what a seed draws."""

import dataclasses
import functools
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from msgspec.structs import asdict

from cases.networks import adam, sgd
from harness.domain.model import Dataset, Size, Variant
from harness.training.configuration import configuration, differences, digest, hashes, variant_digest
from harness.training.programs import structure
from harness.training.setup import TrainingSetup
from tests.training.experiments import AGREEMENT, BATCH, LOOKS, declared, images, look, small


def branches(units: int = 4, crossed: bool = False) -> Any:
    """Two branches that are concatenated, in either order: only the graph says which."""
    import keras
    from keras import layers

    inputs = layers.Input((784,))
    relu, tanh = (layers.Dense(units, activation=name)(inputs) for name in ("relu", "tanh"))
    joined = layers.Concatenate()([tanh, relu] if crossed else [relu, tanh])
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(joined))


def changed_images() -> Dataset:
    data = images()
    x = data.x.copy()
    x[3, 300] += 0.5
    return Dataset(x, data.y, data.x_val, data.y_val)


def base(**parts: Any) -> TrainingSetup:
    return dataclasses.replace(TrainingSetup.of(AGREEMENT, "two relu"), **parts)


def variant(**parts: Any) -> TrainingSetup:
    return base(variant=dataclasses.replace(base().variant, **parts))


def experiment(**parts: Any) -> TrainingSetup:
    return base(experiment=dataclasses.replace(AGREEMENT, **parts))


CHANGES: dict[str, tuple[Callable[[], TrainingSetup], list[str] | None]] = {
    "nothing": (base, []),
    "names": (lambda: dataclasses.replace(variant(name="another"), experiment=experiment(id="b").experiment), []),
    "penalty": (
        lambda: variant(model=functools.partial(small, l1=0.1)),
        [f"model.layers[{layer}].config.activity_regularizer" for layer in (1, 2)],
    ),
    "rate": (lambda: variant(optimizer=functools.partial(adam, 0.002)), ["optimizer.config.learning_rate"]),
    "optimizer": (lambda: variant(optimizer=functools.partial(sgd, 0.001)), None),
    "loss": (lambda: experiment(loss="mean_squared_error"), ["loss"]),
    "accuracy": (lambda: experiment(accuracy=False), ["recorded.accuracy"]),
    "halves": (lambda: experiment(halves=True), ["recorded.halves"]),
    "observe": (lambda: experiment(observe=look), ["recorded.observe"]),
    "follow": (lambda: experiment(follow=LOOKS.follow), ["recorded.follow[0]"]),
    "facts": (lambda: variant(facts=lambda: {"fact": 7 + 1e-12}), ["facts.fact"]),
    "epochs": (lambda: base(size=Size(epochs=4, batch_size=128)), ["epochs"]),
    "batch": (lambda: base(size=Size(epochs=3, batch_size=64)), ["batch_size"]),
    "examples": (lambda: base(data=images().first(599)), ["examples", "data.x", "data.y"]),
    "one pixel": (lambda: base(data=changed_images()), ["data.x"]),
    "branches": (lambda: variant(model=branches), None),
    "branches crossed": (lambda: variant(model=functools.partial(branches, crossed=True)), None),
}


@functools.cache
def changed(name: str) -> dict[str, Any]:
    return configuration(CHANGES[name][0]())


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_named_with_its_place(name):
    """Names do not count: neither those of experiment and variant nor those that Keras counts up."""
    rows = differences(changed("nothing"), changed(name))
    places, expected = [place for place, _, _ in rows], CHANGES[name][1]
    assert places == expected if expected is not None else "optimizer.class_name" in places or "model" in places[0]
    values = {"rate": (0.001, 0.002), "epochs": (3, 4), "facts": (None, 7.0)}  # a fact to six digits
    assert [tuple(row[1:]) for row in rows] == [values[name]] if name in values else rows or not expected


def test_every_change_changes_the_digest(record):
    digests = {name: digest(changed(name)) for name in CHANGES}
    record("digests", digests)
    assert all(re.fullmatch("[0-9a-f]{16}", value) for value in digests.values())
    assert digests.pop("nothing") == digests.pop("names") == variant_digest(AGREEMENT, "two relu")
    assert len({*digests.values(), digest(changed("nothing"))}) == len(digests) + 1
    assert digest(configuration(variant(model=branches))) == digests["branches"]


def test_hashes_repeat_and_tell_what_differs():
    def hashed(rate: float = 0.0, **parts: Any) -> dict[str, Any]:
        setup = variant(model=functools.partial(small, dropout=rate)) if rate else base()
        return asdict(hashes(dataclasses.replace(setup, **parts)))

    plain, dropout = hashed(), hashed(0.1)
    assert (plain, dropout) == (hashed(), hashed(0.1))
    assert (plain["dropout"], dropout["initial"]) == (None, plain["initial"])
    assert dropout["dropout"] != hashed(0.5)["dropout"]
    perturbed, fewer = hashed(perturbed=1), hashed(data=images().first(599))
    assert (perturbed["initial"] == plain["initial"], fewer["order"] == plain["order"]) == (False, False)
    assert perturbed["order"] == plain["order"]


def network(units=6, activation="relu", rate=0.2, l1=0.01, l2=0.01, momentum=0.99, epsilon=0.001, bias=True) -> Any:
    """A layer of each kind, with all that a case of the lecture changes from one variant to the next."""
    import keras
    from keras import layers, regularizers

    penalties = {"kernel_regularizer": regularizers.L2(l2), "activity_regularizer": regularizers.L1(l1)}
    first = layers.Dense(units, activation=activation, use_bias=bias, **penalties)
    normalised = layers.BatchNormalization(momentum=momentum, epsilon=epsilon)
    last = layers.Dense(4, activation="softmax")
    return keras.Sequential([layers.Input((5,)), first, normalised, layers.Dropout(rate), last])


LAYERS: dict[str, Any] = {
    "units": 7,
    "activation": "tanh",
    "rate": 0.3,
    "l1": 0.02,
    "l2": 0.02,
    "momentum": 0.9,
    "epsilon": 0.01,
    "bias": False,
}
SGD: dict[str, Any] = {"learning_rate": 0.05, "momentum": 0.5, "nesterov": False, "clipnorm": 1.0}
ADAM: dict[str, Any] = {"learning_rate": 0.05}
OPTIMIZERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("SGD", SGD | {"momentum": 0.6}),
    ("SGD", SGD | {"nesterov": True}),
    ("SGD", SGD | {"clipnorm": 2.0}),
    ("SGD", SGD | {"weight_decay": 0.1}),
    ("Adam", ADAM),
    ("Adam", ADAM | {"beta_1": 0.8}),
    ("Adam", ADAM | {"beta_2": 0.9}),
    ("Adam", ADAM | {"epsilon": 0.01}),
)


@pytest.mark.slow
def test_variants_that_differ_in_more_than_rate_and_data_have_programs_of_their_own():
    """In a layer, an optimizer, a loss or a size."""

    def rule(name: str, arguments: dict[str, Any]) -> Any:
        import keras

        return getattr(keras.optimizers, name)(**arguments)

    data = Dataset(np.zeros((44, 5)), np.eye(4)[np.arange(44) % 4])
    declaring = declared("structures", Variant("first", network, lambda: data, functools.partial(rule, "SGD", SGD)))
    first = TrainingSetup.of(declaring, "first")
    variants = [{"model": functools.partial(network, **{name: value})} for name, value in LAYERS.items()]
    variants += [{"optimizer": functools.partial(rule, *how)} for how in OPTIMIZERS]
    setups = [
        first,
        *(dataclasses.replace(first, variant=dataclasses.replace(first.variant, **parts)) for parts in variants),
        dataclasses.replace(first, size=Size(epochs=3, batch_size=9)),
        dataclasses.replace(first, size=Size(epochs=4, batch_size=BATCH)),
        dataclasses.replace(first, experiment=dataclasses.replace(declaring, loss="mean_squared_error")),
        dataclasses.replace(first, data=data.first(30)),
    ]
    assert len(set(map(structure, setups))) == len(setups)
