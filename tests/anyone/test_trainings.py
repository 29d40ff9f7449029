"""Trainings of anyone's models: starts ``check_trainings.py`` and the tutorials in a process of each backend."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from tests.suite.command import ROOT, environment


def run(backend: str, *options: str) -> str:
    """What pytest says on a backend; skips where that is not installed."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"needs {backend}")
    command = [sys.executable, "-m", "pytest", *options, "-q", "-p", "no:randomly"]
    env = environment(KERAS_BACKEND=backend)
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False).stdout[-5000:]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_trainings(backend: str) -> None:
    said = run(backend, "tests/anyone/check_trainings.py", "-o", "python_files=check_*.py")
    assert " passed" in said, said
    assert not {"failed", "error", "errors"} & set(said.split()), said


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
@pytest.mark.parametrize("fault", ["", "max pooling → mean", "LSTM without its forget bias", "SGD: nesterov ignored"])
def test_the_tutorials_are_green_and_each_is_red_for_its_fault(backend: str, fault: str) -> None:
    if backend == "torch" and fault.startswith("SGD"):
        pytest.skip("the fault is in Keras' step of SGD, and PyTorch has another")
    options = ["-p", "benchmarks.faults.plugin", "--fault", fault] if fault else []
    said = run(backend, "examples/training", *options)
    assert ("1 failed, 2 passed" if fault else "3 passed") in said, said
