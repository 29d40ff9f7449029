"""Update rules: each optimizer as Keras documents it, and as its paper defines it.

A rule maps gradients g, (steps, *shape), to the changes of the weights, (steps, *shape), float64. It acts on each
coordinate separately. ``walk`` adds the changes up. Keyword arguments are named as in Keras; α is the learning rate, ε
epsilon.

Keras' documentation gives formulas for SGD, and refers to the paper for Adam. It does not say whether ε is inside the
root in Adagrad and Adadelta. For RMSprop it says that ε is the ε̂ of Adam's paper, so outside the root
(``rmsprop_documented``). TensorFlow's documentation of its operations ApplyRMSProp and ApplyAdadelta has ε inside the
root; ``rmsprop``, ``adagrad`` and ``adadelta`` follow it.
"""

import math
from collections.abc import Callable

import numpy as np

Array = np.ndarray
Rule = Callable[..., Array]


def walk(start: Array, steps: Array) -> Array:
    """The weights after each step."""
    return np.asarray(start, "float64") + np.cumsum(steps, axis=0)


def extent(start: Array, gradients: Array, rule: Rule) -> Array:
    """The scale (steps, *shape) that rounding errors of the weights are relative to.

    It is |start| plus the steps that gradients of one sign would make, so that nothing cancels; at least the smallest
    normal number of float32.
    """
    return np.maximum(walk(np.abs(start), np.abs(rule(np.abs(gradients)))), np.finfo("float32").tiny)


def _running(gradients: Array, rate: float, start: float = 0.0) -> Array:
    """The exponential mean a ← rate · a + (1 − rate) · g after each step, from ``start``."""
    mean, means = np.full(np.shape(gradients[0]), start), []
    for g in gradients:
        mean = rate * mean + (1 - rate) * g
        means.append(mean)
    return np.stack(means)


def _ratio(numerator: Array, denominator: Array) -> Array:
    """The quotient, 0 where both are 0: without ε in the formula, a weight without a gradient does not move."""
    return np.divide(numerator, denominator, out=np.zeros(np.shape(numerator)), where=denominator != 0)


def _count(gradients: Array) -> Array:
    """The number of each step, from 1, in a shape that broadcasts with the gradients."""
    return np.arange(1, len(gradients) + 1).reshape(-1, *(1 for _ in gradients.shape[1:]))


def sgd(gradients: Array, *, learning_rate: float = 0.01) -> Array:
    """− α g: the slide, and Keras' documentation of SGD."""
    return -learning_rate * gradients


def momentum(gradients: Array, *, learning_rate: float = 0.01, momentum: float = 0.9) -> Array:
    """v ← β v − α g, step v: Keras' documentation of SGD."""
    velocity, steps = np.zeros(gradients.shape[1:]), []
    for g in gradients:
        velocity = momentum * velocity - learning_rate * g
        steps.append(velocity)
    return np.stack(steps)


def heavy_ball(gradients: Array, *, learning_rate: float = 0.01, momentum: float = 0.9) -> Array:
    """w(n+1) = w(n) − α g + β (w(n) − w(n−1)): Polyak 1964."""
    places = [np.zeros(gradients.shape[1:])] * 2
    for g in gradients:
        places.append(places[-1] - learning_rate * g + momentum * (places[-1] - places[-2]))
    return np.diff(np.stack(places[1:]), axis=0)


def nesterov(gradients: Array, *, learning_rate: float = 0.01, momentum: float = 0.9) -> Array:
    """v ← β v − α g, step β v − α g: Keras' documentation of SGD with nesterov=True."""
    velocity, steps = np.zeros(gradients.shape[1:]), []
    for g in gradients:
        velocity = momentum * velocity - learning_rate * g
        steps.append(momentum * velocity - learning_rate * g)
    return np.stack(steps)


def accelerated(gradients: Array, *, learning_rate: float = 0.01, momentum: float | None = None) -> Array:
    """Nesterov 1983: x(k) = y(k) − α g(y(k)), y(k+1) = x(k) + β(k) (x(k) − x(k−1)).

    Returns the steps of y, at which gradients are taken. β(k) is ``momentum`` if given, else (a(k) − 1) / a(k+1) with
    a(0) = 1, a(k+1) = (1 + √(4 a(k)² + 1)) / 2.
    """
    y = x = np.zeros(gradients.shape[1:])
    a, places = 1.0, [y]
    for g in gradients:
        a_next = (1 + math.sqrt(4 * a * a + 1)) / 2
        beta = (a - 1) / a_next if momentum is None else momentum
        x_next = y - learning_rate * g
        y, x, a = x_next + beta * (x_next - x), x_next, a_next
        places.append(y)
    return np.diff(np.stack(places), axis=0)


def adagrad(
    gradients: Array, *, learning_rate: float = 0.001, initial_accumulator_value: float = 0.1, epsilon: float = 1e-7
) -> Array:
    """− α g / √(G + ε), where G is ``initial_accumulator_value`` plus the sum of g²."""
    total = initial_accumulator_value + np.cumsum(gradients**2, axis=0)
    return -learning_rate * gradients / np.sqrt(total + epsilon)


def adagrad_paper(gradients: Array, *, learning_rate: float, delta: float = 0.0) -> Array:
    """− η g / (δ + √Σ g²): Duchi, Hazan & Singer 2011, Figure 1, diagonal matrices."""
    return -_ratio(learning_rate * gradients, delta + np.sqrt(np.cumsum(gradients**2, axis=0)))


def rmsprop(gradients: Array, *, learning_rate: float = 0.001, rho: float = 0.9, epsilon: float = 1e-7) -> Array:
    """− α g / √(r + ε), r ← ρ r + (1 − ρ) g²: TensorFlow's documentation of ApplyRMSProp, without momentum."""
    return -learning_rate * gradients / np.sqrt(_running(gradients**2, rho) + epsilon)


def rmsprop_documented(
    gradients: Array, *, learning_rate: float = 0.001, rho: float = 0.9, epsilon: float = 1e-7
) -> Array:
    """− α g / (√r + ε): ε as Keras' documentation of RMSprop describes it."""
    return -learning_rate * gradients / (np.sqrt(_running(gradients**2, rho)) + epsilon)


def rmsprop_paper(gradients: Array, *, learning_rate: float = 0.001, rho: float = 0.9) -> Array:
    """− α g / √r: Tieleman & Hinton 2012 (lecture 6e), who have no ε."""
    return -_ratio(learning_rate * gradients, np.sqrt(_running(gradients**2, rho)))


def adadelta(gradients: Array, *, learning_rate: float = 0.001, rho: float = 0.95, epsilon: float = 1e-7) -> Array:
    """α Δ, Δ = − √(d + ε) / √(r + ε) · g, r the exponential mean of g², d that of Δ² before this step.

    Zeiler 2012, Algorithm 1, has no rate: α = 1.
    """
    mean = _running(gradients**2, rho)
    change, steps = np.zeros(gradients.shape[1:]), []
    for g, r in zip(gradients, mean, strict=True):
        step = -np.sqrt(change + epsilon) / np.sqrt(r + epsilon) * g
        change = rho * change + (1 - rho) * step**2
        steps.append(learning_rate * step)
    return np.stack(steps)


def adam(
    gradients: Array,
    *,
    learning_rate: float = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    amsgrad: bool = False,
) -> Array:
    """− α √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε̂), m and v the exponential means of g and g².

    Kingma & Ba 2015, the form before section 2.1, which Keras' documentation names. With ``amsgrad`` v is replaced by
    the largest v so far.
    """
    t, m, v = _count(gradients), _running(gradients, beta_1), _running(gradients**2, beta_2)
    if amsgrad:
        v = np.maximum.accumulate(v)
    return -learning_rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (np.sqrt(v) + epsilon)


def adam_paper(
    gradients: Array, *, learning_rate: float = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8
) -> Array:
    """− α m̂ / (√v̂ + ε), m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ): Kingma & Ba 2015, Algorithm 1."""
    t = _count(gradients)
    m, v = _running(gradients, beta_1) / (1 - beta_1**t), _running(gradients**2, beta_2) / (1 - beta_2**t)
    return -learning_rate * m / (np.sqrt(v) + epsilon)


def amsgrad_paper(
    gradients: Array, *, learning_rate: float = 0.001, beta_1: float = 0.9, beta_2: float = 0.999
) -> Array:
    """− α m / √v̂, v̂ the largest v so far: Reddi, Kale & Kumar 2018, Algorithm 2, at a constant rate."""
    v = np.maximum.accumulate(_running(gradients**2, beta_2))
    return -_ratio(learning_rate * _running(gradients, beta_1), np.sqrt(v))


def decayed(learning_rate: float, decay: float, steps: int) -> Array:
    """α / (1 + decay · t) for t = 0, 1, …: the ``decay`` of Keras' optimizers up to 2.x (its documentation of SGD)."""
    return learning_rate / (1 + decay * np.arange(steps))
