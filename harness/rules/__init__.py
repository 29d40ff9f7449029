"""The rules: each turns trials into a Decision. Importing them imports neither numpy nor scipy."""

from harness.rules.base import Rule, Sample
from harness.rules.combined import All, Not, adjust
from harness.rules.comparisons import Above, Best, Equivalent, Exceeds, Monotone, NotBetter
from harness.rules.exact import Comparison, Exact
from harness.rules.levels import PLAIN, STORED, Levels, Look, stored_look
from harness.rules.printed import Reproduces
from harness.rules.shares import Converges, Diverges
from harness.verdict import Difference

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
    "Not",
    "NotBetter",
    "Reproduces",
    "Rule",
    "Sample",
    "adjust",
    "stored_look",
]
