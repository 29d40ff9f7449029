"""Bad input: one plain message, exit code 4, nothing trained and nothing written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.suite.command import CHECK, ROOT, Finished, arguments, environment, forked, suite

ONE = ("-k", "minmax-table")
XDIST = ("-p", "xdist", "-n", "2")
# options, environment, what the message must say
CASES: dict[str, tuple[tuple[str, ...], dict[str, str], tuple[str, ...]]] = {
    "backend": (("--backend", "jaxx"), {}, ("--backend", "tensorflow, jax, torch", "'jaxx'", "Did you mean 'jax'?")),
    "seeds of a check": ((CHECK, "--seeds", "5"), {}, ("--seeds needs --full", "Add --full")),
    "seeds of a check as needed": ((CHECK, "--seeds", "auto"), {}, ("--seeds needs --full",)),
    "seeds of one experiment": ((CHECK, "--seeds", "example-4=5"), {}, ("--seeds needs --full",)),
    "first seed of a check": ((CHECK, "--first-seed", "5"), {}, ("--first-seed needs --full",)),
    "reuse in a check": ((CHECK, "--reuse"), {}, ("--reuse needs --full",)),
    "reused dry run": (("--reuse", "--dry-run"), {}, ("--reuse and --dry-run contradict each other", "Leave one")),
    "workers of xdist": (XDIST, {}, ("pytest-xdist's -n, --dist and --tx", "Use --workers N.")),
    "workers of xdist for a check": ((CHECK, *XDIST), {}, ("pytest-xdist's -n", "Use --workers N.")),
    "distribution of xdist": ((*XDIST[:2], "--dist", "load"), {}, ("--dist", "Use --workers N.")),
    "processes of xdist": ((*XDIST[:2], "--tx", "2*popen"), {}, ("--tx", "Use --workers N.")),
    "no worker": (("--workers", "0"), {}, ("--workers", "from 1", "'0'")),
    "workers in words": (("--workers", "two"), {}, ("--workers", "a whole number", "'two'")),
    "more workers than cores": (
        ("--workers", "1000"),
        {},
        ("Invalid --workers", "the cores to use", "Received: 1000", "Use --workers "),
    ),
    "workers and a cluster": (
        ("--workers", "2", "--cluster", "tcp://127.0.0.1:8786"), {}, ("--workers and --cluster contradict", "Leave one")
    ),
    "no address of a cluster": (
        ("--cluster", "nowhere at all"),
        {},
        ("--cluster", "tcp://10.0.0.1:8786", "'nowhere at all'"),
    ),
    "nobody at the address": (
        ("--cluster", "tcp://127.0.0.1:1", "-p", "tests.suite.impatient"),
        {},
        ("No Dask scheduler answers at tcp://127.0.0.1:1", "--cluster"),
    ),
    "timing on a cluster": (
        ("--cluster", "tcp://127.0.0.1:1", "-m", "timing"), {}, ("--cluster and -m timing contradict", "Leave one")
    ),
    "resumed timing": (("--resume", "-m", "timing"), {}, ("--resume and -m timing contradict", "Leave one")),
    "engine": (("--engine", "compild"), {}, ("--engine", "'compild'", "Did you mean 'compiled'?")),
    "vectorized elsewhere": (("--engine", "vectorized"), {}, ("'vectorized': jax", "'tensorflow'", "--backend")),
    "vectorized timing": (
        ("--backend", "jax", "--engine", "vectorized", "-m", "timing"), {}, ("--engine vectorized and -m timing",)
    ),
    "precision": (("--precision", "tf32"), {}, ("--precision", "default, highest", "'tf32'")),
    "seeds of nothing": (("--seeds", "5,exampel-4=9"), {}, ("--seeds", "'exampel-4'", "Did you mean 'example-4'")),
    "keyword": (("-k", "dropuot-helps"), {}, ("-k", "'dropuot-helps'", "Did you mean", "'tips-dropout-helps'")),
    "one word of two": (("-k", "minmax-table or dropuot-helps"), {}, ("no claim or test 'dropuot-helps'",)),
    "expression": (("-k", "dropout and"), {}, ("'-k'", "dropout and")),
    "marker": (("-m", "exat"), {}, ("-m", "no marker 'exat'", "'exact'")),
    "marker expression": (("-m", "exact or"), {}, ("'-m'", "exact or")),
    "no seeds": (("--seeds", "0"), {}, ("--seeds", "from 1", "'0'")),
    "negative seeds": (("--seeds", "-3"), {}, ("--seeds", "from 1", "'-3'")),
    "seeds in words": (("--seeds", "five"), {}, ("--seeds", "a whole number", "'five'")),
    "too many seeds": (("--seeds", "9" * 5000), {}, ("--seeds", "to 100000", "9…'")),
    "less than the least": (("--seeds", "auto:3"), {}, ("--seeds auto", "from 5", "'3'")),
    "no reason": (("--update-baselines", " "), {}, ("--update-baselines", "a reason", "' '")),
    "vectorized torch": (("--backend", "torch", "--engine", "vectorized"), {}, ("torch", "--engine fit")),
    "KERAS_BACKEND": ((), {"KERAS_BACKEND": "thaeno"}, ("KERAS_BACKEND", "'thaeno'", "tensorflow, jax, torch")),
    "report in /proc": (("--report-dir", "/proc/nowhere"), {}, ("/proc/nowhere", "Make the folder writable")),
    "report without name": (("--report-dir", ""), {}, ("--report-dir", "the name of a folder")),
    "report in a file": (("--report-dir", __file__), {}, ("--report-dir", __file__)),
    "first seed": (("--first-seed", "-1"), {}, ("--first-seed", "from 0", "'-1'")),
    "reused baselines": (("--reuse", "--update-baselines", "x"), {}, ("--reuse", "--update-baselines", "Leave one")),
    "timing without plugin": (("-m", "timing", "-p", "no:benchmark"), {}, ("-m timing needs", "pytest-benchmark")),
    "timing by workers": (("--workers", "2", "-m", "timing"), {}, ("--workers and -m timing", "Leave one")),
    "store of another kind": (("--store", "mysql://me:geheim@h/d"), {}, ("--store", "sqlite:///FILE", "mysql://.")),
    "store without scheme": (("--store", "my.sqlite"), {}, ("--store", "A file is sqlite:///my.sqlite")),
    "resumed dry run": (("--resume", "--dry-run"), {}, ("--resume and --dry-run", "Leave one")),
    "no folder of baselines": (("--baseline-dir", "baselnies"), {}, ("--baseline-dir", "'baselnies', which does not")),
    "nothing like it": (("-k", "xyzzy"), {}, ("no claim or test 'xyzzy'", "--collect-only -q lists them")),
    "flags of XLA": (("--backend", "jax"), {"XLA_FLAGS": "--xla_no=1"}, ("Unknown flag in XLA_FLAGS: --xla_no=1",)),
    "baselines in a file": (("--baseline-dir", __file__), {}, ("--baseline-dir", __file__)),
}  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finished]:
    """The runs of all cases."""
    base = tmp_path_factory.mktemp("bad")
    return {
        name: forked(
            arguments(base / str(index), *(() if "-k" in options else ONE), *options),
            environment(**env),
            base / str(index),
        )
        for index, (name, (options, env, _)) in enumerate(CASES.items())
    }


@pytest.mark.parametrize("name", CASES)
def test_bad_input(name: str, runs: dict[str, Finished]) -> None:
    run, (_, _, texts) = runs[name], CASES[name]
    assert run.code == 4
    assert "Traceback" not in run.output
    errors = [line for line in run.output.splitlines() if line.startswith("ERROR: ")]
    assert len(errors) == 1
    assert len(errors[0]) < 800
    for text in texts:
        assert text in errors[0]
    left = [path for path in run.folder.rglob("*") if path.is_file()]
    assert left == []


def test_a_backend_that_is_not_installed(tmp_path: Path) -> None:
    """The backend is hidden from Python if it is installed."""
    (tmp_path / "hidden.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'torch' else find(name, *rest)\n"
    )
    run = suite(tmp_path, *ONE, "-p", "hidden", "--backend", "torch", env={"PYTHONPATH": str(tmp_path)}, anew=True)
    assert run.code == 4
    assert "Backend 'torch' is not installed" in run.output
    assert "python -m pip install torch" in run.output
    assert not list(tmp_path.rglob("*.jsonl"))


def test_a_dangling_link_as_report_folder(tmp_path: Path) -> None:
    (tmp_path / "report").symlink_to(tmp_path / "gone")
    run = suite(tmp_path, *ONE)
    assert run.code == 4
    assert f"{tmp_path}/report is a link to {tmp_path}/gone, which does not exist." in run.output


def test_python_without_docstrings(tmp_path: Path) -> None:
    run = suite(tmp_path, *ONE, env={"PYTHONOPTIMIZE": "2"}, anew=True)
    assert run.code == 4
    assert "ERROR: Python runs without docstrings, which libraries read. Unset PYTHONOPTIMIZE." in run.output


def test_a_course_that_imports_keras_at_its_top(tmp_path: Path) -> None:
    course = tmp_path / "wine"
    shutil.copytree(ROOT / "examples" / "wine", course)
    path = course / "__init__.py"
    text = path.read_text("utf-8")
    path.write_text(text.replace("import functools\n", "import functools\nimport keras\n", 1), "utf-8")
    run = suite(
        tmp_path, "--catalogue", str(course), "--backend", "tensorflow", env={"KERAS_BACKEND": "jax"}, anew=True
    )
    assert run.code == 4, run.output
    assert f"ERROR: {path}, line " in run.output
    assert (
        "imports Keras when the course is read. So Keras runs on 'jax', and 'tensorflow' cannot be chosen."
        in run.output
    )


def test_no_gpu(tmp_path: Path) -> None:
    run = suite(tmp_path, *ONE, "--backend", "jax", "--require-gpu", env={"JAX_PLATFORMS": "cpu"})
    assert run.code == 4
    assert "--require-gpu: jax computes on the CPU" in run.output
    assert "nvidia-smi" in run.output
    assert not list(tmp_path.rglob("*.jsonl"))
