"""The catalogue of faults: what is in it, that each comes out again, and that the table is about these very faults."""

import json
import subprocess
import sys
from collections import Counter

import pytest

from suite.options import ROOT
from tests.faults.__main__ import OUT, main, rows_in
from tests.faults.catalogue import CONTROL, FAULTS, TABLE, named, on
from tests.faults.explained import EXPLAINED
from tests.faults.report import ELSEWHERE, HERE, report

CLASSES = {
    "optimizer",
    "layers",
    "initialisers",
    "losses and metrics",
    "data",
    "callbacks",
    "determinism",
    "numerics",
    "engine",
    "verdicts and statistics",
    "files and baselines",
    "written after the checks",
    "late",
    "small",
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


@pytest.mark.parametrize("what", ["replaced", "restored"])
def test_every_fault_is_put_in_and_taken_out(restored, what):
    assert set(restored) == {fault.name for fault in on("jax")}
    assert [name for name, found in restored.items() if not found[what]] == []


def test_an_unknown_fault_is_named():
    with pytest.raises(Exception, match=r"learning rate × 0\.9"):
        named("learning rate × 0.91")


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.stem)
def test_the_table_is_of_these_faults(table):
    """A fault that was changed, or added, has to be measured: ``python -m tests.faults``. Those of the gate are not."""
    content = json.loads(table.read_text("utf-8"))
    rows = {row["name"]: row for row in content["rows"]}
    faults = {fault.name: fault for fault in (CONTROL, *on(content["backend"], TABLE))}
    assert set(rows) == set(faults)
    assert [name for name, fault in faults.items() if rows[name]["key"] != fault.key] == []


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.stem)
def test_what_the_table_says(table):
    """Nothing is red without a fault, but what has other bits; 95 % are caught elsewhere; every miss is explained."""
    rows = rows_in(table)
    control = rows.pop(CONTROL.name)
    assert not control[ELSEWHERE]["caught"]
    assert not control[HERE]["caught"] or "Other bits" in control[HERE]["reason"]
    missed = [row for row in rows.values() if not row[ELSEWHERE]["caught"]]
    assert len(missed) <= 0.05 * len(rows)
    assert {row["name"] for row in missed} <= set(EXPLAINED)


def test_the_report_is_of_its_rows():
    assert TABLES
    assert (OUT / "REPORT.md").read_text("utf-8") == report(OUT)


def test_a_table_that_is_none_is_named(tmp_path):
    (tmp_path / "faults-jax.json").write_text("[]", encoding="utf-8")
    with pytest.raises(Exception, match=r"faults-jax\.json"):
        main(["--only", "none", "--out", str(tmp_path)])
