"""The instrument of faults: its combinators, its table, each fault in and out, and what two of them make red."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from benchmarks.faults import own, plugin
from benchmarks.faults.__main__ import OUT, main, rows_in
from benchmarks.faults.change import afterwards, argument, attribute, changed, instead, result, skipped, stale, times
from benchmarks.faults.page import report
from benchmarks.faults.sight import BY, seen
from benchmarks.faults.table import CONTROL, FAULTS, GROUPS, MEASURED, NAMES, named
from harness.course import ROOT
from harness.errors import SuiteError
from suite.catalogue import TRAININGS
from tests.benchmarks.with_faults import BETA, RATE
from tests.conftest import DAY

OWN = [fault for fault in FAULTS if fault.own]
TABLES = sorted(OUT.glob("faults-*.json"))
PARTS = 8
"""A day's tests try this part of the faults of our own."""


def in_a_process(what, folder):
    command = [sys.executable, "-m", "tests.benchmarks.with_faults", what, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads((folder / "said.json").read_text("utf-8"))


def added(self, x, y=1):
    """What the combinators change: it is called once with 1, then with 10; k is 100."""
    self.kept, self.sum = x, self.k + x + y
    return self.sum


@pytest.mark.parametrize(
    ("change", "first", "second", "kept"),
    [
        (result(lambda total, x: total * x), 102, 1110, 10),
        (times(2), 204, 222, 10),
        (argument("y", 5), 106, 115, 10),
        (argument("x", lambda x, y: x + y), 103, 112, 11),
        (attribute("k", lambda k, x: k * x), 102, 1011, 10),
        (afterwards("kept", lambda before, after: (before, after)), 102, 111, ((None, 1), 10)),
        (stale("kept"), 102, 111, 1),
        (skipped(lambda original, x: x > 1), 102, None, 1),
        (instead(lambda self, x: x), 1, 10, None),
        (lambda original, self, x: -original(self, x), -102, -111, 10),
    ],
)
def test_a_combinator(change, first, second, kept):
    thing, call = SimpleNamespace(k=100), changed(added, change)
    assert (call(thing, 1), call(thing, 10)) == (first, second)
    assert (getattr(thing, "kept", None), thing.k) == (kept, 100)


def test_an_argument_that_is_none_is_refused():
    for change in (argument("z", 1), result(lambda total, z: z)):
        with pytest.raises(TypeError, match="no argument z"):
            changed(added, change)


def test_every_fault_is_put_in_and_taken_out(tmp_path):
    restored = in_a_process("restored", tmp_path)
    assert set(restored) == {*NAMES}
    assert [name for name, said in restored.items() if said != {"replaced": True, "restored": True}] == []


def test_the_table_names_what_exists():
    assert min(map(len, GROUPS.values())) >= 5
    assert len({*NAMES}) == len(NAMES)
    assert [f.name for f in FAULTS if not set(f.trainings) <= {*TRAININGS}] == []
    assert sum(f.late and not f.own and f.step > 100 for f in FAULTS) >= 24
    assert [f.name for f in OWN if not all((ROOT / path).exists() for path in own.tests_of(f))] == []


def test_an_unknown_fault_is_named():
    with pytest.raises(SuiteError, match=r"learning rate × 0\.9"):
        named("learning rate × 0.91")
    with pytest.raises(pytest.UsageError, match="late: L2 fades"):
        plugin.pytest_configure(SimpleNamespace(getoption=lambda option: "late: L2 fade"))


def test_faults_of_our_own_are_left_to_tests():
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


def test_any_command_line_runs_with_a_fault(tmp_path, capsys):
    (tmp_path / "test_red.py").write_text(
        "from harness.record.outcomes import TrainingOutcome, TrainingState\n\n\n"
        "def test_red():\n    assert TrainingOutcome(TrainingState.MOVED, '').red\n",
        encoding="utf-8",
    )
    words = ["-p", "benchmarks.faults.plugin", "-p", "no:cacheprovider", "--fault", "judge: nothing is red"]
    assert pytest.main(["-q", *words, "--rootdir", str(tmp_path), str(tmp_path)]) == pytest.ExitCode.TESTS_FAILED
    assert "1 failed" in capsys.readouterr().out


def test_the_list_counts_the_classes(capsys):
    assert main(["--list"]) == 0
    *lines, counts = capsys.readouterr().out.splitlines()
    assert len(lines) == len(FAULTS)
    assert counts.startswith(f"{len(FAULTS)} faults: {len(OWN)} of our own code, ")


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.stem)
def test_the_published_table(table):
    """It is of these faults; nothing is red without one; a check alone sees 95 % of those that act early.

    A fault that was added has to be measured: ``python -m benchmarks.faults``; one that was changed: with ``--only``.
    """
    rows = rows_in(table)
    assert {*rows} == {fault.name for fault in MEASURED}
    control = rows.pop(CONTROL.name)
    assert not any(control[by] for by in BY)
    early = [bool(row["check"]) for row in rows.values() if row["acts"]]
    assert sum(early) >= 0.95 * len(early)
    assert (OUT / "REPORT.md").read_text("utf-8") == report(OUT)


def test_a_table_that_is_none_is_named(tmp_path):
    (tmp_path / "faults-jax.json").write_text("[]", encoding="utf-8")
    with pytest.raises(SuiteError, match=r"faults-jax\.json"):
        main(["--only", "none", "--out", str(tmp_path)])
