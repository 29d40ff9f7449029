"""Best and All: several comparisons that must all hold."""

import pytest

from harness.rules import All, Best, Exceeds
from tests.rules.synthetic import N, R, S, T, U, decide

NOISE = {"x": (0, 0, 0, 0, 0), "a": (3, -2, 1, -3, 1), "b": (-1, 2, -2, 3, -2), "c": (2, 1, -3, -1, 1)}


def columns(**means):
    """Five seeds per variant, noise about 0.0002."""
    return {name: [mean + 1e-4 * step for step in NOISE[name]] for name, mean in means.items()}


def test_best_divides_its_level_by_the_rivals():
    """A rival better at p = 0.04 (two-sided) refutes alone, but not as one of two; nor is its tie one."""
    x, rival = [0.0] * 6, [0.1, 0.5, 1.2, 0.9, 0.0, 0.5]
    alone = decide(Best("x", ("a",)), {"x": x, "a": rival})
    two = decide(Best("x", ("a", "b")), {"x": x, "a": rival, "b": [-y for y in rival]})
    assert 0.025 < alone.p < 0.05
    assert (alone.verdict, two.verdict) == (R, U)
    assert two.p == pytest.approx(2 * alone.p)
    near = {"x": [0.0] * 5, "a": [1.9e-4 + 1e-4 * step for step in NOISE["a"]]}
    assert decide(Best("x", ("a",)), near).verdict is T
    assert decide(Best("x", ("a", "b")), {**near, "b": [-0.1, -0.11, -0.1, -0.11, -0.12]}).verdict is U


def test_best_supported_has_the_largest_p_of_its_comparisons():
    decision = decide(Best("x", ("a", "b")), columns(x=0.98, a=0.979, b=0.9))
    assert decision.verdict is S
    assert decision.p == max(effect.p for effect in decision.effects)


def test_all_is_the_weakest_of_its_parts():
    values = columns(x=0.96, a=0.98, b=0.97, c=0.97) | {"d": [0.95, 0.96, 0.97, 0.96, 0.96]}
    holds, refuted, tie, open_ = Exceeds("a", "b"), Exceeds("x", "a"), Exceeds("b", "c"), Exceeds("x", "d")
    for parts, verdict in (
        ((holds, holds), S),
        ((holds, open_), U),
        ((holds, tie), T),
        ((tie, open_), T),
        ((holds, tie, open_, refuted), R),
        ((holds, refuted, Exceeds("a", "absent")), N),
    ):
        decision = decide(All(parts), values)
        assert decision.verdict is verdict
        assert [part.verdict for part in decision.parts] == [decide(part, values).verdict for part in parts]
        assert decision.effects == tuple(effect for part in decision.parts for effect in part.effects)


def test_deciding_p_of_all():
    values = columns(x=0.96, a=0.98, b=0.979, c=0.97)
    weak, strong, wrong = Exceeds("a", "b"), Exceeds("a", "c"), Exceeds("x", "a")
    p = {rule: decide(rule, values).p for rule in (weak, strong, wrong)}
    assert p[strong] < p[weak]
    assert decide(All((weak, strong)), values).p == p[weak]
    assert decide(All((weak, strong, wrong)), values).p == 3 * p[wrong]
    assert decide(All((weak, Exceeds("b", "b2"))), {**values, "b2": values["b"]}).p is None
