"""T and calm: for how many steps rounding lets trainings be compared, on synthetic traces with known truth."""

import math

import numpy as np
import pytest

from harness.check import rounding
from harness.check.rounding import LIMIT, along, calm, checked_steps, relative, reproducible_steps
from harness.record.trials import ShortTrial

BASE = np.linspace(2.3, 1.0, 20)


def traces(moved, validation=None):
    """Traces of seeds whose perturbed trials differ by ``moved``, (seeds, perturbed trials, steps)."""
    found = []
    for seed, rows in enumerate(np.asarray(moved)):
        for k, row in enumerate([np.zeros(20), *rows]):
            after = () if validation is None or seed else tuple(BASE * (1 + (validation[k - 1] if k else 0)))
            found.append(ShortTrial(seed=seed, perturbed=k, losses=tuple(BASE * (1 + row)), val_losses=after))
    return found


def rounded(generator, seeds, rate):
    """Relative differences that grow by events: (seeds, 20), 1e-7 at first, times 2 to 300 at each event."""
    events = generator.random((seeds, 20)) < rate
    grown = np.cumsum(np.where(events, generator.uniform(0.3, 2.5, (seeds, 20)), 0), axis=1)
    return np.minimum(10 ** (-7 + grown), 1.0)


@pytest.mark.parametrize(
    ("now", "then", "floor", "size"),
    [
        (1.1, 1.0, 0.0, 0.1),
        (1.0, 1.0, 0.0, 0.0),
        (0.0, 0.0, 0.0, 0.0),
        (1e-9, 0.0, 0.0, math.inf),
        (1e-9, 0.0, 1e-3, 1e-6),
        (1e-9, 0.0, math.inf, math.inf),
        (None, None, 0.0, 0.0),
        (math.nan, None, 0.0, 0.0),
        (math.nan, 1.0, 0.0, math.inf),
        (1.0, None, 0.0, math.inf),
        (math.inf, math.inf, 0.0, 0.0),
        (math.inf, -math.inf, 0.0, math.inf),
    ],
)
def test_a_relative_difference_of_what_is_not_finite_is_nothing_or_everything(now, then, floor, size):
    assert relative(now, then, floor) == pytest.approx(size)


def test_small_losses_differ_relative_to_a_thousandth_of_the_first():
    assert along([1.0, 2e-9], [1.0, 1e-9]) == [0.0, pytest.approx(1e-6)]


def test_twenty_steps_are_compared_where_rounding_stays_small():
    assert reproducible_steps(traces(np.full((5, 4, 20), 1e-6))) == 20


def test_where_rounding_moves_every_validation_loss_the_training_losses_are_compared():
    quiet = np.where(np.arange(20) < 4, 1e-6, 1.0) * np.ones((5, 4, 1))
    noisy = traces(quiet, validation=np.full(4, 1e-2))
    assert (reproducible_steps(noisy), checked_steps(noisy)) == (0, 4)
    assert checked_steps(traces(quiet, validation=np.full(4, 1e-6))) == 4
    assert checked_steps(traces(np.ones((5, 4, 20)), validation=np.full(4, 1e-2))) == 0


def test_the_last_step_before_rounding_reaches_the_limit_in_too_many_trials():
    moved = np.full((5, 4, 20), 1e-6)
    moved[:3, :, 12:] = 1e-3
    assert reproducible_steps(traces(moved)) == 12


def test_one_perturbed_trial_of_twenty_may_move():
    moved = np.full((5, 4, 20), 1e-6)
    moved[0, 0, 3:] = 1.0
    assert reproducible_steps(traces(moved)) == 20


def test_a_seed_whose_every_perturbed_trial_moves_ends_the_steps():
    """Four of 20: the median of five drawn trials exceeds the limit in 5.8 % of resamples."""
    moved = np.full((5, 4, 20), 1e-6)
    moved[0, :, 5:] = 1.0
    assert reproducible_steps(traces(moved)) == 5


def test_a_step_that_moves_ends_the_steps_though_later_ones_do_not():
    moved = np.full((5, 4, 20), 1e-6)
    moved[:, :, 7] = 1e-2
    assert reproducible_steps(traces(moved)) == 7


def test_the_validation_loss_ends_the_steps_earlier():
    moved = np.full((5, 4, 20), 1e-6)
    validation = np.full((4, 20), 1e-6)
    validation[2, 9:] = 1e-3
    assert reproducible_steps(traces(moved, validation)) == 9


def test_without_perturbed_trials_no_step_is_compared():
    assert reproducible_steps([ShortTrial(seed=0, losses=(1.0, 2.0))]) == 0
    assert reproducible_steps([]) == 0


def test_t_is_the_same_every_time():
    moved = np.stack([rounded(np.random.default_rng(seed), 4, 0.1) for seed in range(5)])
    assert len({reproducible_steps(traces(moved)) for _ in range(3)}) == 1


def test_metrics_are_calm_where_rounding_does_not_move_their_median():
    one = {
        "val_loss": [[1e-6] * 4] * 10,
        "steps_to_target": [[1e-6, 1e-6, 0.1, 0.1]] * 10,
        "accuracy": [[0.0] * 4] * 10,
    }
    assert calm(one, seeds=10) == ("val_loss", "accuracy")


@pytest.mark.parametrize(("share", "bound"), [(1.0, 0.052), (0.1, 0.017)])
@pytest.mark.parametrize("rate", [0.05, 0.1, 0.2])
def test_few_machines_that_only_round_otherwise_move_a_variant(monkeypatch, rate, share, bound):
    """T is the last of 20 steps that pass, so that more than the 1 % of the resamples move afterwards.

    With 1,000 variants per process 0.6 to 2.7 % moved where the machine's rounding is drawn as the perturbed trials'
    is, and at most 0.6 % where it is a tenth of that; other instruction sets' was a thirtieth. Here 300 variants each:
    the bounds are those rates and three standard errors.
    """
    monkeypatch.setattr(rounding, "RESAMPLES", 1000)
    generator = np.random.default_rng(1)
    alarms, steps = 0, []
    for _ in range(300):
        moved = np.stack([rounded(generator, 5, rate) for _ in range(5)])  # the fifth is the machine's
        last = reproducible_steps(traces(moved[:, :4]))
        steps.append(last)
        alarms += bool((np.median(share * moved[:, 4, :last], axis=0) > LIMIT).any()) if last else 0
    assert 1 <= np.median(steps) < 20
    assert alarms / 300 < bound


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.2])
def test_a_canonical_trace_of_one_trial_rarely_moves_a_variant(monkeypatch, rate):
    """One trial, on a machine whose rounding is drawn as that of the perturbed trials, which are of other trials.

    Of 1,000 variants 0.4 to 1.2 % moved. With the whole limit for T 4.4 to 5.9 % did: such an alarm was seen on JAX.
    """
    monkeypatch.setattr(rounding, "RESAMPLES", 1000)
    generator = np.random.default_rng(1)
    alarms = []
    for _ in range(300):
        moved = np.stack([rounded(generator, 4, rate) for _ in range(5)])
        own = rounded(generator, 1, rate)[0]
        alarms.append(
            [
                (own[: reproducible_steps(traces(moved), seeds=1, limit=limit)] > LIMIT).any()
                for limit in (LIMIT / 10, LIMIT)
            ]
        )
    now, before = np.mean(alarms, axis=0)
    assert now < 0.031
    assert before > 0.02
