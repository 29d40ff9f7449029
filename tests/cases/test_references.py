"""The references of the exact claims: known values, relations of papers' forms to Keras' forms, drawn inputs."""

import numpy as np
import pytest

from cases.batch_normalization.formulas import normalised
from cases.references import inputs, updates

ONES = np.ones(10)
RULES = [rule for rule in vars(updates).values() if getattr(rule, "__kwdefaults__", None)]


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


@pytest.mark.parametrize("case", inputs.updates())
def test_relations_of_the_forms(case):
    """Momentum in two forms, AMSGrad never longer than Adam, and rounding relative to what no weight exceeds."""
    heavy, ball = updates.momentum(case.gradients, momentum=0.5), updates.heavy_ball(case.gradients, momentum=0.5)
    assert heavy == pytest.approx(ball, rel=1e-9)
    ahead = updates.nesterov(case.gradients)
    constant = updates.accelerated(case.gradients, momentum=0.9)
    assert ahead == pytest.approx(constant, rel=1e-9, abs=1e-9 * np.abs(ahead).max())
    adam, amsgrad = (np.abs(updates.adam(case.gradients, amsgrad=largest)) for largest in (False, True))
    assert np.all(amsgrad <= adam * (1 + 1e-12))
    for rule in (updates.momentum, updates.adam, updates.adadelta):
        weights = updates.walk(case.start, rule(case.gradients))
        assert np.all(np.abs(weights) <= updates.extent(*case, rule) * (1 + 1e-12))


def test_epsilon_hat_and_epsilon_are_one_without_the_root_of_the_bias():
    """ε̂ = ε √(1 − β₂ᵗ), as Kingma & Ba 2015 have it before section 2.1."""
    gradients = np.array([[1e-6], [3e-6]])
    for step in (1, 2):
        hat = 1e-7 * np.sqrt(1 - 0.999**step)
        ours, paper = updates.adam(gradients, epsilon=hat), updates.adam_paper(gradients, epsilon=1e-7)
        assert ours[step - 1] == pytest.approx(paper[step - 1], rel=1e-12)


@pytest.mark.parametrize("form", RULES)
def test_where_there_is_no_gradient_nothing_moves(form):
    none = np.zeros((10, 2))
    assert np.array_equal(form(none, learning_rate=1.0), none)


def test_batch_normalization_by_hand():
    assert normalised(np.array([[0.0, 5.0], [2.0, 5.0]]), 3.0).tolist() == [[-0.5, 0.0], [0.5, 0.0]]


def test_what_is_drawn_has_zeros_and_what_is_huge_and_tiny():
    gradients = [case.gradients for case in inputs.updates()]
    sizes = np.concatenate([np.abs(drawn[drawn != 0]) for drawn in gradients])
    assert not gradients[0].any()
    assert sizes.min() < 1e-20 < 1e9 < sizes.max()
    assert np.any((sizes > 1e-8) & (sizes < 1e-2))  # about every epsilon
    assert any((drawn == 0).any() and drawn.any() for drawn in gradients)
    assert np.square(sizes.max()) < np.finfo("float32").max / inputs.STEPS
    assert {case.start.ndim for case in inputs.updates()} == {0, 1, 2}
    assert {len(case.x) for case in inputs.regressions()} == {1, 8}
    spreads = np.concatenate([batch.std(axis=0) for batch in inputs.batches()])
    assert spreads.min() == 0 < 1e3 < spreads.max()


@pytest.mark.parametrize("draw", [inputs.updates, inputs.regressions, inputs.batches])
def test_the_same_is_drawn_every_time(draw):
    for first, second in zip(draw.__wrapped__(), draw.__wrapped__(), strict=True):
        assert all(map(np.array_equal, first, second))
