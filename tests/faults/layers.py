"""Faults of layers, activations and penalties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.faults.fault import Fault, Patch, instead, wrapped

DROPOUT = "keras.src.layers.regularization.dropout:Dropout"
BATCH_NORMALIZATION = "keras.src.layers.normalization.batch_normalization:BatchNormalization"
DENSE = "keras.src.layers.core.dense:Dense"
RELU = "keras.src.activations.activations:ReLU"
L2, L1 = "keras.src.regularizers.regularizers:L2", "keras.src.regularizers.regularizers:L1"
ON_DROPOUT, ON_NORMALISED = ("optimizers", "adam"), ("batch-normalization-rates", "normalised, rate 0.1")
ON_PLAIN = ("batch-normalization-rates", "plain, rate 0.1")
ON_L1, ON_L2 = ("example-4", "l1 1e-4"), ("regularization", "l2 0.001")


def fault(name: str, owner: str, attribute: str, change: Callable[[Any], Any], on: tuple[str, str]) -> Fault:
    return Fault(name, "layers", (Patch(owner, attribute, change),), on)


def dropout(name: str, change: Callable[[Any], Any]) -> Fault:
    return fault(f"dropout {name}", DROPOUT, "call", change, ON_DROPOUT)


def normalization(name: str, change: Callable[[Any], Any]) -> Fault:
    return fault(f"batch normalization {name}", BATCH_NORMALIZATION, "call", change, ON_NORMALISED)


def rectifier(name: str, of: Callable[[Any], Any]) -> Fault:
    def call(x: Any, negative_slope: float = 0.0, max_value: Any = None, threshold: float = 0.0) -> Any:
        return of(x)

    return fault(f"ReLU {name}", RELU, "static_call", lambda original: staticmethod(call), ON_PLAIN)


def rate_times(factor: float) -> Fault:
    def call(original: Any, self: Any, inputs: Any, training: bool = False) -> Any:
        kept = self.rate
        self.rate = kept * factor
        try:
            return original(self, inputs, training=training)
        finally:
            self.rate = kept

    return dropout(f"rate × {factor:g}", wrapped(call))


def unscaled(original: Any, self: Any, inputs: Any, training: bool = False) -> Any:
    outputs = original(self, inputs, training=training)
    return outputs * (1 - self.rate) if training and self.rate else outputs


def one_mask(original: Any, self: Any, inputs: Any, training: bool = False) -> Any:
    """The same units are left out for all examples of a batch."""
    kept, self.noise_shape = self.noise_shape, (1, *inputs.shape[1:])
    try:
        return original(self, inputs, training=training)
    finally:
        self.noise_shape = kept


def same_mask(original: Any, self: Any, inputs: Any, training: bool = False) -> Any:
    """The same mask at every step."""
    if not (training and self.rate):
        return inputs
    import keras

    return keras.random.dropout(inputs, self.rate, seed=7)


def momentum(number: float) -> Fault:
    return _constant("momentum", number)


def epsilon(number: float) -> Fault:
    return _constant("epsilon", number)


def _constant(attribute: str, number: float) -> Fault:
    def call(original: Any, self: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        kept = getattr(self, attribute)
        setattr(self, attribute, number)
        try:
            return original(self, inputs, training=training, mask=mask)
        finally:
            setattr(self, attribute, kept)

    return normalization(f"{attribute} is {number:g}", wrapped(call))


def moments(name: str, of: Callable[[Any, Any, int], Any]) -> Fault:
    """Other statistics of a batch: ``of(mean, variance, examples)``."""

    def call(original: Any, self: Any, inputs: Any, mask: Any) -> Any:
        mean, variance = original(self, inputs, mask)
        return of(mean, variance, inputs.shape[0])

    return fault(f"batch normalization: {name}", BATCH_NORMALIZATION, "_moments", wrapped(call), ON_NORMALISED)


def always(training: bool) -> Callable[[Any], Any]:
    def call(original: Any, self: Any, inputs: Any, **how: Any) -> Any:
        return original(self, inputs, **{**how, "training": training})

    return wrapped(call)


def scaled_output(factor: float) -> Fault:
    """Softmax of logits that are a little too large or too small."""
    change = wrapped(lambda original, x, axis=-1: original(x * factor, axis=axis))
    return fault(f"logits × {factor:g}", "keras.src.ops", "softmax", change, ON_PLAIN)


def without_bias(self: Any, inputs: Any, training: Any = None) -> Any:
    from keras import ops

    x = ops.matmul(inputs, self.kernel)
    return x if self.activation is None else self.activation(x)


def penalty(owner: str, name: str, factor: float, on: tuple[str, str]) -> Fault:
    change = wrapped(lambda original, self, x: original(self, x) * factor)
    return fault(f"{name} × {factor:g}", owner, "__call__", change, on)


def one_gate_off(original: Any, self: Any, inputs: Any, states: Any, training: bool = False) -> Any:
    """The LSTM's output gate is left open."""
    _, (_, c) = original(self, inputs, states, training=training)
    from keras import ops

    return ops.tanh(c), [ops.tanh(c), c]


def mean_pool(original: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
    from keras import ops

    return ops.average_pool(inputs, *args, **kwargs)


def _ops() -> Any:
    from keras import ops

    return ops


ON_LSTM, ON_CNN = ("batch-normalization-examples", "rnn"), ("batch-normalization-examples", "cnn")
FAULTS = (
    dropout("off", instead(lambda self, inputs, training=False: inputs)),
    dropout("on at evaluation", always(True)),
    dropout("without rescaling", wrapped(unscaled)),
    *map(rate_times, (1.5, 1.1, 1.02)),
    dropout("with one mask for a batch", wrapped(one_mask)),
    dropout("with one mask for all steps", wrapped(same_mask)),
    rectifier("→ leaky, 0.1", lambda x: _ops().maximum(x, 0.1 * x)),
    rectifier("→ leaky, 0.01", lambda x: _ops().maximum(x, 0.01 * x)),
    rectifier("→ linear", lambda x: x),
    rectifier("→ softplus, 100 times as sharp", lambda x: _ops().softplus(100 * x) / 100),
    rectifier("capped at 6", lambda x: _ops().clip(x, 0.0, 6.0)),
    *map(momentum, (0.9, 0.98, 0.999)),
    *map(epsilon, (1e-2, 1e-5)),
    normalization("in training mode at evaluation", always(True)),
    normalization("in inference mode in training", always(False)),
    moments("the variance of n − 1", lambda mean, variance, n: (mean, variance * (n / (n - 1)))),
    moments("no mean taken away", lambda mean, variance, n: (mean * 0, variance)),
    moments("the variance × 0.99", lambda mean, variance, n: (mean, variance * 0.99)),
    *map(scaled_output, (0.9, 0.99)),
    fault("Dense without its bias", DENSE, "call", instead(without_bias), ON_PLAIN),
    *(penalty(L2, "L2 penalty", factor, ON_L2) for factor in (0.0, 0.5, 0.9)),
    *(penalty(L1, "L1 penalty", factor, ON_L1) for factor in (0.0, 0.9)),
    fault("LSTM's output gate open", "keras.src.layers.rnn.lstm:LSTMCell", "call", wrapped(one_gate_off), ON_LSTM),
    fault("max pooling → mean", "keras.src.ops", "max_pool", wrapped(mean_pool), ON_CNN),
)
