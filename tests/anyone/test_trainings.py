"""Starts ``check_trainings.py`` in a process of JAX."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.suite.command import ROOT, environment


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")
def test_trainings_on_jax():
    file = Path(__file__).with_name("check_trainings.py")
    command = [sys.executable, "-m", "pytest", str(file), "-o", "python_files=check_*.py", "-q", "-p", "no:randomly"]
    env = environment(KERAS_BACKEND="jax")
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
@pytest.mark.parametrize("fault", ["", "max pooling → mean", "LSTM without its forget bias", "SGD: nesterov ignored"])
def test_the_tutorials_are_green_and_each_is_red_for_its_fault(backend: str, fault: str) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"needs {backend}")
    options = ["-p", "benchmarks.faults.plugin", "--fault", fault] if fault else []
    command = [sys.executable, "-m", "pytest", "examples/training", *options, "-q", "-p", "no:randomly"]
    env = environment(KERAS_BACKEND=backend)
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert ("1 failed, 2 passed" if fault else "3 passed") in done.stdout, done.stdout[-5000:]
