"""Errata in a run: they are recorded, reported and counted. An erratum that no longer holds is red."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from cases.errata import ERRATA
from tests.suite.command import Finished, suite
from tests.suite.conftest import JAX

THREE = "adagrad-defaults or argmax-axis or np-utils"
SPOIL = """
import dataclasses
def pytest_configure():
    from harness.domain.erratum import Differs
    from suite.catalogue import ERRATA
    ERRATA["argmax-axis"] = dataclasses.replace(ERRATA["argmax-axis"], outcome=Differs(slide=[8, 3], today=3))
"""
UNUSABLE = """
import dataclasses
def pytest_configure():
    from suite.catalogue import ERRATA
    ERRATA["argmax-axis"] = dataclasses.replace(ERRATA["argmax-axis"], given="import no_such_module")
"""


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("errata")
    red = ("--require-baselines", "--strict")
    return suite(folder, *JAX, "-m", "errata", "-k", THREE, *red, "--junitxml", str(folder / "junit.xml"))


def test_all_hold(three: Finished) -> None:
    assert three.code == 0, three.output
    assert "3 of 3 errata hold: code of the slides that has to be updated" in three.output
    assert not re.search(r"^\d+ claims?: ", three.output, re.MULTILINE)


def test_they_are_recorded_in_full(three: Finished) -> None:
    found = three.record.errata
    assert list(found) == ["adagrad-defaults", "np-utils", "argmax-axis"]
    assert found["np-utils"].when == "at the import"
    assert found["np-utils"].error.startswith("ImportError: cannot import name 'np_utils'")
    adagrad = found["adagrad-defaults"]
    assert (adagrad.today, adagrad.replacement) == ([0.001, 0.1], [0.01, 0.0])
    assert [erratum["id"] for erratum in three.report["errata"]] == list(found)
    assert three.report["claims"] == []


def test_the_report_has_their_code(three: Finished) -> None:
    assert "- 3 errata: all hold" in (three.folder / "report" / "REPORT.md").read_text("utf-8")
    text = (three.folder / "report" / "ERRATA.md").read_text("utf-8")
    assert "```python\nfrom keras.utils import np_utils\n" in text
    assert text.count("Replacement:") == 3


def test_junit_has_the_findings(three: Finished) -> None:
    cases = {case.get("name"): case for case in ET.parse(three.folder / "junit.xml").getroot().iter("testcase")}
    properties = {each.get("name"): each.get("value") for each in cases["test_errata[np-utils]"].iter("property")}
    assert properties["state"] == "holds"
    assert properties["when"] == "at the import"


def spoilt(folder: Path, plugin: str) -> Finished:
    (folder / "spoil.py").write_text(plugin, "utf-8")
    return suite(folder, *JAX, "-p", "spoil", "-m", "errata", "-k", THREE, env={"PYTHONPATH": str(folder)})


def test_an_erratum_that_no_longer_holds_is_red(tmp_path: Path) -> None:
    run = spoilt(tmp_path, SPOIL)
    assert run.code == 1, run.output
    assert run.red == {"argmax-axis"}
    assert "expected a check that gives 3; received: 8" in run.output
    assert "If this Keras is right, change the erratum in cases/errata (or" in run.output
    assert "2 of 3 errata hold" in run.output
    summary = run.output[run.output.index("❌ ") :].splitlines()
    assert summary[0] == "❌ 1 erratum changed."
    assert summary[1].startswith("  erratum changed: argmax-axis: printed form: expected")
    assert summary[-2] == f"report: {run.folder / 'report' / 'REPORT.md'}"
    assert summary[-1] == f"page: {run.folder / 'report' / 'index.html'}"
    assert "FAILED suite/" not in "".join(summary)
    assert run.record.errata["argmax-axis"].state == "changed"


def test_an_erratum_that_cannot_be_run_is_an_error_and_nothing_has_moved(tmp_path: Path) -> None:
    run = spoilt(tmp_path, UNUSABLE)
    assert run.code == 3, run.output
    assert run.red == {"argmax-axis"}
    assert "not run: argmax-axis: its `given` cannot be run: ModuleNotFoundError" in run.output


def test_a_dry_run_counts_them(tmp_path: Path) -> None:
    run = suite(tmp_path, *JAX, "-m", "errata", "--dry-run")
    assert run.code == 0
    assert f"0 variants, 0 trials to the end, 0 claims, {len(ERRATA)} errata" in run.output


def test_they_have_no_baselines(three: Finished) -> None:
    """--require-baselines does not make an erratum red."""
    assert three.code == 0
    assert three.files() == {}
