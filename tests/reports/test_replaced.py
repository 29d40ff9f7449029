"""The lines that a slide's author changes."""

from __future__ import annotations

from reports.replaced import replaced
from tests.reports.synthetic import erratum


def test_a_changed_line_stands_alone() -> None:
    one = erratum("a", printed="x = 1\ny = old(x)", modern="x = 1\ny = new(x)")
    (found,) = replaced([one])
    assert (found.printed, found.modern, found.before) == ("y = old(x)", "y = new(x)", "")


def test_added_lines_name_the_line_that_follows() -> None:
    one = erratum("a", printed="model = Sequential()", modern="import keras\nmodel = Sequential()")
    (found,) = replaced([one])
    assert (found.printed, found.modern, found.before) == ("", "import keras", "model = Sequential()")


def test_lines_added_at_the_end_have_no_line_that_follows() -> None:
    (found,) = replaced([erratum("a", printed="x = 1", modern="x = 1\ny = 2")])
    assert (found.printed, found.modern, found.before) == ("", "y = 2", "")


def test_lines_that_only_go_have_no_replacement() -> None:
    (found,) = replaced([erratum("a", printed="x = 1\ny = 2", modern="x = 1")])
    assert (found.printed, found.modern) == ("y = 2", "")


def test_several_changed_places_are_one_replacement() -> None:
    (found,) = replaced([erratum("a", printed="a = 1\nsame\nb = 1", modern="a = 2\nsame\nb = 2")])
    assert (found.printed, found.modern) == ("a = 1\nb = 1", "a = 2\nb = 2")


def test_an_erratum_that_another_mends_stands_with_it() -> None:
    found = replaced([erratum("a"), erratum("b", within="a"), erratum("c")])
    assert [[one.id for one in each.errata] for each in found] == [["a", "b"], ["c"]]


def test_an_erratum_without_the_one_that_mends_it_stands_alone() -> None:
    assert [one.errata[0].id for one in replaced([erratum("b", within="a")])] == ["b"]
