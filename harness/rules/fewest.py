"""The fewest seeds that a rule needs, known before training."""

from __future__ import annotations

import math

from harness.rules.conjunction import All
from harness.rules.converges import Converges
from harness.rules.diverges import Diverges
from harness.rules.levels import FEWEST_SEEDS, MANY_SEEDS, PLAIN, Levels
from harness.rules.looks import ONLY, Look
from harness.rules.reproduces import Reproduces
from harness.rules.rule import Rule


def fewest(rule: Rule, levels: Levels = PLAIN, look: Look = ONLY, exact: bool = False) -> int:
    """The fewest seeds with which ``rule`` can be SUPPORTED, at the level of ``look``. A t test of a mean needs five.

    With ``exact`` it is the number for the exact tests, which decide if differences are constant, values are censored
    or trainings fail: their smallest p-value is 2^-n. For ``Reproduces`` it is then the number with which a rank can
    refute.
    """
    match rule:
        case All():
            return max(fewest(part, levels, look, exact) for part in rule.rules)
        case Diverges() | Converges():
            level = look.level(levels.share)
            return FEWEST_SEEDS if rule.share == 1 else _signs(level, rule.share)
        case Reproduces():
            return math.ceil(1 / look.level(levels.prediction / 2) - 1e-9) - 1 if exact else MANY_SEEDS
    exact = exact or getattr(rule, "failures", None) == "decide"
    return _signs(look.level(levels.one_sided), 0.5) if exact else FEWEST_SEEDS


def _signs(level: float, share: float) -> int:
    """The least n >= 5 with ``share``^n <= ``level``."""
    return max(FEWEST_SEEDS, math.ceil(math.log(level) / math.log(share) - 1e-12))
