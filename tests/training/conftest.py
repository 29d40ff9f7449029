"""What the tests of trainings share: the installed backends, and the environment of a process that runs on one."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.training.backends import NAMES

ROOT = Path(__file__).resolve().parents[2]
BACKENDS = tuple(name for name in NAMES if importlib.util.find_spec(name) is not None)
"""Those that are installed. The tests' own lock has no PyTorch: install requirements/gpu-torch.txt."""
JAX = pytest.param("jax", marks=pytest.mark.slow)
NO_TORCH = pytest.mark.skipif("torch" not in BACKENDS, reason="PyTorch is not installed")
TORCH = pytest.param("torch", marks=(pytest.mark.slow, NO_TORCH))
KERAS_JSON = '{"floatx": "float64", "epsilon": 0.25, "backend": "torch", "image_data_format": "channels_first"}'


def hostile_home(folder: Path) -> Path:
    """A home with a keras.json that would change every result."""
    (folder / ".keras").mkdir(parents=True)
    (folder / ".keras" / "keras.json").write_text(KERAS_JSON, encoding="utf-8")
    return folder


def environment(**changes: str) -> dict[str, str]:
    """This process' environment without what chooses a backend or its settings."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("KERAS_", "TF_", "JAX_", "XLA_"))}
    return kept | changes


def printed(code: str, **changes: str) -> str:
    """What this code prints in a process of its own."""
    command, variables = [sys.executable, "-c", code], environment(**changes)
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
