"""Faults between two epochs, and in how trials follow each other, which do not change the first steps.

Epochs are those of the engine ``compiled``, between two launches: it launches each epoch of an MNIST training
separately. Steps per epoch at the lecture's size: 118 for Example 4 and regularization, 300 for Example 3, 469 for the
optimizers, 600 for the rates with batch normalization, 50 for more data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.faults import places as at
from benchmarks.faults.change import Wrapper, argument, attribute, in_bits, ops, result
from benchmarks.faults.engines import whole_batches
from benchmarks.faults.fault import fault, here, patches


def epochs_made(program: Any) -> int:
    state = getattr(program, "_state", None)
    steps = int(np.asarray(state[2][0] if state else program._optimizer.iterations))
    return int(steps // -(-len(program._data[0]) // program._batch))


WEIGHTS, OTHERS, OPTIMIZER = range(3)
COUNT_AT, RATE_AT = 0, 1
"""Places of two of the optimizer's variables: its steps, and its learning rate."""


def held(program: Any, part: int) -> Any:
    """The weights, the other variables or the optimizer's variables: arrays on JAX, variables elsewhere."""
    if hasattr(program, "_state"):
        return program._state[part]
    model = program._model
    return (model.trainable_variables, model.non_trainable_variables, program._optimizer.variables)[part]


def set_state(program: Any, part: int, of: Callable[[int, Any], Any]) -> None:
    """Each array of a part becomes ``of(index, value)``."""
    changed = [of(index, getattr(value, "value", value)) for index, value in enumerate(held(program, part))]
    if hasattr(program, "_state"):
        program._state = (*program._state[:part], changed, *program._state[part + 1 :])
    else:
        for variable, value in zip(held(program, part), changed, strict=True):
            variable.assign(value)


def set_optimizer(program: Any, index: int, of: Callable[[Any], Any]) -> None:
    """One of the optimizer's variables becomes ``of`` it."""
    set_state(program, OPTIMIZER, lambda place, value: of(value) if place == index else value)


def like(value: Any, array: Any) -> Any:
    return ops.convert_to_tensor(array, value.dtype)


def between(change: Callable[[Any, int], None]) -> Wrapper:
    """``change(program, epochs made)`` before each epoch but the first."""

    def launch(original: Any, self: Any, orders: Any) -> Any:
        if epochs := epochs_made(self):
            change(self, epochs)
        return original(self, orders)

    return launch


def reset_once(program: Any, epochs: int) -> None:
    """Moments and count of steps are fresh when the second epoch begins."""
    if epochs == 1:
        set_state(program, OPTIMIZER, lambda i, value: value if i == RATE_AT else like(value, program._fresh[i]))


def halved_rate(program: Any, epochs: int) -> None:
    set_optimizer(program, RATE_AT, lambda rate: rate * 0.5 if epochs == 2 else rate)


def coarse_weights(program: Any, epochs: int) -> None:
    """When an epoch has ended and was validated, as by a checkpoint."""
    set_state(program, WEIGHTS, lambda index, value: in_bits("bfloat16")(value))


def keeps_stale_rate(original: Any, self: Any, setup: Any) -> None:
    self._stale = getattr(self, "_fresh", None)
    original(self, setup)


def stale_rate(program: Any, epochs: int) -> None:
    if program._stale is not None:
        set_optimizer(program, RATE_AT, lambda rate: like(rate, program._stale[RATE_AT]))


def from_epoch(first: int, name: str, of: Callable[..., Any]) -> Wrapper:
    """From the ``first`` epoch on ``of(data, order)`` stands for the data or the validation data of a program.

    Only where an epoch is a launch.
    """

    def changed(kept: Any, self: Any, orders: Any) -> Any:
        return kept if len(orders) > 1 or epochs_made(self) < first - 1 else of(kept, orders[0])

    return attribute(name, changed)


def noisy(data: Any, order: Any) -> Any:
    """Drawn anew in each epoch."""
    x, y = data
    drawn = np.random.default_rng(int(order[0])).standard_normal(x.shape, "float32")
    return x + ops.convert_to_tensor(0.1 * drawn), y


def last_labels_wrong(data: Any, order: Any) -> Any:
    """The images that come last in an epoch, a fiftieth, have the labels of their neighbours in it."""
    rows, labels = order[-(len(order) // 50) :], np.array(data[1])
    labels[rows] = labels[np.roll(rows, 1)]
    return data[0], ops.convert_to_tensor(labels)


def whole_batches_late(orders: Any, self: Any) -> Any:
    return whole_batches(orders, self) if len(orders) == 1 and epochs_made(self) else orders


def rate_leaks(nothing: Any, self: Any, seed: int) -> None:
    """ReduceLROnPlateau has the rate at nine tenths when a trial ends, and nobody sets it back; the first seed is
    right."""
    last, self._last_seed = getattr(self, "_last_seed", seed), seed
    self._leak = getattr(self, "_leak", 1.0) * (0.9 if last != seed else 1.0)
    set_optimizer(self, RATE_AT, lambda rate: rate * self._leak)


def count_leaks(original: Any, self: Any, seed: int) -> None:
    """A trial's count of steps goes on from that of the trial before, so that Adam's first steps are not corrected."""
    state = getattr(self, "_state", None)
    last = np.array(state[OPTIMIZER][COUNT_AT] if state else self._optimizer.iterations)
    original(self, seed)
    set_optimizer(self, COUNT_AT, lambda count: like(count, last))


LAUNCH = here(at.LAUNCH, *at.MNIST)
EPOCHS = {
    "late: the optimizer's state is lost at the second epoch": fault(
        at.LAUNCH, between(reset_once), at.SOFTMAX, at.ADAM_RACE, at.DEEP, step=120
    ),
    "late: the rate is halved at the third epoch": LAUNCH(between(halved_rate), step=238),
    "late: weights in bfloat16 at each epoch's end": LAUNCH(between(coarse_weights), step=119),
    # the second variant has its own rate in the first epoch, that of the first afterwards
    "late: a program used again keeps the old rate from the second epoch on": fault(
        at.REBIND,
        keeps_stale_rate,
        *(at.SOFTMAX, ("example-4-softmax", "rate 1e-4"), at.BY_SGD),
        step=120,
        also=patches(at.LAUNCH, between(stale_rate)),
    ),
    # augmentation that nobody asked for
    "late: images moved by a pixel from the third epoch on": LAUNCH(
        from_epoch(3, "_data", lambda data, order: (ops.roll(data[0], 1, axis=-1), data[1])), step=237
    ),
    "late: noise on the images from the second epoch on": LAUNCH(from_epoch(2, "_data", noisy), step=119),
    "late: the last labels of an epoch are wrong": LAUNCH(from_epoch(1, "_data", last_labels_wrong), step=115),
    "late: the last partial batch is dropped from the second epoch on": fault(
        at.LAUNCH, argument("orders", whole_batches_late), at.SOFTMAX, at.ADAM_RACE, at.DEEP, step=236
    ),
    # the first 9,000 images only; training does not change
    "late: validation on fewer images from the second epoch on": LAUNCH(
        from_epoch(2, "_validation", lambda data, order: tuple(array[: len(array) * 9 // 10] for array in data)),
        step=237,
    ),
    "late: the rate leaks from trial to trial": fault(
        at.RESET, result(rate_leaks), at.SOFTMAX, at.BY_SGD, at.DEEP, step=2
    ),
    "late: the count of steps leaks from trial to trial": fault(
        at.RESET, count_leaks, at.SOFTMAX, at.ADAM_RACE, at.DEEP, step=2
    ),
    "late: data order repeats after four epochs": fault(
        at.ORDER, argument("epoch", lambda epoch: epoch % 4), at.SOFTMAX, at.MLP, at.DEEP, step=473
    ),
    "late: seeds share their data order after the first epoch": fault(
        at.ORDER, argument("seed", lambda seed, epoch: seed if epoch == 0 else 0), *at.MNIST, step=119
    ),
}
