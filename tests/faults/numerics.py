"""Faults of the arithmetic: fewer bits than requested."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.faults.fault import Fault, Patch, held_out, wrapped
from tests.faults.places import BASE, CNN, DENSE, KERAS, MLP, Original

GROUP = "numerics"
ON = ("batch-normalization-rates", "plain, rate 0.1")


def fault(name: str, owner: str, attribute: str, wrapper: Callable[..., Any]) -> Fault:
    return Fault(name, (Patch(owner, attribute, wrapped(wrapper)),), ON)


def rounded(x: Any, dtype: str) -> Any:
    from keras import ops

    return ops.cast(ops.cast(x, dtype), "float32")


def truncated(x: Any, bits: int) -> Any:
    """The factor with ``bits`` of its mantissa, by Veltkamp's splitting; gradients pass as if it were exact."""
    from keras import ops

    kept = ops.multiply(x, 2.0 ** (23 - bits) + 1)
    return x + ops.stop_gradient((kept - (kept - x)) - x)


def products_in(dtype: str) -> Fault:
    def product(original: Any, x1: Any, x2: Any) -> Any:
        return original(rounded(x1, dtype), rounded(x2, dtype))

    return fault(f"factors of matrix products in {dtype}", "keras.src.ops", "matmul", product)


def products_of(bits: int) -> Fault:
    def product(original: Any, x1: Any, x2: Any) -> Any:
        return original(truncated(x1, bits), truncated(x2, bits))

    return fault(f"factors of matrix products of {bits} bits", "keras.src.ops", "matmul", product)


def computed_in(dtype: str) -> Fault:
    """A whole layer in another precision, its result cast back."""

    def call(original: Any, self: Any, inputs: Any, training: Any = None) -> Any:
        return rounded(original(self, rounded(inputs, dtype), training=training), dtype)

    return fault(f"outputs of Dense in {dtype}", DENSE, "call", call)


def gradients_in(dtype: str) -> Fault:
    def clip(original: Any, self: Any, gradients: Any) -> Any:
        return original(self, [rounded(gradient, dtype) for gradient in gradients])

    return fault(f"gradients in {dtype}", BASE, "_clip_gradients", clip)


def flushed(least: float) -> Fault:
    def clip(original: Any, self: Any, gradients: Any) -> Any:
        from keras import ops

        return original(self, [ops.where(ops.abs(one) < least, 0.0 * one, one) for one in gradients])

    return fault(f"gradients below {least:g} are 0", BASE, "_clip_gradients", clip)


def weights_in(dtype: str) -> Fault:
    """Weights are stored in another precision after every step."""

    def clip(original: Any, self: Any, gradients: Any, variables: Any) -> Any:
        original(self, gradients, variables)
        for variable in variables:
            variable.assign(rounded(variable, dtype))

    return fault(f"weights kept in {dtype}", BASE, "apply", clip)


def softmax_unshifted(original: Any, x: Any, axis: int = -1) -> Any:
    """Without the maximum taken away first: large logits overflow."""
    from keras import ops

    powers = ops.exp(x)
    return powers / ops.sum(powers, axis=axis, keepdims=True)


def rough_exponential(original: Any, x: Any, axis: int = -1) -> Any:
    """exp by (1 + x / 1024)^1024."""
    from keras import ops

    x = x - ops.stop_gradient(ops.max(x, axis=axis, keepdims=True))
    powers = ops.power(ops.maximum(1 + x / 1024, 0.0), 1024.0)
    return powers / ops.sum(powers, axis=axis, keepdims=True)


def no_nan(original: Any, *args: Any, **how: Any) -> Any:
    """A result that is not finite is quietly replaced by 0."""
    from keras import ops

    return ops.nan_to_num(original(*args, **how), posinf=0.0, neginf=0.0)


def halved_precision(original: Any, x: Any, axis: int = -1) -> Any:
    from keras import ops

    return ops.cast(ops.cast(original(x, axis), "float16"), "float32")


def convolved_coarsely(original: Original, self: Any, inputs: Any, kernel: Any) -> Any:
    """Factors of eight significant bits, as in bfloat16, by Veltkamp's splitting; sums in float32."""
    from keras import ops

    large = [65537.0 * ops.convert_to_tensor(one) for one in (inputs, kernel)]
    return original(self, *(one - (one - exact) for one, exact in zip(large, (inputs, kernel), strict=True)))


def half_sigmoid(original: Original, x: Any) -> Any:
    from jax import lax
    from keras import ops

    return lax.reduce_precision(original(lax.reduce_precision(ops.convert_to_tensor(x), 5, 10)), 5, 10)


FAULTS = (
    products_in("float16"),
    products_in("bfloat16"),
    *map(products_of, (10, 16)),
    computed_in("float16"),
    gradients_in("float16"),
    gradients_in("bfloat16"),
    *map(flushed, (1e-3, 1e-6)),
    weights_in("float16"),
    weights_in("bfloat16"),
    fault("softmax without its maximum taken away", "keras.src.ops", "softmax", softmax_unshifted),
    fault("softmax by a rough exponential", "keras.src.ops", "softmax", rough_exponential),
    Fault(
        "losses that are not finite become 0",
        tuple(Patch("keras.src.ops", name, wrapped(no_nan)) for name in ("categorical_crossentropy", "mean")),
        ("example-2", "raw"),
    ),
    held_out("softmax rounded to float16", "keras.src.ops", "softmax", wrapped(halved_precision), MLP),
    held_out(
        "convolution: factors of 7 bits",
        f"{KERAS}.layers.convolutional.base_conv:BaseConv",
        "convolution_op",
        wrapped(convolved_coarsely),
        CNN,
    ),
    held_out(
        "sigmoid and its gradient in float16",
        f"{KERAS}.backend.jax.nn",
        "sigmoid",
        wrapped(half_sigmoid),
        ("small-rate-gradients", "rate 1"),
    ),
)
