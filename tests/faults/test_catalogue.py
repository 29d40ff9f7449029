"""The catalogue of faults: its contents, the removal of each fault, and that the published table is about them."""

import json
import re
import subprocess
import sys
from collections import Counter

import pytest

from harness.course import ROOT
from harness.errors import SuiteError
from tests.faults.__main__ import OUT, main, rows_in
from tests.faults.catalogue import CONTROL, FAULTS, measured, named, on
from tests.faults.fault import Fault, Patch
from tests.faults.report import report
from tests.faults.run import BY, seen

CLASSES = {
    "optimizer",
    "layers",
    "initial weights",
    "losses and metrics",
    "data",
    "callbacks",
    "determinism",
    "numerics",
    "engine",
    "verdicts and statistics",
    "files and baselines",
    "late states",
    "late epochs",
}
TABLES = sorted(OUT.glob("faults-*.json"))


@pytest.fixture(scope="module")
def restored(tmp_path_factory):
    path = tmp_path_factory.mktemp("faults") / "restored.json"
    command = [sys.executable, "-m", "tests.faults.restoring", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(path.read_text("utf-8"))


def test_every_class_has_faults():
    counts = Counter(fault.group for fault in FAULTS)
    assert set(counts) == CLASSES
    assert min(counts.values()) >= 5
    assert len(FAULTS) >= 50


def test_every_fault_has_a_key_of_its_own():
    """Another strength of the same function is another fault."""
    keys = [fault.key for fault in (CONTROL, *FAULTS)]
    assert len(set(keys)) == len(keys)


def test_a_key_does_not_depend_on_where_the_function_lives():
    """What is moved or renamed leaves what was measured as it is; another method is another fault."""

    def key(owner, attribute):
        return Fault("one", (Patch(owner, attribute, abs),), None).key

    assert key("harness.training.compiled:One", "run") == key("harness.engines:Other", "run")
    assert key("harness.training.compiled:One", "run") != key("harness.training.compiled:One", "step")


@pytest.mark.parametrize("what", ["replaced", "restored"])
def test_every_fault_is_put_in_and_taken_out(restored, what):
    assert set(restored) == {fault.name for fault in on("jax")}
    assert [name for name, found in restored.items() if not found[what]] == []


def test_an_unknown_fault_is_named():
    with pytest.raises(SuiteError, match=r"learning rate × 0\.9"):
        named("learning rate × 0.91")


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.stem)
def test_the_table_is_of_these_faults(table):
    """A fault that was changed, or added, has to be measured: ``python -m tests.faults``."""
    content = json.loads(table.read_text("utf-8"))
    keys = {fault.name: fault.key for fault in measured(content["backend"])}
    assert {row["name"]: row["key"] for row in content["rows"]} == keys


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.stem)
def test_what_the_table_says(table):
    """Nothing is red without a fault; a check alone sees 95 % of those that act early."""
    rows = rows_in(table)
    control = rows.pop(CONTROL.name)
    assert not any(control[by] for by in BY)
    early = [bool(row["check"]) for row in rows.values() if row["acts"]]
    assert sum(early) >= 0.95 * len(early)


@pytest.mark.parametrize("table", TABLES[:1], ids=lambda path: path.stem)
def test_the_report_is_of_its_rows(table):
    assert (OUT / "REPORT.md").read_text("utf-8") == report(OUT)


def rows(**said):
    plain = {"group": "layers", "where": "keras.layers.Dense.call", "within T": True, "acts": True, "held out": False}
    return [{**plain, "check": "", "self-checks": "", "name": name, **one} for name, one in said.items()]


def test_the_report_counts_what_each_sees_alone(tmp_path):
    found = rows(
        a={"check": "moved"},
        b={"self-checks": "Dense", "held out": True},
        c={"within T": False, "acts": False},
        none={"group": "control"},
    )
    (tmp_path / "faults-jax.json").write_text(json.dumps({"backend": "jax", "rows": found}), encoding="utf-8")
    text = re.sub(r" +", " ", report(tmp_path))
    assert "Without a fault: nothing is red." in text
    assert "| of all | 3 | 1 (33.3%) | 1 (33.3%) | 2 (66.7%) |" in text
    assert "| of those that act early | 2 | 1 (50.0%) | 1 (50.0%) | 2 (100.0%) |" in text
    assert "| of those held out | 1 | 0 (0.0%) | 1 (100.0%) | 1 (100.0%) |" in text
    assert text.count("| c |") == 2  # among those that nothing saw, and in its group
    assert "--full --seeds 5` sees" not in text


def test_the_report_says_what_a_run_to_the_end_sees(tmp_path):
    late = {"group": "late", "acts": False}
    found = rows(a={**late, "to the end": "moved"}, b={**late, "to the end": ""}, c=late)
    (tmp_path / "faults-jax.json").write_text(json.dumps({"backend": "jax", "rows": found}), encoding="utf-8")
    text = re.sub(r" +", " ", report(tmp_path))
    assert "`pytest suite/ --full --seeds 5` sees 1 (50.0%) of 2 late faults." in text
    assert "| **not seen** | **not seen** | – |" in text


def test_faults_of_our_own_are_left_to_tests():
    own = named("judge: nothing is red")
    assert own.breaks == "own"
    assert own not in measured("jax")
    with pytest.raises(SuiteError, match=r"which tests/ has to see"):
        seen(own, "jax")


def test_a_table_that_is_none_is_named(tmp_path):
    (tmp_path / "faults-jax.json").write_text("[]", encoding="utf-8")
    with pytest.raises(SuiteError, match=r"faults-jax\.json"):
        main(["--only", "none", "--out", str(tmp_path)])
