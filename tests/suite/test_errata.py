"""Errata in a run: they are recorded, reported and counted. An erratum that no longer holds is red."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from tests.suite.command import Finished, suite
from tests.suite.conftest import JAX

THREE = "adagrad-defaults or argmax-axis or np-utils"


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("errata")
    red = ("--require-baselines", "--strict")
    return suite(folder, *JAX, "-m", "errata", "-k", THREE, *red, "--junitxml", str(folder / "junit.xml"))


def test_all_hold(three: Finished) -> None:
    """--require-baselines does not make an erratum red."""
    assert three.code == 0, three.output
    assert three.files() == {}
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
