"""What needs no backend: divergences from losses, and seconds from launches."""

import dataclasses
import math
import time
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.model import Dataset, Divergence
from harness.training.compiled import CompiledEngine
from harness.training.divergence import BLOW_UP, CHANCE_MIN, classify, first_bad, stuck_at_chance
from harness.training.engines import Measurements
from harness.training.fit import Steps
from harness.training.setup import TrainingSetup
from harness.training.train import _seconds
from tests.training.experiments import FAILURES

INF, NAN = math.inf, math.nan


DATA = Dataset(np.zeros((4, 1)), np.zeros((4, 1)))


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([], (0, 0)),
        ([1.0, 2.0, 0.5], (0, 0)),
        ([1.0, NAN, INF], (2, 3)),
        ([NAN, 1.0], (1, 0)),
        ([1.0, 2000.0, INF], (3, 2)),
        ([1.0, 1000.0, 1000.1], (0, 3)),
        ([2.0, 1500.0, 2001.0], (0, 3)),
    ],
)
def test_first_bad(losses, expected):
    assert first_bad(losses) == expected


@given(st.lists(st.one_of(st.just(NAN), st.floats(min_value=0)), min_size=1))
def test_first_bad_names_the_first_of_each(losses):
    broken, high = first_bad(losses)
    assert all(map(math.isfinite, losses[: broken - 1] if broken else losses))
    assert not broken or not math.isfinite(losses[broken - 1])
    assert not high or losses[high - 1] > BLOW_UP * losses[0]
    assert not any(loss > BLOW_UP * losses[0] for loss in losses[: high - 1 if high else None])


def classified(losses, *, steps=1, broken=0, is_nan=False, high=0, data=DATA, **curves):
    history = {"loss": losses, **curves}
    return classify(history, data, broken=broken, broken_is_nan=is_nan, high=high, initial=1.0, steps=steps)


@pytest.mark.parametrize(
    ("divergence", "expected"),
    [
        (classified([1.0, 0.5]), None),
        (classified([1.0, INF, NAN], broken=2), Divergence("inf", epoch=2, step=2)),
        (classified([1.0, NAN], broken=2, is_nan=True), Divergence("nan", epoch=2, step=2)),
        (classified([1.0, NAN], broken=5, is_nan=True, steps=5), Divergence("nan", epoch=1, step=5)),
        (classified([1.0, NAN], broken=6, is_nan=True, steps=5), Divergence("nan", epoch=2, step=6)),
        (classified([1.0, 1000.1], high=7, steps=5), Divergence("blow-up", epoch=2, step=7)),
        (classified([1.0, 2000.0, 1.0], high=2), None),  # it came back
        (classified([1.0, 2000.0, INF], high=2, broken=3), Divergence("inf", epoch=3, step=3)),
    ],
)
def test_classify(divergence, expected):
    assert divergence == expected


def one_hot(count, share):
    """``count`` targets of two classes, ``share`` of them of the first."""
    first = round(count * share)
    return np.eye(2)[[0] * first + [1] * (count - first)]


@pytest.mark.parametrize(
    ("accuracy", "count", "share", "stuck"),
    [
        (0.5, 400, 0.5, True),
        (0.575, 400, 0.5, True),  # chance + 3 √(0.25 / 400), exactly
        (0.576, 400, 0.5, False),
        (0.9, 400, 0.9, True),  # the commonest class alone
        (0.96, 400, 0.9, False),
        (0.1, 400, 0.5, True),
        (0.5, CHANCE_MIN - 2, 0.5, False),  # too few to tell
        (0.5, CHANCE_MIN, 0.5, True),
    ],
)
def test_stuck_at_chance(accuracy, count, share, stuck):
    y = one_hot(count, share)
    expected = 3 if stuck else None
    # on the validation images where there are any, else on those of training
    validated = Dataset(np.zeros((4, 1)), np.zeros((4, 2)), np.zeros((count, 1)), y)
    assert stuck_at_chance({"val_accuracy": [0.1, 0.9, accuracy]}, validated) == expected
    assert stuck_at_chance({"accuracy": [0.1, 0.9, accuracy]}, Dataset(np.zeros((count, 1)), y)) == expected


@pytest.mark.parametrize(
    ("curves", "epoch"),
    [
        ({"val_accuracy": [0.9], "accuracy": [0.1]}, None),  # at chance in training only
        ({"val_accuracy": [0.1], "accuracy": [0.9]}, 1),
        ({"val_accuracy": [0.3] * 3}, 3),  # above the rarest of four classes, below the commonest
        ({"val_accuracy": [0.3, 0.6]}, None),
        ({}, None),  # it needs an accuracy
    ],
)
def test_stuck_at_chance_by_the_commonest_class_of_the_validation_images(curves, epoch):
    y = np.repeat(np.eye(4), (60, 80, 20, 40), axis=0)
    data = Dataset(np.zeros((200, 1)), y, np.zeros((200, 1)), y)
    expected = None if epoch is None else Divergence("stuck at chance", epoch=epoch)
    assert classified([1.0] * 3, data=data, **curves) == expected


class Stopped:
    stop_training = False


@pytest.mark.parametrize("losses", [[3.0, 1.0, 2.0, 5.0, 4.0, 6.0], [3.0, 1.0, 2.0, 5.0, INF], [3.0, NAN]])
def test_steps_recovers_the_loss_of_each_step(losses):
    """From the epoch's running mean, over examples: batches of 3, 3 and 2 of eight."""
    steps, model = Steps(8, 3), Stopped()
    sizes, total = (3, 3, 2), 0.0
    for step, loss in enumerate(losses):
        batch = step % 3
        total = (total if batch else 0.0) + loss * sizes[batch]
        steps.end(model, batch, {"loss": total / sum(sizes[: batch + 1])})
    assert steps.losses == pytest.approx(losses, nan_ok=True)
    assert model.stop_training is not math.isfinite(losses[-1])


@pytest.mark.parametrize(
    ("launches", "compiled", "expected"),
    [
        ([3.0, 1.0, 1.2], None, (1.9, 3.0, 1.1)),
        ([1.0, 1.1, 0.9], None, (0.0, 1.0, 1.0)),  # a first launch no longer than the others compiled nothing
        ([0.5, 1.0, 1.0], None, (0.0, 0.5, 1.0)),
        ([2.0], 0.4, (0.4, 2 / 3, 2 / 3)),  # one launch is shared by its epochs
    ],
)
def test_seconds_keep_compilation_apart(launches, compiled, expected):
    seconds = _seconds(Measurements({}, launches=launches, compile=compiled), 3, total=5.5)
    assert seconds.total == 5.5
    assert (seconds.compile, seconds.first_epoch, seconds.steady_epoch) == pytest.approx(expected)


def test_a_training_of_one_launch_is_compiled_once_and_trained_apart():
    """Whatever program: the first seed's compilation is measured on launches whose results are thrown away."""

    class Program:
        parameters = 1
        seeds: ClassVar[list[int]] = []
        launches = 0

        def reset(self, seed):
            self.seeds.append(seed)

        def launch(self, orders, initial):
            Program.launches += 1
            time.sleep(0.2 if Program.launches == 1 else 0.0)
            return {"loss": np.full(len(orders), float(Program.launches))}, np.array([0, 0, 0, 1.0])

    engine = CompiledEngine.__new__(CompiledEngine)
    size = dataclasses.replace(FAILURES.size, epochs=3)
    engine.setup = TrainingSetup(FAILURES, FAILURES.variant("nan"), size, Dataset(np.zeros((8, 1)), np.zeros((8, 1))))
    engine.program, engine.epochs_per_launch, engine._compiled = Program(), 3, False
    first, second = (engine.run(seed, lambda seed, epoch: None) for seed in (4, 5))
    assert first.compile is not None
    assert first.compile > 0.1
    assert max(first.launches) < 0.1
    assert (second.compile, Program.seeds) == (0.0, [4, 4, 4, 5])
    assert (first.history["loss"], second.history["loss"]) == ([3.0] * 3, [4.0] * 3)


@pytest.mark.parametrize(("count", "steps"), [(1, 1), (127, 1), (128, 1), (129, 2), (600, 5)])
def test_steps_of_an_epoch_count_the_partial_batch(count, steps):
    size = dataclasses.replace(FAILURES.size, batch_size=128)
    setup = TrainingSetup(FAILURES, FAILURES.variant("nan"), size, Dataset(np.zeros((count, 1)), np.zeros((count, 1))))
    assert setup.steps == steps
