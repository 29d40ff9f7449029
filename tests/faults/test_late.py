"""The late faults: their descriptions, what they break, and the plugin that injects one into any run of pytest."""

import subprocess
import sys
from collections import Counter

import pytest

from harness.course import ROOT
from suite.catalogue import TRAININGS
from tests.faults import acting
from tests.faults.__main__ import main
from tests.faults.catalogue import FAULTS
from tests.faults.fault import Fault, Patch

OF_GATE = [fault for fault in FAULTS if fault.name.startswith(("late: ", "small: "))]


def names_where(wrong):
    return [fault.name for fault in OF_GATE if wrong(fault)]


def test_every_fault_of_the_gate_says_what_it_does():
    assert names_where(lambda fault: not fault.what.endswith(".")) == []


def test_every_fault_of_the_gate_names_trainings_that_exist():
    assert names_where(lambda fault: not fault.only or not set(fault.only) <= set(TRAININGS)) == []


def test_at_least_24_faults_act_after_a_hundred_steps():
    assert sum(fault.acts_from_step > 100 for fault in FAULTS if fault.late) >= 24


def test_a_step_is_named_where_one_can_show_a_fault():
    assert [f.name for f in FAULTS if f.shows != "result" and f.acts_from_step is None] == []
    assert [f.name for f in FAULTS if f.breaks == "own" and f.shows != "result"] == []


def test_the_exceptions_are_faults_of_the_table():
    named = (*acting.OF_EVALUATION, *acting.OF_RESULTS, *acting.LATER)
    assert [name for name, count in Counter(named).items() if count > 1] == []
    assert set(named) <= {fault.name for fault in FAULTS} - {fault.name for fault in OF_GATE}


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
    assert Fault("one", (Patch(owner, "call", lambda original: None),), None).breaks == breaks


def test_a_fault_may_say_otherwise():
    assert Fault("one", (Patch("harness.training.compiled", "x", str),), None, breaks="data").breaks == "data"


def test_the_list_counts_the_classes(capsys):
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    counts = Counter(fault.breaks for fault in FAULTS)
    assert lines[-1] == "all: " + ", ".join(f"{counts[name]} {name}" for name in sorted(counts))
    assert sum(fault.name in line for fault in FAULTS for line in lines) >= len(FAULTS)


def pytest_with(fault, tmp_path):
    file = tmp_path / "test_red.py"
    file.write_text(
        "from harness.record.outcomes import TrainingOutcome, TrainingState\n\n\n"
        "def test_red():\n    assert TrainingOutcome(TrainingState.MOVED, '').red\n",
        encoding="utf-8",
    )
    words = ["-p", "tests.faults.plugin", "-p", "no:cacheprovider", "--fault", fault, str(file), "--rootdir", str(ROOT)]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("fault", "code"), [("none", 0), ("judge: nothing is red", 1)])
def test_any_command_line_runs_with_a_fault(fault, code, tmp_path):
    assert pytest_with(fault, tmp_path).returncode == code


def test_an_unknown_fault_is_named_by_the_plugin(tmp_path):
    done = pytest_with("late: L2 fade", tmp_path)
    assert done.returncode == 4
    assert "late: L2 fades" in done.stderr
    assert "Traceback" not in done.stderr
