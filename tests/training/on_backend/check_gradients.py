"""Gradients, and trajectories of weights under given gradients."""

import numpy as np
import pytest

from cases.networks import dense_softmax
from harness.errors import SuiteError
from harness.training.gradients import trajectory, value_and_gradient, weight_gradients
from harness.training.reference import Layer
from tests.training.experiments import PENALISED, images, network

START = [np.array(1.0), np.array([[0.0, -2.0]])]
GRADIENTS = [np.array([1.0, 0.0, 3.0]), np.ones((3, 1, 2))]


def test_weights_after_each_step_of_each_variable():
    import keras

    scalar, row = trajectory(keras.optimizers.SGD(0.5), START, GRADIENTS)
    assert scalar.tolist() == [0.5, 0.5, -1.0]
    assert row.tolist() == [[[-0.5, -2.5]], [[-1.0, -3.0]], [[-1.5, -3.5]]]


def test_an_optimizer_keeps_its_state_and_counts_its_steps():
    import keras

    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([0], [1.0, 10.0])
    (heavy,) = trajectory(keras.optimizers.SGD(1.0, momentum=0.5), [np.zeros(1)], [np.array([[1.0], [0.0], [0.0]])])
    (decayed,) = trajectory(keras.optimizers.SGD(schedule), [np.array(0.0)], [np.ones(3)])
    assert (heavy.tolist(), decayed.tolist()) == ([[-1.0], [-1.5], [-1.75]], [-1.0, -11.0, -21.0])
    assert {str(w.dtype) for w in trajectory(keras.optimizers.Adam(), START, GRADIENTS)} == {"float32"}


@pytest.mark.parametrize(
    ("start", "gradients"),
    [
        pytest.param(START, GRADIENTS[:1], id="one variable more"),
        pytest.param(START[1:], [np.ones((3, 2))], id="another shape"),
        pytest.param(START, [np.ones(2), np.ones((3, 1, 2))], id="unequal steps"),
        pytest.param(START[:1], [np.ones(0)], id="no step"),
        pytest.param([np.array(1.0)], [np.array(1.0)], id="no steps at all"),
        pytest.param([], [], id="no variable"),
    ],
)
def test_gradients_that_fit_no_variable(start, gradients):
    import keras

    with pytest.raises(SuiteError, match=r"^Invalid gradients of a trajectory\. Expected: at least one step for each"):
        trajectory(keras.optimizers.SGD(), start, gradients)


def test_value_and_gradient_are_float64_and_nothing_else_is():
    import keras

    point = np.array([[0.1, 1 / 3], [-2.0, 1e-9]])
    value, gradient = value_and_gradient(lambda w: keras.ops.sum(keras.ops.exp(w)) / 3, point)
    assert abs(value - np.exp(point).sum() / 3) < 1e-15
    assert np.abs(gradient - np.exp(point) / 3).max() < 1e-15
    assert gradient.dtype == "float64"
    assert keras.backend.standardize_dtype(keras.ops.convert_to_tensor([1.0]).dtype) == "float32"


def test_weight_gradients_equal_the_formula():
    """Of a softmax layer: (pᵀ − y)ᵀ x / n."""
    model, data = dense_softmax(784, 10), images()
    x, y = data.x.astype("float64"), data.y.astype("float64")
    kernel, bias = (np.array(weight, dtype="float64") for weight in model.get_weights())
    exponentials = np.exp(x @ kernel + bias)
    error = (exponentials / exponentials.sum(axis=1, keepdims=True) - y) / len(x)
    obtained = weight_gradients(model, "categorical_crossentropy", data.x.astype("float32"), data.y.astype("float32"))
    for gradient, expected in zip(obtained, [x.T @ error, error.sum(axis=0)], strict=True):
        # float32 sums of 600 products
        assert np.abs(gradient - expected).max() < 1e-6 < 1e-3 * np.abs(expected).max()


def test_looking_at_gradients_changes_no_statistics():
    model, data = network(Layer("BatchNormalization"), PENALISED)(), images()
    before = model.get_weights()
    weight_gradients(model, "categorical_crossentropy", data.x.astype("float32"), data.y.astype("float32"))
    assert all(map(np.array_equal, before, model.get_weights()))
