"""Learning curves seed by seed, on simulated trials whose truth is known."""

import dataclasses
import math

import numpy as np
import pytest

from baselines.curves import CALM, SMALLEST, Shift, _scattered, largest, relative, rounding, symmetric
from baselines.files import read
from harness.trial import Trial
from suite.options import ROOT

LEVEL, RUNS, EPOCHS = 0.01, 400, 8
NOISE = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "t3": lambda rng, shape: rng.standard_t(3, shape),
    "one seed in ten meets chaos": lambda rng, shape: (
        rng.standard_normal(shape) * np.where(rng.random(shape) < 0.1, 100, 1)
    ),
}


def trial(seed, curve, **changes):
    history = {"loss": tuple(curve), "val_loss": tuple(2 * value for value in curve)}
    return Trial("relu", seed, **({"metrics": {"val_loss": history["val_loss"][-1]}, "history": history} | changes))


def sample(rng, noise, spread, n, shift=0.0, first=0):
    """(ours, stored, rounding of stored): the seeds share what is theirs; noise grows tenfold from epoch to epoch."""
    own = 1 + 0.1 * rng.standard_normal((n, 1)) + 1 / np.arange(1, EPOCHS + 1)
    growth = spread * 10.0 ** np.minimum(np.arange(EPOCHS), 3)
    made = [
        [trial(first + i, curve) for i, curve in enumerate(own * np.exp(growth * NOISE[noise](rng, (n, EPOCHS)) + by))]
        for by in (shift, 0.0, 0.0)
    ]
    ours, stored, twins = made
    return ours, stored, rounding(stored, twins)


def found(noise, spread, n, shift=0.0, runs=RUNS, same_streams=True, level=LEVEL):
    """The share of comparisons in which something is found to have moved."""
    rng = np.random.default_rng(3)
    moved = 0
    for _ in range(runs):
        ours, stored, known = sample(rng, noise, spread, n, shift)
        moved += largest(ours, stored, known, same_streams=same_streams, level=level) is not None
    return moved / runs


@pytest.mark.parametrize("same_streams", [True, False])
@pytest.mark.parametrize("n", [5, 10])
@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("spread", [1e-6, 1e-3])
def test_rounding_alone_raises_no_more_alarms_than_the_level(noise, spread, n, same_streams):
    allowed = LEVEL + 3 * math.sqrt(LEVEL * (1 - LEVEL) / RUNS)
    assert found(noise, spread, n, same_streams=same_streams) <= allowed


def test_without_the_share_of_each_feature_the_simulation_does_see_false_alarms():
    rng = np.random.default_rng(3)
    single = [sample(rng, "normal", 1e-3, 5) for _ in range(200)]
    alarms = sum(largest(*one, same_streams=False, level=0.5) is not None for one in single)
    assert alarms > 10


@pytest.mark.parametrize(
    ("spread", "shift", "low", "high"),
    [(1e-6, 0.002, 1.0, 1.0), (1e-6, 0.0005, 0.0, 0.0), (1e-4, 0.01, 0.95, 1.0), (1e-3, 0.002, 0.0, 0.5)],
)
def test_power(spread, shift, low, high):
    assert low <= found("normal", spread, 5, shift, runs=100) <= high


def test_other_streams_are_judged_by_their_own_spread():
    """The twins of the stored versions say nothing of them: five seeds then need a shift that dwarfs it."""
    known, own = (found("normal", 1e-3, 5, 0.014, 100, same_streams, level=1e-4) for same_streams in (True, False))
    assert known > own + 0.1


def test_fewer_than_five_seeds_in_common_tell_nothing():
    rng = np.random.default_rng(0)
    ours, stored, known = sample(rng, "normal", 1e-6, 5, shift=0.5)
    assert largest(ours, stored, known, same_streams=True, level=LEVEL).feature
    assert largest(ours[:4], stored, known, same_streams=True, level=LEVEL) is None
    elsewhere = [dataclasses.replace(one, seed=one.seed + 100) for one in ours]
    assert largest(elsewhere, stored, known, same_streams=True, level=LEVEL) is None


def test_one_seed_that_moves_is_no_drift():
    rng = np.random.default_rng(0)
    ours, stored, known = sample(rng, "normal", 1e-6, 5)
    ours[2] = trial(2, [9.0] * EPOCHS)
    assert largest(ours, stored, known, same_streams=True, level=LEVEL) is None


def scattered(noise, n, size, runs=RUNS, level=LEVEL):
    """The share of comparisons that find what moves each seed by about ``size``, up or down, and none in the mean."""
    rng = np.random.default_rng(5)
    seen = 0
    for _ in range(runs):
        ours, stored, known = sample(rng, noise, 1e-7, n)
        by = size * rng.standard_normal(n)
        by -= by.mean()
        ours = [trial(o.seed, [v * math.exp(d) for v in o.history["loss"]]) for o, d in zip(ours, by, strict=True)]
        shift = largest(ours, stored, known, same_streams=True, level=level)
        seen += shift is not None and shift.scattered is not None
    return seen / runs


def test_other_random_numbers_move_each_seed_and_no_mean():
    assert scattered("normal", 5, 0.01, 100, level=5e-5) > 0.95
    assert scattered("normal", 5, 2e-4, 100) == 0.0, "too little to matter"


@pytest.mark.parametrize("n", [5, 10])
@pytest.mark.parametrize("chance", [0.05, 0.3, 0.5])
def test_seeds_that_meet_chaos_are_seldom_taken_for_moved(n, chance):
    """The worst case: a seed either meets chaos or does not, and no twin happened to."""
    rng = np.random.default_rng(6)
    alarms, runs = 0, 4000
    for _ in range(runs):
        moved, twins = (np.where(rng.random(n) < chance, 1e-2, 1e-7) * rng.standard_normal(n) for _ in range(2))
        shift = _scattered("loss", list(moved), list(twins)) if np.abs(twins).max() <= CALM else None
        alarms += shift is not None and shift.p < LEVEL
    assert alarms <= 0.004 * runs


def test_stored_twins_raise_no_alarm_among_themselves():
    """Real rounding: five twins of a variant against its others, of every variant that has ten or more."""
    rng = np.random.default_rng(7)
    compared = 0
    for path in sorted((ROOT / "baselines" / "quick").glob("*/*.json")):
        held = read(path)
        for name, variant in held.variants.items():
            known = {feature: np.array(values) for feature, values in variant.rounding.items() if len(values) >= 10}
            for _ in range(20 if known else 0):
                order = rng.permutation(min(map(len, known.values())))
                shifts = [_scattered(of, list(v[order[:5]]), list(v[order[5:]])) for of, v in known.items()]
                assert all(s is None or s.p > LEVEL / 100 / len(known) for s in shifts), (path, name)
                compared += 1
    assert compared >= 1000


def test_what_is_said():
    rng = np.random.default_rng(0)
    shift = largest(*sample(rng, "normal", 1e-6, 5, shift=0.03), same_streams=True, level=LEVEL)
    assert shift.mean == pytest.approx(0.03, abs=1e-3)
    assert shift.rounding < 1e-3
    assert str(shift).startswith(f"{shift.feature} moved by +3.0")
    assert "on 5 seeds, where rounding moves a seed by " in str(shift)
    each = Shift("loss, first epoch", 1e-5, 1e-7, 1e-9, 5, scattered=0.02)
    assert str(each).startswith("loss, first epoch moved by 2.00% on 5 seeds, each its own way, where rounding moves ")


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (1.0, 1.0, 0),
        (1.01, 1.0, 2 * 0.01 / 2.01),
        (-1.0, 1.0, -2),
        (0.0, 0.0, 0),
        (-0.0, 0.0, 0),
        (1.0, 0.0, 2),
        (None, None, 0),
        (None, 1.0, 2),
        (1.0, None, -2),
        (1.7e308, -1.7e308, 2),
        (5e-324, 5e-324, 0),
    ],
)
def test_symmetric(a, b, expected):
    assert symmetric(a, b) == pytest.approx(expected)


def test_what_has_vanished_is_rounding():
    """Gradients at rest: 1e-8 or 3e-8 of what they began with is the same, a thousandth more or less is not."""
    at_rest, elsewhere, moved = ([1.0, 0.1, *[end] * 8] for end in (1e-8, 3e-8, 2e-3))
    name = "loss, all epochs"
    assert abs(relative(trial(0, elsewhere), trial(0, at_rest))[name]) < SMALLEST
    assert abs(relative(trial(0, moved), trial(0, at_rest))[name]) > 100 * SMALLEST


def test_a_curve_that_grows_is_compared_where_it_is_small():
    one, other = [1.0, 1e10, 1e30], [1.01, 1.01e10, 1.01e30]
    assert relative(trial(0, other), trial(0, one))["loss, all epochs"] == pytest.approx(0.01, rel=0.01)


def test_features_are_those_that_both_trials_have():
    one = trial(0, [2.0, 1.0], metrics={"val_loss": 1.0, "new": 1.0})
    other = trial(0, [1.0, 1.0], metrics={"val_loss": 2.0})
    assert relative(one, other) == {
        "val_loss": pytest.approx(-2 / 3),
        "loss, first epoch": pytest.approx(2 / 3),
        "loss, all epochs": pytest.approx(1 / 3),
        "val_loss, first epoch": pytest.approx(2 / 3),
        "val_loss, all epochs": pytest.approx(1 / 3),
    }
    assert SMALLEST < 2 / 3
