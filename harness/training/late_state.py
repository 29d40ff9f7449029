"""Late states of an optimizer: as after a long training, but drawn by NumPy from a seed.

They show defects that the first steps of a training cannot show.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

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


def slots_of(optimizer: Any) -> tuple[str, ...]:
    """The names of an optimizer's slots. KeyError for an optimizer that the table lacks."""
    name = type(optimizer).__name__
    return () if name == "SGD" and not optimizer.momentum else SLOTS[name]


def late_slots(names: Sequence[str], shape: tuple[int, ...], place: int) -> dict[str, np.ndarray]:
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


def late_optimizer(make: Callable[[], Any], iterations: int) -> Any:
    """The Keras optimizer that ``make`` returns, changed so that it is in a late state once it is built.

    With 0 ``iterations`` it is left in its initial state.
    """
    optimizer = make()
    build, names = optimizer.build, slots_of(optimizer)

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
