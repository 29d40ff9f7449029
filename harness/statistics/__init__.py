"""The rules: each turns trials into a Decision. Importing them imports neither numpy nor scipy."""

from harness.domain.verdict import Difference
from harness.statistics.above import Above
from harness.statistics.best import Best
from harness.statistics.conjunction import All
from harness.statistics.converges import Converges
from harness.statistics.diverges import Diverges
from harness.statistics.equivalent import Equivalent
from harness.statistics.exact import Comparison, Exact
from harness.statistics.exceeds import Exceeds
from harness.statistics.fewest import fewest
from harness.statistics.holm import adjust
from harness.statistics.levels import PLAIN, STORED, Levels
from harness.statistics.looks import Look, stored_look
from harness.statistics.monotone import Monotone
from harness.statistics.not_better import NotBetter
from harness.statistics.raises import Raises
from harness.statistics.reproduces import Reproduces
from harness.statistics.rule import Rule, Sample

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
