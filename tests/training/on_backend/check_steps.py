"""Shortened trainings: engines compared with each other and with the whole training."""

import functools
import itertools
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import pytest

from cases.networks import adam, sgd
from harness.errors import SuiteError
from harness.model import Dataset, Size, Variant
from harness.training import steps
from harness.training.backends import active_backend
from harness.training.engines import ENGINES
from harness.training.steps import first_steps
from harness.training.train import train
from tests.training.experiments import BATCH, LOSS_LIMIT, declared, images, small, whole_batches

SEEDS, STEPS = (0, 3), 4
"""All the full batches that ``images`` and ``whole_batches`` have."""


def first_weight(model: Any, data: Dataset) -> Mapping[str, float]:
    return {"first weight": float(model.get_weights()[0][0, 0]), "examples": float(len(data.x))}


FIRST = declared(
    "first-steps",
    Variant("dropout", functools.partial(small, dropout=0.2), optimizer=adam),
    Variant("batch norm and penalty", functools.partial(small, hidden=1, batch_norm=True, l1=1e-3)),
    observe=first_weight,
)
VARIANTS = [variant.name for variant in FIRST.variants]
WHOLE = declared(
    "whole-epoch",
    Variant("dropout and penalty", functools.partial(small, hidden=1, dropout=0.2, l1=1e-3)),
    data=whole_batches,
    size=Size(epochs=1, batch_size=BATCH),
)
UNTRAINED = declared(
    "no-epoch",
    Variant("observed", functools.partial(small, hidden=1)),
    size=Size(epochs=0, batch_size=BATCH),
    observe=first_weight,
)


NAMES = [name for name, engine in ENGINES.items() if active_backend() in engine.backends]


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
        reason = "Keras on PyTorch draws masks from a global generator, from which the data loader of fit draws too"
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    by_engine = [trained(variant, engine) for engine in NAMES]
    assert len(by_engine) >= 2
    for trials, others in itertools.combinations(by_engine, 2):
        assert np.abs(losses(trials) - losses(others)).max() <= LOSS_LIMIT
        assert trials[0].val_losses[-1] == pytest.approx(others[0].val_losses[-1], abs=LOSS_LIMIT)
        assert trials[0].observed == others[0].observed


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_trial_says_what_it_is(variant):
    for engine in NAMES:
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


def test_the_mean_of_all_steps_is_the_loss_of_the_first_epoch():
    """Penalties included, in the data order of the whole training, with its dropout masks."""
    (short,) = first_steps(WHOLE, "dropout and penalty", [3], STEPS, engine="compiled", validate=[3])
    (whole,) = train(WHOLE, "dropout and penalty", [3], "compiled")
    assert np.mean(short.losses) == pytest.approx(whole.history["loss"][0], abs=LOSS_LIMIT)
    assert short.losses[-1] != pytest.approx(whole.history["loss"][0], abs=100 * LOSS_LIMIT)
    assert not short.val_losses  # it has no validation data


def test_the_validation_loss_is_without_penalties():
    """At a rate of 0 the weights stand still, and the penalty shows in the training loss alone."""
    networks = {"with": functools.partial(small, hidden=1, l1=0.1), "without": functools.partial(small, hidden=1)}
    still = declared("penalty", *(Variant(*each) for each in networks.items()), optimizer=functools.partial(sgd, 0.0))
    ((penalised,), (plain,)) = (first_steps(still, v, [3], 1, engine="compiled", validate=[3]) for v in networks)
    assert penalised.val_losses == plain.val_losses
    assert penalised.losses[0] > plain.losses[0] + 0.1


def test_fewer_steps_are_the_beginning_of_more():
    for engine in {"compiled", NAMES[-1]}:
        (short,) = first_steps(FIRST, "dropout", [3], 2, engine=engine, validate=())
        assert short.losses == pytest.approx(trained("dropout", engine)[1].losses[:2], abs=LOSS_LIMIT)


def test_no_step_observes_the_network_as_initialised():
    for engine in NAMES:
        trials = first_steps(UNTRAINED, "observed", SEEDS, 0, engine=engine)
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


@pytest.mark.slow
def test_programs_of_one_step_are_kept_for_all_that_share_a_structure():
    def plain(rate: float) -> Any:
        return functools.partial(small, hidden=1, dropout=rate, units=8)

    arms = [
        declared("first", Variant("a", plain(0.1))),
        declared("more-data", Variant("a", plain(0.1), data=lambda: images().first(BATCH * 3))),
        declared("without-validation", Variant("a", plain(0.1)), data=whole_batches),
        declared("other-rate", Variant("a", plain(0.2))),
        declared("first", Variant("a", plain(0.1))),
    ]
    steps._PROGRAMS.clear()
    shared, programs = [], []
    for arm in arms:
        shared.append(without_seconds(first_steps(arm, "a", [3], 3, engine="compiled")))
        programs.append(len(steps._PROGRAMS))
    assert programs == [1, 1, 1, 2, 2]
    assert shared[0] == shared[-1]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ((FIRST, "dropout", [0], 5), ["number of steps of first-steps/dropout", "0 to 4, the full batches", "5"]),
        ((FIRST, "dropout", [0], -1), ["Received: -1"]),
        ((UNTRAINED, "observed", [0], 1), ["0 to 0", "Received: 1"]),
        ((FIRST, "droput", [0], 1), ["has no variant 'droput'", "Did you mean 'dropout'"]),
        ((FIRST, "dropout", [], 1), ["Invalid seeds"]),
    ],
)
def test_bad_input(arguments, parts):
    with pytest.raises(SuiteError) as error:
        first_steps(*arguments)
    assert [part for part in parts if part not in str(error.value)] == []
