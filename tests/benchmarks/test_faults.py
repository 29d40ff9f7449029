"""The instrument of faults: its table names what exists, each fault goes in and out, and two of them are seen."""

import json
import os
import re
import subprocess
import sys
from collections import Counter

import pytest

from benchmarks.faults import own
from benchmarks.faults.__main__ import OUT, main, rows_in
from benchmarks.faults.change import argument
from benchmarks.faults.fault import Fault, Patch, fault
from benchmarks.faults.page import report
from benchmarks.faults.sight import BY, seen
from benchmarks.faults.table import CONTROL, FAULTS, GROUPS, NAMES, measured, named, on
from harness.course import ROOT
from harness.errors import SuiteError
from suite.catalogue import TRAININGS
from tests.benchmarks.with_faults import BETA, RATE
from tests.conftest import DAY

OWN = [fault for fault in FAULTS if fault.breaks == "own"]
TABLES = sorted(OUT.glob("faults-*.json"))
PARTS = 8
"""A day's tests try this part of the faults of our own."""


def in_a_process(what, folder):
    command = [sys.executable, "-m", "tests.benchmarks.with_faults", what, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads((folder / "said.json").read_text("utf-8"))


def test_every_fault_is_put_in_and_taken_out(tmp_path):
    restored = in_a_process("restored", tmp_path)
    assert set(restored) == {fault.name for fault in on("jax")}
    assert [name for name, said in restored.items() if said != {"replaced": True, "restored": True}] == []


def test_the_table_names_what_exists():
    assert min(map(len, GROUPS.values())) >= 5
    assert len({*NAMES}) == len(NAMES)
    assert [f.name for f in FAULTS if not set(f.trainings) <= {*TRAININGS}] == []
    assert [f.name for f in FAULTS if f.shows != "result" and f.step is None] == []
    assert [f.name for f in FAULTS if f.breaks == "own" and f.shows != "result"] == []
    assert sum(f.late and f.step > 100 for f in FAULTS) >= 24


def test_every_fault_has_a_key_of_its_own():
    """Another strength of the same change is another fault; what is only moved stays the same."""
    assert len({f.key for f in (CONTROL, *FAULTS)}) == len(FAULTS) + 1

    def key(owner, attribute, value):
        return Fault("a", (Patch(owner, attribute, argument("x", value)),)).key

    assert key("harness.training.compiled:One", "run", 1) == key("harness.engines:Other", "run", 1)
    assert len({key("a", "run", 1), key("a", "step", 1), key("a", "run", 2)}) == 3


@pytest.mark.parametrize(
    ("owner", "breaks"),
    [
        ("keras.src.optimizers.adam:Adam", "framework"),
        ("cases.data.mnist", "data"),
        ("harness.domain.experiment:Dataset", "data"),
        ("harness.domain.experiment:Experiment", "engine"),
        ("harness.training.compiled", "engine"),
        ("harness.rules.orders", "own"),
        ("cases.overfitting.regularization", "own"),
    ],
)
def test_a_fault_breaks_what_it_is_put_into(owner, breaks):
    assert fault((owner, "call"), print).breaks == breaks


def test_a_fault_may_say_otherwise():
    assert fault(("harness.training.compiled", "x"), print, breaks="data").breaks == "data"


def test_an_argument_that_is_none_is_refused():
    with pytest.raises(TypeError, match="no argument y"):
        argument("y", 1).make(lambda x: x)


def test_an_unknown_fault_is_named():
    with pytest.raises(SuiteError, match=r"learning rate × 0\.9"):
        named("learning rate × 0.91")


def test_faults_of_our_own_are_left_to_tests():
    assert not set(OWN) & set(measured("jax"))
    assert [f.name for f in OWN if not all((ROOT / path).exists() for path in own.tests_of(f))] == []
    with pytest.raises(SuiteError, match=r"which tests/ has to see"):
        seen(OWN[0], "jax")


@pytest.mark.slow
@pytest.mark.parametrize("fault", OWN[int(os.environ.get(DAY, "0")) // PARTS % PARTS :: PARTS], ids=lambda f: f.name)
def test_a_test_sees_a_fault_of_our_own(fault):
    assert own.unseen(fault) == ""


@pytest.mark.slow
def test_what_sees_a_fault(tmp_path):
    """SGD with another rate moves; a constant of Adam does not, nor does anything move without a fault."""
    said = in_a_process("seen", tmp_path)
    assert said["check"][RATE].startswith("gradient-descent/rate 0.01 moved")
    assert (said["check"]["none"], said["check"][BETA]) == ("", "")
    assert said["row"]["self-checks"].startswith("network/")
    assert said["row"]["check"] == said["check"][RATE]
    assert said["row"]["acts"]
    assert said["row"]["within T"]
    assert "evidence of batch-normalization-rates/plain, rate 0.1" in said["without evidence"]
    assert "--update-baselines" in said["without evidence"]


@pytest.mark.parametrize(("name", "code"), [("none", 0), ("judge: nothing is red", 1), ("late: L2 fade", 4)])
def test_any_command_line_runs_with_a_fault(name, code, tmp_path):
    file = tmp_path / "test_red.py"
    file.write_text(
        "from harness.record.outcomes import TrainingOutcome, TrainingState\n\n\n"
        "def test_red():\n    assert TrainingOutcome(TrainingState.MOVED, '').red\n",
        encoding="utf-8",
    )
    words = ["-p", "benchmarks.faults.plugin", "-p", "no:cacheprovider", "--fault", name, str(file)]
    command = [sys.executable, "-m", "pytest", "-q", *words, "--rootdir", str(ROOT)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert ("late: L2 fades" in done.stderr) == (code == 4)
    assert "Traceback" not in done.stderr


def test_the_list_counts_the_classes(capsys):
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    counts = Counter(fault.breaks for fault in FAULTS)
    assert lines[-1] == "all: " + ", ".join(f"{counts[name]} {name}" for name in sorted(counts))
    assert len(lines) == len(FAULTS) + 5


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.stem)
def test_the_published_table(table):
    """It is of these faults; nothing is red without one; a check alone sees 95 % of those that act early.

    A fault that was changed, or added, has to be measured: ``python -m benchmarks.faults``.
    """
    rows = rows_in(table)
    keys = {fault.name: fault.key for fault in measured(table.stem.removeprefix("faults-"))}
    assert {name: row["key"] for name, row in rows.items()} == keys
    control = rows.pop(CONTROL.name)
    assert not any(control[by] for by in BY)
    early = [bool(row["check"]) for row in rows.values() if row["acts"]]
    assert sum(early) >= 0.95 * len(early)
    assert (OUT / "REPORT.md").read_text("utf-8") == report(OUT)


def test_a_table_that_is_none_is_named(tmp_path):
    (tmp_path / "faults-jax.json").write_text("[]", encoding="utf-8")
    with pytest.raises(SuiteError, match=r"faults-jax\.json"):
        main(["--only", "none", "--out", str(tmp_path)])


def test_the_report_counts_what_each_sees_alone(tmp_path):
    plain = {"group": "layers", "where": "keras.layers.Dense.call", "within T": True, "acts": True, "held out": False}
    plain |= {"check": "", "self-checks": ""}
    late = {"group": "late", "acts": False, "check": "moved"}
    said = {
        "a": {"check": "moved"},
        "b": {"self-checks": "Dense", "held out": True},
        "c": {"within T": False, "acts": False},
        "none": {"group": "control"},
        "d": late | {"to the end": "moved"},
        "e": late | {"to the end": ""},
    }
    rows = [plain | {"name": name} | row for name, row in said.items()]
    (tmp_path / "faults-jax.json").write_text(json.dumps({"backend": "jax", "rows": rows}), encoding="utf-8")
    text = re.sub(r" +", " ", report(tmp_path))
    assert "Without a fault: nothing is red." in text
    assert "| of all | 5 | 3 (60.0%) | 1 (20.0%) | 4 (80.0%) |" in text
    assert "| of those that act early | 2 | 1 (50.0%) | 1 (50.0%) | 2 (100.0%) |" in text
    assert "| of those held out | 1 | 0 (0.0%) | 1 (100.0%) | 1 (100.0%) |" in text
    assert text.count("| c |") == 2  # among those that nothing saw, and in its group
    assert "`pytest suite/ --full --seeds 5` sees 1 (50.0%) of 2 late faults." in text
