"""The rules: each turns trials into a Decision. Importing them imports neither numpy nor scipy."""

from harness.domain.verdict import Difference
from harness.rules.above import Above
from harness.rules.best import Best
from harness.rules.conjunction import All
from harness.rules.converges import Converges
from harness.rules.diverges import Diverges
from harness.rules.equivalent import Equivalent
from harness.rules.exact import Comparison, Exact
from harness.rules.exceeds import Exceeds
from harness.rules.fewest import fewest
from harness.rules.holm import adjust
from harness.rules.levels import PLAIN, STORED, Levels
from harness.rules.looks import Look, stored_look
from harness.rules.monotone import Monotone
from harness.rules.not_better import NotBetter
from harness.rules.raises import Raises
from harness.rules.reproduces import Reproduces
from harness.rules.rule import Rule, Sample

__all__ = [
    "PLAIN",
    "STORED",
    "Above",
    "All",
    "Best",
    "Comparison",
    "Converges",
    "Difference",
    "Diverges",
    "Equivalent",
    "Exact",
    "Exceeds",
    "Levels",
    "Look",
    "Monotone",
    "NotBetter",
    "Raises",
    "Reproduces",
    "Rule",
    "Sample",
    "adjust",
    "fewest",
    "stored_look",
]
