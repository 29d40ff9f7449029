"""The cases' metrics on small histories, also with inf and nan; and the arithmetic of section 2."""

import math

import numpy as np
import pytest

from cases import metrics, preprocessing
from cases.batch_normalization import gradients, regularizing
from cases.examples.learning_rate import ACCURACY
from cases.overfitting import regularization
from cases.references import least_squares
from harness.model import Dataset

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("losses", "best", "epoch"),
    [
        ([3.0, 1.0, 2.0], 1.0, 2.0),
        ([1.0, 1.0], 1.0, 1.0),  # the first of equals, as ModelCheckpoint does
        ([5.0], 5.0, 1.0),
        ([2.0, 1.0, INF], 1.0, 2.0),
        ([2.0, 1.0, NAN], 1.0, 2.0),
    ],
)
def test_best(losses, best, epoch):
    history = {"val_loss": losses}
    assert (metrics.best_loss(history), metrics.best_epoch(history)) == (best, epoch)


@pytest.mark.parametrize(
    ("losses", "rising", "inf", "nan", "ratio"),
    [
        ([4.0, 3.0, 1.0], 0, None, None, 0.25),
        ([1.0, 2.0, 2.0, 3.0], 2, None, None, 3.0),
        ([1.0], 0, None, None, 1.0),
        ([1.0, INF], 1, 2, None, INF),
        ([1.0, INF, INF, NAN], 1, 2, 4, NAN),
        ([NAN, INF], 0, 2, 1, NAN),
        ([1.0, NAN], 0, None, 2, NAN),
    ],
)
def test_losses(losses, rising, inf, nan, ratio):
    history = {"loss": losses}
    assert metrics.rising_epochs(history) == rising
    assert metrics.first_inf_epoch(history) == inf
    assert metrics.first_nan_epoch(history) == nan
    assert metrics.loss_ratio(history) == pytest.approx(ratio, nan_ok=True)
    assert metrics.first_loss(history) == pytest.approx(losses[0], nan_ok=True)
    if len(losses) > 1:
        assert metrics.second_loss(history) == pytest.approx(losses[1], nan_ok=True)


@pytest.mark.parametrize("metric", [metrics.VAL_ACCURACY, metrics.VAL_LOSS, ACCURACY])
def test_plain_metrics_are_the_last_value(metric):
    assert metric.value({metric.name: [0.5, 0.25]}) == 0.25
    assert metric.value({metric.name: []}) is metric.value({}) is None


@pytest.mark.parametrize(
    ("curve", "target", "falls", "epochs"),
    [
        ([0.4, 0.2, 0.1], 0.3, True, 1.5),
        ([0.4, 0.2], 0.5, True, 1.0),  # a loss has no value before the first epoch
        ([0.4, NAN, 0.2], 0.1, True, None),
        ([0.5, 0.9], 0.3, False, 0.5),  # from chance, 0.1
        ([0.5, 0.9], 0.7, False, 1.5),
        ([0.5, 0.9], 0.95, False, None),
    ],
)
def test_epochs_to_a_target(curve, target, falls, epochs):
    name = "loss" if falls else "val_accuracy"
    assert metrics.epochs_to(curve, target, falls=falls) == pytest.approx(epochs)
    assert regularizing.epochs_until(name, target)({name: curve}) == pytest.approx(epochs)


LINE = Dataset(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([[1.0], [3.0], [5.0], [7.0]]))


@pytest.mark.parametrize(
    ("losses", "steps"), [([5.0, 1.0, 0.25, 0.1], 3), ([0.1], 1), ([5.0, NAN, 0.2], 3), ([5.0, 0.26], None), ([], None)]
)
def test_steps_to(losses, steps):
    """On a line least squares is perfect: 5 % of the variance, 5, is left."""
    target = preprocessing.target_loss(LINE)
    assert target == pytest.approx(0.25)
    assert preprocessing.steps_to(lambda: LINE, {"loss": [target if x == 0.25 else x for x in losses]}) == steps


def test_curvatures_are_those_of_the_loss():
    """Second differences of the mean squared error along each eigenvector of [[2·mean x², 2·mean x], [.., 2]]."""
    mean, square = LINE.x.mean(), (LINE.x**2).mean()
    expected = np.linalg.eigvalsh([[2 * square, 2 * mean], [2 * mean, 2.0]])
    assert least_squares.curvatures(LINE) == pytest.approx(expected)
    assert least_squares.optimum(LINE).ravel() == pytest.approx([2.0, 1.0])
    assert least_squares.least_loss(LINE) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("data", [preprocessing.table, preprocessing.table_min_max, preprocessing.shares_centred])
@pytest.mark.parametrize(("factor", "falls"), [(0.99, True), (1.01, False)])
def test_the_steepest_rate_does_not_overshoot_and_twice_it_does(data, factor, falls):
    """Gradient descent in NumPy, at 0.99 and 1.01 of twice the rate of ``steepest_rate``."""
    columns, y = least_squares.design(data()), data().y
    rate = factor * 2 / least_squares.curvatures(data())[-1]
    weights, losses = np.zeros((columns.shape[1], y.shape[1])), []
    for _ in range(3000):
        error = columns @ weights - y
        losses.append(float(np.mean(error**2)))
        weights -= rate * (2 / y.size * columns.T @ error)
    assert (losses[-1] <= losses[0]) is falls


def test_scalings():
    columns = np.array([[1.0, -10.0], [2.0, 0.0], [3.0, 40.0]])
    assert np.array_equal(preprocessing.min_max(columns), [[0, 0], [0.5, 0.2], [1, 1]])
    assert np.array_equal(preprocessing.centre(columns), [[-1, -20], [0, -10], [1, 30]])
    assert preprocessing.standardise(columns)[:, 0] == pytest.approx([-(1.5**0.5), 0, 1.5**0.5])


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        ([1.0, 2.0, 3.0, 4.0], 3.0),
        ([4.0, 3.0, 2.0, 1.0], -3.0),
        ([1.0, 2.0, 3.0, 99.0, 5.0, 6.0, 7.0], 6.0),  # a spike changes nothing
        ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 99.0], 6.0),  # nor does one at the end, where the mean of the last does
        ([5.0], 0.0),
        ([], 0.0),
    ],
)
def test_trend(curve, expected):
    assert regularization.trend(curve) == pytest.approx(expected)


def test_trend_of_noise_is_none():
    """2,000 curves without a trend: the mean is 0 within four standard errors, so the rule is not biased to a rise."""
    rng, rises = np.random.default_rng(0), []
    for _ in range(2000):
        halves = rng.standard_normal(20) + 0.3 * rng.standard_normal((2, 20))
        rises.append(regularization.rise({"even_val_loss": list(halves[0]), "odd_val_loss": list(halves[1])}))
    assert abs(np.mean(rises)) < 4 * np.std(rises) / 2000**0.5


def test_rise_and_fall_are_those_behind_the_turning_epoch():
    history = {
        "even_val_loss": [3.0, 1.0, 2.0, 3.0, 4.0],
        "odd_val_loss": [9.0, 0.0, 1.0, 1.5, 2.0],
        "train_loss": [9.0, 5.0, 4.0, 3.0, 2.5],
    }
    assert regularization.turning_epoch(history) == 1
    assert regularization.rise(history) == pytest.approx(1.0)
    assert regularization.training_fall(history) == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("curves", "expected"),
    [
        (([-1.0, -1.0, -1.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]), 0.0),
        (([-1.0, 0.0, 1.0], [0.0, 1.0, 2.0], [1.0, 2.0, 3.0]), 2.0),  # by a standard deviation, twice
        (([-1.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 2.0, 1.0]), 2.0),  # there and back
        (([-10.0, 0.0, 10.0], [0.0, 10.0, 20.0], [10.0, 20.0, 30.0]), 2.0),  # whatever the scale
        (([-1.0, -2.0], [0.0, 0.0], [1.0, 2.0]), 2 / 3 / 1.5),  # the spread alone
    ],
)
def test_shift(curves, expected):
    """The same curves of every unit."""
    history = {}
    for percentile, curve in zip(gradients.PERCENTILES, curves, strict=True):
        for unit in range(gradients.FOLLOWED):
            history[f"initial_percentile_{percentile}_{unit}"] = curve[:1]
            history[f"percentile_{percentile}_{unit}"] = curve[1:]
    assert gradients.shift(history) == pytest.approx(expected)
