"""Faults that act late, and what the self-checks of late states say of each.

``python -m tests.suite.late_faults BACKEND FILE`` writes it to FILE. Faults between two epochs share a program.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.faults.change import Wrapper, attribute, instead, times
from benchmarks.faults.epochs import OPTIMIZER, OTHERS, WEIGHTS, held, like, set_state
from benchmarks.faults.fault import Fault, Patch, injected
from benchmarks.faults.places import JAX, TENSORFLOW
from harness.training.backend import choose_backend, start_backend

OPTIMIZERS = "keras.src.optimizers"
BASE, SGD = f"{OPTIMIZERS}.base_optimizer:BaseOptimizer", f"{OPTIMIZERS}.sgd:SGD"
NORMALIZATION = "keras.src.layers.normalization.batch_normalization:BatchNormalization"
DROPOUT = "keras.src.layers.regularization.dropout:Dropout"
REGULARIZERS = "keras.src.regularizers.regularizers"
LATE_CURVES = (
    "val_loss", "val_accuracy", "train_loss", "train_accuracy", "even_val_loss", "odd_val_loss", "squares",
)  # fmt: skip


def from_step(number: int, iterations: Any) -> Any:
    """1.0 from step ``number`` on, before it 0.0."""
    import keras

    return keras.ops.cast(iterations >= number, "float32")


def late_rate(original: Any, self: Any) -> Any:
    return original(self) * (1 - 0.001 * from_step(1000, self.iterations))


def forgetful(slots: str, step: int) -> Wrapper:
    """A step for which slots of a weight are set to 0 at step ``step``."""

    def call(original: Any, self: Any, gradient: Any, variable: Any, rate: Any) -> None:
        import keras

        slot = getattr(self, slots)[self._get_variable_index(variable)]
        self.assign(slot, slot * keras.ops.cast(self.iterations != step, "float32"))
        original(self, gradient, variable, rate)

    return call


def one_in_a_thousand(original: Any, self: Any, gradient: Any, *args: Any) -> None:
    import keras

    made = keras.ops.cast(keras.ops.mod(self.iterations, 1000) != 1, "float32")
    original(self, gradient * made, *args)


def step_of(name: str, change: Wrapper) -> tuple[Patch, ...]:
    return (Patch(f"{OPTIMIZERS}.{name.lower()}:{name}", "update_step", change),)


IN_STEPS: dict[str, tuple[Patch, ...]] = {
    "learning rate × 0.999 from step 1,000 on": (Patch(BASE, "_get_current_learning_rate", late_rate),),
    "Adam: moments reset at step 10,001": step_of("Adam", forgetful("_momentums", 10_000)),
    "Adam: β₂ is 0.9989 from step 1,000 on": step_of(
        "Adam", attribute("beta_2", lambda old, self: self.beta_2 - 0.0001 * from_step(1000, self.iterations))
    ),
    "Nesterov: plain momentum": step_of("SGD", attribute("nesterov", lambda old, self: False)),
    "RMSprop: ε of 1e-6": step_of("RMSprop", attribute("epsilon", lambda old, self: 1e-6)),
    "Adagrad: its sum is lost at step 1,002": step_of("Adagrad", forgetful("_accumulators", 1_001)),
    "Adadelta: averages swapped": step_of(
        "Adadelta", attribute("_accumulated_delta_vars", lambda old, self: self._accumulated_grads)
    ),
    "SGD: one gradient in 1,000 is lost": step_of("SGD", one_in_a_thousand),
}
"""The patches of each fault that "steps" has to find, by name."""


def launches(wrapper: Callable[..., Any]) -> tuple[Patch, ...]:
    """``wrapper(original, program, orders, first)``, where ``first`` says whether it is the first launch of a seed."""

    def reset(original: Any, self: Any, seed: int) -> None:
        self._first = True
        original(self, seed)

    def launch(original: Any, self: Any, orders: Any) -> Any:
        first, self._first = self._first, False
        return wrapper(functools.partial(original, self), self, orders, first)

    changes = {"reset": reset, "launch": launch}
    return tuple(Patch(owner, name, change) for owner in (JAX, TENSORFLOW) for name, change in changes.items())


def between_epochs(part: int, change: Callable[[int, np.ndarray, np.ndarray], np.ndarray]) -> tuple[Patch, ...]:
    """Before each launch but the first, each array becomes ``change(index, array, array before the first launch)``."""
    initial: list[np.ndarray] = []

    def launch(original: Any, self: Any, orders: Any, first: bool) -> Any:
        if first:
            initial[:] = map(np.array, held(self, part))
        else:
            set_state(self, part, lambda i, value: like(value, change(i, np.array(value), initial[i])))
        return original(orders)

    return launches(launch)


def one_epoch_late(name: str) -> tuple[Patch, ...]:
    """A curve has the value of the epoch before."""
    kept: dict[str, Any] = {}

    def launch(original: Any, self: Any, orders: Any, first: bool) -> Any:
        curves, losses = original(orders)
        if first:
            kept.clear()
        kept[name], curves[name] = curves[name], kept.get(name, curves[name])
        return curves, losses

    return launches(launch)


def last_batch_dropped(original: Any, self: Any, orders: Any, first: bool) -> Any:
    return original(orders[:, : -self._batch])


IN_EPOCHS: dict[str, tuple[Patch, ...]] = {
    "number of steps reset at each epoch": between_epochs(OPTIMIZER, lambda i, now, first: now if i else first),
    "moments are 0 at each epoch": between_epochs(OPTIMIZER, lambda i, now, first: now if i < 2 else 0 * now),
    "learning rate × 0.999 at each epoch": between_epochs(
        OPTIMIZER, lambda i, now, first: (now * 0.999).astype(now.dtype) if i == 1 else now
    ),
    "moving averages reset at each epoch": between_epochs(
        OTHERS, lambda i, now, first: first if now.dtype == "float32" else now
    ),
    "dropout's random state reset at each epoch": between_epochs(
        OTHERS, lambda i, now, first: now if now.dtype == "float32" else first
    ),
    "weights of an epoch are lost": between_epochs(WEIGHTS, lambda i, now, first: first),
    "last batch dropped": launches(last_batch_dropped),
    "the first epoch's data order in each": (
        Patch("harness.training.compiled", "data_order", lambda of, seed, epoch, count: of(seed, 0, count)),
    ),
    **{f"{name} one epoch late": one_epoch_late(name) for name in LATE_CURVES},
}
"""The patches of each fault that "late-epochs" has to find, by name. They do not change the compiled program."""


def late_dropout(original: Any, self: Any, inputs: Any, training: bool = False) -> Any:
    """A dropout that drops nothing from its 5,000th mask on. It still draws the masks."""
    import keras

    if not training:
        return original(self, inputs, training=training)
    late = from_step(5000, self.seed_generator.state[1])
    return keras.ops.where(late > 0, inputs, original(self, inputs, training=training))


def unclipped(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    import keras

    return -keras.ops.sum(target * keras.ops.log(output), axis=axis)


IN_PROGRAMS: dict[str, tuple[Patch, ...]] = {
    "moving averages with a momentum of 0.989": (
        Patch(NORMALIZATION, "call", attribute("momentum", lambda old, self: 0.989)),
    ),
    "dropout off after 5,000 masks": (Patch(DROPOUT, "call", late_dropout),),
    "L2 penalty × 0.99": (Patch(f"{REGULARIZERS}:L2", "__call__", times(0.99)),),
    "activity penalty × 0.99": (Patch(f"{REGULARIZERS}:L1", "__call__", times(0.99)),),
}
"""The patches of each fault that "late-epochs" has to find, by name. The program is compiled anew."""
SATURATION = {
    "tensorflow": Patch("keras.src.backend.tensorflow.nn", "_get_logits", instead(lambda out, *rest: (out, False))),
    "jax": Patch("keras.src.backend.jax.nn", "categorical_crossentropy", instead(unclipped)),
}
"""Probabilities clipped, or not clipped, by backend: only saturated ones show it."""
NAMES = (*IN_STEPS, *IN_EPOCHS, *IN_PROGRAMS, "saturation")


def main(backend: str, path: Path) -> None:
    choose_backend(backend)
    start_backend()
    from harness.training.programs import Programs
    from harness.training.train import prepare
    from suite.keras import late

    def said(checks: Any, patches: tuple[Patch, ...], programs: Programs | None) -> list[str]:
        """What each check finds under these patches."""
        shared = functools.partial(prepare, programs=programs)
        with injected(Fault(patches)), mock.patch.object(late, "prepare", shared):
            wrong = (m.wrong for check in checks for m in check.check("compiled"))
            return list(filter(None, wrong))[:1]

    shared = Programs()
    path.write_text(
        json.dumps(
            {
                "": said(late.steps, (), None) + said(late.epochs, (), shared),
                **{name: said(late.steps, patches, None) for name, patches in IN_STEPS.items()},
                **{name: said(late.epochs, patches, shared) for name, patches in IN_EPOCHS.items()},
                **{name: said(late.epochs, patches, None) for name, patches in IN_PROGRAMS.items()},
                "saturation": said(late.epochs, (SATURATION[backend],), None),
            }
        ),
        encoding="utf-8",
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
