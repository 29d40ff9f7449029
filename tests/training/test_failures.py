"""What needs no backend: divergences from losses, and seconds from launches."""

import dataclasses
import math
import time
from typing import ClassVar

import numpy as np
import pytest

from harness.model import Dataset, Divergence
from harness.training.compiled import CompiledEngine
from harness.training.divergence import CHANCE_MIN, classify, stuck_at_chance
from harness.training.engine import Measurements
from harness.training.fit import Steps, ends
from harness.training.setup import TrainingSetup
from harness.training.train import _seconds
from tests.training.experiments import FAILURES

INF, NAN = math.inf, math.nan
DATA = Dataset(np.zeros((4, 1)), np.zeros((4, 1)))


@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize(
    ("losses", "steps", "ends", "expected"),
    [
        ([], 1, 5.0, None),
        ([1.0, 2.0, 0.5], 1, 0.5, None),
        ([NAN, 1.0], 1, 1.0, ("nan", 1, 1)),
        ([1.0, NAN, INF], 1, NAN, ("nan", 2, 2)),
        ([1.0, INF, NAN], 1, NAN, ("inf", 2, 2)),
        ([1.0] * 4 + [NAN], 5, NAN, ("nan", 1, 5)),
        ([1.0] * 5 + [NAN], 5, NAN, ("nan", 2, 6)),
        ([1.0, 2000.0, INF], 1, INF, ("inf", 3, 3)),
        ([1.0, 2000.0, 1.0], 1, 1.0, None),  # it came back
        ([1.0] * 6 + [1001.0], 5, 1000.1, ("blow-up", 2, 7)),
        ([2.0, 1500.0, 2001.0], 1, 2001.0, ("blow-up", 3, 3)),
        ([1.0, 1001.0, 2000.0], 1, 1000.0, None),  # at the limit at the end
    ],
)
def test_classify(losses, steps, ends, expected, kind):
    divergence = classify({"loss": [1.0, ends]}, DATA, np.array(losses, kind), steps)
    assert (divergence and (divergence.kind, divergence.epoch, divergence.step)) == expected


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
    assert classify({"loss": [1.0] * 3, **curves}, data, np.ones(3), 1) == expected


class Model:
    stop_training = False


@pytest.mark.parametrize("losses", [[3.0, 1.0, 2.0, 5.0, 4.0, 6.0], [3.0, 1.0, 2.0, 5.0, INF], [3.0, NAN]])
def test_steps_recovers_the_loss_of_each_step(losses):
    """From the epoch's running mean, over examples: batches of 3, 3 and 2 of eight."""
    model = Model()
    steps, sizes, total = Steps(model, ends(8, 3)), (3, 3, 2), 0.0
    for step, loss in enumerate(losses):
        batch = step % 3
        total = (total if batch else 0.0) + loss * sizes[batch]
        steps.end(batch, {"loss": total / sum(sizes[: batch + 1])})
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
    seconds = _seconds(Measurements(launches=launches, compile=compiled), 3, total=5.5)
    assert seconds.total == 5.5
    assert (seconds.compile, seconds.first_epoch, seconds.steady_epoch) == pytest.approx(expected)


def setup(count, **size):
    data = Dataset(np.zeros((count, 1)), np.zeros((count, 1)))
    return TrainingSetup(FAILURES, FAILURES.variant("nan"), dataclasses.replace(FAILURES.size, **size), data)


def test_a_training_of_one_launch_is_compiled_once_and_trained_apart():
    """Whatever program: the first seed's compilation is measured on launches whose results are thrown away."""

    class Program:
        seeds: ClassVar[list[int]] = []
        launches = 0

        def reset(self, seed):
            self.seeds.append(seed)

        def launch(self, orders):
            Program.launches += 1
            time.sleep(0.2 if Program.launches == 1 else 0.0)
            return {"loss": np.full(len(orders), float(Program.launches))}, np.ones((len(orders), 8))

    engine = CompiledEngine.__new__(CompiledEngine)
    engine.setup = setup(8, epochs=3)
    engine.program, engine.epochs_per_launch, engine._compiled = Program(), 3, False
    first, second = (engine.run(seed, lambda seed, epoch: None) for seed in (4, 5))
    assert first.compile > 0.1 > max(first.launches)
    assert (second.compile, Program.seeds) == (0.0, [4, 4, 4, 5])
    assert (first.history["loss"], second.history["loss"]) == ([3.0] * 3, [4.0] * 3)


@pytest.mark.parametrize(("count", "steps"), [(1, 1), (127, 1), (128, 1), (129, 2), (600, 5)])
def test_steps_of_an_epoch_count_the_partial_batch(count, steps):
    assert setup(count, batch_size=128).steps == steps
