"""The selection of items: expressions, and the trainings that claims add. Collecting them imports no backend."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import SuiteError
from suite import items
from suite.catalogue import (
    ERRATA,
    EXACT_CLAIMS,
    SELF_CHECKS,
    TRAINING_CLAIMS,
    TRAININGS,
    keys_of,
    training_name,
)
from tests.suite.command import suite

NAMES = {
    "test_claims.py",
    *(f"test_claims[{key}]" for key in TRAINING_CLAIMS),
    *(f"test_exact[{key}]" for key in EXACT_CLAIMS),
    *(f"test_self_check[{key}]" for key in SELF_CHECKS),
    *(f"test_training[{training_name(*pair)}]" for pair in TRAININGS),
}
MARKERS = {"exact", "training", "errata", "timing", "slow"}


def item(function: str, **params: str) -> Any:
    return SimpleNamespace(originalname=function, callspec=SimpleNamespace(params=params))


def check(keyword: str = "", marker: str = "") -> None:
    items.check_expressions(keyword, marker, NAMES, MARKERS)


KNOWN = {
    "keyword": ("", "dropout", "Dropout-HELPS", "dropout-help", "not dropout", "(dropout or xavier) and not l1",
                "test_claims", "0.2", "2", "[0", "example-4/softmax", "True", "None or dropout",
                "relu-adam or late-epochs"),
    "marker": ("", "exact", "exact or training", "not timing", "not (errata or slow)"),
}  # fmt: skip
UNKNOWN = {
    ("keyword", "dropuot-helps"): ("no claim or test 'dropuot-helps'", "'tips-dropout-helps'"),
    ("keyword", "not raw-data-divergs"): ("no claim or test 'raw-data-divergs'", "'raw-data-diverges'"),
    ("keyword", "dropout and (xavier or relu-beats-liner)"): ("'relu-beats-liner'", "'tips-relu-beats-linear'"),
    ("keyword", "centring/in]"): ("'centring/in]'", "'centring/in [0, 1]'"),
    ("keyword", "netwrok/relu-adam"): ("'netwrok/relu-adam'", "'network/relu-adam'"),
    ("keyword", "zzz"): ("no claim or test 'zzz'", "--collect-only -q lists them."),
    ("marker", "exat"): ("Invalid -m expression", "'exact'"),
    ("marker", "exact or trainin"): ("Invalid -m expression", "'training'"),
    ("marker", "q"): ("Invalid -m expression", "Known: "),
}


def test_known_words() -> None:
    for kind, texts in KNOWN.items():
        for text in texts:
            check(**{kind: text})


@pytest.mark.parametrize(("kind", "text"), UNKNOWN)
def test_unknown_words(kind: str, text: str) -> None:
    with pytest.raises(SuiteError) as caught:
        check(**{kind: text})
    assert [said for said in UNKNOWN[kind, text] if said not in str(caught.value)] == []


WORDS = st.sampled_from(
    ["dropout", "and", "or", "not", "(", ")", "exact", '"', "'", "a=1", "nonsense", "[", "-", "é", "\n"]
)


@given(st.text() | st.lists(WORDS).map(" ".join), st.text() | st.lists(WORDS).map(" ".join))
def test_any_expression_passes_or_is_a_suite_error(keyword: str, marker: str) -> None:
    with contextlib.suppress(SuiteError):
        check(keyword, marker)


def test_trainings_come_first_each_once_and_in_order() -> None:
    """With workers they come after what needs none, and before the claims."""
    trainings = [item("test_training", experiment=e, variant=v) for e, v in TRAININGS]
    claims = [item("test_claims", key=key) for key in TRAINING_CLAIMS]
    exact, erratum = item("test_exact", key=next(iter(EXACT_CLAIMS))), item("test_errata", name="np-utils")
    selected = [claims[2], exact, trainings[-1], claims[3]]
    chosen = items.with_trainings(selected, [exact, *reversed(claims), *trainings])
    ran = [training for each in chosen if (training := items.training_of(each))]
    needed = {key for claim in list(TRAINING_CLAIMS.values())[2:4] for key in keys_of(claim)}
    assert ran == [pair for pair in TRAININGS if pair in needed | {TRAININGS[-1]}]
    assert chosen[len(ran) :] == [exact, claims[3], claims[2]]
    mixed = [*trainings[:3], exact, *claims[:2], erratum]
    assert items.others_first(mixed) == [exact, erratum, *trainings[:3], *claims[:2]]


@pytest.mark.parametrize("function", ["test_claims", "test_exact", "test_training"])
def test_what_pytest_makes_of_no_parameters_is_nothing(function: str) -> None:
    """A course without errata, or without claims of a kind, gives one item, whose parameter is no name."""
    nothing: Any = SimpleNamespace(
        originalname=function, callspec=SimpleNamespace(params=dict.fromkeys(("key", "experiment", "name"), object()))
    )
    assert items.claim_of(nothing) is items.key_of(nothing) is items.training_of(nothing) is None
    assert items.files_of([nothing]) <= {"exact"}


def test_which_files_a_selection_needs() -> None:
    claim, exact = item("test_claims", key="raw-data-diverges"), item("test_exact", key="minmax-table")
    training = item("test_training", experiment="example-4", variant="softmax")
    assert items.files_of([claim, training]) == {"example-2", "example-4"}
    assert items.files_of([exact]) == {"exact"}
    assert list(map(items.key_of, (claim, training, exact))) == ["raw-data-diverges", None, "minmax-table"]


SPY = """
import sys
def pytest_sessionfinish():
    heavy = {"keras", "tensorflow", "jax", "torch", "scipy", "pandas", "altair"}
    print("imported:", sorted(heavy & set(sys.modules)))
"""
EXACT = {
    *(f"exact.py::test_exact[{key}]" for key in EXACT_CLAIMS),
    *(f"self_checks.py::test_self_check[{key}]" for key in SELF_CHECKS),
}
OF_ERRATA = {f"errata.py::test_errata[{name}]" for name in ERRATA}
EVERYTHING = {
    *EXACT,
    *OF_ERRATA,
    *(f"claims.py::test_claims[{key}]" for key in TRAINING_CLAIMS),
    *(f"training.py::test_training[{training_name(*pair)}]" for pair in TRAININGS),
}


def collected(folder: Path, *options: str, **settings: Any) -> tuple[set[str], str]:
    """The names of the selected tests, without "suite/test_" or "suite/", and the whole output."""
    run = suite(folder, "--collect-only", "-q", *options, **settings)
    assert run.code == 0, run.output
    assert not list(folder.glob("report*"))
    return set(re.findall(r"^suite/(?:test_)?(\S+\.py::.+)$", run.output, re.MULTILINE)), run.output


def test_what_a_command_selects(tmp_path: Path) -> None:
    variants = TRAINING_CLAIMS["tips-dropout-helps"].variants
    chosen, output = collected(tmp_path, "-k", "tips-dropout-helps")
    trainings = {f"training.py::test_training[example-4/{name}]" for name in variants}
    assert chosen == {"claims.py::test_claims[tips-dropout-helps]", *trainings}
    assert re.search(r"^3/\d+ tests collected", output, re.MULTILINE)
    assert collected(tmp_path, "-m", "exact")[0] == EXACT
    assert collected(tmp_path, "-m", "errata")[0] == OF_ERRATA


def test_collecting_is_quick_and_imports_no_backend(tmp_path: Path) -> None:
    (tmp_path / "spy.py").write_text(SPY)
    before = os.times()
    chosen, output = collected(tmp_path, "-p", "spy", env={"PYTHONPATH": str(tmp_path)}, anew=True)
    after = os.times()
    assert "imported: []" in output
    assert chosen == EVERYTHING
    assert after.children_user + after.children_system - before.children_user - before.children_system < 3
