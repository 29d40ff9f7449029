"""Other pytest plugins alongside the suite: random order, coverage, HTML; and pytest-xdist, which is not used."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.robustness.conftest import JAX
from tests.suite.command import TINY, Finished, suite, trials

PLUGINS = ("pytest_randomly", "pytest_cov", "pytest_html", "xdist")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(importlib.util.find_spec(name) for name in PLUGINS), reason="needs requirements/tests.txt"
    ),
]


@pytest.fixture(scope="module")
def crowded(copied: Callable[[str], Path]) -> Finished:
    """A run with all of them."""
    folder = copied("crowded")
    options = (
        "-v",
        "-p",
        "no:cacheprovider",
        "-p",
        "randomly",
        "--randomly-seed=3",
        "--cov=harness",
        f"--html={folder}/page.html",
    )
    return suite(folder, *JAX, "-k", TINY, *options, plugins=(), env={"COVERAGE_FILE": str(folder / "coverage")})


def test_all_of_them_are_at_work(crowded: Finished) -> None:
    assert "Using --randomly-seed=3" in crowded.output
    assert re.search(r"^TOTAL +\d+ +\d+ +[1-9]\d*%$", crowded.output, re.MULTILINE)
    page = (crowded.folder / "page.html").read_text("utf-8")
    assert "example-2/raw" in page
    assert "xdist" in crowded.output


def test_same_verdicts_and_bits(crowded: Finished, plain: Finished) -> None:
    assert crowded.code == 0
    # The suite keeps its own order whatever a plugin asks for: the trainings first, which the claims rest on.
    modules = list(dict.fromkeys(re.findall(r"^suite/test_(\w+)\.py::.* PASSED", crowded.output, re.MULTILINE)))
    assert modules == ["training", "claims", "exact"]
    assert crowded.verdicts == plain.verdicts
    assert trials(crowded.record) == trials(plain.record)
    assert set(crowded.states.values()) == {"identical"}
    assert crowded.record.header.fingerprint == plain.record.header.fingerprint


def test_the_summary_is_below_what_all_of_them_print(crowded: Finished) -> None:
    assert crowded.output.splitlines()[-1].startswith("one claim with its reason: ")
    order = ["example-2/raw ", "TOTAL ", "Generated html report", " passed", "✅ Nothing moved: 2 trainings reproduced"]
    found = [crowded.output.rindex(text) for text in order[1:]]
    assert found == sorted(found)
    assert crowded.output.rindex("example-2/raw  ") < found[0]


def test_no_warnings(crowded: Finished) -> None:
    assert "warnings summary" not in crowded.output
    assert not re.search(r"\b\d+ warnings?\b", crowded.output)
