"""Commands: the files before, the options, and what comes of it: exit code, failed tests, and words of the output."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cases.errata import ERRATA
from suite.session.end import REWRITTEN
from tests.make import edit
from tests.suite.command import CHECK, ROOT, TINY, Finished, suite
from tests.suite.conftest import CHECKED, JAX

PLUGINS = {
    "changed_erratum": """
import dataclasses
def pytest_configure():
    from harness.domain.erratum import Differs
    from suite.catalogue import ERRATA
    ERRATA["argmax-axis"] = dataclasses.replace(ERRATA["argmax-axis"], outcome=Differs(slide=[8, 3], today=3))
""",
    "unusable_erratum": """
import dataclasses
def pytest_configure():
    from suite.catalogue import ERRATA
    ERRATA["argmax-axis"] = dataclasses.replace(ERRATA["argmax-axis"], given="import no_such_module")
""",
    "wrong_self_check": """
import dataclasses
from harness.domain import self_check
decide = self_check.SelfCheck.decide
def spoilt(check, engine):
    if check.id == "activation/tanh":
        check = dataclasses.replace(check, check=lambda engine: [self_check.Measured("tanh", 2.0, 1.0)])
    return decide(check, engine)
self_check.SelfCheck.decide = spoilt
""",
    "broken_self_check": """
from harness.domain import self_check
decide = self_check.SelfCheck.decide
def spoilt(check, engine):
    if check.id == "activation/tanh":
        raise ZeroDivisionError("a check with a mistake")
    return decide(check, engine)
self_check.SelfCheck.decide = spoilt
""",
    "broken_report": """
import reports.write
def fail(*_): raise KeyError('somewhere in a table')
reports.write.write_report = fail
""",
    "file_for_figures": """
import pytest, shutil, pathlib
@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish(nodeid):
    path = pathlib.Path(__file__).parent / 'report' / 'figures'
    if path.is_dir():
        shutil.rmtree(path); path.write_text('')
""",
    "no_backend": """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name in ('keras', 'tensorflow', 'jax', 'torch'): raise RuntimeError(f'{name} is imported')
sys.meta_path.insert(0, Finder())
""",
    "new_python": """
import importlib.util as u
from harness.training import backend
find = u.find_spec
u.find_spec = lambda name, *rest: None if name == "tensorflow" else find(name, *rest)
backend.WITHOUT_TENSORFLOW = (3, 11)
""",
    "pynvml": "import pathlib; (pathlib.Path(__file__).parent / 'asked').touch()",
}
"""The text of each plugin, or module, by its name."""


@dataclass(frozen=True)
class Row:
    """``spoilt``: changes of the stored evidence, without which there is none. ``anew``: in a Python of its own."""

    options: tuple[str, ...]
    code: int
    red: frozenset[str] | set[str] = frozenset()
    said: tuple[str, ...] = ()
    unsaid: tuple[str, ...] = ()
    plugin: str = ""
    spoilt: Mapping[str, Callable[[Path], object]] = field(default_factory=dict)
    backend: str = ""
    anew: bool = False
    slow: bool = False


def damage(path: Path) -> None:
    path.write_text("{", "utf-8")


def refute(path: Path) -> None:
    edit(path, lambda content: [each.update(verdict="REFUTED") for each in content["expected"].values()])


ONE = ("-k", "minmax-table")
THREE_ERRATA = (*JAX, "-m", "errata", "-k", "adagrad-defaults or argmax-axis or np-utils")
TANH = ("--backend", "jax", "-k", "activation and (relu or tanh)")
RAW = {"example-2/raw", "raw-data-diverges"}
COLLECT = ("--collect-only", *ONE)
ROWS = {
    "nothing selected": Row((*JAX, "-m", "errata and exact"), 5),
    "unreadable evidence, and nothing moved": Row(
        (*CHECKED, "-k", "raw-data or minmax-table"), 3, RAW, spoilt={"example-2": damage}
    ),
    "unreadable evidence, and a flipped verdict": Row(
        (*JAX, "-k", "raw-data or minmax-table"), 1, {*RAW, "minmax-table"},
        spoilt={"example-2": damage, "exact": refute},
    ),
    "a file replaces the folder for figures": Row(
        (*JAX, *ONE), 3, said=("ERROR: the report could not be written: ", ".jsonl"), plugin="file_for_figures"
    ),
    "a report that fails loses no verdict": Row(
        (*JAX, *ONE), 3,
        said=("1 case: 1 supported (1 computed).", ".jsonl",
              "ERROR: the report could not be written: KeyError: 'somewhere in a table'"),
        plugin="broken_report",
    ),
    "an erratum that no longer holds": Row(
        THREE_ERRATA, 1, {"argmax-axis"},
        ("expected a check that gives 3; received: 8", "2 of 3 errata hold", "\n❌ 1 erratum changed.\n",
         "If this Keras is right, change the erratum in cases/errata (or",
         "\n  erratum changed: argmax-axis: printed form: expected"),
        plugin="changed_erratum",
    ),
    "an erratum that cannot be run": Row(
        THREE_ERRATA, 3, {"argmax-axis"},
        ("not run: argmax-axis: its `given` cannot be run: ModuleNotFoundError",), plugin="unusable_erratum",
    ),
    "a self-check that found a mistake": Row(
        TANH, 1, {"activation/tanh"}, ("self-check activation/tanh: tanh. Expected: 1. Received: 2.",),
        plugin="wrong_self_check",
    ),
    "a self-check that cannot be run": Row(
        TANH, 3, {"activation/tanh"}, ("self-check activation/tanh: ZeroDivisionError: a check with a mistake",),
        plugin="broken_self_check",
    ),
    "a Keras that lacks what a claim and an erratum need": Row(
        (CHECK, "-p", "tests.suite.old_keras", "--backend", "jax", "-m", "exact or errata",
         "-k", "early-stopping-stops or minmax-table or lstm-recurrent-activation or adadelta-rate"),
        3, {"early-stopping-stops", "lstm-recurrent-activation"},
        ("has no attribute 'EarlyStopping'", "cannot import name 'LSTM'", "2 cases: 1 supported",
         "1 of 2 errata hold"),
        slow=True,
    ),
    "nobody is asked for a GPU": Row(
        (CHECK, "--backend", "jax", *ONE), 0, plugin="pynvml", unsaid=("as its driver",)
    ),
    "header of a chosen backend": Row(
        (*COLLECT, "--backend", "jax"), 0, said=("jax (--backend, over KERAS_BACKEND=tensorflow)",),
        backend="tensorflow",
    ),
    "header over nonsense": Row(
        (*COLLECT, "--backend", "jax"), 0, said=("jax (--backend, over KERAS_BACKEND=nonsense)",), backend="nonsense"
    ),
    "header of a run to the end": Row(
        COLLECT, 0, said=("claims: to the end, seeds 10, backend tensorflow (default), engine auto",)
    ),
    "header of a check": Row(
        (CHECK, *COLLECT), 0, said=("claims: check against the evidence, backend tensorflow (default), engine auto",)
    ),
    "header of a Python that TensorFlow has no release for": Row(
        COLLECT, 0, said=("backend jax (default: TensorFlow has no release for Python 3.",), plugin="new_python",
        anew=True,
    ),
    "plan of errata": Row(
        (*JAX, "-m", "errata", "--dry-run"), 0,
        said=(f"0 variants, 0 trials to the end, 0 claims, {len(ERRATA)} errata",),
    ),
    "plan of too few seeds": Row(
        ("--seeds", "29", "-k", "tips-softmax or tips-dropout-helps", "--dry-run"), 0,
        said=("These claims cannot be supported with so few seeds. They take at least: tips-softmax 30.",),
    ),
    "plan of enough seeds": Row(
        ("--seeds", "30", "-k", "tips-softmax", "--dry-run"), 0, unsaid=("cannot be supported",)
    ),
    "plan without a backend": Row(
        (*JAX, "-k", TINY, "--dry-run"), 0, said=("2 variants, 10 trials to the end, 5 claims",), plugin="no_backend",
        anew=True,
    ),
    "plan of the whole lecture, whose times are stored": Row(
        (CHECK, "--dry-run", "--baseline-dir", str(ROOT / "baselines")), 0, said=("as stored for tensorflow-cpu",),
        unsaid=("unknown",),
    ),
    "plan of a check": Row(
        (*CHECKED, "-k", f"{TINY} or example-1", "--dry-run"), 0,
        said=("7 variants, 0 shortened trials, 20 trials to the end, ",), unsaid=("no stored time",),
        spoilt={"example-2": lambda path: None},
    ),
}  # fmt: skip


MARKED = [pytest.param(name, marks=[pytest.mark.slow] if row.slow else []) for name, row in ROWS.items()]


@pytest.mark.parametrize("name", MARKED)
def test_a_command(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    row, folder = ROWS[name], tmp_path
    if row.spoilt:
        folder = request.getfixturevalue("copied")("spoilt")
        for experiment, change in row.spoilt.items():
            change(folder / "baselines" / "jax-cpu" / f"{experiment}.json")
    env = {"KERAS_BACKEND": row.backend} if row.backend else {}
    options = row.options
    if row.plugin:
        (folder / f"{row.plugin}.py").write_text(PLUGINS[row.plugin], "utf-8")
        options += () if row.plugin == "pynvml" else ("-p", row.plugin)
        env["PYTHONPATH"] = str(folder)
    run = suite(folder, *options, env=env, anew=row.anew)
    assert (run.code, run.red) == (row.code, row.red), run.output
    assert [text for text in row.said if text not in run.output] == [], run.output
    assert [text for text in row.unsaid if text in run.output] == [], run.output
    if "--dry-run" in row.options:
        assert not (folder / "report").exists()
        assert run.output.splitlines()[-1] == "dry run: nothing was trained, and nothing written"
    assert not (folder / "asked").exists()


def test_a_run_that_stores_is_never_green(stored: Finished) -> None:
    assert stored.code == REWRITTEN == 6


def test_the_documentation_lists_the_exit_codes() -> None:
    text = (ROOT / "docs" / "running.md").read_text("utf-8")
    table = text[text.index("| exit code | means |") :]
    assert [int(code) for code in re.findall(r"^\| (\d) \|", table, re.MULTILINE)] == [0, 1, 2, 3, 4, 5, 6]


@pytest.mark.slow
def test_a_training_that_needs_what_this_keras_lacks_is_named_and_the_others_train(tmp_path: Path) -> None:
    lacking = ("-p", "tests.suite.old_keras", "--backend", "jax")
    run = suite(tmp_path, CHECK, *lacking, "-k", "batch-normalization-examples")
    assert run.code == 3, run.output
    assert "batch-normalization-examples/rnn could not be trained: ImportError: cannot import name 'LSTM'" in run.output
    assert {variant for _, variant in run.record.trainings} == {"mlp", "cnn"}
