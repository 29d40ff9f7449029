"""Other pytest plugins alongside the suite: random order, coverage, HTML; and pytest-xdist, which is not used."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.suite.command import JAX, TINY, Finished, suite, trials

PLUGINS = ("pytest_randomly", "pytest_cov", "pytest_html", "xdist")


@pytest.mark.slow
@pytest.mark.skipif(not all(importlib.util.find_spec(name) for name in PLUGINS), reason="needs requirements/tests.txt")
def test_plugins_change_no_verdict_and_no_bit_and_the_summary_is_last(
    copied: Callable[[str], Path], plain: Finished
) -> None:
    """The suite keeps its own order whatever a plugin asks for: the trainings first, which the claims rest on."""
    folder = copied("crowded")
    options = ("-v", "-p", "no:cacheprovider", "-p", "randomly", "--randomly-seed=3", "--cov=harness")
    env = {"COVERAGE_FILE": str(folder / "coverage")}
    run = suite(folder, *JAX, "-k", TINY, *options, f"--html={folder}/page.html", plugins=(), env=env)
    assert run.code == 0
    assert "Using --randomly-seed=3" in run.output
    assert "xdist" in run.output
    assert "example-2/raw" in (folder / "page.html").read_text("utf-8")
    assert re.search(r"^TOTAL +\d+ +\d+ +[1-9]\d*%$", run.output, re.MULTILINE)
    modules = re.findall(r"^suite/test_(\w+)\.py::.* PASSED", run.output, re.MULTILINE)
    assert list(dict.fromkeys(modules)) == ["training", "claims", "exact"]
    assert run.verdicts == plain.verdicts
    assert trials(run.record) == trials(plain.record)
    assert set(run.states.values()) == {"identical"}
    assert run.record.header.fingerprint == plain.record.header.fingerprint
    order = ["TOTAL ", "Generated html report", " passed", "✅ Nothing moved: 2 trainings reproduced"]
    places = [run.output.rindex(text) for text in ("example-2/raw  ", *order)]
    assert places == sorted(places)
    assert run.output.splitlines()[-1].startswith("one claim with its reason: ")
    assert not re.search(r"warnings summary|\b\d+ warnings?\b", run.output)
