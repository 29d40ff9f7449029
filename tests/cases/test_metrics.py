"""The cases' metrics on small histories, also with inf and nan; and the arithmetic of section 2."""

import math

import numpy as np
import pytest

from cases import metrics, preprocessing
from cases.batch_normalization import shift
from cases.examples import learning_rate
from cases.overfitting import regularization
from harness.domain.model import Dataset

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([3.0, 1.0, 2.0], {"best": 1.0, "epoch": 2.0}),
        ([1.0, 1.0], {"best": 1.0, "epoch": 1.0}),  # the first of equals, as ModelCheckpoint does
        ([5.0], {"best": 5.0, "epoch": 1.0}),
        ([2.0, 1.0, INF], {"best": 1.0, "epoch": 2.0}),
        ([2.0, 1.0, NAN], {"best": 1.0, "epoch": 2.0}),
    ],
)
def test_best(losses, expected):
    history = {"val_loss": losses}
    assert {"best": metrics.best_loss(history), "epoch": metrics.best_epoch(history)} == expected


@pytest.mark.parametrize(
    ("losses", "rising", "inf", "nan"),
    [
        ([3.0, 2.0, 1.0], 0, None, None),
        ([1.0, 2.0, 2.0, 3.0], 2, None, None),
        ([1.0], 0, None, None),
        ([1.0, INF, INF, NAN], 1, 2, 4),
        ([NAN, INF], 0, 2, 1),
        ([1.0, NAN], 0, None, 2),
    ],
)
def test_failing_losses(losses, rising, inf, nan):
    history = {"loss": losses}
    assert metrics.rising_epochs(history) == rising
    assert metrics.first_inf_epoch(history) == inf
    assert metrics.first_nan_epoch(history) == nan


def test_loss_curve_metrics():
    history = {"loss": [4.0, 3.0, 1.0]}
    assert metrics.first_loss(history) == 4.0
    assert metrics.second_loss(history) == 3.0
    assert metrics.loss_ratio(history) == 0.25
    assert math.isnan(metrics.loss_ratio({"loss": [1.0, NAN]}))
    assert metrics.loss_ratio({"loss": [1.0, INF]}) == INF


@pytest.mark.parametrize("metric", [metrics.VAL_ACCURACY, metrics.VAL_LOSS, learning_rate.ACCURACY])
def test_plain_metrics_are_the_last_value(metric):
    assert metric.value({metric.name: [0.5, 0.25]}) == 0.25
    assert metric.value({metric.name: []}) is None
    assert metric.value({}) is None


LINE = Dataset(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([[1.0], [3.0], [5.0], [7.0]]))


def test_target_loss():
    """On a line least squares is perfect: 5 % of the variance, 5, is left."""
    assert preprocessing.target_loss(LINE) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("losses", "steps"), [([5.0, 1.0, 0.25, 0.1], 3), ([0.1], 1), ([5.0, NAN, 0.2], 3), ([5.0, 0.26], None), ([], None)]
)
def test_steps_to(losses, steps):
    target = preprocessing.target_loss(LINE)
    rounded = [target if loss == 0.25 else loss for loss in losses]
    assert preprocessing.steps_to(lambda: LINE, {"loss": rounded}) == steps


def test_curvatures_are_those_of_the_loss():
    """Second differences of the mean squared error along each eigenvector of [[2·mean x², 2·mean x], [.., 2]]."""
    mean, square = LINE.x.mean(), (LINE.x**2).mean()
    expected = np.linalg.eigvalsh([[2 * square, 2 * mean], [2 * mean, 2.0]])
    assert preprocessing.curvatures(LINE) == pytest.approx(expected)


def test_the_steepest_rate_does_not_overshoot_and_twice_it_does():
    """Gradient descent in NumPy, at 0.99 and 1.01 of twice the rate of ``steepest_rate``."""
    for data in (preprocessing.table(), preprocessing.table_min_max(), preprocessing.shares_centred()):
        design = np.column_stack([data.x, np.ones(len(data.x))])
        largest = preprocessing.curvatures(data)[-1]
        for factor, falls in ((0.99, True), (1.01, False)):
            weights = np.zeros((design.shape[1], data.y.shape[1]))
            losses = []
            for _ in range(3000):
                error = design @ weights - data.y
                losses.append(float(np.mean(error**2)))
                weights -= factor * 2 / largest * (2 / data.y.size * design.T @ error)
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
    rng = np.random.default_rng(0)
    found = []
    for _ in range(2000):
        noise = rng.standard_normal(20)
        halves = noise + 0.3 * rng.standard_normal((2, 20))
        history = {"even_val_loss": list(halves[0]), "odd_val_loss": list(halves[1])}
        found.append(regularization.rise(history))
    assert abs(np.mean(found)) < 4 * np.std(found) / 2000**0.5


def test_rise_and_fall_are_those_behind_the_turning_epoch():
    history = {
        "even_val_loss": [3.0, 1.0, 2.0, 3.0, 4.0],
        "odd_val_loss": [9.0, 0.0, 1.0, 1.5, 2.0],
        "train_loss": [9.0, 5.0, 4.0, 3.0, 2.5],
    }
    assert regularization.turning_epoch(history) == 1
    assert regularization.rise(history) == pytest.approx(1.0)
    assert regularization.training_fall(history) == pytest.approx(1.5)


def percentiles(low, middle, high):
    """The same curves of every unit."""
    curves = {15: low, 50: middle, 85: high}
    found = {}
    for unit in range(shift.UNITS):
        for percentile, curve in curves.items():
            found[f"initial_percentile_{percentile}_{unit}"] = curve[:1]
            found[f"percentile_{percentile}_{unit}"] = curve[1:]
    return found


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
    assert shift.shift(percentiles(*curves)) == pytest.approx(expected)
