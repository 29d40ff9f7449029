"""Engines compared: one training, several programs. ``fit`` takes the data in the order of the others.

Features of trainings are the rows: penalties, batch normalization, dropout, a partial batch, inference curves, what is
followed and observed, divergences, and programs that variants share.
"""

import contextlib
import functools
import math
import statistics
import subprocess
import sys
from typing import Any
from unittest import mock

import numpy as np
import pytest
from scipy import stats

from cases.examples.normalization import SHARES
from cases.networks import dense_softmax, sgd
from harness.domain.model import Dataset, Experiment, Size, Trial, Variant
from harness.training import compiled, engines, fit
from harness.training import train as trains
from harness.training.seeding import data_order
from harness.training.train import train
from tests.training.conftest import ROOT, environment
from tests.training.experiments import (
    AGREEMENT,
    BATCH,
    CHANCE,
    DROPOUT,
    FAILURES,
    HITS_LIMIT,
    INFERENCE,
    L2,
    LOOKS,
    LOSS,
    LOSS_LIMIT,
    MASKS,
    MASKS_OF_TORCH,
    NO_EPOCH,
    REGRESSION,
    images,
    penalised,
)
from tests.training.ordered import OrderedFit

SEED, SEEDS, ALONE = 3, tuple(range(12)), 5
WAYS = ("compiled", "epoch by epoch")
CURVES = {"loss", "accuracy", "val_loss", "val_accuracy"}
COMPARED = {
    "softmax": (INFERENCE, CURVES | {"train_loss", "train_accuracy"}),
    "activity l1": (AGREEMENT, CURVES),
    "batch norm": (AGREEMENT, CURVES),
    "linear": (REGRESSION, {"loss"}),
    "seeded": (DROPOUT, {"loss"}),  # a Dropout layer with a seed of its own
    "with": (DROPOUT, {"loss"}),  # dropout: equal even so, where both engines draw the masks from the model's states
}


TRIALS: dict[tuple[Any, ...], Trial] = {}


def trained(experiment, variant, way, seed=SEED):
    key = (experiment.id, experiment.size, variant, way, seed)
    if key not in TRIALS:
        TRIALS[key] = trained_anew(experiment, variant, way, seed)
    return TRIALS[key]


def trained_anew(experiment, variant, way, seed):
    """``compiled`` after another seed, whose weights, moments and statistics must leave no trace."""
    with contextlib.ExitStack() as changed:
        if way == "fit":
            changed.enter_context(mock.patch.object(fit, "FitEngine", OrderedFit))
            return train(experiment, variant, [seed], "fit")[0]
        if way == "epoch by epoch":  # a launch an epoch, the state carried from one to the next
            changed.enter_context(mock.patch.object(engines, "TINY", 0))
        return train(experiment, variant, [1, seed], "compiled")[-1]


def differences(trial, other):
    """Largest absolute difference of each curve of two trials."""
    assert trial.history.keys() == other.history.keys()
    return {name: np.max(np.abs(np.subtract(curve, other.history[name]))) for name, curve in trial.history.items()}


def limit(curve):
    return HITS_LIMIT if curve.endswith("accuracy") else LOSS_LIMIT


@pytest.mark.parametrize(
    ("variant", "way"),
    [
        *((name, "compiled") for name in COMPARED if name != "batch norm"),
        ("batch norm", "epoch by epoch"),
        ("linear", "epoch by epoch"),
    ],
)
def test_engines_give_the_same_curves(variant, way, backend, request):
    if (variant, backend) == ("with", "torch"):
        request.applymarker(pytest.mark.xfail(reason=MASKS_OF_TORCH, strict=True))
    experiment, curves = COMPARED[variant]
    reference, trial = (trained(experiment, variant, engine) for engine in ("fit", way))
    apart = differences(reference, trial)
    assert set(apart) == curves
    assert {name: value for name, value in apart.items() if not value <= limit(name)} == {}
    losses = reference.history["loss"]
    assert losses[-1] < 0.95 * losses[0]  # curves that stand still would agree whatever the engines do


def test_a_dropped_last_batch_is_seen():
    def shorter(seed, epoch, count):
        return data_order(seed, epoch, count)[: count - count % REGRESSION.size.batch_size]

    with mock.patch.object(compiled, "data_order", shorter):
        (spoilt,) = train(REGRESSION, "linear", [SEED], "compiled")
    apart = differences(trained(REGRESSION, "linear", "fit"), spoilt)
    assert all(value > 100 * limit(name) for name, value in apart.items())


@pytest.mark.parametrize("engine", ["fit", "compiled"])
@pytest.mark.parametrize(("experiment", "variant", "epochs"), [(INFERENCE, "softmax", 3), (DROPOUT, "with", 2)])
def test_a_trial_names_what_it_is(experiment, variant, epochs, engine):
    trial = trained(experiment, variant, engine)
    assert (trial.variant, trial.seed, trial.engine) == (variant, SEED, engine)
    losses = trial.history["loss"]
    assert trial.metrics["loss"] == losses[-1]
    assert trial.divergence is None
    # written with the shortest decimal that names the float32
    assert [float(str(np.float32(value))) for value in losses] == list(losses)
    assert len(losses) == epochs
    assert all(map(math.isfinite, losses))
    seconds = trial.seconds
    assert seconds.compile >= 0
    assert 0 < seconds.steady_epoch <= seconds.total
    assert 0 < seconds.first_epoch <= seconds.total


# Dropout


@functools.cache
def dropped(engine, variant="with"):
    """Twelve seeds, by ``fit`` in the order of Keras."""
    return train(DROPOUT, variant, SEEDS, engine)


def final_losses(trials):
    return [trial.history["loss"][-1] for trial in trials]


@pytest.mark.slow
def test_another_data_order_is_seen():
    """Without the injected order, ``fit`` with the same seed is another training."""
    pairs = list(zip(dropped("fit"), dropped("compiled"), strict=True))
    assert [(a.seed, b.seed) for a, b in pairs] == [(seed, seed) for seed in SEEDS]
    assert all(differences(a, b)["loss"] > 100 * LOSS_LIMIT for a, b in pairs)


@pytest.mark.slow
def test_dropout_is_equal_in_distribution():
    """And both tests have the power to tell a training without dropout from one with."""
    ours, theirs, without = (final_losses(dropped(*how)) for how in (("fit",), ("compiled",), ("compiled", "without")))
    assert stats.ttest_ind(ours, theirs, equal_var=False).pvalue > 0.001
    assert stats.ks_2samp(ours, theirs).pvalue > 0.001
    for losses in (ours, theirs):
        assert statistics.mean(losses) > statistics.mean(without)
        assert stats.ttest_ind(losses, without, equal_var=False).pvalue < 0.001
        assert stats.ks_2samp(losses, without).pvalue < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["fit", "compiled"])
def test_every_step_draws_a_new_mask_and_inference_none(engine):
    """At a rate of 0 the weights stand still: with the masks off, so does the loss. Both sets are the same image."""
    history = trained(MASKS, "dropout", engine).history
    assert len(set(history["loss"])) == len(history["loss"]) == 6
    for curve in ("val_loss", "train_loss"):
        assert set(history[curve]) == {history["val_loss"][0]}
        assert history[curve][0] not in history["loss"]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["fit", "compiled"])
def test_same_seed_same_bits(engine):
    """Alone or after five other seeds, in a program or model of its own."""
    (again,), first = train(DROPOUT, "with", [ALONE], engine), dropped(engine)[ALONE]
    assert again.seed == first.seed == ALONE
    assert (again.history, again.metrics, again.divergence) == (first.history, first.metrics, first.divergence)
    assert len(set(final_losses(dropped(engine)))) == len(SEEDS)


AGAIN = """
from harness.training.backend import choose_backend, start_backend
choose_backend("{backend}")
start_backend()
from harness.training.train import train
from tests.training.experiments import DROPOUT
print(train(DROPOUT, "with", [2, 5], engine="compiled")[1].history)
"""


@pytest.mark.slow
def test_another_process_trains_the_same_bits(backend):
    """With its own hash seed and home."""
    command, variables = [sys.executable, "-c", AGAIN.format(backend=backend)], environment(PYTHONHASHSEED="77")
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(train(DROPOUT, "with", [5], "compiled")[0].history)


# Followed, observed, halves


@pytest.mark.slow
@pytest.mark.parametrize("way", ["fit", *WAYS])
def test_recorded_curves(way):
    curves = {name: np.array(curve) for name, curve in trained(LOOKS, "penalised", way).history.items()}
    reference = trained(LOOKS, "penalised", "fit").history
    for name in ("loss", "val_loss", "even_val_loss", "odd_val_loss", "followed"):
        assert curves[name] == pytest.approx(reference[name], abs=LOSS_LIMIT), name
    # halves are the validation loss without the penalty
    halves = (curves["even_val_loss"] + curves["odd_val_loss"]) / 2
    assert curves["val_loss"] - halves == pytest.approx(L2 * curves["followed"], abs=LOSS_LIMIT)
    assert np.abs(curves["even_val_loss"] - curves["odd_val_loss"]).min() > 100 * LOSS_LIMIT
    # an observation after each launch sees that launch; one launch is observed once, at its end
    seen = curves["followed"][-1:] if way == "compiled" else curves["followed"]
    assert curves["observed"] == pytest.approx(seen, rel=LOSS_LIMIT)
    assert len(set(curves["followed"])) == len(curves["loss"]) > 1
    # the initial one is of the initial weights: glorot_uniform, a variance of 2 / (784 + 10) in each of 7840 weights
    assert [*curves["initial_examples"]] == [*curves["examples"][:1]] == [600.0]
    assert curves["initial_observed"] == pytest.approx([7840 * 2 / 794], rel=0.05)
    assert tuple(curves["initial_observed"]) == tuple(reference["initial_observed"])


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["fit", "compiled"])
def test_no_epoch_is_only_observed(engine):
    trial, whole = trained(NO_EPOCH, "penalised", engine), trained(LOOKS, "penalised", "fit")
    assert trial.history == {name: curve for name, curve in whole.history.items() if name.startswith("initial_")}
    assert trial.divergence is None


# Programs that variants share


def whole_batches(count=4):
    """As many images as fill batches. A partial batch would double what is compiled."""
    return images().first(count * BATCH)


def reversed_images():
    full = whole_batches()
    return Dataset(full.x[::-1].copy(), full.y[::-1].copy(), full.x_val, full.y_val)


SHARED = Experiment(
    id="shared",
    data=whole_batches,
    model=functools.partial(dense_softmax, 784, 10),
    optimizer=functools.partial(sgd, 0.1),
    loss="categorical_crossentropy",
    size=Size(epochs=2, batch_size=BATCH),
    metrics=(LOSS,),
    variants=(
        Variant("first"),
        Variant("other rate", optimizer=functools.partial(sgd, 0.01)),
        Variant("other data", data=reversed_images),
        Variant("fewer images", data=functools.partial(whole_batches, 2)),
        Variant("other model", penalised),
        Variant("batch normalization", functools.partial(penalised, batch_norm=True)),
    ),
)


@pytest.mark.slow
def test_variants_share_a_program_only_where_it_is_the_same_and_that_changes_nothing():
    loaded = mock.Mock(side_effect=compiled.load_program)
    in_turn, programs = {}, []
    trains._programs.cache_clear()
    with mock.patch.object(compiled, "load_program", loaded):
        for variant in SHARED.variants:
            in_turn[variant.name] = train(SHARED, variant.name, [SEED], "compiled")[0].history
            programs.append(loaded.call_count)
    assert programs == [1, 1, 1, 2, 3, 4]
    assert len({tuple(history["loss"]) for history in in_turn.values()}) == len(in_turn)
    for name in ("other rate", "other data"):
        trains._programs.cache_clear()
        assert train(SHARED, name, [SEED], "compiled")[0].history == in_turn[name]


# Divergences and interrupts


@pytest.mark.slow
@pytest.mark.parametrize("way", ["fit", *WAYS])
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
    assert (divergence and (divergence.kind, divergence.epoch, divergence.step)) == expected
    losses = trial.history["loss"]
    if variant == "raw":
        assert (trial.metrics["first_inf_epoch"], trial.metrics["first_nan_epoch"]) == (3, 6)
        assert 1e10 < trial.metrics["first_loss"] < 1e13
        assert 1e30 < trial.metrics["second_loss"] < 1e34
    if variant == "blow-up":
        assert losses == pytest.approx([losses[0] * 9**step for step in range(8)], rel=1e-4)


@pytest.mark.parametrize("way", ["fit", *WAYS])
def test_an_interrupt_keeps_finished_trials(way):
    """Ctrl-C in the second trial, in epoch 3: ``on_epoch`` is told of every launch, ``on_trial`` of every trial."""
    epochs, trials = [], []

    def on_epoch(seed, epoch):
        epochs.append((seed, epoch))
        if seed == 9 and epoch >= 3:
            raise KeyboardInterrupt

    engine, tiny = "fit" if way == "fit" else "compiled", 1e8 if way == "compiled" else 0
    with mock.patch.object(engines, "TINY", tiny), pytest.raises(KeyboardInterrupt):
        train(FAILURES, "finite", [4, 9, 2], engine, on_epoch=on_epoch, on_trial=trials.append)
    told = [(4, 8), (9, 8)] if way == "compiled" else [(4, e) for e in range(1, 9)] + [(9, 1), (9, 2), (9, 3)]
    assert epochs == told
    assert [trial.seed for trial in trials] == [4]
    assert len(trials[0].history["loss"]) == 8
