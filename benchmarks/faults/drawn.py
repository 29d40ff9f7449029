"""Sixty faults that begin at a drawn step: of each kind, training and step were drawn by a fixed seed.

Steps are log-uniform between the last that a check follows from the start and the last of the training. Three in four
act from their step on, the others at their step only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from benchmarks.faults import late
from benchmarks.faults import places as at
from benchmarks.faults.change import attribute, ops, result
from benchmarks.faults.fault import Fault, Training, fault
from benchmarks.faults.optimizers import made

SEED, COUNT, EARLIEST = 31, 60, 21
STEPS = {
    at.SOFTMAX: 2360, at.LONG_SOFTMAX: 9600, at.BY_SGD: 3000, at.NORMALISED: 3000, at.MLP: 1000, at.FEW: 1000,
    at.DROPPED: 2360, at.ADAM_RACE: 2345, at.RMSPROP_RACE: 2345, at.ADADELTA_RACE: 2345, at.NESTEROV: 2345,
    at.PENALISED: 2360,
}  # fmt: skip
"""All steps of a training at the lecture's size."""
ADAMS, SGDS = (at.SOFTMAX, at.LONG_SOFTMAX, at.MLP, at.ADAM_RACE), (at.BY_SGD, at.NORMALISED, at.NESTEROV)
Make = Callable[[int, Training], Fault]


def _from(change: Callable[[Any], Any]) -> Callable[[int], Callable[[Any, Any], Any]]:
    """Gradients changed from a step on."""
    return lambda first: lambda grads, self: [ops.where(made(self) >= first - 1, change(g), g) for g in grads]


def _rate(factor: float, once: bool = False) -> Make:
    def acts(first: int) -> Callable[[Any], Any]:
        return lambda steps: ops.equal(steps, first - 1) if once else steps >= first - 1

    return lambda first, training: fault(
        at.RATE, late.rate_times(lambda steps: ops.where(acts(first)(steps), factor, 1.0)), training, step=first + 1
    )


def _gradients(change: Callable[[Any], Any]) -> Make:
    return lambda first, training: fault(at.CLIP, result(_from(change)(first)), training, step=first + 1)


def _adam(name: str, value: float) -> Make:
    return lambda first, training: fault(
        at.ADAM_STEP, late.from_step(first, attribute(name, value), *late.MOMENTS), training, step=first + 1
    )


def _lost(place: Any, slots: str) -> Make:
    """A slot is 0 behind one step."""
    return lambda first, training: fault(
        place, late.lost(slots, lambda steps: ops.equal(steps, first - 1)), training, step=first + 2
    )


def _statistics(first: int, training: Training) -> Fault:
    frozen = late.moving(lambda steps, before, after, name: ops.where(steps >= first - 1, before, after))
    return fault(at.NORMALISE, frozen, training, step=first + 1, also=late.COUNTED)


def _penalty(first: int, training: Training) -> Fault:
    weaker = late.penalty(lambda steps: ops.where(steps >= first - 1, 0.9, 1.0))
    return fault(at.L2_PENALTY, weaker, training, step=first, also=late.COUNTED)


KINDS: Mapping[str, tuple[Make, tuple[Training, ...]]] = {
    "the rate × 1.01 from step {} on": (_rate(1.01), (*ADAMS, *SGDS, at.RMSPROP_RACE, at.ADADELTA_RACE)),
    "gradients in bfloat16 from step {} on": (_gradients(late.in_bfloat16), (*ADAMS, *SGDS)),
    "gradients × 1.05 from step {} on": (_gradients(lambda grad: grad * 1.05), (*SGDS, at.ADADELTA_RACE)),
    "gradients clipped to ± 0.01 from step {} on": (_gradients(lambda g: ops.clip(g, -0.01, 0.01)), (*ADAMS, *SGDS)),
    "beta_1 is 0.91 from step {} on": (_adam("beta_1", 0.91), ADAMS),
    "beta_2 is 0.998 from step {} on": (_adam("beta_2", 0.998), ADAMS),
    "epsilon is 1e-5 from step {} on": (_adam("epsilon", 1e-5), ADAMS),
    "no dropout from step {} on": (
        lambda first, training: fault(at.DROP, late.dropout_off(first), training, step=first),
        (at.DROPPED,),
    ),
    "moving averages frozen from step {} on": (_statistics, (at.NORMALISED,)),
    "L2 × 0.9 from step {} on": (_penalty, (at.PENALISED,)),
}
ONCE: Mapping[str, tuple[Make, tuple[Training, ...]]] = {
    "the rate × 10 at step {}": (_rate(10.0, once=True), (*ADAMS, *SGDS)),
    "Adam: second moments lost at step {}": (_lost(at.ADAM_STEP, "_velocities"), ADAMS),
    "SGD: momentum lost at step {}": (_lost(at.SGD_STEP, "momentums"), (at.NESTEROV,)),
    "Adadelta: the mean of squares lost at step {}": (
        _lost(at.ADADELTA_STEP, "_accumulated_grads"),
        (at.ADADELTA_RACE,),
    ),
}


def _drawn() -> dict[str, Fault]:
    rng, faults = np.random.default_rng(SEED), dict[str, Fault]()
    while len(faults) < COUNT:
        kinds = KINDS if len(faults) < COUNT * 3 // 4 else ONCE
        name = list(kinds)[rng.integers(len(kinds))]
        make, trainings = kinds[name]
        training = trainings[rng.integers(len(trainings))]
        step = int(np.exp(rng.uniform(np.log(EARLIEST), np.log(STEPS[training]))))
        faults[f"late: {training[1]}: {name.format(step)}"] = make(step, training)
    return faults


DRAWN = _drawn()
