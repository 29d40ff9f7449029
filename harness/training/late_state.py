"""Late states: weights, moments and counters as after a long training, but drawn by NumPy from a seed.

A check cannot train so far, and rounding would hide every difference if it did. From a drawn state it compares twenty
steps with stored ones, and sees what the first steps of a training cannot show. The sizes of everything drawn are those
of a real training (``sizes``). The random state and the step number are advanced, so dropout masks are late ones too.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.record.trials import Sizes
from harness.training.seeding import derived, roles

SLOTS = {
    "SGD": ("momentum",),
    "RMSprop": ("velocity",),
    "Adagrad": ("accumulator",),
    "Adadelta": ("accumulated_grad", "accumulated_delta_var"),
    "Adam": ("momentum", "velocity"),
}
"""What each of Keras' optimizers keeps of every weight; the names of its variables end in these.

SGD keeps nothing without momentum. Keras has renamed and reordered variables, so this table says what belongs where.
"""
SIGNED = "momentum"
"""The slot that is negative as often as positive. The others are sums of squares."""
CONFIDENT = 10
"""Factor of the last layer's weights where a network learns its own predictions: drawn ones would hardly differ."""
POSITIVE = "variance"
"""Variables with names that end in this are positive."""


@dataclass(frozen=True)
class Late:
    """The late state that a training begins in.

    Attributes:
        steps: the number of optimizer steps before it.
        sizes: of what is drawn. Without sizes weights stay initial, and slots are as ``late_slots`` says.
        own_labels: whether the network is trained on its own predictions, so that its loss is small.
    """

    steps: int
    sizes: Sizes
    own_labels: bool = False

    def draw_weights(self, model: Any, seed: int) -> None:
        """Sets the weights, statistics and random states of a built model with initial weights."""
        from keras.ops import convert_to_numpy

        last = [name for name, variable in _named(model) if len(variable.shape) > 1][-1:]
        for name, variable in _named(model):
            if "seed" in name and str(variable.dtype) != "float32":
                state = np.array(convert_to_numpy(variable))
                state[-1] = self.steps  # (seed, draws): one draw per step
                variable.assign(state)
            elif name in self.sizes:
                rng = np.random.default_rng(derived(seed, f"{name}/late {self.steps}"))
                centre, spread, *_ = self.sizes[name]
                values = centre + spread * rng.standard_normal(variable.shape)
                values *= CONFIDENT if self.own_labels and [name] == last else 1
                variable.assign((np.exp(values) if name.endswith(POSITIVE) else values).astype("float32"))

    def optimizer(self, make: Callable[[], Any]) -> Any:
        """The Keras optimizer that ``make`` returns, changed so that it is in this state once it is built."""
        optimizer = make()
        build = optimizer.build

        def late(variables: Sequence[Any]) -> None:
            if optimizer.built:
                return
            build(variables)
            if self.steps:
                self.advance(optimizer, variables)

        optimizer.build = late
        return optimizer

    def advance(self, optimizer: Any, variables: Sequence[Any]) -> None:
        """Sets the step number and the slots of an optimizer that is built for these weights."""
        names = slots_of(optimizer)
        optimizer.iterations.assign(self.steps)
        for name in names:
            for place, (slot, weight) in enumerate(zip(own_slots(optimizer, name), variables, strict=True)):
                slot.assign(late_slots(names, tuple(weight.shape), place, self.sizes)[name])


def slots_of(optimizer: Any) -> tuple[str, ...]:
    """The names of an optimizer's slots. KeyError for an optimizer that the table lacks."""
    name = type(optimizer).__name__
    return () if name == "SGD" and not optimizer.momentum else SLOTS[name]


def own_slots(optimizer: Any, name: str) -> list[Any]:
    """An optimizer's variables for one slot, in the order of the weights."""
    return [variable for variable in optimizer.variables if variable.name.endswith(name)]


def late_slots(names: Sequence[str], shape: tuple[int, ...], place: int, sizes: Sizes) -> dict[str, np.ndarray]:
    """Seeded slots (float32) of the weight at ``place``: of these sizes, or as gradients from 1e-3 to 1e-1 leave them.

    A mean of squares is never less than the square of the mean. Slots of weights that hardly learn are small by many
    orders of magnitude; so the spread is large, and without the maximum some slots would be far too large.
    """
    rng = np.random.default_rng([place, *shape])
    size = 10 ** rng.uniform(-3, -1, shape)
    drawn = {
        "momentum": size * rng.standard_normal(shape),
        "velocity": size**2 * rng.uniform(0.5, 2, shape),
        "accumulator": 0.1 + 1000 * size**2,
        "accumulated_grad": size**2 * rng.uniform(0.5, 2, shape),
        "accumulated_delta_var": 10 ** rng.uniform(-7, -3, shape),
    }
    for name in names:
        if f"{name} {place}" in sizes:
            centre, spread, *most = sizes[f"{name} {place}"]
            drawn[name] = np.exp(np.minimum(centre + spread * rng.standard_normal(shape), most or np.inf))
    if sizes:
        drawn["velocity"] = np.maximum(drawn["velocity"], drawn[SIGNED] ** 2)
        drawn[SIGNED] *= rng.choice([-1.0, 1.0], shape)
    return {name: drawn[name].astype("float32") for name in names}


def sizes(model: Any, moments: Sequence[tuple[str, Any]], optimizer: Any) -> Sizes | None:
    """The sizes of the state of a training; None if it is not finite.

    Args:
        model: with its weights.
        moments: (name, value) of each of the optimizer's variables.
        optimizer: of the training.
    """
    from keras.ops import convert_to_numpy

    values = {name: variable for name, variable in _named(model) if str(variable.dtype) == "float32"}
    for kind in slots_of(optimizer):
        own = [value for name, value in moments if name.endswith(kind)]
        values |= {f"{kind} {place}": value for place, value in enumerate(own)}
    result: Sizes = {}
    for name, value in values.items():
        numbers = np.asarray(convert_to_numpy(value), "float64").ravel()
        slot = "/" not in name
        if slot or name.endswith(POSITIVE):
            numbers = np.log(np.abs(numbers[numbers != 0]))
        if len(numbers):
            centre, spread, most = (float(f"{x:.3g}") for x in (numbers.mean(), numbers.std(), numbers.max()))
            result[name] = (centre, spread, most) if slot else (centre, spread)
    return result if all(map(np.isfinite, itertools.chain(*result.values()))) else None


def _named(model: Any) -> Iterator[tuple[str, Any]]:
    """(name, variable) of every variable of a model; a name is the layer's role and the variable's own name.

    A layer that is made of others may have a name several times; they are counted.
    """
    for role, layer in roles(model):
        counts: Counter[str] = Counter()
        for variable in layer.variables:
            counts[variable.name] += 1
            again = f" {counts[variable.name]}" if counts[variable.name] > 1 else ""
            yield f"{role}/{variable.name}{again}", variable
