"""Shortened trainings: engines compared with each other and with the whole training."""

import functools
import itertools
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import pytest

from cases.networks import adam, sgd
from harness.domain.model import Dataset, Experiment, Size, Variant
from harness.errors import SuiteError
from harness.training import steps
from harness.training.backends import active_backend
from harness.training.engines import ENGINES
from harness.training.steps import first_steps
from harness.training.train import train
from tests.training.experiments import BATCH, LOSS, LOSS_LIMIT, MASKS_OF_TORCH, full_batches, images, small

SEEDS, STEPS = (0, 3), 4
"""All the full batches that ``images`` and ``full_batches`` have."""


def first_weight(model: Any, data: Dataset) -> Mapping[str, float]:
    return {"first weight": float(model.get_weights()[0][0, 0]), "examples": float(len(data.x))}


def experiment(name: str, *variants: Variant, data: Any = images, epochs: int = 1) -> Experiment:
    return Experiment(
        id=name,
        data=data,
        model=functools.partial(small, hidden=1),
        optimizer=functools.partial(sgd, 0.1),
        loss="categorical_crossentropy",
        size=Size(epochs=epochs, batch_size=BATCH),
        metrics=(LOSS,),
        observe=first_weight,
        variants=variants,
    )


FIRST = experiment(
    "first-steps",
    Variant("dropout", functools.partial(small, dropout=0.2), optimizer=adam),
    Variant("batch norm and penalty", functools.partial(small, hidden=1, batch_norm=True, l1=1e-3)),
)
VARIANTS = [variant.name for variant in FIRST.variants]
WHOLE = experiment(
    "whole-epoch",
    Variant("dropout", functools.partial(small, hidden=1, dropout=0.2)),
    Variant("penalty", functools.partial(small, hidden=1, l1=1e-3)),
    data=full_batches,
)
NO_EPOCH = experiment("no-epoch", Variant("observed"), epochs=0)


def engines() -> list[str]:
    return [name for name, entry in ENGINES.items() if active_backend() in entry.backends]


@functools.cache
def trained(variant: str, engine: str = "compiled", **how: Any) -> Any:
    return first_steps(FIRST, variant, SEEDS, STEPS, engine=engine, **how)


def losses(trials: Any) -> np.ndarray:
    return np.array([trial.losses for trial in trials], "float64")


def without_seconds(trials: Any) -> list[dict[str, Any]]:
    return [{**msgspec.structs.asdict(trial), "seconds": trial.seconds > 0} for trial in trials]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_engine_has_the_same_first_steps(variant, backend, request):
    """Dropout among them, where each draws its masks from the model's own states."""
    if (variant, backend) == ("dropout", "torch"):
        request.applymarker(pytest.mark.xfail(reason=MASKS_OF_TORCH, strict=True))
    by_engine = [trained(variant, engine) for engine in engines()]
    assert len(by_engine) >= 2
    for trials, others in itertools.combinations(by_engine, 2):
        assert np.abs(losses(trials) - losses(others)).max() <= LOSS_LIMIT
        assert trials[0].val_losses[-1] == pytest.approx(others[0].val_losses[-1], abs=LOSS_LIMIT)
        assert trials[0].observed == others[0].observed


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_trial_says_what_it_is(variant):
    for engine in engines():
        trials = trained(variant, engine)
        assert [trial.seed for trial in trials] == list(SEEDS)
        assert losses(trials).shape == (2, STEPS)
        for trial in trials:
            assert trial.engine == engine
            assert (trial.perturbed, trial.canonical, trial.seconds > 0) == (0, False, True)
        assert [len(trial.val_losses) for trial in trials] == [STEPS, 0]
        assert [sorted(trial.observed) for trial in trials] == [["examples", "first weight"], []]
        assert trials[0].observed["examples"] == 600
        first, second = losses(trials)
        assert np.abs(first - second).max() > 100 * LOSS_LIMIT


@pytest.mark.parametrize("variant", ["dropout", "penalty"])
def test_the_mean_of_all_steps_is_the_loss_of_the_first_epoch(variant):
    """Penalties included, in the data order of the whole training, with its dropout masks."""
    (short,) = first_steps(WHOLE, variant, [3], STEPS, engine="compiled", validate=[3])
    (whole,) = train(WHOLE, variant, [3], "compiled")
    assert np.mean(short.losses) == pytest.approx(whole.history["loss"][0], abs=LOSS_LIMIT)
    assert short.losses[-1] != pytest.approx(whole.history["loss"][0], abs=100 * LOSS_LIMIT)
    assert not short.val_losses  # it has no validation data


def test_the_validation_loss_is_without_penalties():
    """At a rate of 0 the weights stand still, and the penalty shows in the training loss alone."""
    still = functools.partial(sgd, 0.0)
    penalised = functools.partial(small, hidden=1, l1=0.1)
    declared = experiment("penalty", Variant("with", penalised, optimizer=still), Variant("without", optimizer=still))
    ((with_penalty,), (plain,)) = (
        first_steps(declared, name, [3], 1, engine="compiled", validate=[3]) for name in ("with", "without")
    )
    assert with_penalty.val_losses == plain.val_losses
    assert with_penalty.losses[0] > plain.losses[0] + 0.1


def test_fewer_steps_are_the_beginning_of_more():
    for engine in {"compiled", engines()[-1]}:
        (short,) = first_steps(FIRST, "dropout", [3], 2, engine=engine, validate=())
        assert short.losses == pytest.approx(trained("dropout", engine)[1].losses[:2], abs=LOSS_LIMIT)


def test_no_step_observes_the_network_as_initialised():
    for engine in engines():
        trials = first_steps(NO_EPOCH, "observed", SEEDS, 0, engine=engine)
        assert [list(trial.losses) for trial in trials] == [[], []]
        assert [sorted(trial.observed) for trial in trials] == [["examples", "first weight"], []]


def test_perturbed_trials_differ_by_rounding_only():
    variant = "batch norm and penalty"
    plain, *perturbed = (trained(variant, perturbed=number) for number in (0, 1, 2))
    again = first_steps(FIRST, variant, SEEDS, STEPS, engine="compiled")
    assert without_seconds(again) == without_seconds(plain)
    weight = plain[0].observed["first weight"]
    for number, trials in enumerate(perturbed, 1):
        assert [trial.perturbed for trial in trials] == [number] * 2
        assert 0 < np.abs(losses(trials) / losses(plain) - 1).max() < 1e-4
        assert trials[0].observed["first weight"] == pytest.approx(weight, rel=2e-7)
        assert trials[0].observed["first weight"] != weight
    assert (losses(perturbed[0]) != losses(perturbed[1])).any()


@pytest.mark.parametrize("variant", VARIANTS)
def test_canonical_trials_are_others_than_plain_ones(variant, record):
    canonical = trained(variant, canonical=True)
    assert all(trial.canonical for trial in canonical)
    assert np.abs(losses(canonical) - losses(trained(variant))).min() > LOSS_LIMIT
    assert abs(canonical[0].observed["first weight"]) <= (6 / (784 + 32)) ** 0.5
    record(f"canonical {variant}", [*losses(canonical).ravel(), canonical[0].val_losses[-1]])
    record(f"observed {variant}", canonical[0].observed)


def few(rate: float, units: int = 8, initializer: str = "glorot_uniform") -> Any:
    import keras
    from keras import layers

    hidden = layers.Dense(units, kernel_initializer=initializer)
    return keras.Sequential(
        [layers.Input((784,)), hidden, layers.Dropout(rate), layers.Dense(10, activation="softmax")]
    )


@pytest.mark.slow
def test_variants_of_one_structure_share_a_program_and_leave_no_trace():
    sharing = experiment(
        "sharing",
        Variant("first", functools.partial(few, 0.1)),
        Variant("other rate of learning", functools.partial(few, 0.1), optimizer=functools.partial(sgd, 0.2)),
        Variant("other initializer", functools.partial(few, 0.1, initializer="random_normal")),
        Variant("more data", functools.partial(few, 0.1), data=lambda: images().first(BATCH * 3)),
        Variant("other rate of dropout", functools.partial(few, 0.2)),
    )
    elsewhere = experiment("elsewhere", Variant("as the first", functools.partial(few, 0.1)), data=full_batches)
    *same, other = ((sharing, variant.name) for variant in sharing.variants)
    arms = [*same, (elsewhere, "as the first"), other]

    def one_step(arm: tuple[Experiment, str]) -> Any:
        return without_seconds(first_steps(*arm, [3], 3, engine="compiled", validate=[3]))

    steps._PROGRAMS.clear()
    shared, programs = [], []
    for arm in arms:
        shared.append(one_step(arm))
        programs.append(steps._PROGRAMS.count)
    assert programs == [1, 1, 1, 1, 1, 2]
    for arm, trial in zip(arms[1:-1], shared[1:-1], strict=True):
        steps._PROGRAMS.clear()
        assert one_step(arm) == trial


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ((FIRST, "dropout", [0], 5), ["number of steps of first-steps/dropout", "0 to 4, the full batches", "5"]),
        ((FIRST, "dropout", [0], -1), ["Received: -1"]),
        ((NO_EPOCH, "observed", [0], 1), ["0 to 0", "Received: 1"]),
        ((FIRST, "droput", [0], 1), ["has no variant 'droput'", "Did you mean 'dropout'"]),
        ((FIRST, "dropout", [], 1), ["Invalid seeds"]),
    ],
)
def test_bad_input(arguments, parts):
    with pytest.raises(SuiteError) as error:
        first_steps(*arguments)
    assert [part for part in parts if part not in str(error.value)] == []
