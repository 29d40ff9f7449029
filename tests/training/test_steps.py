"""Shortened trainings: engines and backends compared with each other and with the whole training."""

import itertools

import numpy as np
import pytest

from tests.training.conftest import JAX
from tests.training.measure_steps import PROGRAMS, SEEDS, STEPS
from tests.training.test_engines import LOSS, MASKS_OF_TORCH

VARIANTS = ("dropout", "batch norm and penalty")
NUMPY = 1e-5
"""Largest relative difference of a canonical loss on two backends: float32 sums of 784 products, 4 steps."""


def losses(trials):
    return np.array([trial["losses"] for trial in trials], "float64")


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_engine_has_the_same_first_steps(measured, variant, on_backend, request):
    """Dropout among them, where each draws its masks from the model's own states."""
    if (variant, on_backend) == ("dropout", "torch"):
        request.applymarker(pytest.mark.xfail(reason=MASKS_OF_TORCH, strict=True))
    by_engine = {engine: trials[variant] for engine, trials in measured["steps"]["engines"].items()}
    assert {"fit", "compiled"} <= by_engine.keys()
    for (_, one), (_, other) in itertools.combinations(by_engine.items(), 2):
        assert np.abs(losses(one) - losses(other)).max() <= LOSS
        assert one[0]["val_loss"] == pytest.approx(other[0]["val_loss"], abs=LOSS)
        assert one[0]["observed"] == other[0]["observed"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_trial_says_what_it_is(measured, variant):
    for engine, by_variant in measured["steps"]["engines"].items():
        trials = by_variant[variant]
        assert [trial["seed"] for trial in trials] == list(SEEDS)
        assert losses(trials).shape == (2, STEPS)
        for trial in trials:
            assert (trial["experiment"], trial["variant"], trial["engine"]) == ("first-steps", variant, engine)
            assert (trial["perturbed"], trial["canonical"], trial["took time"]) == (0, False, True)
        assert [trial["val_loss"] is not None for trial in trials] == [True, False]
        assert [sorted(trial["observed"]) for trial in trials] == [["examples", "first weight"], []]
        assert trials[0]["observed"]["examples"] == 600


def test_seeds_differ(measured):
    one, other = measured["steps"]["engines"]["compiled"]["dropout"]
    assert np.abs(np.subtract(one["losses"], other["losses"])).max() > 100 * LOSS


@pytest.mark.parametrize("variant", ["dropout", "penalty"])
def test_the_mean_of_all_steps_is_the_loss_of_the_first_epoch(measured, variant):
    """Penalties included, in the data order of the whole training, with its dropout masks."""
    short, history, _ = measured["steps"]["whole"][variant]
    assert len(short) == STEPS
    assert np.mean(short) == pytest.approx(history["loss"][0], abs=LOSS)
    assert short[-1] != pytest.approx(history["loss"][0], abs=100 * LOSS)


def test_the_validation_loss_is_without_penalties(measured):
    """At a rate of 0 the weights stand still, and the penalty shows in the training loss alone."""
    penalised, plain = (measured["steps"]["penalty"][name] for name in ("with", "without"))
    assert penalised["val_loss"] == plain["val_loss"]
    assert penalised["losses"][0] > plain["losses"][0] + 0.1
    assert measured["steps"]["whole"]["dropout"][2] is None  # has no validation data


def test_fewer_steps_are_the_beginning_of_more(measured):
    for engine, (short,) in measured["steps"]["shorter"].items():
        whole = measured["steps"]["engines"][engine]["dropout"][1]
        assert short["losses"] == pytest.approx(whole["losses"][:2], abs=LOSS)


def test_no_step_observes_the_network_as_initialised(measured):
    for trials in measured["steps"]["no epoch"].values():
        assert [trial["losses"] for trial in trials] == [[], []]
        assert [sorted(trial["observed"]) for trial in trials] == [["examples", "first weight"], []]


def test_perturbed_trials_differ_by_rounding_only(measured):
    found = measured["steps"]["perturbed"]
    (plain, again), (one,), (two,) = (found[number] for number in ("0", "1", "2"))
    assert plain == again
    for other in (one, two):
        assert [trial["perturbed"] for trial in other] == [other[0]["perturbed"]] * 2
        assert 0 < np.abs(losses(other) / losses(plain) - 1).max() < 1e-4
        assert other[0]["observed"]["first weight"] == pytest.approx(plain[0]["observed"]["first weight"], rel=2e-7)
        assert other[0]["observed"]["first weight"] != plain[0]["observed"]["first weight"]
    assert (losses(one) != losses(two)).any()


@pytest.mark.parametrize("on_backend", [JAX], indirect=True)
@pytest.mark.parametrize("variant", VARIANTS)
def test_canonical_trials_are_equal_on_both_backends(measured, variant, workers):
    jax, tensorflow = (results["steps"]["canonical"][variant] for results in (measured, workers.measured("tensorflow")))
    assert all(trial["canonical"] for trial in (*jax, *tensorflow))
    assert losses(jax) == pytest.approx(losses(tensorflow), rel=NUMPY)
    assert jax[0]["val_loss"] == pytest.approx(tensorflow[0]["val_loss"], rel=NUMPY)
    assert jax[0]["observed"] == tensorflow[0]["observed"]


def test_canonical_trials_are_others_than_plain_ones(measured):
    canonical, plain = measured["steps"]["canonical"]["dropout"], measured["steps"]["engines"]["compiled"]["dropout"]
    assert np.abs(losses(canonical) - losses(plain)).min() > LOSS
    assert abs(canonical[0]["observed"]["first weight"]) <= (6 / (784 + 32)) ** 0.5


@pytest.mark.slow
def test_variants_of_one_structure_share_a_program_and_leave_no_trace(measured):
    found = measured["sharing of steps"]
    assert found["programs"] == PROGRAMS
    assert len(found["alone"]) == 4
    assert {name: found["shared"][name] for name in found["alone"]} == found["alone"]


@pytest.mark.parametrize(
    ("name", "parts"),
    {
        "too many": ["number of steps of first-steps/dropout", "0 to 4, the full batches", "Received: 5"],
        "negative": ["Received: -1"],
        "no epoch": ["0 to 0", "Received: 1"],
        "variant": ["has no variant 'droput'", "Did you mean 'dropout'"],
        "seeds": ["Invalid seeds"],
    }.items(),
)
def test_bad_input(measured, name, parts):
    assert [part for part in parts if part not in measured["steps"]["errors"][name]] == []
