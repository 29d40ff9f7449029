"""What the page says of other backends and other versions of Keras: stored, read, damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.versions import COLUMNS, OUT, Changes, read, releases, stored
from harness.course import LECTURE, course
from harness.errors import SuiteError
from reports.moves import FILE, Move, Moves, Release, store
from reports.page.page import html
from tests.reports.runs import run as made_run

MOVE = Move("a-cpu", "b-cpu", "Of 2 verdicts 2 are the same on both; no training is shown to differ.", ())
CHANGE = Release("Keras", "3.2.0", 1, "It changed.", ("claim a",), 2, "")


def test_each_part_is_stored_and_leaves_the_other_as_it_was(tmp_path: Path) -> None:
    assert Moves.read(tmp_path) == Moves()
    store(tmp_path, stacks=(MOVE,))
    store(tmp_path, versions=("3.1.0", "3.2.0"), changes=(CHANGE,))
    assert Moves.read(tmp_path) == Moves((MOVE,), ("3.1.0", "3.2.0"), (CHANGE,))


@pytest.mark.parametrize("content", [b"", b"{", b'{"stacks": 3}', b'{"newer": []}', b"\xff"])
def test_a_damaged_file_is_named_and_not_overwritten_and_costs_no_page(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(SuiteError, match=f"{FILE}.*what --stacks stores"):
        store(tmp_path, stacks=(MOVE,))
    assert (tmp_path / FILE).read_bytes() == content
    monkeypatch.setattr("harness.course.Course.baselines", tmp_path)
    assert f"{FILE}. Expected: what --stacks stores" in html(made_run(0), {}).decode()


def test_a_course_without_the_file_has_no_such_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.course.Course.baselines", tmp_path)
    assert "page-moves" not in html(made_run(0), {}).decode().replace("#page-moves", "")


def test_the_page_says_of_versions_what_the_published_columns_say() -> None:
    made = releases(stored(OUT / COLUMNS), read(OUT / "changes.toml", Changes).change)
    known = Moves.read(course().baselines)
    assert (known.versions, known.changes) == (made["versions"], made["changes"])
    assert course().folder == LECTURE
    assert all(0 < change.at < len(known.versions) for change in known.changes if change.at is not None)
