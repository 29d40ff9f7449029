"""Trainings that continue from a late state: every step of an optimizer, and every epoch of a network.

A late state is one as after a long training: a high step number, moments far from 0, weights that give probabilities
from 1e-12 to 1 − 1e-7, moving averages far from their initial values, and an advanced random state. The reference of
each step or epoch begins with the state that Keras left, so that rounding errors do not accumulate.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from harness.model import Dataset
from harness.self_check import Measured, self_check
from harness.training.backends import active_backend
from harness.training.late_state import Late, late_slots
from harness.training.reference import ROUNDING, Layer, Optimizer, Reference, Slots, State, numpy
from harness.training.train import prepare
from suite.keras.networks import HITS, PARTIAL, Network, drawn, orders

ITERATIONS = (1_000, 10_000)
"""Step numbers at the beginning. Adam's bias correction is 0.80 at 1,000, and 1 − 2e-5 at 10,000."""
STEPS, PLACES, NUMBERS = 3, 2, 16
"""For an optimizer: steps, weights, and numbers in each weight."""
SEED, EPOCHS, BATCH, UNITS, RATE = 11, 3, 11, 6, 0.2
"""For a network; units of the hidden layer, and the rate of the dropout behind it.

An epoch has four full batches; a partial one would take half as long again to compile. With this seed every accuracy
changes between epochs, so that the accuracy of a wrong epoch is noticed.
"""
OPTIMIZERS = {
    "sgd": Optimizer("SGD", 0.1),
    "momentum": Optimizer("SGD", 0.01, momentum=0.9),
    "nesterov": Optimizer("SGD", 0.1, momentum=0.9, nesterov=True),
    "rmsprop": Optimizer("RMSprop", 0.001, rho=0.9),
    "adagrad": Optimizer("Adagrad", 0.01),
    "adadelta": Optimizer("Adadelta", 1.0, rho=0.95),
    "adam": Optimizer("Adam", 0.001, beta_1=0.9, beta_2=0.999),
    "clipvalue": Optimizer("SGD", 0.1, clipvalue=0.01),
    "clipnorm": Optimizer("Adagrad", 0.01, clipnorm=0.5),
    "global-clipnorm": Optimizer("SGD", 0.01, momentum=0.9, global_clipnorm=0.5),
}
SOURCE = "Keras' documentation of its optimizers and the papers it names"


def state_of(held: Any, by: Optimizer, weights: Sequence[Any], others: Sequence[Any] = ()) -> State:
    """The state of a training: Keras' optimizer or (name, value) of what it holds, trainable variables, and others."""
    held = held if isinstance(held, list) else [(variable.name, variable) for variable in held.variables]
    arrays = [(name, numpy(value)) for name, value in held]
    if arrays[0][1].ndim:  # the first replica of batched seeds
        arrays = [(name, value[0]) for name, value in arrays]
    slots = {slot: [value for name, value in arrays if name.endswith(slot)] for slot in by.slots}
    return State(
        values=[
            {"weights": numpy(weight), **{slot: values[place] for slot, values in slots.items()}}
            for place, weight in enumerate(weights)
        ],
        statistics=[numpy(other) for other in others if str(other.dtype) == "float32"],
        steps=int(arrays[0][1]),
    )


def begun(of: str, state: State, by: Optimizer, iterations: int) -> Iterator[Measured]:
    """Whether a training began in the late state, or with 0 ``iterations`` in the initial one."""
    values = [by.initial(each["weights"]) for each in state.values]
    if iterations:
        values = [each | late_slots(by.slots, each["weights"].shape, place, {}) for place, each in enumerate(values)]
    yield from alike(f"{of}, at the beginning", state, State(values, state.statistics, iterations))


def alike(of: str, obtained: State, expected: State, near: Sequence[Slots] = (), steps: int = 0) -> Iterator[Measured]:
    """Two states; ``near``: the tolerance of each weight and slot, ``steps``: whose rounding moving averages have."""
    yield Measured(f"{of}, number of steps", obtained.steps, expected.steps)
    for place, values in enumerate(expected.values):
        for name, value in values.items():
            yield Measured(
                f"{of}, {name} {place}", obtained.values[place][name], value, near[place][name] if near else 0
            )
    for place, value in enumerate(expected.statistics):
        limit = steps * ROUNDING * np.abs(value).max()
        yield Measured(f"{of}, moving average {place}", obtained.statistics[place], value, limit)


@self_check("steps", "The steps of {0}, early and late in a training, are documented.", SOURCE, OPTIMIZERS)
def steps(engine: str, by: Optimizer) -> Iterator[Measured]:
    """Steps from the initial and from two late states, with gradients from 1e-4 to 1.

    The first steps of Adam are compared by trainings: there float32 rounds its bias correction coarsely.
    """
    import keras

    rng = np.random.default_rng(40)
    gradients = (10 ** rng.uniform(-4, 0, (STEPS, PLACES, NUMBERS)) * rng.choice([-1, 1], NUMBERS)).astype("float32")
    weights = (0.1 * rng.standard_normal((PLACES, NUMBERS))).astype("float32")
    for iterations in ITERATIONS if by.name == "Adam" else (0, *ITERATIONS):
        variables = [keras.Variable(each) for each in weights]
        late = Late(iterations, {}).optimizer(by.keras)
        late.build(variables)
        states = [state_of(late, by, variables)]
        for each in gradients:
            late.apply([keras.ops.convert_to_tensor(gradient) for gradient in each], variables)
            states.append(state_of(late, by, variables))
        yield from begun(by.name, states[0], by, iterations)
        for (before, after), each in zip(itertools.pairwise(states), gradients, strict=True):
            yield from step(
                f"{by.name}, step {before.steps + 1}", before, after, by.clipped(each.astype("float64")), by
            )


def step(of: str, before: State, after: State, gradients: Sequence[np.ndarray], by: Optimizer) -> Iterator[Measured]:
    """One step and its rule."""
    both = [by.stepped(*each, before.steps) for each in zip(before.values, gradients, strict=True)]
    yield from alike(of, after, State([values for values, _ in both], [], before.steps + 1), [near for _, near in both])


class LateDropout(Layer):
    """A Dropout that has drawn many masks in Keras."""

    def keras(self) -> Any:
        import keras

        class Dropout(keras.layers.Dropout):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                seed, _ = numpy(self.seed_generator.state)
                self.seed_generator.state.assign([int(seed), ITERATIONS[-1]])

        return Dropout(**self.given)


def network(engine: str) -> Network:
    """All of the lecture's regularization, and weights as after a long training.

    With ``fit``, which draws its own data order, there is no dropout. There is none on PyTorch either: Keras draws the
    masks from PyTorch's generator there, and not from the layer's random state.
    """
    normal, uniform = functools.partial(drawn, "RandomNormal", mean=0.0), functools.partial(drawn, "RandomUniform")
    dropout = [LateDropout("Dropout", rate=RATE)] if engine != "fit" and active_backend() != "torch" else []
    return Network(
        name="late-epochs",
        layers=(
            Layer(
                "Dense", units=UNITS, activation="relu", kernel_regularizer="l2", activity_regularizer="l1",
                kernel_initializer=normal(stddev=1.0), bias_initializer=normal(stddev=0.5),
            ),
            Layer(
                "BatchNormalization",
                gamma_initializer=uniform(minval=0.5, maxval=2.0),
                beta_initializer=normal(stddev=0.5),
                moving_mean_initializer=normal(mean=4.0, stddev=1.0),
                moving_variance_initializer=uniform(minval=10.0, maxval=30.0),
            ),
            *dropout,
            Layer(
                "Dense", units=4, activation="softmax",
                kernel_initializer=normal(stddev=3.0), bias_initializer=normal(stddev=1.0),
            ),
        ),
        optimizer=Optimizer("Adam", 0.01),
        epochs=EPOCHS,
        inference=True,
        recorded=True,
        count=PARTIAL,
        validation=PARTIAL,
    )  # fmt: skip


def masks(model: Any, sizes: Sequence[int]) -> list[np.ndarray]:
    """The dropout masks (size, UNITS) that a model draws next, for batches of ``sizes`` examples; none without dropout.

    They are drawn in a compiled program, as in training, because TensorFlow draws other numbers outside one.
    """
    import keras

    generators = [layer.seed_generator for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    if not generators:
        return []
    (generator,) = generators
    seed, draws = numpy(generator.state)

    def draw(state: Any, ones: Any) -> Any:
        with keras.StatelessScope(state_mapping=[(generator.state, state)]):
            return keras.random.dropout(ones, RATE, seed=generator)

    if active_backend() == "tensorflow":
        import tensorflow as tf

        draw = tf.function(draw, jit_compile=True, autograph=False)
    elif active_backend() == "jax":
        import jax

        draw = jax.jit(draw)
    states = [np.array([seed, draws + number]).astype(generator.state.dtype) for number in range(len(sizes))]
    return [
        numpy(draw(keras.ops.convert_to_tensor(state), keras.ops.ones((size, UNITS))))
        for state, size in zip(states, sizes, strict=True)
    ]


@self_check("late-epochs", "Every epoch of a training that goes on from a late state is documented.", SOURCE)
def epochs(engine: str) -> Iterator[Measured]:
    """Three epochs, one launch each, by the engine of the run's larger networks, after a training of another seed."""
    late = network(engine)
    batch = late.batch(engine, BATCH)
    states: list[State] = []
    drawn_masks: list[np.ndarray] = []
    reported: list[tuple[int, int]] = []

    def watch(model: Any, data: Dataset) -> Mapping[str, float]:
        if seed == SEED and not states:
            drawn_masks[:] = masks(model, [batch] * (late.count // batch) * EPOCHS)
        program = getattr(runner, "program", None)
        held = list(program.moments) if program else model.optimizer
        states.append(state_of(held, late.optimizer, model.trainable_variables, model.non_trainable_variables))
        return {}

    make = functools.partial(Late(ITERATIONS[-1], {}).optimizer, late.optimizer.keras)
    runner: Any = prepare(late.experiment(batch, late.variant(make=make), observe=watch), late.name, engine)
    runner.epochs_per_launch = 1
    for seed in (SEED + 1, SEED):
        states.clear()
        reported.clear()
        raw = runner.run(seed, lambda *epoch: reported.append(epoch))
    data, applied = late.data(), iter(drawn_masks)
    yield Measured("epochs reported", tuple(reported), tuple((SEED, epoch + 1) for epoch in range(EPOCHS)))
    yield Measured("states", len(states), 1 + EPOCHS)
    yield from begun("late epochs", states[0], late.optimizer, ITERATIONS[-1])
    # on TensorFlow Keras computes the loss from the logits of a softmax; elsewhere it clips probabilities
    loss = "unclipped_crossentropy" if active_backend() == "tensorflow" else late.loss
    for epoch, order in enumerate(orders(SEED, EPOCHS, late.count)):
        reference = Reference(late.layers, loss, late.optimizer, states[epoch])
        row, made = reference.epoch(data, order, batch, applied), late.count // batch
        yield from alike(f"after epoch {epoch + 1}", states[epoch + 1], reference.state, reference.tolerances(), made)
        for curve, values in raw.history.items():
            near = HITS if curve.endswith("accuracy") else made * ROUNDING * max(1.0, abs(row[curve]))
            yield Measured(f"{curve} of epoch {epoch + 1}", values[epoch], row[curve], near)
    for place, (left, values) in enumerate(zip(runner.weights, states[-1].values, strict=True)):
        yield Measured(f"weights {place} that the engine leaves", numpy(left), values["weights"])


CHECKS = (*steps, *epochs)
