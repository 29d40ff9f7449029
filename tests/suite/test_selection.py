"""The selection of items: expressions, and the trainings that claims add."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import SuiteError
from suite.catalogue import EXACT_CLAIMS, SELF_CHECKS, TRAINING_CLAIMS, TRAININGS, training_name
from suite.cli import selection

NAMES = {
    "test_claims.py",
    *(f"test_claims[{key}]" for key in TRAINING_CLAIMS),
    *(f"test_exact[{key}]" for key in EXACT_CLAIMS),
    *(f"test_training[{training_name(*pair)}]" for pair in TRAININGS),
}
MARKERS = {"exact", "training", "errata", "timing", "slow"}


def item(function: str, **params: str) -> Any:
    return SimpleNamespace(originalname=function, callspec=SimpleNamespace(params=params))


def check(keyword: str = "", marker: str = "") -> None:
    selection.check_expressions(keyword, marker, NAMES, MARKERS)


@pytest.mark.parametrize(
    "keyword",
    ["", "dropout", "Dropout-HELPS", "not dropout", "(dropout or xavier) and not l1", "test_claims", "0.2", "2", "[0",
     "example-4/softmax", "True", "None or dropout"],
)  # fmt: skip
def test_known_words(keyword: str) -> None:
    check(keyword)


@pytest.mark.parametrize(
    ("keyword", "word", "near"),
    [
        ("dropout-help", None, ""),
        ("dropuot-helps", "dropuot-helps", "'tips-dropout-helps'"),
        ("not raw-data-divergs", "raw-data-divergs", "'raw-data-diverges'"),
        ("dropout and (xavier or relu-beats-liner)", "relu-beats-liner", "'tips-relu-beats-linear'"),
        ("centring/in]", "centring/in]", "'centring/in [0, 1]'"),
        ("zzz", "zzz", "--collect-only -q lists them."),
    ],
)
def test_unknown_words(keyword: str, word: str | None, near: str) -> None:
    if word is None:
        check(keyword)
        return
    with pytest.raises(SuiteError) as caught:
        check(keyword)
    assert f"no claim or test {word!r}" in str(caught.value)
    assert near in str(caught.value)


@pytest.mark.parametrize("marker", ["", "exact", "exact or training", "not timing", "not (errata or slow)"])
def test_known_markers(marker: str) -> None:
    check(marker=marker)


@pytest.mark.parametrize(
    ("marker", "near"), [("exat", "'exact'"), ("exact or trainin", "'training'"), ("q", "Known: ")]
)
def test_unknown_markers(marker: str, near: str) -> None:
    with pytest.raises(SuiteError, match="Invalid -m expression") as caught:
        check(marker=marker)
    assert near in str(caught.value)


WORDS = st.sampled_from(
    ["dropout", "and", "or", "not", "(", ")", "exact", '"', "'", "a=1", "nonsense", "[", "-", "é", "\n"]
)


@given(st.text() | st.lists(WORDS).map(" ".join), st.text() | st.lists(WORDS).map(" ".join))
def test_any_expression_passes_or_is_a_suite_error(keyword: str, marker: str) -> None:
    with contextlib.suppress(SuiteError):
        check(keyword, marker)


@pytest.mark.parametrize("key", TRAINING_CLAIMS)
def test_a_claim_needs_its_variants_and_no_other(key: str) -> None:
    claim = TRAINING_CLAIMS[key]
    assert claim.experiment is not None
    needed = selection.needed_trainings([item("test_claims", key=key)])
    assert needed == {(claim.experiment.id, name) for name in claim.variants}
    assert needed


def test_trainings_come_first_each_once_and_in_order() -> None:
    trainings = [item("test_training", experiment=e, variant=v) for e, v in TRAININGS]
    claims = [item("test_claims", key=key) for key in TRAINING_CLAIMS]
    exact = [item("test_exact", key=key) for key in EXACT_CLAIMS]
    collected = [*exact, *reversed(claims), *trainings]
    selected = [claims[2], exact[0], trainings[-1], claims[3]]
    chosen = selection.with_trainings(selected, collected)
    ran = [training for one in chosen if (training := selection.training_of(one))]
    assert len(ran) == len(set(ran))
    assert ran == [pair for pair in TRAININGS if pair in set(ran)]
    assert set(ran) == selection.needed_trainings(selected) | {TRAININGS[-1]}
    assert chosen[len(ran) :] == [exact[0], claims[3], claims[2]]


def test_with_workers_what_needs_none_comes_first_and_claims_last() -> None:
    trainings = [item("test_training", experiment=e, variant=v) for e, v in TRAININGS[:3]]
    claims = [item("test_claims", key=key) for key in list(TRAINING_CLAIMS)[:2]]
    others = [item("test_exact", key=next(iter(EXACT_CLAIMS))), item("test_errata", name="np-utils")]
    assert selection.trainings_last([*trainings, others[0], *claims, others[1]]) == [*others, *trainings, *claims]


@pytest.mark.parametrize("function", ["test_claims", "test_exact", "test_training"])
def test_what_pytest_makes_of_no_parameters_is_nothing(function: str) -> None:
    """A course without errata, or without claims of a kind, gives one item, whose parameter is no name."""
    nothing: Any = SimpleNamespace(
        originalname=function, callspec=SimpleNamespace(params=dict.fromkeys(("key", "experiment", "name"), object()))
    )
    assert selection.claim_of(nothing) is selection.key_of(nothing) is selection.training_of(nothing) is None
    assert selection.files_of([nothing]) <= {"exact"}


def test_which_files_a_selection_needs() -> None:
    items = [
        item("test_claims", key="raw-data-diverges"),
        item("test_training", experiment="example-4", variant="softmax"),
    ]
    assert selection.files_of(items) == {"example-2", "example-4"}
    assert selection.files_of([item("test_exact", key="minmax-table")]) == {"exact"}
    found = [selection.key_of(one) for one in (*items, item("test_exact", key="minmax-table"))]
    assert found == ["raw-data-diverges", None, "minmax-table"]


def test_self_checks_are_among_the_names_and_the_nearest_one_is_named() -> None:
    names = {f"test_self_check[{key}]" for key in SELF_CHECKS}
    selection.check_expressions("relu-adam or late-epochs", "", names, MARKERS)
    with pytest.raises(SuiteError, match="'network/relu-adam'"):
        selection.check_expressions("netwrok/relu-adam", "", names, MARKERS)
