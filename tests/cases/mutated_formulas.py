"""Mutated formulas of the exact claims, of Keras or of the reference. See ``mutations``."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import numpy as np

from cases.batch_normalization import formulas as normalization
from cases.examples import crossentropy, tips_formulas
from cases.examples.mnist_callbacks import Outcome
from cases.learning_rate import convexity, rules, traits
from cases.learning_rate.ten_steps import UpdateRule
from cases.optimizers import clipping
from cases.overfitting import formulas as regularization
from cases.references import batch_normalization, keras_2, updates

Patch = Callable[[], Any]
OPTIMIZERS = ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam")


def form(rule: UpdateRule, altered: updates.Rule) -> Patch:
    """The update rule with another formula as what Keras has to equal."""
    return lambda: mock.patch.dict(rule.forms, {"altered": altered}, clear=True)


def of(module: Any, name: str, value: Any) -> Patch:
    return lambda: mock.patch.object(module, name, value)


def optimizer(name: str, *, like: str = "", rename: dict[str, str] | None = None, **arguments: Any) -> Patch:
    """Keras' optimizer with other arguments than asked for, renamed or dropped ("") ones, or another in its place."""

    @contextlib.contextmanager
    def patch() -> Iterator[None]:
        import keras

        make = getattr(keras.optimizers, like or name)

        def altered(*positional: Any, **given: Any) -> Any:
            for old, new in (rename or {}).items():
                value = given.pop(old, None)
                if new and value is not None:
                    given[new] = value
            return make(*positional, **{**given, **arguments})

        with mock.patch(f"keras.optimizers.{name}", altered):
            yield

    return patch


def every(*patches: Patch) -> Patch:
    """All of them at once."""

    @contextlib.contextmanager
    def patch() -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for one in patches:
                stack.enter_context(one())
            yield

    return patch


def layer(name: str, like: str = "", **arguments: Any) -> Patch:
    """A Keras layer, initializer or regularizer (dotted, below keras) with other arguments, or another in its place."""

    @contextlib.contextmanager
    def patch() -> Iterator[None]:
        import keras

        module, attribute = name.split(".")
        make = getattr(getattr(keras, module), like or attribute)
        with mock.patch(f"keras.{name}", lambda *given, **named: make(*given, **{**named, **arguments})):
            yield

    return patch


def with_other_arguments(rule: Callable[..., np.ndarray], **arguments: Any) -> Callable[..., np.ndarray]:
    return lambda gradients, **given: rule(gradients, **{**given, **arguments})


def adagrad_outside(gradients: np.ndarray, learning_rate: float, epsilon: float = 1e-7, **more: Any) -> np.ndarray:
    start = more.get("initial_accumulator_value", 0.1)
    return -learning_rate * gradients / (np.sqrt(start + np.cumsum(gradients**2, axis=0)) + epsilon)


def adadelta_with_this_step(gradients: np.ndarray, learning_rate: float, epsilon: float = 1e-7) -> np.ndarray:
    """The root mean square of the steps with the present gradient in it."""
    change, steps = np.zeros(gradients.shape[1:]), []
    for g, r in zip(gradients, updates._running(gradients**2, 0.95), strict=True):
        change = 0.95 * change + 0.05 * g**2
        steps.append(-learning_rate * np.sqrt(change + epsilon) / np.sqrt(r + epsilon) * g)
    return np.stack(steps)


def adam_uncorrected(gradients: np.ndarray, **given: Any) -> np.ndarray:
    b1, b2 = given.get("beta_1", 0.9), given.get("beta_2", 0.999)
    m, v = updates._running(gradients, b1), updates._running(gradients**2, b2)
    return -given.get("learning_rate", 0.001) * m / (np.sqrt(v) + given.get("epsilon", 1e-7))


def half_gradient(case: Any) -> tuple[np.ndarray, np.ndarray]:
    """Of ½ (ŷ − y)²."""
    stepped, scale = squared_error_step(case)
    start = np.append(case.kernel, case.bias)
    return (start + stepped) / 2, scale


squared_error_step = rules.squared_error_step
loss_and_gradient = convexity.loss_and_gradient
two_layers = regularization.two_layers
network = normalization.network
mlp, multiplied = tips_formulas.mlp, tips_formulas.multiplied
value_and_gradient = traits.value_and_gradient
adagrad_then, adadelta_then, clipped_then = keras_2.adagrad, keras_2.adadelta, keras_2.clipped


def biases_too(regularizer: Any) -> Any:
    model = two_layers(regularizer)
    for one in model.layers:
        one.bias_regularizer = regularizer
        one.bias.regularizer = regularizer
    return model


def quartic(model: Any, weights: np.ndarray) -> tuple[float, np.ndarray]:
    loss, gradient = loss_and_gradient(model, weights)
    return loss + 1e-3 * float(np.sum(weights**4)), gradient + 4e-3 * weights**3


def concave(model: Any, weights: np.ndarray) -> tuple[float, np.ndarray]:
    loss, gradient = loss_and_gradient(model, weights)
    return loss - 2 * float(np.sum(weights**2)), gradient - 4 * weights


def in_float32(function: Any, point: np.ndarray) -> tuple[float, np.ndarray]:
    value, gradient = value_and_gradient(function, point)
    return float(np.float32(value)), gradient


def slightly_wrong(function: Any, point: np.ndarray) -> tuple[float, np.ndarray]:
    value, gradient = value_and_gradient(function, point)
    return value, gradient * (1 + 1e-9)


def quadratic(weights: Any) -> Any:
    return (weights * weights).sum() if isinstance(weights, np.ndarray) else sum(weights[i] ** 2 for i in range(3))


def without_normalization(*arguments: Any) -> Any:
    import keras

    model = network(*arguments)
    return keras.Sequential([keras.Input((4,)), model.layers[0]])


def clipped_at_0_4(found: clipping.Gradients) -> clipping.Gradients:
    return [np.clip(one, -0.4, 0.4) for one in found]


def sample_variance(batch: np.ndarray, epsilon: float = 1e-3) -> np.ndarray:
    return (batch - batch.mean(axis=0)) / np.sqrt(batch.var(axis=0, ddof=1) + epsilon)


def outside_the_root(batch: np.ndarray, epsilon: float = 1e-3) -> np.ndarray:
    return (batch - batch.mean(axis=0)) / (batch.std(axis=0) + epsilon)


def dropout(make: Callable[..., Any]) -> Patch:
    """Another layer in the place of Keras' Dropout."""
    return lambda: mock.patch("keras.layers.Dropout", make)


def never_scaled(rate: float, seed: int) -> Callable[..., Any]:
    """The paper's dropout, in training."""

    def call(x: np.ndarray, training: bool) -> np.ndarray:
        return x * (np.random.default_rng(seed).random(x.shape) >= rate) if training else x

    return call


def always_on(rate: float, seed: int) -> Callable[..., Any]:
    """Dropout in inference, too."""

    def call(x: np.ndarray, training: bool) -> np.ndarray:
        return x * (np.random.default_rng(seed).random(x.shape) >= rate) / np.float32(1 - rate)

    return call


def other_rate(rate: float, seed: int) -> Callable[..., Any]:
    """Scaled as it should be, and with more units left out."""

    def call(x: np.ndarray, training: bool) -> np.ndarray:
        left = np.random.default_rng(seed).random(x.shape) >= rate + 0.01
        return x * left / np.float32(1 - rate) if training else x

    return call


def with_relu(hidden: int, activation: str = "linear", initializer: str = "random_uniform") -> Any:
    return mlp(hidden, "relu", initializer)


def without_biases(weights: list[np.ndarray]) -> list[np.ndarray]:
    return [multiplied(weights)[0], np.zeros(10)]


def saturated(*arguments: Any) -> Outcome:
    """As after a training that leaves many images below a probability of 1e-7."""
    kernel = np.random.default_rng(14).standard_normal((784, 10)).astype("float32")
    return Outcome({}, (), (0.0, 0.0), np.zeros((1, 10)), np.zeros(1), (kernel, np.zeros(10, "float32")))


@contextlib.contextmanager
def epsilon(value: float) -> Iterator[None]:
    """Keras clips at another probability."""
    import keras

    kept = keras.config.epsilon()
    keras.config.set_epsilon(value)
    try:
        yield
    finally:
        keras.config.set_epsilon(kept)


FORMULAS: dict[str, dict[str, Patch]] = {
    "tips-linear-layers-are-softmax": {
        "ReLU between them": of(tips_formulas, "mlp", with_relu),
        "biases left out": of(tips_formulas, "multiplied", without_biases),
        "the matrices in another order": of(
            tips_formulas, "multiplied", lambda weights: [multiplied(weights)[0][::-1], multiplied(weights)[1]]
        ),
    },
    "xavier-formula": {
        "He's limit": layer("initializers.GlorotUniform", like="HeUniform"),
        "a normal distribution": layer("initializers.GlorotUniform", like="GlorotNormal"),
        "LeCun's limit": layer("initializers.GlorotUniform", like="LecunUniform"),
        "the inputs alone": of(tips_formulas, "xavier_limit", lambda inputs, outputs: (6 / (2 * inputs)) ** 0.5),
    },
    "dropout-formula": {
        "not scaled in training": dropout(never_scaled),
        "in inference too": dropout(always_on),
        "another rate": dropout(other_rate),
    },
    "sgd-update-rule": {
        "half the squared error": of(rules, "squared_error_step", half_gradient),
        "Keras decays the weights": optimizer("SGD", weight_decay=0.01),
    },
    "gradient-is-limit": {
        "a gradient off by 1e-9": of(traits, "value_and_gradient", slightly_wrong),
        "a loss in float32": of(traits, "value_and_gradient", in_float32),
        "a quadratic loss": of(traits, "cross_entropy", quadratic),
    },
    "momentum-rule": {
        "no momentum": form(rules.MOMENTUM, lambda g, momentum, **more: updates.sgd(g, **more)),
        "Nesterov's": form(rules.MOMENTUM, updates.nesterov),
        "Keras has Nesterov's": optimizer("SGD", nesterov=True),
    },
    "nesterov-rule": {
        "plain momentum": form(rules.NESTEROV, updates.momentum),
        "the paper's growing momentum": form(rules.NESTEROV, with_other_arguments(updates.accelerated, momentum=None)),
    },
    "momentum-keeps-moving": {
        "half the momentum": optimizer("SGD", momentum=0.45),
        "no momentum": optimizer("SGD", momentum=0.0),
    },
    "adagrad-rule": {
        "epsilon outside the root": form(rules.ADAGRAD, adagrad_outside),
        "a sum that starts at 0": form(
            rules.ADAGRAD, with_other_arguments(updates.adagrad, initial_accumulator_value=0.0)
        ),
        "Keras has RMSprop": optimizer("Adagrad", like="RMSprop", rename={"initial_accumulator_value": ""}),
    },
    "adagrad-per-parameter": {
        "all weights alike": optimizer("Adagrad", like="SGD"),
        "a mean": optimizer("Adagrad", like="RMSprop"),
        "a sum that starts at 0": optimizer("Adagrad", initial_accumulator_value=0.0),
    },
    "rmsprop-rule": {
        "epsilon outside the root": form(rules.RMSPROP, updates.rmsprop_documented),
        "rho the other way round": form(rules.RMSPROP, with_other_arguments(updates.rmsprop, rho=0.1)),
        "Keras has momentum": optimizer("RMSprop", momentum=0.1),
    },
    "rmsprop-fixes-adagrad/effective step": {
        "RMSprop is Adagrad": optimizer("RMSprop", like="Adagrad"),
        "Adagrad is RMSprop": optimizer("Adagrad", like="RMSprop"),
    },
    "rmsprop-fixes-adagrad/receding target": {
        "RMSprop is Adagrad": optimizer("RMSprop", like="Adagrad"),
        "Adagrad is RMSprop": optimizer("Adagrad", like="RMSprop"),
        "Adagrad's sum starts at 0": optimizer("Adagrad", initial_accumulator_value=0.0),
        "one step": of(traits, "RECEDING", 1),
    },
    "adadelta-rule": {
        "this gradient among the steps": form(rules.ADADELTA, adadelta_with_this_step),
        "no rate": form(rules.ADADELTA, with_other_arguments(updates.adadelta, learning_rate=1.0)),
        "Keras has another rho": optimizer("Adadelta", rho=0.949),
    },
    "adam-rule": {
        "Algorithm 1": form(rules.ADAM, with_other_arguments(updates.adam_paper)),
        "no bias correction": form(rules.ADAM, adam_uncorrected),
        "Keras has AMSGrad": optimizer("Adam", amsgrad=True),
    },
    "amsgrad-rule": {
        "the last mean square": form(rules.AMSGRAD, with_other_arguments(updates.adam, amsgrad=False)),
        "no bias correction": form(rules.AMSGRAD, adam_uncorrected),
    },
    "adam-combines": {
        "no momentum": optimizer("Adam", beta_1=0.0),
        "always momentum": optimizer("Adam", beta_1=0.9),
        "RMSprop with momentum": optimizer("RMSprop", momentum=0.1),
    },
    "small-rate-local-minimum/convex": {
        "not a quadratic": of(convexity, "loss_and_gradient", quartic),
        "curved downwards": of(convexity, "loss_and_gradient", concave),
        "another minimum": of(convexity, "least_squares", lambda: np.zeros(4)),
    },
    "l2-loss-formula": {
        "half": layer("regularizers.L2", l2=0.0005),
        "absolute values too": layer("regularizers.L2", like="L1L2", l1=0.001),
        "biases too": of(regularization, "two_layers", biases_too),
    },
    "l1-l2-formula": {
        "L2 alone": layer("regularizers.l1_l2", l1=0.0),
        "L1 alone": layer("regularizers.l1_l2", l2=0.0),
    },
    "clipvalue-clips": {f"{name} does not clip": optimizer(name, rename={"clipvalue": ""}) for name in OPTIMIZERS}
    | {
        "SGD by norm": optimizer("SGD", rename={"clipvalue": "clipnorm"}),
        "at 0.4": of(clipping, "values_clipped", clipped_at_0_4),
    },
    "defaults-as-printed/sgd": {"a rate of 0.1": optimizer("SGD", learning_rate=0.1)},
    "defaults-as-printed/rmsprop": {
        "another rho": optimizer("RMSprop", rho=0.95),
        "epsilon 1e-8": optimizer("RMSprop", epsilon=1e-8),
    },
    "defaults-as-printed/adam": {"AMSGrad": optimizer("Adam", amsgrad=True), "beta_2": optimizer("Adam", beta_2=0.99)},
    "bn-normalises": {
        "n - 1": of(batch_normalization, "normalised", sample_variance),
        "epsilon outside the root": of(batch_normalization, "normalised", outside_the_root),
        "Keras has a smaller epsilon": layer("layers.BatchNormalization", epsilon=1e-4),
        "Keras has another momentum": layer("layers.BatchNormalization", momentum=0.9),
    },
    "bn-scale-invariant": {
        "no normalization": of(normalization, "network", without_normalization),
        "each example by itself": layer("layers.BatchNormalization", like="LayerNormalization"),
        "a large epsilon": layer("layers.BatchNormalization", epsilon=0.1),
        "gradients off by a thousandth": of(
            normalization,
            "weight_gradients",
            lambda model, *more: [1 + 1e-3 * abs(model.layers[0].get_weights()[0]).max() for _ in range(2)],
        ),
    },
}
NOTHING: Patch = contextlib.nullcontext
SATURATED = of(crossentropy, "trained", saturated)
WITHOUT_TRAINING: dict[str, dict[str, Patch]] = {
    "crossentropy-clipping": {
        "none": SATURATED,
        "clipped at 1e-6": every(SATURATED, lambda: epsilon(1e-6)),
        "not clipped": every(SATURATED, of(crossentropy, "from_clipped", crossentropy.from_logits)),
        "a gradient where it is clipped": every(
            SATURATED, of(crossentropy, "weight_gradients", lambda *given: [np.ones((2, 2)), np.ones(2)])
        ),
    },
}
"""On JAX, which clips; the network's last weights are drawn instead of trained."""


def then(name: str, value: Any) -> Patch:
    """The printed release with another formula."""
    return of(keras_2, name, value)


def slower_adagrad(
    gradients: np.ndarray, *, lr: float = 0.001, epsilon: float | None = None, decay: float = 0.0
) -> np.ndarray:
    return adagrad_then(gradients, lr=lr, epsilon=epsilon, decay=decay)


def begun_adagrad(
    gradients: np.ndarray, *, lr: float = 0.01, epsilon: float | None = None, decay: float = 0.0
) -> np.ndarray:
    return updates.adagrad(gradients, learning_rate=lr)


def slower_adadelta(
    gradients: np.ndarray, *, lr: float = 0.001, rho: float = 0.95, epsilon: float | None = None, decay: float = 0.0
) -> np.ndarray:
    return adadelta_then(gradients, lr=lr, rho=rho, epsilon=epsilon, decay=decay)


@contextlib.contextmanager
def decaying() -> Iterator[None]:
    """SGD takes the argument ``decay`` again."""
    import keras

    make, schedule = keras.optimizers.SGD, keras.optimizers.schedules.InverseTimeDecay

    def altered(learning_rate: Any, decay: float = 0.0, **given: Any) -> Any:
        return make(schedule(learning_rate, 1, decay) if decay else learning_rate, **given)

    with mock.patch("keras.optimizers.SGD", altered):
        yield


TOGETHER = every(*(optimizer(name, rename={"clipnorm": "global_clipnorm"}) for name in OPTIMIZERS))
AS_PRINTED: dict[str, dict[str, Patch]] = {
    "decay-rule": {
        "today": NOTHING,
        "none": decaying,
        "decayed from the first step on": every(
            decaying, of(updates, "decayed", lambda rate, decay, steps: rate / (1 + decay * (1 + np.arange(steps))))
        ),
        "constant then": then("rates", lambda lr, decay: itertools.repeat(lr)),
        "exponential then": then("rates", lambda lr, decay: (lr * (1 + decay) ** -t for t in itertools.count())),
        "from the first step on then": then(
            "rates", lambda lr, decay: (lr / (1 + decay * t) for t in itertools.count(1))
        ),
    },
    "clipnorm-clips": {
        "today": NOTHING,
        "none": TOGETHER,
        "today, Adam does not clip": every(TOGETHER, optimizer("Adam", rename={"global_clipnorm": ""})),
        "each by itself then": then("clipped", lambda found, limit: [g / max(1, np.linalg.norm(g)) for g in found]),
        "to half the norm then": then("clipped", lambda found, limit: clipped_then(found, limit / 2)),
        "never then": then("clipped", lambda found, limit: found),
    },
    "defaults-as-printed/adagrad": {
        "today": NOTHING,
        "none": optimizer("Adagrad", learning_rate=0.01),
        "another rate then": then("adagrad", slower_adagrad),
        "a sum that started at 0.1 then": then("adagrad", begun_adagrad),
    },
    "defaults-as-printed/adadelta": {
        "today": NOTHING,
        "none": optimizer("Adadelta", learning_rate=1.0),
        "another rate then": then("adadelta", slower_adadelta),
    },
}
"""Outdated as they are; supported with what the slide prints; and refuted if the printed release did otherwise."""
