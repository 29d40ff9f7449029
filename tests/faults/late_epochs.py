"""Faults of the epochs after the first, which do not change the first steps.

They are injected into the engine ``compiled`` between two launches. It launches each epoch of an MNIST training
separately.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.faults.fault import Patch, late, wrapped
from tests.faults.places import ADAM_RACE, BY_SGD, DEEP, JAX, MNIST, SEEDING, SOFTMAX, TENSORFLOW, Original

GROUP = "late epochs"
SECOND_SOFTMAX = ("example-4-softmax", "rate 1e-4")


def epochs_made(program: Any) -> int:
    state = getattr(program, "_state", None)
    steps = int(np.asarray(state[2][0] if state else program._optimizer.iterations))
    return int(steps // -(-len(program._data[0]) // program._batch))


def set_moments(program: Any, of: Callable[[int, Any], Any]) -> None:
    """The optimizer's variables become ``of(index, value)``; 0 is the count of steps, 1 the learning rate."""
    if hasattr(program, "_state"):
        weights, others, moments = program._state
        program._state = (weights, others, [of(index, value) for index, value in enumerate(moments)])
    else:
        for index, variable in enumerate(program._optimizer.variables):
            variable.assign(of(index, variable.value))


def between(change: Callable[[Any, int], None]) -> tuple[Patch, ...]:
    """``change(program, epochs made)`` before each epoch but the first."""

    def launch(original: Original, self: Any, orders: Any, initial: float) -> Any:
        epochs = epochs_made(self)
        if epochs:
            change(self, epochs)
        return original(self, orders, initial)

    return Patch(JAX, "launch", wrapped(launch)), Patch(TENSORFLOW, "launch", wrapped(launch))


def reset_once(program: Any, epochs: int) -> None:
    from keras import ops

    def of(index: int, value: Any) -> Any:
        return value if index == 1 or epochs != 1 else ops.convert_to_tensor(program._fresh[index], value.dtype)

    set_moments(program, of)


def halved_rate(program: Any, epochs: int) -> None:
    set_moments(program, lambda index, value: value * 0.5 if index == 1 and epochs == 2 else value)


def coarse_weights(program: Any, epochs: int) -> None:
    from keras import ops

    def rounded(value: Any) -> Any:
        return ops.cast(ops.cast(value, "bfloat16"), "float32")

    if hasattr(program, "_state"):
        program._state = ([rounded(value) for value in program._state[0]], *program._state[1:])
    else:
        for variable in program._model.trainable_variables:
            variable.assign(rounded(variable))


def keeps_stale_rate(original: Original, self: Any, task: Any) -> None:
    self._stale = getattr(self, "_fresh", None)
    original(self, task)


def stale_rate(program: Any, epochs: int) -> None:
    from keras import ops

    stale = getattr(program, "_stale", None)
    if stale is not None:
        set_moments(program, lambda i, value: ops.convert_to_tensor(stale[1], value.dtype) if i == 1 else value)


def data(of: Callable[[Any, Any, Any], Any], first: int = 1) -> tuple[Patch, ...]:
    """From the ``first`` epoch on training gets ``of(x, y, order)``; only where an epoch is a launch."""

    def launch(original: Original, self: Any, orders: Any, initial: float) -> Any:
        if len(orders) > 1 or epochs_made(self) < first - 1:
            return original(self, orders, initial)
        kept = self._data
        self._data = of(kept[0], kept[1], orders[0])
        try:
            return original(self, orders, initial)
        finally:
            self._data = kept

    return Patch(JAX, "launch", wrapped(launch)), Patch(TENSORFLOW, "launch", wrapped(launch))


def moved(x: Any, y: Any, order: Any) -> Any:
    from keras import ops

    return ops.roll(x, 1, axis=-1), y


def noisy(x: Any, y: Any, order: Any) -> Any:
    from keras import ops

    drawn = np.random.default_rng(int(order[0])).standard_normal(x.shape, "float32")
    return x + ops.convert_to_tensor(0.1 * drawn), y


def last_labels_wrong(x: Any, y: Any, order: Any) -> Any:
    """The images that come last in an epoch, a fiftieth, have the labels of their neighbours."""
    from keras import ops

    rows, labels = order[-(len(order) // 50) :], np.array(y)
    labels[rows] = labels[np.roll(rows, 1)]
    return x, ops.convert_to_tensor(labels)


def whole_batches_late(original: Original, self: Any, orders: Any, initial: float) -> Any:
    whole = orders.shape[1] // self._batch * self._batch
    late = len(orders) == 1 and whole and epochs_made(self) > 0
    return original(self, orders[:, :whole] if late else orders, initial)


def fewer_validated_late(original: Original, self: Any, orders: Any, initial: float) -> Any:
    kept = self._validation
    if len(orders) == 1 and kept and epochs_made(self) > 0:
        self._validation = tuple(array[: len(array) * 9 // 10] for array in kept)
    try:
        return original(self, orders, initial)
    finally:
        self._validation = kept


def launched(wrapper: Original) -> tuple[Patch, ...]:
    return Patch(JAX, "launch", wrapped(wrapper)), Patch(TENSORFLOW, "launch", wrapped(wrapper))


def rate_leaks(original: Original, self: Any, seed: int) -> None:
    """ReduceLROnPlateau has the rate at nine tenths when a trial ends, and nobody sets it back."""
    original(self, seed)
    last, self._last_seed = getattr(self, "_last_seed", seed), seed
    self._leak = getattr(self, "_leak", 1.0) * (0.9 if last != seed else 1.0)
    set_moments(self, lambda index, value: value * self._leak if index == 1 else value)


def count_leaks(original: Original, self: Any, seed: int) -> None:
    """A trial's count of steps goes on from that of the trial before."""
    state = getattr(self, "_state", None)
    last = np.array(state[2][0] if state else self._optimizer.iterations)
    original(self, seed)
    from keras import ops

    set_moments(self, lambda index, value: ops.convert_to_tensor(last, value.dtype) if index == 0 else value)


def reset(wrapper: Original) -> tuple[Patch, ...]:
    return Patch(JAX, "reset", wrapped(wrapper)), Patch(TENSORFLOW, "reset", wrapped(wrapper))


def orders_repeat(original: Original, seed: int, epoch: int, count: int) -> Any:
    return original(seed, epoch % 4, count)


def orders_collide(original: Original, seed: int, epoch: int, count: int) -> Any:
    return original(seed if epoch == 0 else 0, epoch, count)


def order(wrapper: Original) -> tuple[Patch, ...]:
    return (Patch(SEEDING, "data_order", wrapped(wrapper)),)


FAULTS = (
    late(
        "the optimizer's state is lost at the second epoch",
        "Moments and count of steps are fresh when the second epoch begins, once.",
        between(reset_once),
        (SOFTMAX, ADAM_RACE, DEEP),
        120,
    ),
    late(
        "the rate is halved at the third epoch",
        "The learning rate is half from the third epoch on.",
        between(halved_rate),
        MNIST,
        238,
    ),
    late(
        "weights in bfloat16 at each epoch's end",
        "Weights are rounded to eight bits when an epoch has ended and was validated, as by a checkpoint.",
        between(coarse_weights),
        MNIST,
        119,
    ),
    late(
        "a program used again keeps the old rate from the second epoch on",
        "The second variant of a compiled program has its own rate in the first epoch, that of the first afterwards.",
        (
            Patch(JAX, "rebind", wrapped(keeps_stale_rate)),
            Patch(TENSORFLOW, "rebind", wrapped(keeps_stale_rate)),
            *between(stale_rate),
        ),
        (SOFTMAX, SECOND_SOFTMAX, BY_SGD),
        120,
    ),
    late(
        "images moved by a pixel from the third epoch on",
        "Training images are moved by a pixel from the third epoch on: augmentation that nobody asked for.",
        data(moved, 3),
        MNIST,
        237,
        breaks="data",
    ),
    late(
        "noise on the images from the second epoch on",
        "Training images get normal noise of 0.1 from the second epoch on, drawn anew in each.",
        data(noisy, 2),
        MNIST,
        119,
        breaks="data",
    ),
    late(
        "the last labels of an epoch are wrong",
        "The last 2 % of the images of each epoch's order have the labels of their neighbours in it.",
        data(last_labels_wrong),
        MNIST,
        115,
        breaks="data",
    ),
    late(
        "the last partial batch is dropped from the second epoch on",
        "Epochs after the first end with the last whole batch.",
        launched(whole_batches_late),
        (SOFTMAX, ADAM_RACE, DEEP),
        236,
    ),
    late(
        "validation on fewer images from the second epoch on",
        "Validation after the second and later epochs has the first 9,000 images only; training does not change.",
        launched(fewer_validated_late),
        MNIST,
        237,
        "evaluation",
    ),
    late(
        "the rate leaks from trial to trial",
        "Each further seed of a program begins with 0.9 of the rate of the one before; the first seed is right.",
        reset(rate_leaks),
        (SOFTMAX, BY_SGD, DEEP),
        2,
    ),
    late(
        "the count of steps leaks from trial to trial",
        "Adam's count of steps goes on from the seed before, so that its first steps are not corrected; the first seed "
        "is right.",
        reset(count_leaks),
        (SOFTMAX, ADAM_RACE, DEEP),
        2,
    ),
    late(
        "data order repeats after four epochs",
        "Epoch 5 has the order of epoch 1, and so on.",
        order(orders_repeat),
        (SOFTMAX, ("more-data", "2,000 images"), DEEP),
        473,
    ),
    late(
        "seeds share their data order after the first epoch",
        "All seeds but 0 have the data order of seed 0 from the second epoch on.",
        order(orders_collide),
        MNIST,
        119,
    ),
)
