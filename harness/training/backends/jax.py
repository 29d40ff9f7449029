"""Keras on JAX. The compiled program is ``lax.scan`` over epochs and batches, with Keras' stateless calls inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.training.backends import Facts, kind_of
from harness.training.programs import Curves, Program, assign
from harness.training.setup import TrainingSetup

facts = Facts(
    label="JAX",
    distributions=("jax",),
    runtime="jaxlib",
    avx=True,
    compiled_fit=True,
    prefix="JAX_",
    neutralised=(
        "JAX_ALLOW_F16_REDUCTIONS",
        "JAX_DEBUG_INFS",
        "JAX_DEBUG_NANS",
        "JAX_DEFAULT_PRNG_IMPL",
        "JAX_DISABLE_JIT",
        "JAX_ENABLE_CHECKS",
        "JAX_ENABLE_CUSTOM_PRNG",
        "JAX_ENABLE_X64",
        "JAX_ERROR_CHECKING_BEHAVIOR_DIVIDE",
        "JAX_ERROR_CHECKING_BEHAVIOR_NAN",
        "JAX_ERROR_CHECKING_BEHAVIOR_OOB",
        "JAX_EXPLICIT_X64_DTYPES",
        "JAX_HIGH_DYNAMIC_RANGE_GUMBEL",
        "JAX_LEGACY_PRNG_KEY",
        "JAX_NO_EXECUTION",
        "JAX_NO_TRACING",
        "JAX_NUMPY_DTYPE_PROMOTION",
        "JAX_NUMPY_RANK_PROMOTION",
        "JAX_RANDOM_SEED_OFFSET",
        "JAX_SOFTMAX_CUSTOM_JVP",
        "JAX_THREEFRY_PARTITIONABLE",
    ),
    harmless="JAX_(PLATFORMS|PLATFORM_NAME|CUDA_VISIBLE_DEVICES|ROCM_VISIBLE_DEVICES|CAPTURED_CONSTANTS_.*"
    "|COORDINATOR_.*|.*CACHE.*|.*LOG.*|.*DUMP.*|.*TRACEBACK.*|.*LEAK.*)",
    defaults={"XLA_PYTHON_CLIENT_PREALLOCATE": "false"},
)


def seed(seed: int) -> None:
    """Does nothing: JAX has no generator of its own."""


def set_highest_precision() -> None:
    import jax

    jax.config.update("jax_default_matmul_precision", "highest")


def synchronise() -> None:
    """Waits for a new computation. A device executes in order, so everything before it is done, too."""
    import jax.numpy as jnp

    (jnp.zeros(()) + 1).block_until_ready()


def device_of(value: Any) -> tuple[str, str, str]:
    import jax

    (first, *_) = sorted(value.devices(), key=lambda device: device.id)
    matmul = getattr(jax.config, "jax_default_matmul_precision", None) or "default"
    return kind_of(first.platform), str(first.device_kind), f", matmul {matmul}"


def value_and_gradient(function: Callable[[Any], Any], point: np.ndarray) -> tuple[Any, Any]:
    """It enables float64 in JAX for this call only."""
    import jax

    jax.config.update("jax_enable_x64", True)
    try:
        value, gradient = jax.value_and_grad(function)(jax.numpy.asarray(point))
        return np.asarray(value), np.asarray(gradient)
    finally:
        jax.config.update("jax_enable_x64", False)


def weight_gradients(model: Any, loss: Any, x: np.ndarray, y: np.ndarray) -> list[Any]:
    import jax
    import jax.numpy as jnp

    others = [variable.value for variable in model.non_trainable_variables]

    def value(weights: Any) -> Any:
        outputs, _ = model.stateless_call(weights, others, x, training=True)
        return jnp.mean(loss(y, outputs))

    return list(jax.grad(value)([variable.value for variable in model.trainable_variables]))


def trajectory(optimizer: Any, variables: list[Any], gradients: list[np.ndarray]) -> list[Any]:
    """By one program: JAX would compile each operation by itself."""
    import jax

    optimizer.build(variables)

    def step(state: Any, gradients: list[Any]) -> Any:
        weights, slots = optimizer.stateless_apply(state[1], gradients, state[0])
        return (weights, slots), weights

    state = [variable.value for variable in variables], [slot.value for slot in optimizer.variables]
    return list(jax.jit(lambda state, gradients: jax.lax.scan(step, state, gradients))(state, gradients)[1])


class JaxProgram(Program):
    """A state is (weights, other variables, optimizer variables). Each launch consumes one and returns the next."""

    def __init__(self, setup: TrainingSetup) -> None:
        import jax

        super().__init__(setup)
        # the data are arguments, because constants would cost seconds of constant folding
        self._program = jax.jit(self._train, donate_argnums=0)

    @property
    def weights(self) -> list[Any]:
        return list(self._state[0])

    @property
    def moments(self) -> list[tuple[str, Any]]:
        return [(each.name, value) for each, value in zip(self._optimizer.variables, self._state[2], strict=True)]

    @property
    def model(self) -> Any:
        weights, others, _ = self._state
        assign(self._own.trainable_variables, weights)
        assign(self._own.non_trainable_variables, others)
        return self._own

    def reset(self, seed: int) -> None:
        import jax.numpy as jnp

        self._setup.initialise(self._own, seed)
        weights = [jnp.array(variable.value) for variable in self._own.trainable_variables]
        others = [jnp.array(variable.value) for variable in self._own.non_trainable_variables]
        self._state = (weights, others, [jnp.array(value) for value in self._fresh])

    def launch(self, orders: np.ndarray) -> tuple[Curves, np.ndarray]:
        import jax.numpy as jnp

        self._state, curves, losses = self._program(self._state, jnp.asarray(orders), self._data, self._validation)
        return {name: np.asarray(curve) for name, curve in curves.items()}, np.asarray(losses)

    def _call(self, weights: Any, others: Any, x: Any, training: bool) -> Any:
        return self._model.stateless_call(weights, others, x, training=training, return_losses=True)

    def _step(self, carry: Any, rows: Any, data: Any) -> Any:
        import jax
        import jax.numpy as jnp

        (weights, others, moments), (total, hits) = carry
        x, y = (jnp.take(array, rows, axis=0) for array in data)
        gradient = jax.value_and_grad(self._objective, has_aux=True)
        (loss, (others, right)), gradients = gradient(weights, others, x, y, True)
        weights, moments = self._optimizer.stateless_apply(moments, gradients, weights)
        return ((weights, others, moments), (total + loss * len(rows), hits + right)), loss

    def _epoch(self, carry: Any, order: Any, data: Any, validation: Any) -> Any:
        import jax
        import jax.numpy as jnp

        full, partial = divmod(len(order), self._batch)
        inner, losses = (carry, (jnp.float32(0), jnp.float32(0))), []
        if full:
            rows = order[: full * self._batch].reshape(full, self._batch)
            inner, of_steps = jax.lax.scan(lambda inner, rows: self._step(inner, rows, data), inner, rows)
            losses.append(of_steps)
        if partial:
            inner, loss = self._step(inner, order[full * self._batch :], data)
            losses.append(loss[None])
        state, (total, hits) = inner
        curves = self._means("", total / len(order), hits, len(order)) | self._curves(state, state[0], data, validation)
        return state, (curves, jnp.concatenate(losses))

    def _train(self, state: Any, orders: Any, data: Any, validation: Any) -> Any:
        import jax

        epoch = lambda state, order: self._epoch(state, order, data, validation)  # noqa: E731
        state, (curves, losses) = jax.lax.scan(epoch, state, orders)
        return state, curves, losses


program = JaxProgram
