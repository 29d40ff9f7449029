"""The references of the exact claims: known values, relations of papers' forms to Keras' forms, drawn inputs."""

import numpy as np
import pytest

from cases.references import batch_normalization, inputs, updates

ONES = np.ones(10)


def test_ten_unit_gradients_by_hand():
    assert updates.walk(np.array(1.0), updates.sgd(ONES, learning_rate=0.1))[-1] == pytest.approx(0.0, abs=1e-15)
    assert updates.momentum(ONES, learning_rate=1.0, momentum=0.5)[:3] == pytest.approx([-1, -1.5, -1.75])
    assert updates.nesterov(ONES, learning_rate=1.0, momentum=0.5)[:3] == pytest.approx([-1.5, -1.75, -1.875])
    assert updates.accelerated(ONES, learning_rate=1.0)[0] == -1.0  # no momentum before the second step
    assert updates.adagrad_paper(ONES, learning_rate=1.0) == pytest.approx(-1 / np.sqrt(np.arange(1, 11)))
    assert updates.rmsprop_paper(ONES, learning_rate=1.0)[0] == pytest.approx(-1 / np.sqrt(0.1))
    assert updates.adadelta(ONES, learning_rate=1.0, epsilon=1e-6)[0] == pytest.approx(-np.sqrt(1e-6 / 0.050001))
    assert updates.adam_paper(ONES) == pytest.approx(np.full(10, -0.001), rel=1e-7)
    assert updates.amsgrad_paper(ONES)[0] == pytest.approx(-0.001 * 0.1 / np.sqrt(0.001))


def test_forms_that_are_the_same():
    for case in inputs.updates():
        same = updates.momentum(case.gradients, momentum=0.5), updates.heavy_ball(case.gradients, momentum=0.5)
        assert same[0] == pytest.approx(same[1], rel=1e-9)
        same = updates.nesterov(case.gradients), updates.accelerated(case.gradients, momentum=0.9)
        assert same[0] == pytest.approx(same[1], rel=1e-9, abs=1e-9 * np.abs(same[0]).max())


def test_epsilon_hat_and_epsilon_are_one_without_the_root_of_the_bias():
    """ε̂ = ε √(1 − β₂ᵗ), as Kingma & Ba 2015 have it before section 2.1."""
    gradients = np.array([[1e-6], [3e-6]])
    for step in (1, 2):
        hat = 1e-7 * np.sqrt(1 - 0.999**step)
        ours, paper = updates.adam(gradients, epsilon=hat), updates.adam_paper(gradients, epsilon=1e-7)
        assert ours[step - 1] == pytest.approx(paper[step - 1], rel=1e-12)


def test_amsgrad_never_takes_longer_steps_than_adam():
    for case in inputs.updates():
        adam, amsgrad = (np.abs(updates.adam(case.gradients, amsgrad=one)) for one in (False, True))
        assert np.all(amsgrad <= adam * (1 + 1e-12))


def test_where_there_is_no_gradient_nothing_moves():
    none = np.zeros((10, 2))
    for rule in (
        updates.heavy_ball,
        updates.adagrad,
        updates.rmsprop,
        updates.rmsprop_paper,
        updates.adadelta,
        updates.adam,
        updates.adam_paper,
        updates.amsgrad_paper,
    ):
        assert np.array_equal(rule(none), none)
    assert np.array_equal(updates.adagrad_paper(none, learning_rate=1.0), none)


def test_extent_is_never_below_the_weights():
    for case in inputs.updates():
        for rule in (updates.momentum, updates.adam, updates.adadelta):
            weights = updates.walk(case.start, rule(case.gradients))
            assert np.all(np.abs(weights) <= updates.extent(*case, rule) * (1 + 1e-12))


def test_batch_normalization_by_hand():
    batch = np.array([[0.0, 5.0], [2.0, 5.0]])
    assert batch_normalization.normalised(batch, 3.0).tolist() == [[-0.5, 0.0], [0.5, 0.0]]
    assert batch_normalization.layer(batch, np.array([2.0, 1.0]), np.array([1.0, 7.0]), 3.0).tolist() == [
        [0, 7],
        [2, 7],
    ]
    assert batch_normalization.inferred(batch, np.zeros(2), np.full(2, 3.0), 1.0).tolist() == [[0, 2.5], [1, 2.5]]
    assert batch_normalization.moved(np.array(1.0), np.array(0.0)) == 0.99
    assert batch_normalization.unbiased(batch).tolist() == [2.0, 0.0]


def test_what_is_drawn_has_zeros_and_what_is_huge_and_tiny():
    gradients = [case.gradients for case in inputs.updates()]
    sizes = np.concatenate([np.abs(one[one != 0]) for one in gradients])
    assert not gradients[0].any()
    assert sizes.min() < 1e-20
    assert sizes.max() > 1e9
    assert np.any((sizes > 1e-8) & (sizes < 1e-2))  # about every epsilon
    assert any((one == 0).any() and one.any() for one in gradients)
    assert np.square(sizes.max()) < np.finfo("float32").max / inputs.STEPS
    assert {case.start.ndim for case in inputs.updates()} == {0, 1, 2}
    assert {len(case.x) for case in inputs.regressions()} == {1, 8}
    spreads = np.concatenate([batch.std(axis=0) for batch in inputs.batches()])
    assert spreads.min() == 0
    assert spreads.max() > 1e3


def test_the_same_is_drawn_every_time():
    for draw in (inputs.updates, inputs.regressions, inputs.batches):
        for one, other in zip(draw.__wrapped__(), draw.__wrapped__(), strict=True):
            assert all(map(np.array_equal, one, other))
