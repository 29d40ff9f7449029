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
from harness.course import ROOT
from harness.model import Dataset, Size, Variant
from harness.training.configuration import configuration, differences, digest, hashes, variant_digest
from harness.training.programs import structure
from harness.training.reference import Layer
from harness.training.setup import TrainingSetup
from harness.verdict import Verdict
from suite.keras import defaults
from suite.keras.networks import drawn, sequential
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


GIVEN: dict[str, dict[str, Any]] = {
    "Dense": {"units": 6, "activation": "relu", "kernel_regularizer": "l2", "activity_regularizer": "l1"},
    "BatchNormalization": {},
    "Dropout": {"rate": 0.2},
    "SGD": {"learning_rate": 0.05, "momentum": 0.5, "clipnorm": 1.0},
    "Adam": {"learning_rate": 0.05},
}
"""A layer of each kind, and two optimizers."""
OTHERS: dict[str, dict[str, Any]] = {
    "Dense": {"units": 7, "activation": "tanh", "use_bias": False}
    | {"kernel_regularizer": drawn("L2", l2=0.02), "activity_regularizer": drawn("L1", l1=0.02)},
    "BatchNormalization": {"momentum": 0.9, "epsilon": 0.01},
    "Dropout": {"rate": 0.3},
    "SGD": {"momentum": 0.6, "nesterov": True, "clipnorm": 2.0, "weight_decay": 0.1},
    "Adam": {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 0.01},
}
"""All that a case of the lecture changes from one variant to the next."""
EXAMPLES = Dataset(np.zeros((44, 5)), np.eye(4)[np.arange(44) % 4])


def declaring(optimizer: str, changed: str = "", **other: Any) -> TrainingSetup:
    """A training by the optimizer, with other arguments of the layer or optimizer ``changed``."""
    import keras

    given = {name: parts | (other if name == changed else {}) for name, parts in GIVEN.items()}
    layers = [Layer(name, **given[name]) for name in ("Dense", "BatchNormalization", "Dropout")]
    network = functools.partial(sequential, (5,), [*layers, Layer("Dense", units=4, activation="softmax")])
    rule = functools.partial(getattr(keras.optimizers, optimizer), **given[optimizer])
    return TrainingSetup.of(declared("structures", Variant("only", network, lambda: EXAMPLES, rule)), "only")


@pytest.mark.slow
def test_variants_that_differ_in_more_than_rate_and_data_have_programs_of_their_own():
    """In a layer, an optimizer, a loss or a size."""
    first = declaring("SGD")
    setups = [
        first,
        declaring("Adam"),
        *(
            declaring("Adam" if changed == "Adam" else "SGD", changed, **{name: value})
            for changed, others in OTHERS.items()
            for name, value in others.items()
        ),
        dataclasses.replace(first, size=Size(epochs=3, batch_size=9)),
        dataclasses.replace(first, size=Size(epochs=4, batch_size=BATCH)),
        dataclasses.replace(first, experiment=dataclasses.replace(first.experiment, loss="mean_squared_error")),
        dataclasses.replace(first, data=EXAMPLES.first(30)),
    ]
    assert len(set(map(structure, setups))) == len(setups) == 21
    assert structure(declaring("SGD", "SGD", learning_rate=0.1)) == structure(first)
    assert structure(declaring("SGD", "Dense", kernel_initializer="zeros")) == structure(first)


def test_a_changed_default_fails_a_self_check(monkeypatch):
    import keras

    (check,) = (each for each in defaults.CHECKS if each.id == "defaults/optimizers")
    assert check.decide("compiled").verdict is Verdict.SUPPORTED
    begin = keras.optimizers.Adam.__init__
    monkeypatch.setattr(begin, "__defaults__", tuple(0.998 if x == 0.999 else x for x in begin.__defaults__))
    expected = "beta_2 of optimizers.Adam. Expected: 0.999. Received: 0.998."
    assert check.decide("compiled").reason == expected


def test_every_class_of_the_lecture_has_its_defaults_checked():
    """But those without arguments that have a default, and containers."""
    texts = [path.read_text("utf-8") for path in (ROOT / "baselines").glob("*-cpu/*.json")]
    used = {name for text in texts for name in re.findall(r'"class_name": ?"(\w+)"', text)}
    plain = {"Activation", "InputLayer", "Multiply", "Ones", "Zeros", "Orthogonal"}
    known = {name.partition(".")[2] for name in defaults.DEFAULTS}
    assert used - known - plain - {"DTypePolicy", "Functional", "Sequential", "__keras_tensor__"} == set()
