"""Trainings that continue from a late state, and their references in NumPy and float64.

They show defects that the first steps of a training cannot show. A late state is one as after a long training: a high
step number, moments far from 0, weights that give probabilities from 1e-12 to 1 − 1e-7, moving averages far from their
initial values, and an advanced random state.

``test_late.py`` compares every step of Keras' optimizers on given gradients. It also trains a network through the
engine, one launch per epoch. The reference of each epoch begins with the state that the engine's previous epoch left.
So rounding errors do not accumulate, and changes of the state between epochs are seen.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from harness.domain.experiment import Dataset
from harness.training.backend import active_backend
from suite.selfcheck import network
from suite.selfcheck.comparing import close
from suite.selfcheck.network import Arrays, ReferenceNetwork
from suite.selfcheck.training import PARTIAL, Case, case, of

ITERATIONS = (1_000, 10_000)
"""Step numbers at the beginning. Adam's bias correction is 0.80 at 1,000, and 1 − 2e-5 at 10,000."""
UNITS, RATE = 6, 0.2
"""Units of the hidden layer, and the rate of the dropout behind it."""
FLOAT = 2.0**-24
"""Relative error of one rounding to float32."""
STEP = 20 * FLOAT
"""Relative error of an optimizer's step without cancellation: no optimizer rounds more than twenty times."""
ROUNDING = 4 * PARTIAL * FLOAT
"""Error of a loss, and of a gradient relative to the largest number of its array: 1.05e-5.

Products are summed in four stages (two layers forward, backward, and over the examples), each of at most PARTIAL terms.
"""

Slots = dict[str, np.ndarray]
Step = tuple[np.ndarray, Slots]
"""The change of a weight, and its slots afterwards. A rule computes it from (gradient, slots, number of past steps)."""


def average(old: np.ndarray, new: np.ndarray, rate: float) -> np.ndarray:
    return rate * old + (1 - rate) * new


def sgd(gradient: np.ndarray, slots: Slots, steps: int, *, learning_rate: float) -> Step:
    return -learning_rate * gradient, {}


def momentum(
    gradient: np.ndarray, slots: Slots, steps: int, *, learning_rate: float, momentum: float, nesterov: bool = False
) -> Step:
    velocity = momentum * slots["momentum"] - learning_rate * gradient
    return momentum * velocity - learning_rate * gradient if nesterov else velocity, {"momentum": velocity}


def rmsprop(
    gradient: np.ndarray, slots: Slots, steps: int, *, learning_rate: float, rho: float, epsilon: float = 1e-7
) -> Step:
    velocity = average(slots["velocity"], gradient**2, rho)
    return -learning_rate * gradient / np.sqrt(velocity + epsilon), {"velocity": velocity}


def adagrad(gradient: np.ndarray, slots: Slots, steps: int, *, learning_rate: float, epsilon: float = 1e-7) -> Step:
    accumulator = slots["accumulator"] + gradient**2
    return -learning_rate * gradient / np.sqrt(accumulator + epsilon), {"accumulator": accumulator}


def adadelta(
    gradient: np.ndarray, slots: Slots, steps: int, *, learning_rate: float, rho: float, epsilon: float = 1e-7
) -> Step:
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
) -> Step:
    """Betas are rounded as in Keras, which uses float32: 0.999 is off by 1.3e-8, its thousandth power by 1e-5."""
    first = average(slots["momentum"], gradient, beta_1)
    second = average(slots["velocity"], gradient**2, beta_2)
    past_1, past_2 = (float(np.float32(beta)) ** (steps + 1) for beta in (beta_1, beta_2))
    rate = learning_rate * np.sqrt(1 - past_2) / (1 - past_1)
    return -rate * first / (np.sqrt(second) + epsilon), {"momentum": first, "velocity": second}


OPTIMIZERS: dict[str, tuple[Callable[[], Any], Any]] = {
    "SGD": of("SGD", sgd, learning_rate=0.1),
    "momentum": of("SGD", momentum, learning_rate=0.01, momentum=0.9),
    "Nesterov": of("SGD", momentum, learning_rate=0.1, momentum=0.9, nesterov=True),
    "RMSprop": of("RMSprop", rmsprop, learning_rate=0.001, rho=0.9),
    "Adagrad": of("Adagrad", adagrad, learning_rate=0.01),
    "Adadelta": of("Adadelta", adadelta, learning_rate=1.0, rho=0.95),
    "Adam": of("Adam", adam, learning_rate=0.001, beta_1=0.9, beta_2=0.999),
}
"""(factory of Keras' optimizer, rule) for each of the lecture's optimizers, with arguments of the catalogue.

The rules are those of ``cases.references.updates``, but can begin at any step.
"""
SLOTS: dict[Any, tuple[str, ...]] = {
    sgd: (),
    momentum: ("momentum",),
    rmsprop: ("velocity",),
    adagrad: ("accumulator",),
    adadelta: ("accumulated_grad", "accumulated_delta_var"),
    adam: ("momentum", "velocity"),
}
"""The slots of each rule; the names of Keras' variables end in them."""


def initial_slots(names: Sequence[str], shape: tuple[int, ...]) -> Slots:
    """The slots of a new optimizer: 0, and 0.1 in an accumulator of Adagrad; float32."""
    return {name: np.full(shape, 0.1 if name == "accumulator" else 0.0, "float32") for name in names}


def late_slots(names: Sequence[str], shape: tuple[int, ...], place: int) -> Slots:
    """Seeded slots (float32) of the weight at ``place``, as gradients from 1e-3 to 1e-1 would leave them."""
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
    """The Keras optimizer that ``make`` returns, changed so that it is in a late state once it is built.

    With 0 ``iterations`` it is left in its initial state.
    """
    optimizer = make()
    build = optimizer.build

    def late(variables: Sequence[Any]) -> None:
        if optimizer.built:
            return
        build(variables)
        if not iterations:
            return
        optimizer.iterations.assign(iterations)
        for name in names:
            own = [variable for variable in optimizer.variables if variable.name.endswith(name)]
            for place, (slot, weight) in enumerate(zip(own, variables, strict=True)):
                slot.assign(late_slots(names, tuple(weight.shape), place)[name])

    optimizer.build = late
    return optimizer


@dataclasses.dataclass
class LateState:
    """All that a training carries from one step to the next, in float64.

    Attributes:
        weights: trainable arrays.
        statistics: moving averages.
        draws: random states, each (seed, number of draws).
        iterations: number of past steps.
        learning_rate: the optimizer's learning rate.
        slots: the optimizer's slots of each weight.
    """

    weights: Arrays
    statistics: Arrays
    draws: Arrays
    iterations: int
    learning_rate: float
    slots: list[Slots]


def numpy(value: Any) -> np.ndarray:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(value))


def state_of(weights: Sequence[Any], others: Sequence[Any], held: Sequence[tuple[str, Any]], rule: Any) -> LateState:
    """Reads a late state.

    Args:
        weights: trainable variables.
        others: non-trainable variables: moving averages and random states.
        held: (name, value) of the optimizer's variables: the number of steps, the learning rate, then the slots.
        rule: the optimizer's rule, a partial of a key of SLOTS.
    """
    steps, rate, *_ = (float(numpy(value)) for _, value in held[:2])
    slots = {
        slot: [numpy(value).astype("float64") for name, value in held if name.endswith(slot)]
        for slot in SLOTS[rule.func]
    }
    arrays = [numpy(other) for other in others]
    return LateState(
        weights=[numpy(weight).astype("float64") for weight in weights],
        statistics=[array.astype("float64") for array in arrays if array.dtype == "float32"],
        draws=[array.astype("float64") for array in arrays if array.dtype != "float32"],
        iterations=int(steps),
        learning_rate=rate,
        slots=[{slot: values[place] for slot, values in slots.items()} for place in range(len(weights))],
    )


def check_begun(of: str, state: LateState, rule: Any, iterations: int) -> None:
    """Checks that a training began in the late state, or with 0 ``iterations`` in the initial one."""
    close(f"{of}, number of steps at the beginning", state.iterations, iterations)
    rate = rule.keywords["learning_rate"]
    close(f"{of}, learning rate at the beginning", state.learning_rate, rate, rate * FLOAT)
    names = SLOTS[rule.func]
    for place, weights in enumerate(state.weights):
        slots = late_slots(names, weights.shape, place) if iterations else initial_slots(names, weights.shape)
        for slot, expected in slots.items():
            close(f"{of}, {slot} of weights {place} at the beginning", state.slots[place][slot], expected)


def late_network(layers: Any, regularizers: Any, dropout: bool = True) -> list[Any]:
    """Layers with all of the lecture's regularization, and with weights as after a long training."""
    from keras.initializers import RandomNormal, RandomUniform

    class Dropout(layers.Dropout):
        """A dropout layer that has drawn many masks."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            seed, _ = numpy(self.seed_generator.state)
            self.seed_generator.state.assign([seed, ITERATIONS[-1]])

    return [
        layers.Dense(
            UNITS,
            activation="relu",
            kernel_initializer=RandomNormal(stddev=1.0),
            bias_initializer=RandomNormal(stddev=0.5),
            kernel_regularizer=regularizers.L2(0.01),
            activity_regularizer=regularizers.L1(0.01),
        ),
        layers.BatchNormalization(
            gamma_initializer=RandomUniform(0.5, 2.0),
            beta_initializer=RandomNormal(stddev=0.5),
            moving_mean_initializer=RandomNormal(mean=4.0, stddev=1.0),
            moving_variance_initializer=RandomUniform(10.0, 30.0),
        ),
        *([Dropout(RATE)] if dropout else []),
        layers.Dense(
            4,
            activation="softmax",
            kernel_initializer=RandomNormal(stddev=3.0),
            bias_initializer=RandomNormal(stddev=1.0),
        ),
    ]


def late_case(dropout: bool) -> Case:
    """The late network with its reference, and Adam at the rate of the lecture's listing "Use optimizer"."""
    return case(
        "late-epochs",
        functools.partial(late_network, dropout=dropout),
        (
            network.Dense("relu", l2=0.01, activity_l1=0.01),
            network.BatchNormalization(),
            *([network.Dropout(np.ones(UNITS))] if dropout else []),
            network.Dense("softmax"),
        ),
        of("Adam", adam, learning_rate=0.01, beta_1=0.9, beta_2=0.999),
        inference=True,
        recorded=True,
        validation=PARTIAL,
    )


class Watch:
    """Saves the state whenever the engine calls the experiment's ``observe``; ``runner`` is the engine."""

    def __init__(self, rule: Any) -> None:
        self.rule, self.runner = rule, None
        self.states: list[LateState] = []

    def __call__(self, model: Any, data: Dataset) -> Mapping[str, float]:
        self.states.append(
            state_of(model.trainable_variables, model.non_trainable_variables, self._optimizer(model), self.rule)
        )
        return {}

    def _optimizer(self, model: Any) -> list[tuple[str, Any]]:
        """(name, value) of the optimizer's variables.

        On JAX the program holds the values; with batched seeds they have a leading axis of replicas.
        """
        program: Any = getattr(self.runner, "program", None)
        variables = (model.optimizer if program is None else program._optimizer).variables
        values = [numpy(value) for value in (program._state[2] if hasattr(program, "_state") else variables)]
        first = (0,) * values[0].ndim
        return [(variable.name, value[first]) for variable, value in zip(variables, values, strict=True)]


def masks(draws: np.ndarray, sizes: Sequence[int]) -> list[np.ndarray]:
    """The dropout masks (size, UNITS) of a layer in the random state ``draws``, for batches of ``sizes`` examples.

    They are drawn in a compiled program, as in training, because TensorFlow draws other numbers outside one.
    """
    import keras

    generator = keras.random.SeedGenerator(0)
    seed, count = draws

    def draw(state: Any, ones: Any) -> Any:
        with keras.StatelessScope(state_mapping=[(generator.state, state)]):
            return keras.random.dropout(ones, RATE, seed=generator)

    if active_backend() == "tensorflow":
        import tensorflow as tf

        draw = tf.function(draw, jit_compile=True, autograph=False)
    elif active_backend() == "jax":
        import jax

        draw = jax.jit(draw)
    states = [np.array([seed, count + step]).astype(generator.state.dtype) for step in range(len(sizes))]
    states = [keras.ops.convert_to_tensor(state) for state in states]
    ones = [keras.ops.ones((size, UNITS)) for size in sizes]
    return [numpy(draw(*given)).astype("float64") for given in zip(states, ones, strict=True)]


class Reference:
    """A training in float64 that begins with a given state, and bounds on the effect of rounding to float32.

    Weights and slots are computed three times: with the exact gradients, and with all gradients larger or smaller by
    ROUNDING. The differences bound the effect of errors in the gradients, whatever the optimizer is.
    """

    def __init__(self, one: Case, start: LateState, drawn: Sequence[np.ndarray]) -> None:
        """``drawn``: the dropout masks of the steps to come."""
        # on TensorFlow Keras computes the loss from the logits of a softmax; elsewhere it clips probabilities
        loss = "unclipped_crossentropy" if active_backend() == "tensorflow" else one.loss
        self.network = ReferenceNetwork(one.layers, loss, copy.deepcopy(start.weights), list(start.statistics))
        self.slots = copy.deepcopy(start.slots)
        self.start, self.steps = start, 0
        self._rule: Any = one.rule
        self._shifted = [(sign, copy.deepcopy(start.weights), copy.deepcopy(start.slots)) for sign in (1, -1)]
        self._drawn = iter(drawn)
        self._draw()

    def _draw(self) -> None:
        for layer in self.network.layers:
            if isinstance(layer, network.Dropout):
                layer.mask = next(self._drawn, layer.mask)

    def step(self, trained: ReferenceNetwork, gradients: Arrays) -> None:
        for sign, weights, slots in ((0, trained.weights, self.slots), *self._shifted):
            for place, gradient in enumerate(gradients):
                shifted = gradient + sign * ROUNDING * np.abs(gradient).max()
                change, slots[place] = self._rule(shifted, slots[place], self.start.iterations + self.steps)
                weights[place] += change
        self.steps += 1
        self._draw()

    def check(self, when: str, found: LateState) -> None:
        """Compares the engine's state with this one; ``when``: the moment, in words."""

        def near(start: np.ndarray, end: np.ndarray, *shifted: np.ndarray) -> np.ndarray:
            spread = np.sum([np.abs(other - end) for other in shifted], axis=0)
            return np.asarray(spread + self.steps * STEP * (np.abs(start) + np.abs(end)))

        close(f"number of steps {when}", found.iterations, self.start.iterations + self.steps)
        close(f"learning rate {when}", found.learning_rate, self.start.learning_rate)
        for place, end in enumerate(self.network.weights):
            shifted = [weights[place] for _, weights, _ in self._shifted]
            tolerance = near(self.start.weights[place], end, *shifted)
            close(f"weights {place} {when}", found.weights[place], end, tolerance)
            for slot, value in self.slots[place].items():
                shifted = [slots[place][slot] for _, _, slots in self._shifted]
                tolerance = near(self.start.slots[place][slot], value, *shifted)
                close(f"{slot} of weights {place} {when}", found.slots[place][slot], value, tolerance)
        for place, value in enumerate(self.network.statistics):
            tolerance = self.steps * ROUNDING * np.abs(value).max()
            close(f"moving average {place} {when}", found.statistics[place], value, tolerance)
        for obtained, draws in zip(found.draws, self.start.draws, strict=True):
            close(f"random state {when}", obtained, draws + np.array([0, self.steps]))
