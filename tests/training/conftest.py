"""The worker's measurements, made once per backend and run; the processes of all backends start at once.

Every run of the tests measures TensorFlow; runs with slow tests also measure JAX, and PyTorch where it is installed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.training.backends import NAMES
from tests.training import worker

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


def measure(backend: str, name: str, folder: Path) -> Any:
    """One measurement that the worker makes by name only, by a process of its own."""
    file = folder / f"{backend}.json"
    command = [sys.executable, "-m", "tests.training.worker", backend, str(file), name]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(file.read_text("utf-8"))[name]


class Workers:
    """The worker's processes, each started with a hostile home and waited for when its results are asked for."""

    def __init__(self, backends: list[str], slow: set[str], folder: Path) -> None:
        """``slow``: the backends on which slow tests run."""
        self._folder, self._slow = folder, slow
        self._environment = environment(HOME=str(hostile_home(folder / "home")))
        self._measured: dict[str, Any] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        for backend in backends:
            self._start(backend)

    def _start(self, backend: str) -> None:
        names = [*worker.MEASUREMENTS, *worker.OF_SLOW_TESTS] if backend in self._slow else []
        file = str(self._folder / f"{backend}.json")
        command = [sys.executable, "-m", "tests.training.worker", backend, file, *names]
        with (self._folder / f"{backend}.err").open("wb") as said:
            self._processes[backend] = subprocess.Popen(
                command, cwd=ROOT, env=self._environment, stdout=subprocess.DEVNULL, stderr=said
            )

    def measured(self, backend: str) -> Any:
        if backend not in self._processes:
            self._start(backend)
        if backend not in self._measured:
            status = self._processes[backend].wait(timeout=900)
            if status:
                said = (self._folder / f"{backend}.err").read_text(encoding="utf-8", errors="replace")
                pytest.fail(f"the worker on {backend} ended with status {status}:\n{said[-3000:]}")
            self._measured[backend] = json.loads((self._folder / f"{backend}.json").read_text(encoding="utf-8"))
        return self._measured[backend]

    def end(self) -> None:
        for process in self._processes.values():
            if process.poll() is None:
                process.kill()
            process.wait()


@pytest.fixture(scope="session")
def workers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    """Processes for the backends of the selected tests only."""
    asked = {
        item.callspec.params["on_backend"]: item.get_closest_marker("slow") is not None
        for item in sorted(request.session.items, key=lambda item: item.get_closest_marker("slow") is not None)
        if isinstance(item, pytest.Function) and hasattr(item, "callspec") and "on_backend" in item.callspec.params
    }
    backends = [backend for backend in BACKENDS if backend in asked]
    slow = {backend for backend in backends if asked[backend]}
    started = Workers(backends, slow, tmp_path_factory.mktemp("workers"))
    yield started
    started.end()


@pytest.fixture(scope="session", params=["tensorflow", JAX, TORCH])
def on_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def measured(on_backend: str, workers: Workers) -> Any:
    """What the worker measured on this backend, by name of the measurement."""
    return workers.measured(on_backend)
