"""Every declared cause of a difference between stacks is tested: NumPy trains with the loss as each stack computes it.

With the formula of a stack NumPy gets that stack's stored figures, and with the other formula it does not. The small
trainings of Example 1 are compared by their distribution over seeds, those with thousands of steps by their canonical
traces, whose weights and data order are the same everywhere.
"""

from __future__ import annotations

import functools
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from cases.data.arrays import EXAMPLE_1_X, EXAMPLE_1_X_VAL, EXAMPLE_1_Y, EXAMPLE_1_Y_VAL
from cases.data.mnist import mnist
from cases.examples.learning_rate import EIGHT_POINTS
from harness.check.difference import Agreement, agreement
from harness.check.evidence import path_of, read
from harness.course import course
from harness.record.trials import Training
from harness.training.seeding import canonical_values, data_order, derived
from tests.training.conftest import environment

ROOT = Path(__file__).resolve().parents[2] / "baselines"
SEEDS = 100
STEPS = 4
"""Steps of a canonical trace that are compared: the full batches of its first short epoch."""

Loss = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def probabilities(logits: np.ndarray) -> np.ndarray:
    exponents = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=-1, keepdims=True))


def from_logits(logits: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The loss of each row, log Σ exp z − z_c, and its gradient by the logits."""
    relative = logits - logits.max(axis=-1, keepdims=True)
    return np.log(np.exp(relative).sum(axis=-1)) - (relative * y).sum(axis=-1), probabilities(logits) - y


def clipped(logits: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same from probabilities that are clipped at 1e-7: a loss at most 16.1, without a gradient at the limit."""
    p = probabilities(logits)
    right = (p * y).sum(axis=-1, keepdims=True)
    inside = (right >= np.float32(1e-7)) & (right <= np.float32(1 - 1e-7))
    return -np.log(np.clip(right[..., 0], np.float32(1e-7), np.float32(1 - 1e-7))), np.where(inside, p - y, 0)


FORMULAS: dict[str, Loss] = {"tensorflow-cpu": from_logits, "jax-cpu": clipped, "torch-cpu": clipped}


def stored(stack: str, experiment: str, variant: str) -> Training:
    evidence = read(path_of(ROOT, stack, experiment))
    assert evidence is not None
    return evidence.variants[variant]


@functools.cache
def eight_points(rate: float, loss: Loss) -> dict[str, dict[int, float | None]]:
    """The metrics of Example 1, by name and seed: 200 steps of gradient descent from Glorot's uniform weights."""
    x, y, x_val, y_val = (a.astype("float32") for a in (EXAMPLE_1_X, EXAMPLE_1_Y, EXAMPLE_1_X_VAL, EXAMPLE_1_Y_VAL))
    kernel = np.random.default_rng(0).uniform(-1, 1, (SEEDS, 3, 3)).astype("float32")
    bias, step = np.zeros((SEEDS, 1, 3), "float32"), np.float32(rate)
    losses = []

    def right(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return np.asarray((logits.argmax(axis=-1) == targets.argmax(axis=-1)).mean(axis=-1))

    for _ in range(200):
        logits = x @ kernel + bias
        values, gradient = loss(logits, y)
        losses.append(values.mean(axis=-1))
        accuracy = right(logits, y)
        kernel = kernel - step * (x.T @ gradient) / np.float32(len(x))
        bias = bias - step * gradient.mean(axis=1, keepdims=True)
    curves, validated = np.array(losses).T, x_val @ kernel + bias
    columns = {
        "loss": curves[:, -1],
        "accuracy": accuracy,
        "val_loss": loss(validated, y_val)[0].mean(axis=-1),
        "val_accuracy": right(validated, y_val),
        "loss_ratio": curves[:, -1] / curves[:, 0],
        "rising_epochs": (np.diff(curves) > 0).sum(axis=-1),
    }
    return {name: dict(enumerate(map(float, column))) for name, column in columns.items()}


def canonical_trace(rate: float, loss: Loss, *, normalised: bool) -> list[float]:
    """The first losses of ``batch-normalization-rates``: three ReLU layers of 100 units, SGD in batches of 100."""
    data, shapes = mnist(), ((784, 100), (100, 100), (100, 100), (100, 10))
    order = data_order(0, 0, len(data.x))
    kernels = [
        canonical_values(np.random.default_rng(derived(0, f"Dense-{layer}/canonical")), shape)
        for layer, shape in enumerate(shapes)
    ]
    biases = [np.zeros(outputs, "float32") for _, outputs in shapes]
    scales, shifts = ([np.full(100, value, "float32") for _ in range(3)] for value in (1, 0))
    step, losses = np.float32(rate), []
    for number in range(STEPS):
        rows = order[100 * number : 100 * number + 100]
        inputs, active, unit, deviations = [data.x[rows]], [], [], []
        for layer in range(3):
            output = np.maximum(inputs[-1] @ kernels[layer] + biases[layer], 0)
            active.append(output > 0)
            if normalised:
                deviations.append(np.sqrt(output.var(axis=0) + np.float32(1e-3)))
                unit.append((output - output.mean(axis=0)) / deviations[-1])
                output = scales[layer] * unit[-1] + shifts[layer]
            inputs.append(output)
        values, gradient = loss(inputs[-1] @ kernels[3] + biases[3], data.y[rows])
        losses.append(float(values.mean()))
        back = (gradient / np.float32(100)).astype("float32")
        for layer in (3, 2, 1, 0):
            if layer < 3:
                if normalised:
                    by_scale, by_shift = (back * unit[layer]).sum(axis=0), back.sum(axis=0)
                    back = scales[layer] * (back - (by_shift + unit[layer] * by_scale) / 100) / deviations[layer]
                    scales[layer] = scales[layer] - step * by_scale
                    shifts[layer] = shifts[layer] - step * by_shift
                back = back * active[layer]
            by_kernel, by_bias = inputs[layer].T @ back, back.sum(axis=0)
            back = back @ kernels[layer].T
            kernels[layer] = kernels[layer] - step * by_kernel
            biases[layer] = biases[layer] - step * by_bias
    return losses


TRACES = {
    "plain, rate 2": (2.0, False),
    "plain, rate 8": (8.0, False),
    "normalised, rate 8": (8.0, True),
}


@pytest.fixture(autouse=True)
def _overflow_is_expected() -> Iterator[None]:
    with np.errstate(all="ignore"):
        yield


@pytest.mark.parametrize("stack", FORMULAS)
@pytest.mark.parametrize("variant", TRACES)
def test_traces_are_those_of_the_stacks_formula(stack: str, variant: str) -> None:
    rate, normalised = TRACES[variant]
    kept = [
        float(loss)
        for loss in stored(stack, "batch-normalization-rates", variant).after(0, canonical=True)[0].losses[:STEPS]
    ]
    own = FORMULAS[stack]
    assert canonical_trace(rate, own, normalised=normalised) == pytest.approx(kept, rel=1e-3)
    other = canonical_trace(rate, from_logits if own is clipped else clipped, normalised=normalised)
    assert other[0] == pytest.approx(kept[0], rel=1e-5)
    assert not math.isclose(other[-1], kept[-1], rel_tol=0.3)


@pytest.mark.parametrize("stack", FORMULAS)
@pytest.mark.parametrize("rate", ["10", "1e6"])
def test_example_1_is_that_of_the_stacks_formula(stack: str, rate: str) -> None:
    evidence, own = stored(stack, "example-1", f"rate {rate}"), FORMULAS[stack]
    level = 0.05 / (len(EIGHT_POINTS.metrics) * len(FORMULAS) * 2)  # of any false alarm here
    for metric in EIGHT_POINTS.metrics:
        kept = {trial.seed: trial.metrics[metric.name] for trial in evidence.trials}
        same = agreement(metric, kept, eight_points(float(rate), own)[metric.name], level)
        assert same.verdict is not Agreement.DIFFERENT, metric.name
        other = eight_points(float(rate), from_logits if own is clipped else clipped)[metric.name]
        unlike = agreement(metric, kept, other)
        assert unlike.verdict is Agreement.DIFFERENT, metric.name


def clipped_listing() -> list[float]:
    """The last training losses of the listing "Use Optimizer" on TensorFlow, two seeds, with clipped probabilities."""
    import keras

    from cases.optimizers.race import RACE
    from harness.training.train import train

    def crossentropy(targets: Any, outputs: Any) -> Any:
        kept = keras.ops.clip(outputs, 1e-7, 1 - 1e-7)
        return -keras.ops.sum(targets * keras.ops.log(kept), axis=-1)

    with mock.patch("keras.losses.get", return_value=crossentropy):
        return [float(trial.metrics["loss"] or 0) for trial in train(RACE, "adam 0.01", [0, 1])]


@pytest.mark.slow
def test_the_listing_with_clipped_probabilities_fits_worse_than_any_training_with_logits() -> None:
    """Were the formula no cause, the two would have the largest losses of 32 with a chance of 1 in 496."""
    command = [sys.executable, "-c", "from tests.reports.test_stacks_causes import *; print(*clipped_listing())"]
    given = {**environment(), "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(command, cwd=ROOT.parent, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    losses = [float(loss) for loss in done.stdout.split()[-2:]]
    assert min(losses) > max(t.metrics["loss"] or 0 for t in stored("tensorflow-cpu", "optimizers", "adam 0.01").trials)


def test_every_explained_training_is_tested_here() -> None:
    tested = {("example-1", f"rate {rate}") for rate in ("10", "1e6")} | {("optimizers", "adam 0.01")}
    tested |= {("batch-normalization-rates", variant) for variant in TRACES}
    assert {each[:2] for cause in course().causes for each in cause.explains} == tested
