"""Errata in a run: recorded, reported, counted; red when one is no longer so."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from cases.errata import ERRATA
from harness.domain.erratum import Finding, State
from harness.errors import SuiteError
from suite import errata, selection
from suite.catalogue import ERRATA as BY_ID
from tests.suite.command import Finished, suite
from tests.suite.conftest import JAX
from tests.suite.test_workers import TWO, XDIST

THREE = "adagrad-defaults or argmax-axis or np-utils"
KEYS = {
    "id",
    "slide",
    "statement",
    "given",
    "printed",
    "modern",
    "check",
    "when",
    "outcome",
    "error",
    "values",
    "state",
}

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
    return suite(folder, *JAX, "-m", "errata", "-k", THREE, "--junitxml", str(folder / "junit.xml"))


def test_all_hold(three: Finished) -> None:
    assert three.code == 0, three.output
    assert "3 of 3 errata hold: code of the slides that has to be updated" in three.output
    assert not re.search(r"^\d+ claims?: ", three.output, re.MULTILINE)


def test_they_are_recorded_in_full(three: Finished) -> None:
    found = {record["id"]: record for record in three.record.errata}
    assert list(found) == ["adagrad-defaults", "np-utils", "argmax-axis"]
    assert all(set(record) >= KEYS for record in found.values())
    assert found["np-utils"]["when"] == "at the import"
    assert found["np-utils"]["error"].startswith("ImportError: cannot import name 'np_utils'")
    assert found["adagrad-defaults"]["values"] == {"slide": [0.01, 0.0], "today": [0.001, 0.1], "modern": [0.01, 0.0]}
    assert three.report["errata"] == [{k: v for k, v in r.items() if k != "kind"} for r in three.record.errata]
    assert three.report["claims"] == []


def test_the_report_has_its_table(three: Finished) -> None:
    text = (three.folder / "report" / "REPORT.md").read_text("utf-8")
    assert "## Slides to update" in text
    assert "`from keras.utils import np_utils`" in text


def test_junit_carries_what_was_found(three: Finished) -> None:
    cases = {case.get("name"): case for case in ET.parse(three.folder / "junit.xml").getroot().iter("testcase")}
    said = {each.get("name"): each.get("value") for each in cases["test_errata[np-utils]"].iter("property")}
    assert said["state"] == "holds"
    assert said["when"] == "at the import"


def test_workers_find_the_same(three: Finished, tmp_path: Path) -> None:
    shared = suite(tmp_path, *JAX, *TWO, "-m", "errata", "-k", THREE, plugins=XDIST)
    assert shared.code == 0, shared.output
    assert shared.output.count("3 of 3 errata hold") == 1
    told = [{k: v for k, v in one.items() if k != "seconds"} for one in shared.report["errata"]]
    assert told == [{k: v for k, v in one.items() if k != "seconds"} for one in three.report["errata"]]


def spoilt(folder: Path, plugin: str, *options: str, plugins: tuple[str, ...] = ()) -> Finished:
    (folder / "spoil.py").write_text(plugin, "utf-8")
    more = {"plugins": plugins} if plugins else {}
    return suite(folder, *JAX, "-p", "spoil", "-k", THREE, *options, env={"PYTHONPATH": str(folder)}, **more)


@pytest.mark.parametrize("workers", [(), TWO])
def test_one_that_is_no_longer_so_is_red(workers: tuple[str, ...], tmp_path: Path) -> None:
    run = spoilt(tmp_path, SPOIL, *workers, plugins=XDIST if workers else ())
    assert run.code == 1, run.output
    assert run.red == {"argmax-axis"}
    assert "expected a check that gives 3; received: 8" in run.output
    assert "If this Keras is right, change the erratum in cases/errata/" in run.output
    assert "2 of 3 errata hold" in run.output
    assert re.search(r"^  changed: argmax-axis: printed form: expected", run.output, re.MULTILINE)
    assert {one["id"]: one["state"] for one in run.report["errata"]}["argmax-axis"] == "changed"


def test_one_that_cannot_be_run_is_an_error_and_nothing_has_moved(tmp_path: Path) -> None:
    run = spoilt(tmp_path, UNUSABLE)
    assert run.code == 3, run.output
    assert run.red == {"argmax-axis"}
    assert "not run: argmax-axis: what is given cannot be run: ModuleNotFoundError" in run.output


def test_a_dry_run_counts_them(tmp_path: Path) -> None:
    run = suite(tmp_path, *JAX, "-m", "errata", "--dry-run")
    assert run.code == 0
    assert f"0 variants, 0 trials to the end, 0 claims, {len(ERRATA)} errata" in run.output


def test_they_have_no_baselines(three: Finished, tmp_path: Path) -> None:
    assert three.files() == {}
    run = suite(tmp_path, *JAX, "-m", "errata", "-k", "argmax-axis", "--require-baselines", "--strict")
    assert run.code == 0, run.output


def test_names_for_k() -> None:
    assert {f"test_errata[{name}]" for name in BY_ID} <= selection.catalogue_names()
    with pytest.raises(SuiteError, match="'argmax-axis'"):
        selection.check_expressions("argmax-axes", "", selection.catalogue_names(), {"errata"})


def test_a_finding_survives_its_record() -> None:
    found = Finding(ERRATA[3], State.BROKEN, "why", "in fit", "ValueError: x", "old", [1, None], "a", 0.5)
    assert errata.finding(json.loads(json.dumps(errata.record(found, "jax")))) == found
