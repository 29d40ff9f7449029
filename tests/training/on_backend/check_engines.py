"""Every engine of the backend: against NumPy, with each other's bits, and what happens around a training."""

import functools
import subprocess
import sys
from typing import Any
from unittest import mock

import numpy as np
import pytest

from cases.examples.normalization import SHARES
from cases.networks import dense_softmax, sgd
from harness.model import Variant
from harness.training import engine as sizes
from harness.training import train as trains
from harness.training.backends import active_backend
from harness.training.engines import ENGINES
from harness.training.programs import Programs
from harness.training.reference import Layer
from harness.training.seeding import data_order
from harness.training.train import train
from suite.keras import CHECKS
from tests.training.conftest import ROOT, environment
from tests.training.experiments import (
    CHANCE,
    DROPOUT,
    FAILURES,
    L2,
    LOOKS,
    LOSS_LIMIT,
    NO_EPOCH,
    PENALISED,
    SOFTMAX,
    declared,
    network,
    reversed_images,
    whole_batches,
)

NAMES = [name for name, engine in ENGINES.items() if active_backend() in engine.backends]
WAYS = [*NAMES, *(f"{name}, epoch by epoch" for name in NAMES if name != "fit")]
"""A launch an epoch is how larger networks are trained; of the others all epochs are one launch."""
SEED = 3


def by(way):
    """The engine, with the limit of what is tiny in place."""
    name, _, epochs = way.partition(", ")
    return name, mock.patch.object(sizes, "TINY", 0 if epochs else sizes.TINY)


TRIALS: dict[Any, Any] = {}


def trained(experiment, variant, way, seed=SEED):
    """After another seed, whose weights, moments and statistics must leave no trace."""
    key = (experiment.id, experiment.size, variant, way, seed)
    if key not in TRIALS:
        engine, limited = by(way)
        with limited:
            TRIALS[key] = train(experiment, variant, [1, seed], engine)[-1]
    return TRIALS[key]


def self_checks():
    """Those of trainings, by every engine; in the quick tests only one network's curves by ``compiled``."""
    for engine in NAMES:
        for check in CHECKS:
            of_engine = check.id.startswith(("network", "divergence", "dropout/masks", "late-epochs"))
            if of_engine or (engine, check.backends) == ("vectorized", (active_backend(),)):
                quick = (engine, check.id) == ("compiled", "network/relu-adam")
                yield pytest.param(engine, check, id=f"{engine}-{check.id}", marks=() if quick else pytest.mark.slow)


@pytest.mark.parametrize(("engine", "check"), self_checks())
def test_self_checks_hold(engine, check):
    """Every curve of every engine is that of NumPy; masks, late states and divergences are right."""
    wrong = [measured.wrong for measured in check.check(engine)]
    assert wrong
    assert not any(wrong), next(filter(None, wrong))


@pytest.mark.parametrize("engine", NAMES)
def test_a_trial_names_what_it_is(engine):
    trial = trained(DROPOUT, "with", engine)
    assert (trial.variant, trial.seed, trial.engine, trial.divergence) == ("with", SEED, engine, None)
    losses = trial.history["loss"]
    assert trial.metrics["loss"] == losses[-1]
    assert len(losses) == 2
    # written with the shortest decimal that names the float32
    assert [float(str(np.float32(value))) for value in losses] == list(losses)
    seconds = trial.seconds
    assert seconds.compile >= 0
    assert 0 < seconds.steady_epoch <= seconds.total
    assert 0 < seconds.first_epoch <= seconds.total


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_same_seed_same_bits(way):
    """Alone or after another seed, in a program or model of its own; other seeds have others."""
    engine, limited = by(way)
    with limited:
        again, other = train(DROPOUT, "with", [SEED, 4], engine)
    first = trained(DROPOUT, "with", way)
    assert (again.history, again.metrics, again.divergence) == (first.history, first.metrics, first.divergence)
    assert np.abs(np.subtract(again.history["loss"], other.history["loss"])).min() > 100 * LOSS_LIMIT


AGAIN = """
from harness.training.backend import choose_backend, start_backend
choose_backend("{backend}")
start_backend()
from harness.training.train import train
from tests.training.experiments import DROPOUT
print(train(DROPOUT, "with", [2, 3], engine="compiled")[1].history)
"""


@pytest.mark.slow
def test_another_process_trains_the_same_bits(backend):
    """With its own hash seed and home."""
    command, variables = [sys.executable, "-c", AGAIN.format(backend=backend)], environment(PYTHONHASHSEED="77")
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(trained(DROPOUT, "with", "compiled").history)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_recorded_curves(way):
    curves = {name: np.array(curve) for name, curve in trained(LOOKS, "penalised", way).history.items()}
    # halves are the validation loss without the penalty
    halves = (curves["even_val_loss"] + curves["odd_val_loss"]) / 2
    assert curves["val_loss"] - halves == pytest.approx(L2 * curves["followed"], abs=LOSS_LIMIT)
    assert np.abs(curves["even_val_loss"] - curves["odd_val_loss"]).min() > 100 * LOSS_LIMIT
    # an observation after each launch sees that launch; one launch is observed once, at its end
    seen = curves["followed"][-1:] if way in ("compiled", "vectorized") else curves["followed"]
    assert curves["observed"] == pytest.approx(seen, rel=LOSS_LIMIT)
    assert len(set(curves["followed"])) == len(curves["loss"]) == 3
    # the initial one is of the initial weights: glorot_uniform, a variance of 2 / (784 + 10) in each of 7840 weights
    assert [*curves["initial_examples"]] == [*curves["examples"][:1]] == [600.0]
    assert curves["initial_observed"] == pytest.approx([7840 * 2 / 794], rel=0.05)
    # without an epoch nothing else is recorded
    initial = {name: tuple(curve) for name, curve in curves.items() if name.startswith("initial_")}
    untrained = trained(NO_EPOCH, "penalised", way)
    assert (untrained.history, untrained.divergence) == (initial, None)


SHARED = declared(
    "shared",
    Variant("first"),
    Variant("other rate", optimizer=functools.partial(sgd, 0.01)),
    Variant("other data", data=reversed_images),
    Variant("other initializer", functools.partial(dense_softmax, 784, 10, "random_normal")),
    Variant("fewer images", data=functools.partial(whole_batches, 2)),
    Variant("other model", network(PENALISED)),
    Variant("batch normalization", network(Layer("BatchNormalization"), PENALISED)),
    data=whole_batches,
    model=network(SOFTMAX),
)


@pytest.mark.slow
@pytest.mark.parametrize("engine", NAMES[1:])
def test_variants_share_a_program_only_where_it_is_the_same_and_that_changes_nothing(engine):
    used, get_for = [], Programs.get_for

    def told(*arguments):
        program, before = get_for(*arguments)
        used.append(before)
        return program, before

    trains._PROGRAMS.clear()
    with mock.patch.object(Programs, "get_for", told):
        in_turn = {v.name: train(SHARED, v.name, [SEED], engine)[0].history for v in SHARED.variants}
    assert used == [False, True, True, True, False, False, False]
    assert len({tuple(history["loss"]) for history in in_turn.values()}) == len(in_turn)
    for variant in SHARED.variants[1:4]:
        trains._PROGRAMS.clear()
        assert train(SHARED, variant.name, [SEED], engine)[0].history == in_turn[variant.name]


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("experiment", "variant", "expected"),
    [
        (SHARES, "raw", ("inf", 3, 3)),  # as on the slide: 4.9e11, 5.4e32, inf, inf, inf, nan
        (FAILURES, "nan", ("nan", 1, [*data_order(0, 0, 8)].index(5) + 1)),  # example 5 of 8 is nan, in batches of one
        (FAILURES, "blow-up", ("blow-up", 5, 5)),  # by 9 a step: above 1000 times the first loss, launches after it
        (FAILURES, "finite", None),
        (CHANCE, "rate 0", ("stuck at chance", 2, None)),
    ],
)
def test_a_divergence_is_found_at_its_step(experiment, variant, expected, way):
    trial = trained(experiment, variant, way, seed=0)
    divergence = trial.divergence
    told = divergence and (divergence.kind, divergence.epoch, divergence.step)
    own_order = way == "fit" and variant == "nan"
    assert (told[:2] if own_order else told) == (expected[:2] if own_order else expected)
    losses = trial.history["loss"]
    if variant == "raw":
        assert (trial.metrics["first_inf_epoch"], trial.metrics["first_nan_epoch"]) == (3, 6)
        assert 1e10 < trial.metrics["first_loss"] < 1e13
        assert 1e30 < trial.metrics["second_loss"] < 1e34
    if variant == "blow-up":
        assert losses == pytest.approx([losses[0] * 9**step for step in range(8)], rel=1e-4)


@pytest.mark.parametrize("way", [way for way in WAYS if not way.startswith("vectorized")])
def test_an_interrupt_keeps_finished_trials(way):
    """Ctrl-C in the second trial, in epoch 3: ``on_epoch`` is told of every launch, ``on_trial`` of every trial."""
    epochs, trials = [], []

    def on_epoch(seed, epoch):
        epochs.append((seed, epoch))
        if seed == 9 and epoch >= 3:
            raise KeyboardInterrupt

    engine, limited = by(way)
    with limited, pytest.raises(KeyboardInterrupt):
        train(FAILURES, "finite", [4, 9, 2], engine, on_epoch=on_epoch, on_trial=trials.append)
    each = [(4, epoch) for epoch in range(1, 9)] + [(9, 1), (9, 2), (9, 3)]
    assert epochs == ([(4, 8), (9, 8)] if way == "compiled" else each)
    assert [trial.seed for trial in trials] == [4]
    assert len(trials[0].history["loss"]) == 8
