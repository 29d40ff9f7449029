"""Keras on JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.training.backends import Facts, Product, kind_of

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


def compiled(function: Any) -> Any:
    import jax

    return jax.jit(function)


def program(setup: Any) -> Any:
    from harness.training.compiled_jax import JaxProgram

    return JaxProgram(setup)


def place(value: Any) -> tuple[str, str, str]:
    import jax

    (first, *_) = sorted(value.devices(), key=lambda device: device.id)
    matmul = getattr(jax.config, "jax_default_matmul_precision", None) or "default"
    return kind_of(first.platform), str(first.device_kind), f", matmul {matmul}"


def peak_bytes(value: Any) -> int | None:
    """The peak since the process began; JAX cannot reset it."""
    stats = next(iter(value.devices())).memory_stats()  # None with XLA_PYTHON_CLIENT_ALLOCATOR=platform
    return int(stats["peak_bytes_in_use"]) if stats and "peak_bytes_in_use" in stats else None


def reset_peak_bytes() -> bool:
    return False


def products() -> dict[str, Callable[[int], Product]]:
    import jax

    dot = jax.jit(jax.numpy.dot)

    def prepare(size: int) -> Product:
        a, b = (jax.random.normal(jax.random.key(seed), (size, size)) for seed in (0, 1))
        return lambda: dot(a, b).block_until_ready()

    return {"jax": prepare}


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
    import jax

    optimizer.build(variables)

    def step(state: Any, gradients: list[Any]) -> Any:
        weights, slots = optimizer.stateless_apply(state[1], gradients, state[0])
        return (weights, slots), weights

    state = [variable.value for variable in variables], [slot.value for slot in optimizer.variables]
    return list(jax.jit(lambda state, gradients: jax.lax.scan(step, state, gradients))(state, gradients)[1])
