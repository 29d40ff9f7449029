"""Bad input that no option alone shows: one plain message, exit code 4, nothing trained and nothing written.

Values of options are in ``test_options``; courses in ``test_another_course``.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.suite.command import CHECK, ROOT, suite

# options, environment, what the message must say
CASES: dict[str, tuple[tuple[str, ...], dict[str, str], tuple[str, ...]]] = {
    "an option": (("--backend", "jaxx"), {}, ("Did you mean 'jax'?",)),
    "KERAS_BACKEND": ((), {"KERAS_BACKEND": "thaeno"}, ("KERAS_BACKEND", "'thaeno'", "tensorflow, jax, torch")),
    "workers of xdist": ((CHECK, "-p", "xdist", "-n", "2"), {}, ("pytest-xdist's -n, --dist and --tx",)),
    "more workers than cores": (
        ("--workers", "1000"), {}, ("Invalid --workers", "the cores to use", "Received: 1000", "Use --workers ")
    ),
    "no address of a cluster": (
        ("--cluster", "nowhere at all"), {}, ("--cluster", "tcp://10.0.0.1:8786", "'nowhere at all'")
    ),
    "nobody at the address": (
        ("--cluster", "tcp://127.0.0.1:1", "-p", "tests.suite.impatient"),
        {},
        ("No Dask scheduler answers at tcp://127.0.0.1:1", "--cluster"),
    ),
    "vectorized elsewhere": (("--engine", "vectorized"), {}, ("'vectorized': jax", "'tensorflow'", "--backend")),
    "vectorized torch": (("--backend", "torch", "--engine", "vectorized"), {}, ("torch", "--engine fit")),
    "seeds of nothing": (("--seeds", "5,exampel-4=9"), {}, ("--seeds", "'exampel-4'", "Did you mean 'example-4'")),
    "keyword": (("-k", "dropuot-helps"), {}, ("-k", "'dropuot-helps'", "Did you mean", "'tips-dropout-helps'")),
    "nothing like it": (("-k", "xyzzy"), {}, ("no claim or test 'xyzzy'", "--collect-only -q lists them")),
    "expression": (("-k", "dropout and"), {}, ("'-k'", "dropout and")),
    "marker": (("-m", "exat"), {}, ("-m", "no marker 'exat'", "'exact'")),
    "marker expression": (("-m", "exact or"), {}, ("'-m'", "exact or")),
    "report in /proc": (("--report-dir", "/proc/nowhere"), {}, ("/proc/nowhere", "Make the folder writable")),
    "evidence in /proc": (
        ("--update-baselines", "x", "--baseline-dir", "/proc/nowhere"), {}, ("Cannot write evidence to /proc/nowhere",)
    ),
    "stored by a check": (
        (CHECK, "--update-baselines", "x", "-k", "raw-data"), {}, ("--update-baselines needs --full here",)
    ),
    "flags of XLA": (("--backend", "jax"), {"XLA_FLAGS": "--xla_no=1"}, ("Unknown flag in XLA_FLAGS: --xla_no=1",)),
    "no GPU": (
        ("--backend", "jax", "--require-gpu"),
        {"JAX_PLATFORMS": "cpu"},
        ("--require-gpu: jax computes on the CPU", "nvidia-smi"),
    ),
    "no course in a variable": (
        (), {"PYTEST_ADDOPTS": "--catalogue examples/wine"}, ("came too late: give it on the command line",)
    ),
    "Python without docstrings": (
        (), {"PYTHONOPTIMIZE": "2"}, ("Python runs without docstrings, which libraries read. Unset PYTHONOPTIMIZE.",)
    ),
    "a backend that is not installed": (
        ("-p", "hidden", "--backend", "torch"),
        {"PYTHONPATH": "HERE"},
        ("Backend 'torch' is not installed", "python -m pip install torch"),
    ),
    "a dangling link as report folder": (
        ("--report-dir", "HERE/link"), {}, ("HERE/link is a link to HERE/gone, which does not exist.",)
    ),
    "a course that imports Keras at its top": (
        ("--catalogue", "HERE/wine", "--backend", "tensorflow"),
        {"KERAS_BACKEND": "jax"},
        (
            "HERE/wine/__init__.py, line ",
            "imports Keras when the course is read. So Keras runs on 'jax', and 'tensorflow' cannot be chosen.",
        ),
    ),
}  # fmt: skip
HIDDEN = """
import importlib.util as u
find = u.find_spec
u.find_spec = lambda name, *rest: None if name == 'torch' else find(name, *rest)
"""
"""A plugin that hides a backend from Python if it is installed."""


def prepare(folder: Path) -> None:
    (folder / "hidden.py").write_text(HIDDEN)
    (folder / "link").symlink_to(folder / "gone")
    shutil.copytree(ROOT / "examples" / "wine", folder / "wine")
    path = folder / "wine" / "__init__.py"
    text = path.read_text("utf-8")
    path.write_text(text.replace("import functools\n", "import functools\nimport keras\n", 1), "utf-8")


@pytest.mark.parametrize("name", CASES)
def test_bad_input(name: str, tmp_path: Path) -> None:
    prepare(tmp_path)
    options, env, said = CASES[name]
    options = tuple(text.replace("HERE", str(tmp_path)) for text in options)
    env = {key: text.replace("HERE", str(tmp_path)) for key, text in env.items()}
    chosen = () if {"-k", "--catalogue"} & set(options) else ("-k", "minmax-table")
    before = {path for path in tmp_path.rglob("*") if "__pycache__" not in path.parts}
    run = suite(tmp_path, *chosen, *options, env=env)
    assert run.code == 4, run.output
    (error,) = [line for line in run.output.splitlines() if line.startswith("ERROR: ")]
    assert len(error) < 800
    assert [text for text in said if text.replace("HERE", str(tmp_path)) not in error] == [], error
    written = {path for path in tmp_path.rglob("*") if path.is_file() and "__pycache__" not in path.parts} - before
    assert written == set()
