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
