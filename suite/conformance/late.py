"""Training that goes on from a late state, against NumPy in float64: what the first steps of a training cannot show.

The state is that of a training that has run for long: a high step number, moments that are far from 0, weights that give
probabilities of 1e-12 and of 1 − 1e-7, moving averages far from their initial values, a random state that has advanced.
The engine trains a few epochs from there, one launch after another. The reference of each launch begins with the state
that the launch before has left. So rounding does not add up, and what happens to the state between launches is seen.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cases.overfitting.regularization import sum_of_squares
from harness.experiment import Dataset, Size
from harness.training.backend import active_backend, device
from harness.training.engines import resolve_engine
from harness.training.train import Programs, prepare
from suite.conformance import network
from suite.conformance.engine import COUNT, HITS, Case, case, of, orders
from suite.conformance.finding import Finding
from suite.conformance.network import Arrays, Network

SEED = 0
ITERATIONS = (1_000, 10_000)
"""Steps before the first one here. At 1,000 Adam's bias correction is 0.80, at 10,000 it is 1 − 2e-5."""
LAUNCHES = 3
BATCH = 16  # two full batches, and one of 12
FLOAT = 2.0**-24
"""Relative error of one rounding to float32."""
ROUNDING = 4 * COUNT * FLOAT
"""Relative error of a gradient and of a loss, 1.05e-5: products are summed in four stages, two layers forward, backward
and over the examples, and no sum has more than COUNT terms. It is relative to the largest number of the array."""
STEP = 4 * FLOAT
"""Relative error of a weight or of a slot in one step: it is computed in at most four roundings."""

Slots = dict[str, np.ndarray]
Rule = Callable[[np.ndarray, Slots, int], tuple[np.ndarray, Slots]]
"""(gradient, the weight's slots by name, number of steps before) -> (change of the weight, its slots afterwards)."""


def average(old: np.ndarray, new: np.ndarray, rate: float) -> np.ndarray:
    return rate * old + (1 - rate) * new


def sgd(gradient: np.ndarray, slots: Slots, steps: int, *, learning_rate: float) -> tuple[np.ndarray, Slots]:
    return -learning_rate * gradient, {}


def momentum(
    gradient: np.ndarray, slots: Slots, steps: int, *, learning_rate: float, momentum: float, nesterov: bool = False
) -> tuple[np.ndarray, Slots]:
    velocity = momentum * slots["momentum"] - learning_rate * gradient
    return momentum * velocity - learning_rate * gradient if nesterov else velocity, {"momentum": velocity}


def rmsprop(
    gradient: np.ndarray, slots: Slots, steps: int, *, learning_rate: float, rho: float, epsilon: float = 1e-7
) -> tuple[np.ndarray, Slots]:
    velocity = average(slots["velocity"], gradient**2, rho)
    return -learning_rate * gradient / np.sqrt(velocity + epsilon), {"velocity": velocity}


def adagrad(
    gradient: np.ndarray, slots: Slots, steps: int, *, learning_rate: float, epsilon: float = 1e-7
) -> tuple[np.ndarray, Slots]:
    accumulator = slots["accumulator"] + gradient**2
    return -learning_rate * gradient / np.sqrt(accumulator + epsilon), {"accumulator": accumulator}


def adadelta(
    gradient: np.ndarray, slots: Slots, steps: int, *, learning_rate: float, rho: float, epsilon: float = 1e-7
) -> tuple[np.ndarray, Slots]:
    squares = average(slots["accumulated_grad"], gradient**2, rho)
    change = -np.sqrt(slots["accumulated_delta_var"] + epsilon) / np.sqrt(squares + epsilon) * gradient
    changes = average(slots["accumulated_delta_var"], change**2, rho)
    return learning_rate * change, {"accumulated_grad": squares, "accumulated_delta_var": changes}


def adam(
    gradient: np.ndarray,
    slots: Slots,
    steps: int,
    *,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float = 1e-7,
) -> tuple[np.ndarray, Slots]:
    first = average(slots["momentum"], gradient, beta_1)
    second = average(slots["velocity"], gradient**2, beta_2)
    rate = learning_rate * np.sqrt(1 - beta_2 ** (steps + 1)) / (1 - beta_1 ** (steps + 1))
    return -rate * first / (np.sqrt(second) + epsilon), {"momentum": first, "velocity": second}


SLOTS: dict[Any, tuple[str, ...]] = {
    sgd: (),
    momentum: ("momentum",),
    rmsprop: ("velocity",),
    adagrad: ("accumulator",),
    adadelta: ("accumulated_grad", "accumulated_delta_var"),
    adam: ("momentum", "velocity"),
}
"""Of each rule the slots, by the end of the name that Keras gives their variables."""


def late_slots(names: Sequence[str], shape: tuple[int, ...], place: int) -> Slots:
    """Seeded slots of the weight at ``place``, float32: those of gradients from 1e-3 to 1e-1 in size."""
    rng = np.random.default_rng([place, *shape])
    size = 10 ** rng.uniform(-3, -1, shape)
    drawn = {
        "momentum": size * rng.standard_normal(shape),
        "velocity": size**2 * rng.uniform(0.5, 2, shape),
        "accumulator": 0.1 + 1000 * size**2,
        "accumulated_grad": size**2 * rng.uniform(0.5, 2, shape),
        "accumulated_delta_var": 10 ** rng.uniform(-7, -3, shape),
    }
    return {name: drawn[name].astype("float32") for name in names}


def late_optimizer(make: Callable[[], Any], names: Sequence[str], iterations: int) -> Any:
    """The optimizer that ``make`` makes, which is in a late state as soon as it is built."""
    optimizer = make()
    build = optimizer.build

    def late(variables: Sequence[Any]) -> None:
        if optimizer.built:
            return
        build(variables)
        optimizer.iterations.assign(iterations)
        for name in names:
            held = [variable for variable in optimizer.variables if variable.name.endswith(f"_{name}")]
            for place, (slot, weight) in enumerate(zip(held, variables, strict=True)):
                slot.assign(late_slots(names, tuple(weight.shape), place)[name])

    optimizer.build = late
    return optimizer


def normal(deviation: float, mean: float = 0.0) -> Any:
    import keras

    return keras.initializers.RandomNormal(mean, deviation)


def even(low: float, high: float) -> Any:
    import keras

    return keras.initializers.RandomUniform(low, high)


def late_dropout(rate: float) -> Any:
    """A dropout layer that has drawn ``ITERATIONS[-1]`` masks."""
    import keras

    class Dropout(keras.layers.Dropout):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            seed, _ = keras.ops.convert_to_numpy(self.seed_generator.state)
            self.seed_generator.state.assign([seed, ITERATIONS[-1]])

    return Dropout(rate)


def plain(layers: Any, regularizers: Any) -> list[Any]:
    return [
        layers.Dense(6, activation="relu", kernel_initializer=normal(1.0), bias_initializer=normal(0.5)),
        layers.Dense(4, activation="softmax", kernel_initializer=normal(5.0), bias_initializer=normal(1.0)),
    ]


RATE, UNITS = 0.2, 6


def rich(layers: Any, regularizers: Any, dropout: bool = True) -> list[Any]:
    """All that a network of the lecture has to regularize it."""
    return [
        layers.Dense(
            UNITS,
            activation="relu",
            kernel_initializer=normal(1.0),
            bias_initializer=normal(0.5),
            kernel_regularizer=regularizers.L2(0.01),
            activity_regularizer=regularizers.L1(0.01),
        ),
        layers.BatchNormalization(
            gamma_initializer=even(0.5, 2.0),
            beta_initializer=normal(0.5),
            moving_mean_initializer=normal(1.0, mean=4.0),
            moving_variance_initializer=even(10.0, 30.0),
        ),
        *([late_dropout(RATE)] if dropout else []),
        layers.Dense(4, activation="softmax", kernel_initializer=normal(5.0), bias_initializer=normal(1.0)),
    ]


PLAIN = (network.Dense("relu"), network.Dense("softmax"))
CASES = tuple(
    case(name, plain, PLAIN, steps)
    for name, steps in (
        ("late-sgd", of("SGD", sgd, learning_rate=0.1)),
        ("late-momentum", of("SGD", momentum, learning_rate=0.01, momentum=0.9)),
        ("late-nesterov", of("SGD", momentum, learning_rate=0.1, momentum=0.9, nesterov=True)),
        ("late-rmsprop", of("RMSprop", rmsprop, learning_rate=0.001, rho=0.9)),
        ("late-adagrad", of("Adagrad", adagrad, learning_rate=0.01)),
        ("late-adadelta", of("Adadelta", adadelta, learning_rate=1.0, rho=0.95)),
        ("late-adam", of("Adam", adam, learning_rate=0.001, beta_1=0.9, beta_2=0.999)),
    )
)
CASE = {one.name: one for one in CASES}


def epochs_case(dropout: bool) -> Case:
    """Everything at once, with the rate of the lecture's listing "Use optimizer"."""
    return case(
        "late-epochs",
        functools.partial(rich, dropout=dropout),
        (
            network.Dense("relu", l2=0.01, activity_l1=0.01),
            network.BatchNormalization(),
            *([network.Dropout(np.ones(UNITS))] if dropout else []),
            network.Dense("softmax"),
        ),
        of("Adam", adam, learning_rate=0.01, beta_1=0.9, beta_2=0.999),
        inference=True,
    )


@dataclasses.dataclass
class State:
    """All that a training carries from one step to the next."""

    weights: Arrays
    statistics: Arrays
    draws: list[np.ndarray]
    """The random states: [seed, number of draws]."""
    iterations: int
    learning_rate: float
    slots: list[Slots]
    """Of each weight."""


def numpy(value: Any) -> np.ndarray:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(value))


class Watch:
    """Notes the state whenever the engine has the experiment observe its model; ``runner`` is the engine."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.runner: Any = None
        self.states: list[State] = []

    def __call__(self, model: Any, data: Dataset) -> Mapping[str, float]:
        others = [numpy(variable) for variable in model.non_trainable_variables]
        held = self._optimizer(model)
        slots = [[value.astype("float64") for of, value in held if of.endswith(f"_{name}")] for name in self.names]
        weights = [numpy(variable).astype("float64") for variable in model.trainable_variables]
        self.states.append(
            State(
                weights,
                [array.astype("float64") for array in others if array.dtype == "float32"],
                [array for array in others if array.dtype != "float32"],
                iterations=int(held[0][1]),
                learning_rate=float(held[1][1]),
                slots=[dict(zip(self.names, own, strict=True)) for own in zip(*slots, strict=True)] or [{}] * len(weights),
            )
        )
        return {}

    def _optimizer(self, model: Any) -> list[tuple[str, np.ndarray]]:
        """Names and values of the optimizer's variables: the number of steps, the learning rate, the slots.

        On JAX a program holds the values, with an axis of seeds before the others where it trains several.
        """
        program = getattr(self.runner, "program", None)
        variables = (model.optimizer if program is None else program._optimizer).variables
        values = [numpy(value) for value in (program._state[2] if hasattr(program, "_state") else variables)]
        lane = (0,) * values[0].ndim
        return [(variable.name, value[lane]) for variable, value in zip(variables, values, strict=True)]


def masks(draws: np.ndarray, shapes: Sequence[tuple[int, int]]) -> list[np.ndarray]:
    """What a dropout layer in the random state ``draws`` multiplies its next inputs by, one array for each of ``shapes``.

    TensorFlow draws other numbers in a compiled program than outside one.
    """
    import keras

    generator = keras.random.SeedGenerator(0)

    def draw() -> list[Any]:
        return [keras.random.dropout(keras.ops.ones(shape), RATE, seed=generator) for shape in shapes]

    generator.state.assign(draws)
    if active_backend() == "tensorflow":
        import tensorflow as tf

        draw = tf.function(draw, jit_compile=True)
    return [numpy(mask).astype("float64") for mask in draw()]


class Reference:
    """A training in float64 from a state on, and how far rounding to float32 may lead away from it.

    Weights and slots are computed three times: with the gradients as they are, and with all of them larger or smaller
    by ROUNDING. The differences are what errors of gradients come to, whatever the optimizer makes of them.
    """

    def __init__(self, one: Case, start: State, drawn: Sequence[np.ndarray]) -> None:
        """``drawn``: the dropout masks of the steps to come."""
        unclipped = one.loss == "categorical_crossentropy" and active_backend() == "tensorflow"
        loss = "unclipped_crossentropy" if unclipped else one.loss
        self.network = Network(one.layers, loss, copy.deepcopy(start.weights), list(start.statistics))
        self.start, self.rule, self.steps = start, one.rule, 0
        self.slots = copy.deepcopy(start.slots)
        self._others = [(sign, copy.deepcopy(start.weights), copy.deepcopy(start.slots)) for sign in (1, -1)]
        self._masks = iter(drawn)
        self._draw()

    def _draw(self) -> None:
        for layer in self.network.layers:
            if isinstance(layer, network.Dropout):
                layer.mask = next(self._masks, layer.mask)

    def step(self, network: Network, gradients: Arrays) -> None:
        for sign, weights, slots in ((0, network.weights, self.slots), *self._others):
            for place, gradient in enumerate(gradients):
                shifted = gradient + sign * ROUNDING * np.abs(gradient).max()
                rule: Any = self.rule
                change, slots[place] = rule(shifted, slots[place], self.start.iterations + self.steps)
                weights[place] += change
        self.steps += 1
        self._draw()

    def findings(self, name: str, found: State) -> Iterator[Finding]:
        """The state after the steps beside the one that the engine has left."""

        def near(start: np.ndarray, end: np.ndarray, others: Sequence[np.ndarray]) -> np.ndarray:
            return sum(np.abs(other - end) for other in others) + self.steps * STEP * (np.abs(start) + np.abs(end))

        yield Finding(f"{name}, number of steps", found.iterations, self.start.iterations + self.steps)
        yield Finding(f"{name}, learning rate", found.learning_rate, self.start.learning_rate)
        for place, (start, end) in enumerate(zip(self.start.weights, self.network.weights, strict=True)):
            tolerance = near(start, end, [weights[place] for _, weights, _ in self._others])
            yield Finding(f"{name}, weights {place}", found.weights[place], end, tolerance)
            for slot, value in self.slots[place].items():
                tolerance = near(self.start.slots[place][slot], value, [slots[place][slot] for *_, slots in self._others])
                yield Finding(f"{name}, {slot} of weights {place}", found.slots[place][slot], value, tolerance)
        for place, value in enumerate(self.network.statistics):
            tolerance = self.steps * ROUNDING * np.abs(value).max()
            yield Finding(f"{name}, moving average {place}", found.statistics[place], value, tolerance)
        for obtained, before in zip(found.draws, self.start.draws, strict=True):
            yield Finding(f"{name}, random state", obtained, before + np.array([0, self.steps]))


def followed(
    one: Case, iterations: int, epochs: int, batch: int, launch: int, setting: str, engine: str, programs: Programs
) -> Iterator[Finding]:
    """Trains a case from a late state on, ``launch`` epochs at a time, and follows it."""
    rule: Any = one.rule
    watch = Watch(SLOTS[rule.func])
    base = one.experiment(Size(epochs=epochs, batch_size=batch))
    make = functools.partial(late_optimizer, one.optimizer, watch.names, iterations)
    variant = dataclasses.replace(base.variants[0], optimizer=make)
    watched = dataclasses.replace(base, variants=(variant,), observe=watch, follow={"squares": sum_of_squares})
    watch.runner = runner = prepare(watched, one.name, setting, engine, programs)
    if hasattr(runner, "epochs_per_launch"):
        runner.epochs_per_launch = launch
    raw = runner.run(SEED, lambda seed, epoch: None)
    states, data = watch.states, one.data()
    assert data.x_val is not None
    assert data.y_val is not None
    yield Finding(f"{one.name}, states that were observed", len(states), 1 + epochs // launch)
    yield from begun(one, states[0], iterations, watch.names)
    sizes = [min(batch, COUNT - first) for first in range(0, COUNT, batch)]
    for number, (before, after) in enumerate(zip(states[:-1], states[1:], strict=True)):
        part = slice(number * launch, (number + 1) * launch)
        drawn = masks(before.draws[0], [(size, UNITS) for size in sizes] * launch) if before.draws else ()
        reference = Reference(one, before, drawn)
        curves = network.trained(
            reference.network, reference.step, (data.x, data.y), (data.x_val, data.y_val), orders(SEED, epochs, COUNT)[part], batch
        )
        curves["squares"] = [sum(float((w**2).sum()) for w in reference.network.weights if w.ndim == 2)]
        name = f"{one.name} from step {iterations}, after epoch {part.stop}"
        yield from reference.findings(name, after)
        for curve, values in raw.history.items():
            expected = curves[curve]
            tolerance = HITS if curve.endswith("accuracy") else reference.steps * ROUNDING * max(1.0, *map(abs, expected))
            yield Finding(f"{name}, {curve}", values[part][-len(expected):], expected, tolerance)


def begun(one: Case, state: State, iterations: int, names: Sequence[str]) -> Iterator[Finding]:
    """Whether the training began in the late state."""
    yield Finding(f"{one.name}, number of steps before the first", state.iterations, iterations)
    rule: Any = one.rule
    yield Finding(f"{one.name}, learning rate", state.learning_rate, rule.keywords["learning_rate"], 1e-7)
    for place, weights in enumerate(state.weights):
        for name, expected in late_slots(names, weights.shape, place).items():
            yield Finding(f"{one.name}, {name} of weights {place} before the first step", state.slots[place][name], expected)


def check_steps(engine: str, setting: str) -> Iterator[Finding]:
    """Each optimizer of the lecture: three steps of all examples from two late states, with one program."""
    name = resolve_engine(engine, active_backend(), device().kind)
    for one in CASES:
        programs = Programs()
        for iterations in ITERATIONS:
            yield from followed(one, iterations, LAUNCHES, COUNT, 1, setting, name, programs)


def check_epochs(engine: str, setting: str) -> Iterator[Finding]:
    """Three epochs of two full batches and a partial one, epoch by epoch; with ``fit``, which draws its own order, in
    one batch and without dropout."""
    name = resolve_engine(engine, active_backend(), device().kind)
    fit = name == "fit"
    yield from followed(epochs_case(not fit), ITERATIONS[-1], LAUNCHES, COUNT if fit else BATCH, 1, setting, name, Programs())


def check_side_by_side(engine: str, setting: str) -> Iterator[Finding]:
    """The same three epochs in one launch of the vectorized engine, as a tiny training is made."""
    yield from followed(epochs_case(True), ITERATIONS[-1], LAUNCHES, BATCH, LAUNCHES, setting, "vectorized", Programs())
