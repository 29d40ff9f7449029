"""Trains Example 4 without Keras and without the harness: ``python -m benchmarks.independent --seeds 5``.

Forward pass, gradients, Adam and dropout are implemented in NumPy, from the papers: Kingma and Ba 2015 (algorithm 1,
bias correction as in section 2), Glorot and Bengio 2010 (equation 16), Srivastava et al. 2014 (inverted: kept outputs
are divided by the share that is kept). It reads only the file of MNIST and the stored evidence. Seeds start at 10,000.

The mean validation accuracy and loss of each network are compared with the evidence. The intervals of the differences
are Welch's, at 1 % shared by all comparisons. The exit status is 1 if an interval excludes 0, and 2 for bad input.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.measured import Measured
from harness.check import evidence as files
from harness.course import ROOT
from harness.errors import SuiteError, invalid
from reports.text import table

OUT = Path(__file__).with_name("independent.json")
MNIST = ROOT / "cases" / "data" / "mnist.npz"
EPOCHS, BATCH, UNITS, FIRST_SEED = 20, 512, 256, 10_000
ERRORS = 0.01
"""Probability that some interval of a table excludes 0 although all networks are equal."""
METRICS = ("val_accuracy", "val_loss")


@dataclass(frozen=True)
class Network:
    """Hidden layers of 256 units and a softmax over ten digits.

    Attributes:
        hidden: number of hidden layers.
        linear: whether the hidden layers have no ReLU.
        uniform: whether initial weights are uniform within ±0.05; otherwise within Glorot's limit.
        dropout: share of each hidden layer's outputs that is dropped.
    """

    hidden: int
    linear: bool = False
    uniform: bool = False
    dropout: float = 0.0


NETWORKS = {
    "softmax": Network(0, uniform=True),
    "2 linear": Network(2, linear=True, uniform=True),
    "2 relu": Network(2, uniform=True),
    "2 relu xavier": Network(2),
    "5 relu xavier": Network(5),
    "dropout 0.1": Network(5, dropout=0.1),
    "dropout 0.2": Network(5, dropout=0.2),
    "dropout 0.3": Network(5, dropout=0.3),
}
"""The networks by the names of ``example-4``'s variants."""


Weights = list[np.ndarray]
"""Kernels (inputs, units) and biases (units,) by turns, first layer first."""


def initial(network: Network, random: np.random.Generator) -> Weights:
    weights: Weights = []
    for inputs, units in itertools.pairwise([784, *[UNITS] * network.hidden, 10]):
        limit = 0.05 if network.uniform else np.sqrt(6 / (inputs + units))
        weights.append(random.uniform(-limit, limit, (inputs, units)).astype("float32"))
        weights.append(np.zeros(units, "float32"))
    return weights


def layers(weights: Weights) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(zip(weights[::2], weights[1::2], strict=True))


@dataclass
class Adam:
    """Adam: algorithm 1 of Kingma and Ba, with α̂ = α √(1 − β₂ᵗ) / (1 − β₁ᵗ)."""

    rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    step: int = 0
    first: list[np.ndarray] = field(default_factory=list)
    second: list[np.ndarray] = field(default_factory=list)

    def update(self, weights: list[np.ndarray], gradients: list[np.ndarray]) -> None:
        if not self.step:
            self.first = [np.zeros_like(weight) for weight in weights]
            self.second = [np.zeros_like(weight) for weight in weights]
        self.step += 1
        rate = np.float32(self.rate * np.sqrt(1 - self.beta_2**self.step) / (1 - self.beta_1**self.step))
        for weight, gradient, m, v in zip(weights, gradients, self.first, self.second, strict=True):
            m *= np.float32(self.beta_1)
            m += np.float32(1 - self.beta_1) * gradient
            v *= np.float32(self.beta_2)
            v += np.float32(1 - self.beta_2) * gradient * gradient
            weight -= rate * m / (np.sqrt(v) + np.float32(self.epsilon))


def forward(
    network: Network, weights: Weights, x: np.ndarray, random: np.random.Generator | None = None
) -> tuple[np.ndarray, list[np.ndarray], list[Any]]:
    """Logits of x (batch, 784), the inputs of each layer, and the factors that a gradient passes on the way to each.

    ``random`` draws the dropout masks; None leaves dropout out.
    """
    inputs, factors = [x], []
    *hidden, (kernel, bias) = layers(weights)
    for hidden_kernel, hidden_bias in hidden:
        output = inputs[-1] @ hidden_kernel + hidden_bias
        factor: Any = np.float32(1)
        if not network.linear:
            output = np.maximum(output, 0)
            factor = output > 0
        if network.dropout and random is not None:
            mask = (random.random(output.shape, "float32") >= network.dropout) / np.float32(1 - network.dropout)
            output, factor = output * mask, factor * mask
        factors.append(factor)
        inputs.append(output)
    return inputs[-1] @ kernel + bias, inputs, factors


def log_probabilities(logits: np.ndarray) -> np.ndarray:
    """The logarithm of the softmax of each row of (batch, 10)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def loss_and_gradients(
    network: Network, weights: Weights, x: np.ndarray, labels: np.ndarray, random: np.random.Generator
) -> tuple[float, list[np.ndarray]]:
    """The mean cross-entropy in nats of x (batch, 784) and labels (batch,), and its gradient by each weight."""
    logits, inputs, factors = forward(network, weights, x, random)
    logs, rows = log_probabilities(logits), np.arange(len(x))
    back = np.exp(logs)
    back[rows, labels] -= 1
    back /= np.float32(len(x))
    gradients: list[np.ndarray] = []
    kernels = [kernel for kernel, _ in layers(weights)]
    for place in reversed(range(len(kernels))):
        gradients[:0] = [inputs[place].T @ back, back.sum(axis=0)]
        if place:
            back = back @ kernels[place].T * factors[place - 1]
    return -float(logs[rows, labels].mean()), gradients


def evaluated(network: Network, weights: Weights, x: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracy and mean cross-entropy in nats of x (examples, 784)."""
    logs = log_probabilities(forward(network, weights, x)[0])
    right = logs.argmax(axis=1) == labels
    return {"val_accuracy": float(right.mean()), "val_loss": -float(logs[np.arange(len(x)), labels].mean())}


def trained(network: Network, seed: int) -> dict[str, float]:
    """The metrics of a training after its last epoch."""
    random = np.random.default_rng(seed)
    with np.load(MNIST) as archive:
        images = {part: archive[f"x_{part}"].reshape(-1, 784) / np.float32(255) for part in ("train", "test")}
        labels = {part: archive[f"y_{part}"].astype(int) for part in ("train", "test")}
    weights, adam = initial(network, random), Adam()
    for _ in range(EPOCHS):
        order = random.permutation(len(labels["train"]))
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            _, gradients = loss_and_gradients(
                network, weights, images["train"][chosen], labels["train"][chosen], random
            )
            adam.update(weights, gradients)
    return evaluated(network, weights, images["test"], labels["test"])


def compared(ours: Sequence[float], stored: Sequence[float], level: float) -> tuple[float, float, float]:
    """(difference of the means, low, high), the interval by Welch's t at error ``level``."""
    test = stats.ttest_ind(ours, stored, equal_var=False)
    interval = test.confidence_interval(1 - level)
    return float(np.mean(ours) - np.mean(stored)), float(interval.low), float(interval.high)


def agreeing(measured: dict[str, list[dict[str, float]]]) -> tuple[str, bool]:
    """A table of the comparisons, and whether every interval contains 0. Raises SuiteError without evidence."""
    path = files.path_of(ROOT / "baselines", "tensorflow-cpu", "example-4")
    evidence = files.read(path)
    if evidence is None:
        raise invalid("evidence", expected=f"a file {path}", received="none", fix="git checkout -- baselines")
    level = ERRORS / (len(measured) * len(METRICS))
    head = ("network", "metric", "NumPy", "seeds", "evidence", "its seeds", "difference")
    rows, agree = [], True
    for name, trials in measured.items():
        for metric in METRICS:
            ours = [trial[metric] for trial in trials]
            then = (trial.metrics[metric] for trial in evidence.variants[name].trials)
            stored = [value for value in then if value is not None]
            difference, low, high = compared(ours, stored, level)
            agree &= low <= 0 <= high
            means = f"{np.mean(ours):.4f}", str(len(ours)), f"{np.mean(stored):.4f}", str(len(stored))
            rows.append((name, metric, *means, f"{difference:+.4f} [{low:+.4f}, {high:+.4f}]"))
    return table(head, rows, right=head[2:]), agree


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.independent", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="of each network, at least 2")
    parser.add_argument("--only", nargs="+", choices=list(NETWORKS), default=list(NETWORKS), metavar="NETWORK")
    parser.add_argument(
        "--out", type=Path, default=OUT, help="JSON file of the results; a later call continues with it"
    )
    options = parser.parse_args(arguments)
    if options.seeds < 2:
        parser.error(f"--seeds: expected at least 2, received {options.seeds}")
    try:
        known = Measured(options.out)
        for seed in range(options.seeds):
            for name in options.only:
                trials = known.results.get(name, [])
                if len(trials) <= seed:
                    known.put(name, [*trials, trained(NETWORKS[name], FIRST_SEED + seed)])
        text, agree = agreeing({name: known.results[name] for name in options.only})
    except (SuiteError, OSError) as error:
        print("independent:", error, file=sys.stderr)
        return 2
    print(text)
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
