"""Commands: the files before, the options, and what comes of it: exit code, states, failed tests, and what is said.

Values of options alone are in ``test_options``; courses in ``test_another_course``.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from cases.errata import ERRATA
from harness.check.evidence import path_of, read
from suite.session.end import REWRITTEN
from tests.suite import evidence_changes as stored_as
from tests.suite.command import CHECK, CHECKED, JAX, PLAIN, ROOT, TINY, Finished, kinds, suite
from tests.suite.conftest import BROAD, IMAGES
from tests.suite.test_known import killed, nth_trial


def of_erratum(change: str) -> str:
    """A plugin that changes an erratum."""
    return f"""
import dataclasses
def pytest_configure():
    from harness.erratum import Differs
    from suite.catalogue import ERRATA
    ERRATA["argmax-axis"] = dataclasses.replace(ERRATA["argmax-axis"], {change})
"""


def of_self_check(does: str) -> str:
    """A plugin with which a self-check does this."""
    return f"""
from harness import self_check
decide = self_check.SelfCheck.decide
def check(engine):
    {does}
def spoilt(self, engine):
    vars(self)["check"] = check if self.id == "activation/tanh" else self.check
    return decide(self, engine)
self_check.SelfCheck.decide = spoilt
"""


PLUGINS = {
    "changed_erratum": of_erratum("outcome=Differs(slide=[8, 3], today=3)"),
    "unusable_erratum": of_erratum('given="import no_such_module"'),
    "wrong_self_check": of_self_check('return [self_check.Measured("tanh", 2.0, 1.0)]'),
    "broken_self_check": of_self_check('raise ZeroDivisionError("a check with a mistake")'),
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
    "hidden": """
import importlib.util as u
find = u.find_spec
u.find_spec = lambda name, *rest: None if name == 'torch' else find(name, *rest)
""",
    "pynvml": "import pathlib; (pathlib.Path(__file__).parent / 'asked').touch()",
}
"""The text of each plugin, or module, by its name."""


@dataclass(frozen=True)
class Row:
    """A command.

    Attributes:
        options, code: of the command, and its exit code.
        said: texts of the output, or of the reasons in the record; of a refused command (exit code 4) of its one line
            of error. A tuple is the beginning of a line, and what that line has besides.
        unsaid: texts that the output lacks.
        red: the failed tests.
        states: of the trainings.
        claims: the state of the verdict and what it rests on here, by claim.
        evidence: what is stored before: "stored", "images", or nothing.
        before: prepares the folder.
        plugin: of ``PLUGINS``, or a module.
        env: variables. HERE is the folder.
        anew: in a Python of its own.
    """

    options: tuple[str, ...]
    code: int = 4
    said: tuple[str | tuple[str, ...], ...] = ()
    red: frozenset[str] | set[str] = frozenset()
    states: Mapping[str, str] | None = None
    claims: Mapping[str, tuple[str, str]] | None = None
    unsaid: tuple[str, ...] = ()
    evidence: str = ""
    before: Callable[[Path], object] = lambda folder: None
    plugin: str = ""
    env: Mapping[str, str] | None = None
    anew: bool = False
    slow: bool = False


def importing_keras(folder: Path) -> None:
    """And with a file that no Python 3 can read, which nothing imports."""
    shutil.copytree(ROOT / "examples" / "wine", folder / "wine")
    path = folder / "wine" / "__init__.py"
    path.write_text(
        path.read_text("utf-8").replace("import functools\n", "import functools\nimport keras\n", 1), "utf-8"
    )
    (folder / "wine" / "OLD.py").write_text("print 'keras'", "utf-8")


def dangling(folder: Path) -> None:
    (folder / "link").symlink_to(folder / "gone")


ONE = ("-k", "minmax-table")
THREE_ERRATA = (*JAX, "-m", "errata", "-k", "adagrad-defaults or argmax-axis or np-utils")
TANH = ("--backend", "jax", "-k", "activation and (relu or tanh)")
RAW = {"example-2/raw", "raw-data-diverges"}
COLLECT = ("--collect-only", *ONE)
EXACT = ("zscore-formula", "minmax-formula", "minmax-table", "minmax-losses-reproduce")
NEW = {"raw-data-diverges": ("new", "not confirmed"), "minmax-table": ("new", "")}
REFUSED = {
    "an option": Row(("--backend", "jaxx"), said=("Did you mean 'jax'?",)),
    "vectorized elsewhere": Row(("--engine", "vectorized"), said=("'vectorized': jax", "'tensorflow'", "--backend")),
    "seeds of nothing": Row(("--seeds", "5,exampel-4=9"), said=("'exampel-4'", "Did you mean 'example-4'")),
    "keyword": Row(("-k", "dropuot-helps"), said=("-k", "'dropuot-helps'", "Did you mean", "'tips-dropout-helps'")),
    "marker": Row(("-m", "exat"), said=("-m", "no marker 'exat'", "'exact'")),
    "report in /proc": Row(("--report-dir", "/proc/nowhere"), said=("/proc/nowhere", "Make the folder writable")),
    "evidence in /proc": Row(
        ("--backend", "jax", "--update-baselines", "x", "--baseline-dir", "/proc/nowhere"),
        said=("Cannot write evidence to /proc/nowhere",),
    ),
    "stored by a check": Row(
        (CHECK, "--update-baselines", "x", "-k", "raw-data"), said=("--update-baselines needs --full here",)
    ),
    "flags of XLA": Row(
        ("--backend", "jax"), env={"XLA_FLAGS": "--xla_no=1"}, said=("Unknown flag in XLA_FLAGS: --xla_no=1",),
        slow=True,
    ),
    "no GPU": Row(
        ("--backend", "jax", "--require-gpu"), env={"JAX_PLATFORMS": "cpu"},
        said=("--require-gpu: jax computes on the CPU", "nvidia-smi"), slow=True,
    ),
    "no course in a variable": Row(
        (), env={"PYTEST_ADDOPTS": "--catalogue examples/wine"},
        said=("came too late: give it on the command line",),
    ),
    "Python without docstrings": Row(
        (), env={"PYTHONOPTIMIZE": "2"},
        said=("Python runs without docstrings, which libraries read. Unset PYTHONOPTIMIZE.",),
    ),
    "a backend that is not installed": Row(
        ("--backend", "torch"), plugin="hidden",
        said=("Backend 'torch' is not installed", "python -m pip install torch"),
    ),
    "a dangling link as report folder": Row(
        ("--report-dir", "HERE/link"), before=dangling,
        said=("HERE/link is a link to HERE/gone, which does not exist.",),
    ),
    "a course that imports Keras at its top": Row(
        ("--catalogue", "HERE/wine", "--backend", "tensorflow"), env={"KERAS_BACKEND": "jax"}, before=importing_keras,
        said=("HERE/wine/__init__.py, line ",
              "imports Keras when the course is read. So Keras runs on 'jax', and 'tensorflow' cannot be chosen."),
        slow=True,
    ),
}  # fmt: skip
COMMANDS = {
    "nothing selected": Row((*JAX, "-m", "errata and exact"), 5),
    "unreadable evidence, and nothing moved": Row(
        (*CHECKED, "-k", "raw-data or minmax-table"), 3, red=RAW, evidence="stored",
        before=stored_as.written("{", "example-2"),
    ),
    "unreadable evidence, and a flipped verdict": Row(
        (*JAX, "-k", "raw-data or minmax-table"), 1, red={*RAW, "minmax-table"}, evidence="stored",
        before=stored_as.together(
            stored_as.written("{", "example-2"), stored_as.changed(exact=stored_as.refuted)
        ),
    ),
    "a file replaces the folder for figures": Row(
        (*JAX, *ONE), 3, ("ERROR: the report could not be written: ", ".jsonl"), plugin="file_for_figures"
    ),
    "a report that fails loses no verdict": Row(
        (*JAX, *ONE), 3,
        ("1 claim: 1 supported (1 computed).", ".jsonl",
         "ERROR: the report could not be written: KeyError: 'somewhere in a table'"),
        plugin="broken_report",
    ),
    "an erratum that no longer holds": Row(
        THREE_ERRATA, 1,
        ("expected a check that gives 3; received: 8", "2 of 3 errata hold", "\n❌ 1 erratum changed.\n",
         "If this Keras is right, change the erratum in cases/errata (or",
         "\n  erratum changed: argmax-axis: printed form: expected"),
        {"argmax-axis"}, plugin="changed_erratum",
    ),
    "an erratum that cannot be run": Row(
        THREE_ERRATA, 3, ("not run: argmax-axis: its `given` cannot be run: ModuleNotFoundError",),
        {"argmax-axis"}, plugin="unusable_erratum",
    ),
    "a self-check that found a mistake": Row(
        TANH, 1, ("self-check activation/tanh: tanh. Expected: 1. Received: 2.",), {"activation/tanh"},
        plugin="wrong_self_check",
    ),
    "a self-check that cannot be run": Row(
        TANH, 3, ("self-check activation/tanh: ZeroDivisionError: a check with a mistake",), {"activation/tanh"},
        plugin="broken_self_check",
    ),
    "a Keras that lacks what a claim and an erratum need": Row(
        (*CHECKED, "-m", "exact or errata",
         "-k", "early-stopping-stops or minmax-table or lstm-recurrent-activation or adadelta-rate"), 3,
        ("has no attribute 'EarlyStopping'", "cannot import name 'LSTM'", "2 claims: 1 supported",
         "1 of 2 errata hold"),
        {"early-stopping-stops", "lstm-recurrent-activation"}, plugin="tests.suite.old_keras", slow=True,
    ),
    "a training that needs what this Keras lacks is named, and the others train": Row(
        (*CHECKED, "-k", "batch-normalization-examples"), 3,
        ("batch-normalization-examples/rnn could not be trained: ImportError: cannot import name 'LSTM'",),
        {"batch-normalization-examples/rnn"},
        {"batch-normalization-examples/mlp": "new", "batch-normalization-examples/cnn": "new"},
        plugin="tests.suite.old_keras", slow=True,
    ),
    "nobody is asked for a GPU": Row((*CHECKED, *ONE), 0, plugin="pynvml", unsaid=("as its driver",)),
    "a broken optimizer moves its claim, and accuses nobody": Row(
        (CHECK, "-k", "sgd-update-rule or zscore-formula or minmax-formula or l2-loss-formula",
         "--fault", "learning rate × 0.99"), 1,
        ("verdict flipped: sgd-update-rule: ✔ SUPPORTED → ✘ REFUTED.",
         "4 claims: 3 supported (3 computed), 1 not judged, as its test fails."),
        {"sgd-update-rule"}, unsaid=("Not supported",), plugin="benchmarks.faults.plugin",
        before=lambda folder: shutil.copytree(
            ROOT / "baselines" / "tensorflow-cpu", folder / "baselines" / "tensorflow-cpu",
            ignore=lambda _, names: {name for name in names if name != "exact.json"},
        ),
        anew=True, slow=True,
    ),
    "header of a chosen backend": Row(
        (*COLLECT, "--backend", "jax"), 0, ("jax (--backend, over KERAS_BACKEND=tensorflow)",),
        env={"KERAS_BACKEND": "tensorflow"},
    ),
    "header of a run to the end": Row(
        COLLECT, 0, ("claims: to the end, seeds 10, backend tensorflow (default), engine auto",)
    ),
    "header of a check": Row(
        (CHECK, *COLLECT), 0, ("claims: check against the evidence, backend tensorflow (default), engine auto",)
    ),
    "header of a Python that TensorFlow has no release for": Row(
        COLLECT, 0, ("backend jax (default: TensorFlow has no release for Python 3.",), plugin="new_python", anew=True
    ),
    "plan of errata": Row(
        (*JAX, "-m", "errata", "--dry-run"), 0, (f"0 variants, 0 trials to the end, 0 claims, {len(ERRATA)} errata",)
    ),
    "plan of too few seeds": Row(
        ("--seeds", "29", "-k", "tips-softmax or tips-dropout-helps", "--dry-run"), 0,
        ("These claims cannot be supported with so few seeds. They take at least: tips-softmax 30.",),
    ),
    "plan of enough seeds": Row(("--seeds", "30", "-k", "tips-softmax", "--dry-run"), 0, unsaid=("cannot be supp",)),
    "plan without a backend": Row(
        (*JAX, "-k", TINY, "--dry-run"), 0, ("2 variants, 10 trials to the end, 5 claims",), plugin="no_backend",
        anew=True,
    ),
    "plan of the whole lecture, whose times are stored": Row(
        (CHECK, "--dry-run", "--baseline-dir", str(ROOT / "baselines")), 0, ("as stored for tensorflow-cpu",),
        unsaid=("unknown",),
    ),
    "plan of a check": Row(
        (*CHECKED, "-k", f"{TINY} or example-1", "--dry-run"), 0,
        ("7 variants, 0 short trials, 20 trials to the end, ",), unsaid=("no stored time",), evidence="stored",
    ),
    "plan of stored trials, and of some that are not": Row(
        (*JAX, "-k", f"{BROAD} or example-1", "--dry-run", "--workers", "2"), 0,
        (("example-2/raw ", " 5 ", " 10 ", " s"), ("example-1/rate 0.1 ", " 5 ", " 200 ", " unknown"),
         "12 variants, 60 trials to the end, ", "on 2 workers, as stored for jax-cpu",
         "5 of them have no stored time for jax-cpu"),
        evidence="stored",
    ),
    "plan of as many seeds as needed": Row(
        ("--backend", "jax", "--seeds", "auto:15", "-k", "rate-sweep or small-rate-local", "--dry-run"), 0,
        (("rate-sweep/rate 0.1 ", "  5 to 15  "), "11 variants, 55 to 165 trials to the end, 3 claims"),
    ),
    "what moved": Row(
        (*CHECKED, "-k", BROAD), 1,
        (
            ("  training moved: example-2/min-max: ", "(seed "),
            ("  training not comparable: example-2/standardised: ", "changed by the catalogue: batch_size 33 then, 32"),
            ("  training missing: scale-gap/raw: ",
             "not in the evidence: condition_number; not declared: no_such_met"),
            ("  training moved: centring/in [0, 1]: ", "training loss, epoch 1: "),
            ("  training not comparable: centring/centred: ", "use_bias 'perhaps' then, True now",
             "Another training, changed by the catalogue, or by a Keras that still calls itself 3."),
            ("", "REFUTED was stored on"),
            ("", "Invalid evidence", "exact.json", "Expected: ", "Received: ", "git checkout"),
        ),
        {"example-2/min-max", "example-2/standardised", "scale-gap/raw", "centring/in [0, 1]", "centring/centred",
         "raw-data-diverges", *EXACT},
        {"example-2/raw": "identical", "example-2/min-max": "moved", "example-2/standardised": "not comparable",
         "scale-gap/raw": "missing", "scale-gap/min-max": "reproduced", "centring/in [0, 1]": "moved",
         "centring/centred": "not comparable"},
        {"raw-data-diverges": ("flipped", "confirmed"),
         **dict.fromkeys(("minmax-fixes-divergence", "zscore-fixes-divergence", "scale-gap-hurts",
                          "zero-centering-helps"), ("as expected", "not confirmed")),
         **dict.fromkeys(EXACT, ("new", ""))},
        evidence="stored",
        before=stored_as.together(
            stored_as.changed(
                example_2=stored_as.example_2, scale_gap=stored_as.scale_gap, centring=stored_as.centring
            ),
            stored_as.written("[]", "exact"),
        ),
    ),
    "other versions": Row(
        (*CHECKED, "-k", "raw-data or minmax-fixes or zscore-fixes or scale-gap-hurts or zero-cent"), 1,
        (
            ("  training not comparable: centring/centred: ", "metric has changed, on the stored curves: "),
            ("", "another version of Keras configures it otherwise: ", "old_argument: 7 → "),
            ("  training moved: example-2/standardised: ",
             "This version draws other random numbers (numpy 1.0 → ", "there is no canonical trace to compare"),
            ("  training missing: example-2/gone: It has evidence and is no longer declared.",),
            ("", "Invalid evidence", "Received: schema 99, written by a newer version of the suite: update the suite."),
        ),
        {"example-2/standardised", "centring/centred", "scale-gap/raw", "scale-gap/min-max", "scale-gap-hurts",
         "zscore-fixes-divergence", "zero-centering-helps"},
        {"example-2/raw": "identical", "example-2/min-max": "identical", "example-2/standardised": "moved",
         "example-2/gone": "missing", "scale-gap/raw": "not comparable", "scale-gap/min-max": "not comparable",
         "centring/in [0, 1]": "identical", "centring/centred": "not comparable"},
        {"raw-data-diverges": ("as expected", "confirmed"), "minmax-fixes-divergence": ("as expected", "confirmed"),
         "zscore-fixes-divergence": ("decided", "not confirmed"), "scale-gap-hurts": ("not run", ""),
         "zero-centering-helps": ("flipped", "not confirmed")},
        evidence="stored",
        before=stored_as.changed(
            example_2=stored_as.other_versions, scale_gap=lambda content: content.update(schema=99),
            centring=lambda content: stored_as.scaled(content["variants"]["centred"], 3),
        ),
    ),
    "strict, and a verdict that all trainings here contradict": Row(
        (*CHECKED, "--strict", "-k", "raw-data or scale-gap/min-max"), 1,
        ("SUPPORTED here, of 10 seeds; the evidence says REFUTED.",),
        {"example-2/raw", "raw-data-diverges", "scale-gap/min-max"},
        {"example-2/raw": "moved", "scale-gap/min-max": "reproduced"},
        {"raw-data-diverges": ("flipped", "not confirmed")},
        evidence="stored",
        before=stored_as.changed(
            example_2=stored_as.later_inf,
            scale_gap=lambda content: stored_as.last_bits(content["variants"]["min-max"]),
        ),
    ),
    "evidence of the reference stack only, of which one variant is far": Row(
        (*CHECKED, "-k", "raw-data or zscore-fixes or example-2/min-max"), 1,
        ("nothing is stored on jax-cpu for 2 trainings.",
         "No evidence of this variant is stored for jax-cpu. Against tensorflow-cpu: "),
        {"example-2/min-max"},
        {"example-2/raw": "new", "example-2/standardised": "new", "example-2/min-max": "moved"},
        {"raw-data-diverges": ("new", "compatible"), "zscore-fixes-divergence": ("new", "compatible")},
        evidence="stored",
        before=stored_as.together(
            stored_as.changed(example_2=lambda content: stored_as.scaled(content["variants"]["min-max"], 1000)),
            stored_as.as_reference,
        ),
    ),
    "no evidence": Row(
        (*CHECKED, "-k", "raw-data or minmax-table"), 0,
        ("nothing is stored on jax-cpu for 1 training.",
         "No evidence is stored, and a check decides nothing anew: add --full."),
        states={"example-2/raw": "new"}, claims=NEW,
    ),
    "no evidence where it is required": Row(
        (*CHECKED, "-k", "raw-data or minmax-table", "--require-baselines"), 1,
        ("minmax-table: No expected verdict is stored.",), {*RAW, "minmax-table"}, {"example-2/raw": "new"}, NEW,
    ),
    **{
        f"a GPU that is seen but did not compute is no GPU, {backend}": Row(
            ("--seeds", "5", "-k", "minmax-fixes", "--backend", backend, "--require-gpu"), 3,
            ("--require-gpu: the trained weights are on the CPU (",),
            {"example-2/raw", "example-2/min-max", "minmax-fixes-divergence"}, {},
            {"minmax-fixes-divergence": ("not run", "")},
            env={"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "-1"}, plugin="tests.suite.pretend_gpu", slow=True,
        )
        for backend in ("tensorflow", "jax")
    },
}  # fmt: skip


def first_steps(
    code: int, state: str, said: str, change: stored_as.Change = lambda variant: None, reference: bool = False
) -> Row:
    """A check of the first steps of one variant on images, of changed evidence."""

    def before(folder: Path) -> None:
        stored_as.of_variant(change)(folder)
        if reference:
            stored_as.as_reference(folder)

    name = "more-data/500 images"
    red = {name} if code else set[str]()
    options = (*CHECKED, "-k", "more-data/500")
    return Row(options, code, (said,), red, {name: state}, evidence="images", before=before, slow=True)


CATALOGUE = "changed by the catalogue: "
FIRST_STEPS = {
    "trace": first_steps(1, "moved", "training loss, step 1: ", stored_as.thousandth),
    "batch size": first_steps(
        1, "not comparable", f"{CATALOGUE}batch_size 199 then, 200 now",
        lambda variant: variant["configuration"].update(batch_size=199),
    ),
    "Keras' configuration": first_steps(
        1, "not comparable", f"{CATALOGUE[:-2]}, or by a Keras",
        lambda variant: stored_as.dense_of(variant).update(units=9),
    ),
    "no traces": first_steps(
        1, "missing", "nothing of it was trained here", lambda variant: variant.update(traces=[], steps=0, states=[])
    ),
    "fewer steps": first_steps(
        0, "identical", "Compared: 2 steps of 5 seeds; steps from 3 late states.",
        lambda variant: stored_as.steps(variant, 2),
    ),
    "rounding moves the first step": first_steps(
        0, "new", "Rounding moves the first step", lambda variant: stored_as.steps(variant, 0, states=4)
    ),
    "other numbers are drawn, and the canonical trace is the same": first_steps(
        0, "start reproduced", "other random numbers (numpy 1.0 → ", stored_as.other_seeds
    ),
    "another stack": first_steps(
        0, "new", "Against tensorflow-cpu: the canonical trace compatible.", reference=True
    ),
    "another stack's canonical trace": first_steps(
        1, "moved", "canonical training loss, step 1: ", stored_as.moved_canonical, reference=True
    ),
    "an anchor far from the stored seeds": Row(
        (*CHECKED, "-k", "more-data/2"), 1, ("where one more of 4 stored seeds falls",), {"more-data/2,000 images"},
        {"more-data/2,000 images": "moved"}, evidence="images", before=stored_as.changed(more_data=stored_as.far),
        slow=True,
    ),
    "one seed of five that turns to nan": Row(
        (*CHECKED, "-k", "more-data/500"), 1, (("", "training loss, step 2: ", "(seed 3)"),), {"more-data/500 images"},
        {"more-data/500 images": "moved"}, evidence="images", plugin="tests.suite.failing", slow=True,
    ),
}  # fmt: skip
ROWS = REFUSED | COMMANDS | FIRST_STEPS


def written_in(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if row.slow else []) for name, row in ROWS.items()]
)
def test_a_command(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    row, options, env = ROWS[name], ROWS[name].options, dict(ROWS[name].env or {})
    if row.evidence:
        shutil.copytree(request.getfixturevalue(row.evidence).folder / "baselines", tmp_path / "baselines")
    row.before(tmp_path)
    plugins: tuple[str, ...] = PLAIN
    if row.plugin:
        plugins += () if row.plugin == "pynvml" else ("-p", row.plugin)
        if row.plugin in PLUGINS:
            (tmp_path / f"{row.plugin}.py").write_text(PLUGINS[row.plugin], "utf-8")
            env["PYTHONPATH"] = str(tmp_path)
    if row.code == 4 and not {"-k", "--catalogue"} & set(options):
        options += ONE
    before = written_in(tmp_path)
    here = str(tmp_path)
    run = suite(tmp_path, *(text.replace("HERE", here) for text in options), env=env, plugins=plugins, anew=row.anew)
    assert (run.code, run.red) == (row.code, row.red), run.output
    output, lines = run.output, run.output.splitlines()
    if row.states is not None:
        assert run.states == row.states
        assert (tmp_path / "report" / "REPORT.md").exists()
        output += "".join(training.outcome.reason for training in run.record.trainings.values())
    if row.code == 4:
        lines = [line for line in lines if line.startswith("ERROR: ")]
        assert len(lines) == 1
        assert len(lines[0]) < 800
        assert written_in(tmp_path) == before
    for texts in row.said:
        if isinstance(texts, str):
            assert texts.replace("HERE", here) in (lines[0] if row.code == 4 else output), output
        else:
            beginning, *parts = texts
            of = [line for line in lines if line.startswith(beginning) and all(part in line for part in parts)]
            assert of, (texts, run.output)
    assert [text for text in row.unsaid if text in run.output] == [], run.output
    if row.claims is not None:
        claims = run.record.claims.items()
        states = {
            key: (str(claim.comparison.state), str(claim.here.state) if claim.here else "") for key, claim in claims
        }
        assert states == row.claims
    if "--dry-run" in options:
        assert not (tmp_path / "report").exists()
        assert lines[-1] == "dry run: nothing was trained, and nothing written"
    assert not (tmp_path / "asked").exists()
    if row.plugin == "benchmarks.faults.plugin":
        for report in ("REPORT.md", "index.html"):
            text = (tmp_path / "report" / report).read_text("utf-8")
            assert "The slide holds; this machine computes otherwise" in text, report
            assert report == "index.html" or "Say instead" not in text


def test_the_documentation_lists_the_exit_codes() -> None:
    text = (ROOT / "docs" / "running.md").read_text("utf-8")
    table = text[text.index("| exit code | means |") :]
    codes = [int(code) for code in re.findall(r"^\| (\d) \|", table, re.MULTILINE)]
    assert codes == [0, 1, 2, 3, 4, 5, 6]
    assert codes[-1] == REWRITTEN


@pytest.fixture(scope="module")
def plain(copied: Callable[[str], Path]) -> Finished:
    """A check against the unchanged evidence."""
    return suite(copied("plain"), *CHECKED, "-k", BROAD)


def test_a_check_of_what_was_stored_is_identical_and_green(plain: Finished, stored: Finished) -> None:
    """Tiny trainings go to the end, with ten seeds; a claim has the verdict of the evidence and is confirmed."""
    assert plain.code == 0, plain.output
    assert set(plain.states.values()) == {"identical"}
    assert "✅ Nothing moved: 7 trainings reproduced to the end, bit for bit.\n" in plain.output
    assert "  here: 5 confirmed\n" in plain.output
    assert "nothing is stored" not in plain.output
    assert "warning" not in plain.output.lower()
    assert plain.files() == stored.files()
    assert [len(done) for done in plain.record.trials.values()] == [10] * 7
    for training in plain.record.trainings.values():
        assert (training.outcome.to_the_end, training.outcome.seeds) == (True, 10)
        assert training.outcome.reason.startswith("Compared: 10 seeds to the end, their first ")
    assert plain.verdicts["raw-data-diverges"] == "SUPPORTED"
    for claim in plain.record.claims.values():
        assert claim.comparison.state == "as expected"
        if claim.here:
            here = (claim.here.state, claim.here.stack, claim.here.seeds, claim.here.verdict)
            assert here == ("confirmed", "jax-cpu", 30, claim.verdict)
            assert claim.decision.reason.startswith("30 stored trainings a variant, jax-cpu: ")
            assert {variant.n for variant in claim.variants.values()} == {30}


@pytest.mark.parametrize("options", [CHECKED, pytest.param(JAX, marks=pytest.mark.slow)], ids=["check", "full"])
def test_one_seed_that_turns_to_nan_is_red(options: tuple[str, ...], copied: Callable[[str], Path]) -> None:
    """Of one claim alone, which trains its variants and no other."""
    failing = (*PLAIN, "-p", "tests.suite.failing")
    run = suite(copied("nan"), *options, "-k", "minmax-fixes-divergence", plugins=failing)
    assert run.code == 1
    assert (run.states["example-2/min-max"], len(run.states)) == ("moved", 2)
    assert list(run.verdicts) == ["minmax-fixes-divergence"]
    assert "example-2/min-max" in run.red
    assert "seed 3 failed (nan in epoch 2), its stored trial trained." in run.output


@pytest.mark.slow
def test_a_check_that_was_killed_goes_on(plain: Finished, copied: Callable[[str], Path]) -> None:
    folder = copied("killed")
    killed(plain, folder, nth_trial(plain, 12), torn=50)
    again = suite(folder, *CHECKED, "-k", BROAD, "--resume")
    assert again.code == 0, again.output
    assert kinds(again.record).count("trial") == kinds(plain.record).count("trial") == 70
    assert (again.states, again.verdicts) == (plain.states, plain.verdicts)


@pytest.mark.slow
def test_first_steps_are_reproduced_and_an_anchor_to_the_end(images: Finished, tmp_path: Path) -> None:
    assert images.code == 6
    evidence = read(path_of(images.folder / "baselines", "jax-cpu", "more-data"))
    assert evidence
    for variant in evidence.variants.values():
        assert not variant.tiny
        assert variant.steps in range(1, 21)
        assert (variant.seeds, variant.states[0].start, len(variant.states)) == (4, 0, 4)
        assert [state.own_labels for state in variant.states].count(True) == 1
        assert all(set(variant.after(state.start)) == set(range(5)) for state in variant.states)
        assert all(len(variant.after(state.start, canonical=True)[0].losses) == 20 for state in variant.states)
        assert variant.sizes
    shutil.copytree(images.folder / "baselines", tmp_path / "baselines")
    run = suite(tmp_path, *CHECKED, "-k", IMAGES)
    assert run.code == 0, run.output
    anchor, other = ("more-data", "2,000 images"), ("more-data", "500 images")
    assert set(run.states.values()) == {"identical"}
    trained = {key: [trial.seed for trial in done] for key, done in run.record.trials.items()}
    assert trained == {anchor: [0]}  # short trials are no trials
    outcomes = {key: training.outcome for key, training in run.record.trainings.items()}
    known = evidence.variants["500 images"]
    many = f"{known.steps} steps of 5 seeds; steps from {len(known.states) - 1} late states"
    assert outcomes[other].reason == f"Compared: {many}."
    assert (outcomes[other].to_the_end, outcomes[anchor].to_the_end) == (False, True)
    assert "seed 0 to the end" in outcomes[anchor].reason
