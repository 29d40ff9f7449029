"""Faults that act late, and the findings of the checks of late states.

``python -m tests.suite.late_faults BACKEND FILE`` writes the findings to FILE. Faults that do not change the compiled
program share one.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from harness.training.backend import choose_backend, start_backend
from tests.faults.fault import Fault, Patch, injected, instead, wrapped

BASE = "keras.src.optimizers.base_optimizer:BaseOptimizer"
ADAM, SGD = "keras.src.optimizers.adam:Adam", "keras.src.optimizers.sgd:SGD"
RMSPROP, ADAGRAD = "keras.src.optimizers.rmsprop:RMSprop", "keras.src.optimizers.adagrad:Adagrad"
ADADELTA = "keras.src.optimizers.adadelta:Adadelta"
JAX, TENSORFLOW = "harness.training.compiled_jax:JaxProgram", "harness.training.compiled_tensorflow:TensorFlowProgram"
NORMALIZATION = "keras.src.layers.normalization.batch_normalization:BatchNormalization"
DROPOUT = "keras.src.layers.regularization.dropout:Dropout"
REGULARIZERS = "keras.src.regularizers.regularizers"
WEIGHTS, OTHERS, OPTIMIZER = range(3)


def from_step(number: int, iterations: Any) -> Any:
    """1.0 from step ``number`` on, before it 0.0."""
    import keras

    return keras.ops.cast(iterations >= number, "float32")


def late_rate(original: Any, self: Any) -> Any:
    return original(self) * (1 - 0.001 * from_step(1000, self.iterations))


def decayed_rate(original: Any, self: Any) -> Any:
    import keras

    return original(self) / (1 + 1e-7 * keras.ops.cast(self.iterations, "float32"))


def adam_step(self: Any, gradient: Any, variable: Any, rate: Any, how: str) -> None:
    from keras import ops

    step = ops.cast(self.iterations + 1, "float32")
    index = self._get_variable_index(variable)
    m, v = self._momentums[index], self._velocities[index]
    if how == "moments swapped":
        m, v = v, m
    if how == "moments reset at step 10,001":
        self.assign(m, m * ops.cast(self.iterations != 10_000, "float32"))
    beta_2 = self.beta_2 - (
        0.0001 * from_step(1000, self.iterations) if how == "β₂ is 0.9989 from step 1,000 on" else 0
    )
    self.assign_add(m, (gradient - m) * (1 - self.beta_1))
    self.assign_add(v, (ops.square(gradient) - v) * (1 - beta_2))
    alpha = ops.cast(rate, "float32")
    if how != "no bias correction":
        alpha = alpha * ops.sqrt(1 - ops.power(self.beta_2, step)) / (1 - ops.power(self.beta_1, step))
    inside = how == "ε inside the root"
    self.assign_sub(variable, m * alpha / (ops.sqrt(v + self.epsilon) if inside else ops.sqrt(v) + self.epsilon))


def adam(how: str) -> Patch:
    return Patch(ADAM, "update_step", instead(functools.partial(adam_step, how=how)))


def plain_momentum(original: Any, self: Any, gradient: Any, variable: Any, rate: Any) -> None:
    kept, self.nesterov = self.nesterov, False
    try:
        original(self, gradient, variable, rate)
    finally:
        self.nesterov = kept


def lost_velocity(original: Any, self: Any, gradient: Any, variable: Any, rate: Any) -> None:
    if self.momentum:
        velocity = self.momentums[self._get_variable_index(variable)]
        self.assign(velocity, velocity * (1 - 0.001 * from_step(1000, self.iterations)))
    original(self, gradient, variable, rate)


def rmsprop_outside(self: Any, gradient: Any, variable: Any, rate: Any) -> None:
    from keras import ops

    velocity = self._velocities[self._get_variable_index(variable)]
    self.assign(velocity, self.rho * velocity + (1 - self.rho) * ops.square(gradient))
    self.assign_sub(variable, rate * gradient / (ops.sqrt(velocity) + self.epsilon))


def forgetful_adagrad(original: Any, self: Any, gradient: Any, variable: Any, rate: Any) -> None:
    total = self._accumulators[self._get_variable_index(variable)]
    self.assign(total, total * 0.9999)
    original(self, gradient, variable, rate)


def swapped_adadelta(original: Any, self: Any, *args: Any) -> None:
    kept = self._accumulated_grads, self._accumulated_delta_vars
    self._accumulated_delta_vars, self._accumulated_grads = kept
    try:
        original(self, *args)
    finally:
        self._accumulated_grads, self._accumulated_delta_vars = kept


def one_in_a_thousand(original: Any, self: Any, gradient: Any, *args: Any) -> None:
    import keras

    made = keras.ops.cast(keras.ops.mod(self.iterations, 1000) != 1, "float32")
    original(self, gradient * made, *args)


IN_STEPS: dict[str, tuple[Patch, ...]] = {
    "learning rate × 0.999 from step 1,000 on": (Patch(BASE, "_get_current_learning_rate", wrapped(late_rate)),),
    "learning rate decays by 1e-7 a step": (Patch(BASE, "_get_current_learning_rate", wrapped(decayed_rate)),),
    **{
        f"Adam: {how}": (adam(how),)
        for how in (
            "no bias correction",
            "moments swapped",
            "ε inside the root",
            "moments reset at step 10,001",
            "β₂ is 0.9989 from step 1,000 on",
        )
    },
    "Nesterov: plain momentum": (Patch(SGD, "update_step", wrapped(plain_momentum)),),
    "momentum: velocity × 0.999 from step 1,000 on": (Patch(SGD, "update_step", wrapped(lost_velocity)),),
    "RMSprop: ε outside the root": (Patch(RMSPROP, "update_step", instead(rmsprop_outside)),),
    "Adagrad: its sum decays by 1e-4 a step": (Patch(ADAGRAD, "update_step", wrapped(forgetful_adagrad)),),
    "Adadelta: averages swapped": (Patch(ADADELTA, "update_step", wrapped(swapped_adadelta)),),
    "SGD: one gradient in 1,000 is lost": (Patch(SGD, "update_step", wrapped(one_in_a_thousand)),),
}
"""The patches of each fault that ``test_steps_of`` has to find, by name."""


def held(program: Any, part: int) -> list[np.ndarray]:
    """Copies of the weights, other variables or optimizer variables of a program, as ``part`` says."""
    if hasattr(program, "_state"):
        return [np.array(array) for array in program._state[part]]
    return [variable.numpy() for variable in _variables(program, part)]


def put(program: Any, part: int, arrays: list[np.ndarray]) -> None:
    if hasattr(program, "_state"):
        import jax.numpy as jnp

        state = list(program._state)
        state[part] = [jnp.array(array) for array in arrays]
        program._state = tuple(state)
    else:
        for variable, array in zip(_variables(program, part), arrays, strict=True):
            variable.assign(array)


def _variables(program: Any, part: int) -> Any:
    model = program._model
    return (model.trainable_variables, model.non_trainable_variables, program._optimizer.variables)[part]


def launches(wrapper: Callable[..., Any]) -> tuple[Patch, Patch]:
    return Patch(JAX, "launch", wrapped(wrapper)), Patch(TENSORFLOW, "launch", wrapped(wrapper))


def between_epochs(part: int, change: Callable[[int, np.ndarray, np.ndarray], np.ndarray]) -> tuple[Patch, Patch]:
    """Before each launch but the first, each array becomes ``change(index, array, array before the first launch)``."""
    first: list[np.ndarray] = []

    def launch(original: Any, self: Any, orders: Any, initial: float) -> Any:
        now = held(self, part)
        if np.isnan(initial):
            first[:] = now
        else:
            put(self, part, [change(place, *both) for place, both in enumerate(zip(now, first, strict=True))])
        return original(self, orders, initial)

    return launches(launch)


def one_epoch_late(name: str) -> tuple[Patch, Patch]:
    """A curve has the value of the epoch before."""
    kept: dict[str, Any] = {}

    def launch(original: Any, self: Any, orders: Any, initial: float) -> Any:
        curves, signs = original(self, orders, initial)
        if np.isnan(initial):
            kept.clear()
        kept[name], curves[name] = curves[name], kept.get(name, curves[name])
        return curves, signs

    return launches(launch)


def last_batch_dropped(original: Any, self: Any, orders: Any, initial: float) -> Any:
    return original(self, orders[:, : -self._batch], initial)


def observed_before(original: Any, self: Any, raw: Any, prefix: str = "") -> None:
    """An experiment observes the weights from the beginning of an epoch instead of its end."""
    program = self.program
    now = held(program, WEIGHTS)
    if not prefix:
        put(program, WEIGHTS, self.kept)
    original(self, raw, prefix)
    put(program, WEIGHTS, now)
    self.kept = now


IN_EPOCHS: dict[str, tuple[Patch, ...]] = {
    "optimizer's state reset at each epoch": between_epochs(OPTIMIZER, lambda place, now, first: first),
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
        Patch("harness.training.compiled", "data_order", wrapped(lambda of, seed, epoch, count: of(seed, 0, count))),
    ),
    **{
        f"{name} one epoch late": one_epoch_late(name)
        for name in (
            "val_loss",
            "val_accuracy",
            "train_loss",
            "train_accuracy",
            "even_val_loss",
            "odd_val_loss",
            "squares",
        )
    },
    "observed one epoch late": (
        Patch("harness.training.compiled:CompiledEngine", "_record", wrapped(observed_before)),
    ),
}
"""The patches of each fault that ``test_epochs`` has to find, by name. They do not change the compiled program."""


def with_attribute(name: str, value: Any) -> Callable[[Any], Any]:
    def call(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        kept = getattr(self, name)
        setattr(self, name, value)
        try:
            return original(self, *args, **kwargs)
        finally:
            setattr(self, name, kept)

    return wrapped(call)


def times(factor: float) -> Callable[[Any], Any]:
    return wrapped(lambda original, *args, **kwargs: factor * original(*args, **kwargs))


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
    "moving averages with a momentum of 0.989": (Patch(NORMALIZATION, "call", with_attribute("momentum", 0.989)),),
    "dropout off after 5,000 masks": (Patch(DROPOUT, "call", wrapped(late_dropout)),),
    "L2 penalty × 0.99": (Patch(f"{REGULARIZERS}:L2", "__call__", times(0.99)),),
    "activity penalty × 0.99": (Patch(f"{REGULARIZERS}:L1", "__call__", times(0.99)),),
    "learning rate × 0.999 from step 1,000 on, in the engine": (
        Patch(BASE, "_get_current_learning_rate", wrapped(late_rate)),
    ),
}
"""The patches of each fault that ``test_epochs`` has to find, by name. The program is compiled anew."""
OF_BACKEND: dict[str, dict[str, tuple[Patch, ...]]] = {
    "tensorflow": {
        "probabilities clipped": (
            Patch("keras.src.backend.tensorflow.nn", "_get_logits", instead(lambda output, *rest: (output, False))),
        )
    },
    "jax": {
        "probabilities not clipped": (
            Patch("keras.src.backend.jax.nn", "categorical_crossentropy", instead(unclipped)),
        ),
    },
}
"""The fault that only saturated probabilities show, by backend. The program is compiled anew."""
NAMES = (*IN_STEPS, *IN_EPOCHS, *IN_PROGRAMS, "saturation")


def facts(states: list[Any]) -> dict[str, float]:
    """Measures how late the state is at the beginning of the epochs, with the numbers of the reference."""
    from suite.selfcheck import late

    one = late.late_case(False)
    data = one.data()
    reference = late.Reference(one, states[0], [])
    outputs = reference.network.outputs(data.x, True)[0]
    true = outputs[data.y.astype(bool)]
    hidden = data.x @ states[0].weights[0] + states[0].weights[1]
    return {
        "least": float(true.min()),
        "most": float(true.max()),
        "between": float(np.mean((true > 0.01) & (true < 0.99))),
        "kink": float(np.abs(hidden).min()),
        "threshold": float(np.abs(true / 1e-7 - 1).min()),
        "moving mean": float(np.abs(states[0].statistics[0]).min()),
        "moving variance": float(states[0].statistics[1].min()),
    }


def main(backend: str, path: Path) -> None:
    choose_backend(backend)
    start_backend()
    from harness.training.programs import Programs
    from harness.training.train import prepare
    from suite.selfcheck import late, test_late

    draw = late.masks
    drawn = functools.cache(lambda seed, count, *sizes: draw(np.array([seed, count]), sizes))

    def findings(
        checks: Sequence[Callable[[], None]], patches: tuple[Patch, ...], programs: Programs | None
    ) -> list[str]:
        """The findings of the checks under these patches."""
        wrong = []
        shared = functools.partial(prepare, programs=programs)
        with (
            injected(Fault("", patches, None)),
            mock.patch.multiple(test_late, prepare=shared, masks=lambda draws, sizes: drawn(*draws, *sizes)),
        ):
            for check in checks:
                try:
                    check()
                except AssertionError as error:
                    wrong.append(str(error) or repr(error))
        return wrong

    steps = [functools.partial(test_late.test_steps_of, name) for name in late.OPTIMIZERS]
    epochs = [functools.partial(test_late.test_epochs, "compiled")]
    shared, watched = Programs(), []

    class Kept(late.Watch):
        def __init__(self, rule: Any) -> None:
            super().__init__(rule)
            watched.append(self.states)

    with mock.patch.object(test_late, "Watch", Kept):
        sound = findings(steps, (), None) + findings(epochs, (), shared)
    (saturation,) = OF_BACKEND[backend].values()
    found = {
        **{name: findings(steps, patches, None) for name, patches in IN_STEPS.items()},
        **{name: findings(epochs, patches, shared) for name, patches in IN_EPOCHS.items()},
        **{
            name: findings(epochs, patches, None)
            for name, patches in (IN_PROGRAMS | {"saturation": saturation}).items()
        },
    }
    path.write_text(json.dumps({"sound": sound, "facts": facts(watched[0]), "found": found}), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
