"""The search for changes in made-up histories."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from harness.why.search import Change, changes, most_looks


def looked(history: str) -> tuple[list[Change], int]:
    """The changes found in a history, a letter a build, "." for one that cannot be looked at; and how many looks."""
    seen: set[int] = set()

    def look(place: int) -> str | None:
        seen.add(place)
        return None if history[place] == "." else history[place]

    return list(changes(len(history), look)), len(seen)


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ("ab", [(0, 1)]),
        ("aaaab", [(3, 4)]),
        ("abbbbbbb", [(0, 1)]),
        ("aaabbbccc", [(2, 3), (5, 6)]),  # two changes
        ("aab.ba", []),  # both ends alike: nothing to search
        ("aa....bb", [(1, 6)]),  # a gap: the change lies in it
        ("a......b", [(0, 7)]),  # all between skipped
        ("a.a.b.b", [(2, 4)]),
        ("aabaab", [(1, 2)]),  # changes that cancel are passed over: one of three
        ("abcdef", [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]),
    ],
)
def test_changes_of_a_history(history: str, expected: list[tuple[int, int]]) -> None:
    assert looked(history)[0] == expected


def test_every_change_of_random_histories_is_found_with_few_looks() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        count, kinds = int(rng.integers(2, 200)), int(rng.integers(1, 4))
        places = np.sort(rng.integers(1, count, kinds))
        labels = np.searchsorted(places, np.arange(count), side="right")
        history = "".join("abcd"[label] for label in labels)
        skipped = rng.random(count) < 0.2
        skipped[[0, -1]] = False
        seen = "".join("." if skip else letter for letter, skip in zip(history, skipped, strict=True))
        found, looks = looked(seen)
        left = [place for place in range(count) if not skipped[place]]
        pairs = itertools.pairwise(left)
        assert found == [(a, b) for a, b in pairs if history[a] != history[b]]
        assert looks <= 2 + len(set(labels)) * (most_looks(count) + skipped.sum())


def test_a_change_among_many_builds_takes_few_looks() -> None:
    assert looked("a" * 60 + "b" * 49)[1] <= 2 + most_looks(109) == 9
