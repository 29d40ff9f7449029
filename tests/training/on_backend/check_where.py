"""Which part of a step does otherwise: nothing without a fault, and of an injected fault the part that was changed."""

import functools
import re

import keras
import numpy as np
import pytest

from benchmarks.faults.fault import injected
from benchmarks.faults.table import named
from harness.check.evidence import path_of, read
from harness.course import ROOT, course
from harness.model import Dataset, Size, Variant
from harness.training.backends import active_backend
from harness.why.where import Cause, causes, form_of, stages
from tests.training.experiments import SQUARES, declared

STACK = f"{active_backend()}-cpu"
SOUND = (
    "example-4-softmax/as printed",
    "batch-normalization-examples/rnn",
    "example-2/raw",
    pytest.param("example-4/dropout 0.2", marks=pytest.mark.slow),
    pytest.param("example-4/l1 1e-6", marks=pytest.mark.slow),
    pytest.param("regularization/l2 0.001", marks=pytest.mark.slow),
    pytest.param("batch-normalization-examples/cnn", marks=pytest.mark.slow),
    pytest.param("batch-normalization-rates/normalised, rate 0.5", marks=pytest.mark.slow),
    *(pytest.param(f"optimizers/{name}", marks=pytest.mark.slow) for name in ("sgd nesterov", "rmsprop", "adagrad")),
    pytest.param("optimizers/adadelta", marks=pytest.mark.slow),
    pytest.param("example-2-clipped/clipnorm 1", marks=pytest.mark.slow),
)
PLAIN, NORMALISED = "batch-normalization-rates/plain, rate 0.1", "batch-normalization-rates/normalised, rate 0.1"
ADAM, SOFTMAX, DROPOUT = "optimizers/adam", "example-4-softmax/as printed", "optimizers/adam"
RNN, CNN = "batch-normalization-examples/rnn", "batch-normalization-examples/cnn"
FAULTS = {
    "small: learning rate × 1.01": (PLAIN, r"step of SGD of .*: 1 % larger than its formula"),
    "Adam: beta_1 is 0.89": (SOFTMAX, "momentum in Adam of "),
    "Adam: beta_2 is 0.99": (SOFTMAX, "velocity in Adam of "),
    "Adam: no bias correction": (SOFTMAX, "step of Adam of "),
    "SGD: nesterov ignored": ("optimizers/sgd nesterov", "step of SGD of "),
    "SGD: biases frozen": (PLAIN, "step of SGD of .* bias: 0 × its formula"),
    "RMSprop: rho is 0.95": ("optimizers/rmsprop", "velocity in RMSprop of "),
    "Adagrad: epsilon is 0.01": ("optimizers/adagrad", "step of Adagrad of "),
    "Adadelta: rho is 0.9": ("optimizers/adadelta", "accumulated_grad in Adadelta of "),
    "dropout rate × 1.1": (DROPOUT, "share of kept units of Dropout"),
    "dropout without rescaling": (DROPOUT, "factor of kept units of Dropout"),
    "a random state that stands still": (DROPOUT, "dropout mask of Dropout .*: rows or steps share one mask"),
    "ReLU → leaky, 0.01": (PLAIN, "output of Dense "),
    "batch normalization epsilon is 0.01": (NORMALISED, "output of BatchNormalization "),
    "batch normalization momentum is 0.98": (NORMALISED, "moving mean of BatchNormalization "),
    "batch normalization: no gradient through mean and variance": (NORMALISED, "gradient of "),
    "L2 penalty × 0.9": ("regularization/l2 0.001", "penalties: 0.9 × their formula"),
    "LSTM's output gate open": (RNN, "output of LSTM 1"),
    "max pooling → mean": (CNN, "output of MaxPooling2D "),
    "convolution with its kernel turned round": (CNN, "output of Conv2D "),
    "label smoothing of 0.01 always on": (PLAIN, "loss, categorical crossentropy: "),
    "glorot × 0.99": (PLAIN, "initial weights of seed 0"),
}
"""By a fault's name: a training, and the first cause."""
BROKEN = (
    "convolution with its kernel turned round",
    "a random state that stands still",
    "LSTM's output gate open",
)
"""Faults of what PyTorch has otherwise."""
QUICK = ("small: learning rate × 1.01", "LSTM's output gate open")


def causes_of(training: str) -> list[Cause]:
    experiment, _, variant = training.partition("/")
    evidence = read(path_of(ROOT / "baselines", STACK, experiment))
    known = evidence.variants.get(variant) if evidence else None
    return causes(stages(course().experiments[experiment], variant, known))


@pytest.mark.parametrize("training", SOUND)
def test_nothing_differs_without_a_fault(training):
    assert list(map(str, causes_of(training))) == []


def test_a_relu_of_exactly_0_has_no_gradient():
    """As of a black corner, before a bias is trained: a central difference would see half of one."""
    black = np.zeros((64, 8, 8, 1), "float32")
    black[:, 4:, 4:] = np.random.default_rng(0).random((64, 4, 4, 1))

    def network():
        layers = keras.layers
        convolution = [layers.Conv2D(3, 3, activation="relu"), layers.Flatten()]
        return keras.Sequential([layers.Input((8, 8, 1)), *convolution, layers.Dense(1)])

    targets = black.sum(axis=(1, 2, 3))[:, None]
    data = functools.partial(Dataset, black, targets)
    drawn = declared("black", Variant("only", network), loss=SQUARES, data=data, size=Size(epochs=1, batch_size=64))
    assert list(map(str, causes(stages(drawn, "only")))) == []


def relu(x):
    return keras.ops.where(x > 0, x, 0.3 * x)


class Dense(keras.layers.Dense):
    """Of a class of its own, whose name is Keras'."""


FLAT, SEQUENCE, IMAGE = (6,), (5, 2), (6, 6, 1)
OTHERWISE = {
    "a bound": (lambda of: of.ReLU(max_value=6), FLAT),
    "a slope": (lambda of: of.ReLU(negative_slope=0.1), FLAT),
    "gaps": (lambda of: of.Conv2D(2, 3, dilation_rate=2), IMAGE),
    "a border": (lambda of: of.Conv2D(2, 3, padding="same"), IMAGE),
    "strides": (lambda of: of.MaxPooling2D(2, strides=1), IMAGE),
    "from the end": (lambda of: of.LSTM(3, go_backwards=True), SEQUENCE),
    "other gates": (lambda of: of.LSTM(3, recurrent_activation="hard_sigmoid"), SEQUENCE),
    "another output": (lambda of: of.LSTM(3, activation="relu"), SEQUENCE),
    "no centre": (lambda of: of.BatchNormalization(center=False), FLAT),
    "another penalty": (lambda of: of.Dense(6, kernel_regularizer=keras.regularizers.OrthogonalRegularizer()), FLAT),
    "an own activation": (lambda of: of.Dense(3, activation=relu), FLAT),
    "a layer as activation": (lambda of: of.Dense(3, activation=of.LeakyReLU()), FLAT),
    "an own class": (lambda of: Dense(3), FLAT),
    "fewer bits": (lambda of: of.Dense(3, dtype="mixed_bfloat16"), FLAT),
    "frozen": (lambda of: of.Dense(3, trainable=False), FLAT),
    "dropout": (lambda of: of.Dropout(0.5), FLAT),
}
FORMS = {
    "no bias": (lambda of: of.Dense(3, "tanh", use_bias=False), FLAT),
    "convolution": (lambda of: of.Conv2D(2, 3, use_bias=False), IMAGE),
    "odd squares": (lambda of: of.MaxPooling2D(), (5, 5, 2)),
    "sequence": (lambda of: of.LSTM(3, use_bias=False, recurrent_regularizer="l1"), SEQUENCE),
    "penalties": (lambda of: of.Dense(3, bias_initializer="ones", kernel_regularizer=keras.regularizers.L1L2(0.1, 0.2),
                                      bias_regularizer="l2", activity_regularizer="l2"), FLAT),
    "shares": (lambda of: of.BatchNormalization(momentum=0.9, epsilon=0.1), FLAT),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERWISE)
def test_a_layer_with_other_arguments_has_no_form(name):
    make, shape = OTHERWISE[name]
    layer = make(keras.layers)
    layer.build((None, *shape))
    assert form_of(layer) is None


@pytest.mark.parametrize("name", FORMS)
def test_a_form_has_the_layers_outputs_and_penalties(name):
    make, shape = FORMS[name]
    layer, x = make(keras.layers), np.random.default_rng(0).normal(size=(7, *shape)).astype("float32")
    outputs = layer(x)
    weights, statistics = (
        [keras.ops.convert_to_numpy(each) for each in those]
        for those in (layer.trainable_variables, layer.non_trainable_variables)
    )
    expected, _, penalty = form_of(layer).forward(x, weights, statistics, False)
    assert np.abs(keras.ops.convert_to_numpy(outputs) - expected).max() < 1e-5
    assert float(sum(layer.losses)) == pytest.approx(penalty, rel=1e-5)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in FAULTS]
)
def test_the_part_that_was_changed_is_named_and_no_other(name):
    training, expected = FAULTS[name]
    if active_backend() == "torch" and (name in BROKEN or named(name).where.startswith("keras.optimizers")):
        pytest.skip("PyTorch has forms of its own of what this fault changes")
    with injected(named(name)):
        found = list(map(str, causes_of(training)))
    assert found, "no part"
    assert re.match(expected, found[0]), found
