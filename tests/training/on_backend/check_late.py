"""Trainings that go on from a late state: the state, the data, the engines, and what only such a training shows."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import pytest

from cases.networks import adam, sgd
from harness.model import Variant
from harness.training.backends import active_backend
from harness.training.engines import ENGINES
from harness.training.late_state import Late
from harness.training.seeding import data_order
from harness.training.setup import TrainingSetup
from harness.training.steps import late_sizes, late_states, late_steps
from tests.training.experiments import BATCH, COUNT, LOSS_LIMIT, declared, small

LATE = declared(
    "late",
    Variant("dropout", functools.partial(small, dropout=0.2), optimizer=adam),
    Variant("batch norm", functools.partial(small, hidden=1, batch_norm=True), optimizer=functools.partial(sgd, 0.1)),
)
VARIANTS = [variant.name for variant in LATE.variants]
NAMES = [name for name, engine in ENGINES.items() if active_backend() in engine.backends]
SEEDS, STEPS = (0, 3), 1004
"""The state is before the last batch of an epoch of five."""


@functools.cache
def setup_of(variant: str) -> TrainingSetup:
    return TrainingSetup.of(LATE, variant)


@functools.cache
def sizes_of(variant: str) -> Any:
    return late_sizes(setup_of(variant))


def late(variant: str, steps: int = STEPS, own_labels: bool = False) -> Late:
    return Late(steps, sizes_of(variant), own_labels)


@functools.cache
def trained(variant: str, engine: str = "compiled", seeds: tuple[int, ...] = SEEDS, **how: Any) -> Any:
    return late_steps(LATE, variant, seeds, late(variant), engine=engine, **how)


def test_the_state_has_the_sizes_of_a_real_training():
    import keras

    model, optimizer = TrainingSetup.of(LATE, "dropout", late=late("dropout")).build()
    setup_of("dropout").initialise(model, 0)
    late("dropout").draw_weights(model, 0)
    kernels = [weight for weight in model.get_weights() if weight.ndim == 2]
    for number, kernel in enumerate(kernels):
        centre, spread = sizes_of("dropout")[f"Dense-{number}/kernel"]
        assert kernel.std() == pytest.approx(spread, rel=0.2)
        assert abs(kernel.mean() - centre) < 0.2 * spread
    slots = {variable.name: keras.ops.convert_to_numpy(variable) for variable in optimizer.variables}
    assert int(optimizer.iterations) == STEPS
    momentum, velocity = ([v for name, v in slots.items() if name.endswith(end)] for end in ("momentum", "velocity"))
    assert len(momentum) == len(velocity) == 6
    assert all((v >= m**2 * (1 - 1e-6)).all() and (v > 0).all() for m, v in zip(momentum, velocity, strict=True))


def test_states_lie_before_the_end_of_the_third_and_last_epoch_and_at_a_drawn_step():
    setup = replace(setup_of("dropout"), size=replace(setup_of("dropout").size, epochs=200))
    steps = {state.steps: state.own_labels for state in late_states(setup, {})}
    assert {10, 995} <= steps.keys()  # three and 200 epochs of five steps, all of which belong to the trace
    assert sorted(steps.values()) == [False, False, True]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_engine_trains_on_alike(variant, backend, request):
    """Losses of all steps, partial batches among them, and all curves of a short epoch."""
    if (variant, backend) == ("dropout", "torch"):
        request.applymarker(pytest.mark.xfail(reason="fit draws from the generator of the masks", strict=True))
    for trials, others in itertools.combinations([trained(variant, engine) for engine in NAMES], 2):
        for ours, theirs in zip(trials, others, strict=True):
            assert len(ours.losses) == 20
            assert ours.losses == pytest.approx(theirs.losses, rel=20 * LOSS_LIMIT)
            assert {"loss", "accuracy", "val_loss", "val_accuracy", "even_val_loss"} <= ours.curves.keys()
            assert ours.curves.keys() == theirs.curves.keys()
            for name, curve in ours.curves.items():
                assert curve == pytest.approx(theirs.curves[name], rel=1e-3), name


def test_it_crosses_the_end_of_an_epoch(monkeypatch):
    """The last batches of one, the partial one among them, then the first batches of the next."""
    taken = []
    program = mock.Mock(side_effect=lambda program, data: taken.append(data))
    from harness.training.programs import Program

    feed = Program.feed
    monkeypatch.setattr(Program, "feed", lambda self, data: (program(self, data), feed(self, data))[1])
    late_steps(LATE, "batch norm", [3], late("batch norm", 1000), engine="compiled")
    data = setup_of("batch norm").data
    expected = [data.x[data_order(3, epoch, COUNT)] for epoch in range(200, 204)]
    np.testing.assert_array_equal(np.stack([each.x for each in taken[-4:]]), expected)
    assert BATCH * 4 < COUNT


def test_own_labels_make_a_small_loss():
    plain = replace(LATE, variants=(Variant("plain", small, optimizer=adam),))
    (trial,) = late_steps(plain, "plain", [0], late("dropout", own_labels=True))
    assert max(trial.losses) < 1.5


@contextlib.contextmanager
def changed_optimizer(change: Any) -> Iterator[None]:
    build = TrainingSetup.build

    def changed(self: TrainingSetup) -> Any:
        model, optimizer = build(self)
        change(optimizer)
        return model, optimizer

    with mock.patch.object(TrainingSetup, "build", changed):
        yield


def forget(optimizer: Any) -> None:
    for variable in optimizer.variables:
        if variable.name.endswith("velocity"):
            variable.assign(np.zeros(variable.shape, "float32"))


CHANGES = {
    "a rate 0.3 % off": lambda optimizer: optimizer.learning_rate.assign(float(optimizer.learning_rate) * 1.003),
    "another decay of the second moment": lambda optimizer: setattr(optimizer, "beta_2", 0.998),
    "lost moments": forget,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_shows(name):
    """Over twenty steps by more than rounding moves them, which a perturbation of the weights shows."""
    plain, moved = trained("dropout"), trained("dropout", perturbed=1)
    with changed_optimizer(CHANGES[name]):
        other = late_steps(LATE, "dropout", SEEDS, late("dropout"), engine="compiled")
    for trial, near, far in zip(plain, moved, other, strict=True):
        losses, rounding, change = (np.array(each.losses[:10]) for each in (trial, near, far))
        assert np.abs(change / losses - 1).max() > 10 * np.abs(rounding / losses - 1).max()


def test_weights_in_bfloat16_are_noticed():
    from keras import ops

    assert [trial.rounded for trial in trained("dropout")] == [0, 0]
    draw = Late.draw_weights

    def rounded(self: Late, model: Any, seed: int) -> None:
        draw(self, model, seed)
        for weight in model.trainable_variables:
            weight.assign(ops.cast(ops.cast(weight, "bfloat16"), "float32"))

    still = replace(LATE, variants=(Variant("still", small, optimizer=functools.partial(sgd, 0.0)),))
    with mock.patch.object(Late, "draw_weights", rounded):
        (trial,) = late_steps(still, "still", [0], Late(STEPS, sizes_of("dropout")), engine="compiled")
    assert trial.rounded == 6
