"""The items that a command selects; collecting them imports no backend."""

from __future__ import annotations

import os
import re
from pathlib import Path

from cases import CLAIMS
from harness.rules import Exact
from suite.catalogue import ERRATA, SELF_CHECKS, TRAINING_CLAIMS, TRAININGS, training_name
from tests.suite.command import suite

SPY = """
import sys
def pytest_sessionfinish():
    heavy = {"keras", "tensorflow", "jax", "torch", "scipy", "pandas", "altair"}
    print("imported:", sorted(heavy & set(sys.modules)))
"""


def collected(folder: Path, *options: str, **settings: dict[str, str]) -> tuple[set[str], str]:
    """The names of the selected tests, without "suite/test_" or "suite/", and the whole output."""
    run = suite(folder, "--collect-only", "-q", *options, **settings)
    assert run.code == 0, run.output
    assert not list(folder.glob("report*"))
    return set(re.findall(r"^suite/(?:test_)?(\S+\.py::.+)$", run.output, re.MULTILINE)), run.output


def test_a_claim_and_exactly_its_trainings(tmp_path: Path) -> None:
    items, output = collected(tmp_path, "-k", "tips-dropout-helps")
    variants = TRAINING_CLAIMS["tips-dropout-helps"].variants
    assert len(variants) == 2
    trainings = {f"training.py::test_training[example-4/{name}]" for name in variants}
    assert items == {"claims.py::test_claims[tips-dropout-helps]", *trainings}
    assert re.search(r"^3/\d+ tests collected", output, re.MULTILINE)


EXACT_ITEMS = {
    *(f"exact.py::test_exact[{c.key}]" for c in CLAIMS if isinstance(c.rule, Exact)),
    *(f"self_checks.py::test_self_check[{key}]" for key in SELF_CHECKS),
}


def test_exact_items_only(tmp_path: Path) -> None:
    items, _ = collected(tmp_path, "-m", "exact")
    assert items == EXACT_ITEMS


def test_errata_only(tmp_path: Path) -> None:
    items, _ = collected(tmp_path, "-m", "errata")
    assert items == {f"errata.py::test_errata[{name}]" for name in ERRATA}


def test_collecting_is_quick_and_imports_no_backend(tmp_path: Path) -> None:
    (tmp_path / "spy.py").write_text(SPY)
    before = os.times()
    items, output = collected(tmp_path, "-p", "spy", env={"PYTHONPATH": str(tmp_path)}, anew=True)
    after = os.times()
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    assert "imported: []" in output
    expected = {f"training.py::test_training[{training_name(*pair)}]" for pair in TRAININGS}
    expected |= EXACT_ITEMS
    expected |= {f"claims.py::test_claims[{key}]" for key in TRAINING_CLAIMS}
    expected |= {f"errata.py::test_errata[{name}]" for name in ERRATA}
    assert items == expected
    assert seconds < 3
