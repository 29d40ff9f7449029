"""The lines that a slide's author changes."""

from __future__ import annotations

import pytest

from reports.slides import Snippet, replaced
from tests.reports.synthetic import ERRATA, erratum


def snippet(id: str, **texts: str) -> Snippet:
    return Snippet(erratum(id, **texts), ERRATA[id], None)


@pytest.mark.parametrize(
    ("printed", "modern", "shown"),
    [
        pytest.param("x = 1\ny = old(x)", "x = 1\ny = new(x)", ("y = old(x)", "y = new(x)", ""), id="changed"),
        pytest.param("y = f()", "import keras\ny = f()", ("", "import keras", "y = f()"), id="added before"),
        pytest.param("x = 1", "x = 1\ny = 2", ("", "y = 2", ""), id="added at the end"),
        pytest.param("x = 1\ny = 2", "x = 1", ("y = 2", "", ""), id="taken out"),
        pytest.param("a = 1\nsame\nb = 1", "a = 2\nsame\nb = 2", ("a = 1\nb = 1", "a = 2\nb = 2", ""), id="two places"),
    ],
)
def test_the_lines_that_change(printed: str, modern: str, shown: tuple[str, str, str]) -> None:
    (lines,) = replaced([snippet("a", printed=printed, modern=modern)])
    assert (lines.printed, lines.modern, lines.before) == shown


def test_an_erratum_that_another_mends_stands_with_it() -> None:
    groups = replaced([snippet("a"), snippet("b", within="a"), snippet("c")])
    assert [[erratum.id for erratum in group.errata] for group in groups] == [["a", "b"], ["c"]]


def test_an_erratum_without_the_one_that_mends_it_stands_alone() -> None:
    assert [group.errata[0].id for group in replaced([snippet("b", within="a")])] == ["b"]


def test_an_erratum_that_the_course_no_longer_has_has_no_lines() -> None:
    assert replaced([Snippet(erratum("a"), None, None)]) == []
