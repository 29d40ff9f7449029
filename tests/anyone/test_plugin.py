"""The installed plugin in somebody else's project: what it adds to pytest, and its fixtures from outside."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.suite.command import PLAIN, ROOT, environment

CONFTEST = """
def pytest_addoption(parser):
    parser.addoption("--backend", default="mine")
    parser.addoption("--workers", default="7")
"""
OWN = """
import sys, warnings

def test_own_options(request):
    assert (request.config.getoption("--backend"), request.config.getoption("--workers")) == ("mine", "7")
    assert not {"keras", "tensorflow", "jax", "torch", "suite", "harness", "reports", "numpy"} & sys.modules.keys()
    assert request.config.getini("filterwarnings") == []
    assert not any("errata" in marker for marker in request.config.getini("markers"))
"""
CLAIMS = """
import random
import pytest

def good(seed):
    return 0.9 + random.Random(seed).gauss(0, 0.01)

def bad(seed):
    return 0.88 + random.Random(seed + 1000).gauss(0, 0.01)

def test_good(claim_check):
    claim_check.exceeds(good, bad, smallest_effect=0.001)

@pytest.mark.parametrize("margin", [0.1, 0.2])
def test_others(claim_check, margin):
    how = {"smallest_effect": 0.001}
    claim_check.equivalent(good, bad, margin=margin, name="same", **how)
    claim_check.not_better(bad, good, margin=margin, name="no better", **how)
    claim_check.above(good, 0.5, name="above", **how)
    claim_check.best("good", {"good": good, "bad": bad}, name="best", **how)
    claim_check.monotone({"bad": bad, "good": good}, name="rises", **how)
"""
TWICE = """
def test_twice(claim_check):
    for _ in range(2):
        claim_check.above(lambda seed: seed, -1, smallest_effect=0.1)

def test_no_effect(claim_check):
    claim_check.above(lambda seed: seed, -1)

def test_unknown(claim_check):
    claim_check.above(lambda seed: seed, -1, smallest_effect=0.1, sedes=5)

def test_no_function(claim_check):
    claim_check.above(3, -1, smallest_effect=0.1)

def test_text(claim_check):
    claim_check.above(lambda seed: seed, -1, smallest_effect="small")

def test_no_seeds(claim_check):
    claim_check.above(lambda seed: seed, -1, smallest_effect=0.1, seeds=None)

def test_no_verdict(claim_check):
    claim_check.above(lambda seed: seed, -1, smallest_effect=0.1, verdict=[1], name=5)

def test_no_rule(claim_check):
    claim_check(None, {"a": lambda seed: seed}, smallest_effect=0.1)

def test_no_names(claim_check):
    claim_check(None, [print], smallest_effect=0.1)
"""


def run(folder: Path, *options: str, plugins: tuple[str, ...] = PLAIN, **env: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "-p", "lecture_claims", *plugins, *options]
    done = subprocess.run(command, cwd=folder, env=environment(PYTHONPATH=str(ROOT), **env), capture_output=True,
                          text=True, check=False)  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_elsewhere_it_adds_one_option_and_imports_nothing(tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_own.py").write_text(OWN)
    assert run(tmp_path)[0] == 0
    code, said = run(tmp_path, "--help")
    assert code == 0
    assert "--training-update" in said
    for option in ("--seeds", "--catalogue", "--update-baselines"):
        assert option not in said
    assert "training_check" in run(tmp_path, "--fixtures")[1]


@pytest.mark.parametrize("arguments", [("--pyargs", "suite"), ("--pyargs", "suite.test_exact"), (str(ROOT / "suite"),)])
def test_a_command_that_names_the_suite_has_its_options(arguments, tmp_path):
    code, said = run(tmp_path, *arguments, "--help")
    assert code == 0
    assert "--update-baselines" in said


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.training/**/*.json")}


def test_the_claims_of_a_project(tmp_path):
    (tmp_path / "test_claims.py").write_text(CLAIMS)
    code, said = run(tmp_path)
    assert code == 1
    assert "stored in test_claims.training/claims/test-good.json: SUPPORTED" in said
    code, said = run(tmp_path, "--training-update", "-n", "2", plugins=())
    assert code == 0
    assert "before: SUPPORTED, good − bad" in said
    before = files(tmp_path)
    assert len(before) == 11
    assert run(tmp_path, "-n", "2", plugins=())[0] == 0
    assert files(tmp_path) == before


def test_bad_use_is_a_sentence_each(tmp_path):
    (tmp_path / "test_twice.py").write_text(TWICE)
    code, said = run(tmp_path, "--training-update")
    assert code == 1
    assert "Traceback" not in said
    for text in ("two without a name", "smallest_effect, the smallest difference", "'sedes'", "a function of a seed",
                 "a positive number. Received: 'small'", "Received: [None]", "Invalid verdict of test-no-verdict-5",
                 "a rule of harness.rules. Received: None", "functions by name. Received: [<built-in"):  # fmt: skip
        assert text in said


@pytest.mark.parametrize("other", ["suite", "harness.py"])
def test_a_project_with_a_package_of_our_name_is_told_which_is_in_the_way(other, tmp_path):
    folder = tmp_path / other.removesuffix(".py")
    folder.mkdir()
    (tmp_path / other / "__init__.py" if folder.name == other else tmp_path / other).touch()
    (folder / "test_theirs.py").write_text("def test_theirs():\n    pass\n\n\ndef test_it(claim_check):\n    pass\n")
    code, said = run(tmp_path, folder.name)
    assert code == 1
    assert "1 passed, 1 error" in said
    assert f"Python imports {tmp_path / other} in place of {ROOT / folder.name}, which they need. Give it" in said
    assert "Traceback" not in said
