"""``benchmarks.mutants``: what is changed, one place at a time, and the shares that are seen."""

from benchmarks.mutants import Mutant, mutants, shares

SOURCE = """
def f(x):
    if x < 1 and not x:
        g(x + 2)
    return True
"""


def test_each_mutant_changes_one_place():
    assert {(mutant.line, mutant.change) for mutant in mutants("m", SOURCE)} == {
        (3, "if not (x < 1 and (not x))"),
        (3, "x < 1 and (not x) → x < 1 or not x"),
        (3, "x < 1 → x <= 1"),
        (3, "not x → +x"),
        (3, "1 → 2"),
        (4, "g(x + 2) → None"),
        (4, "x + 2 → x - 2"),
        (4, "2 → 3"),
        (5, "True → False"),
    }


def test_shares_are_told_of_each_module_and_of_all():
    tried = [Mutant("b", 1, "", "", "seen"), Mutant("a", 1, "", "", "survived"), Mutant("a", 2, "", "", "seen: no end")]
    assert [*shares(tried)] == ["a: 1 of 2 seen (50%)", "b: 1 of 1 seen (100%)", "all: 2 of 3 seen (67%)"]
