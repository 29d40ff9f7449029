"""The process of a backend, in which the files check_*.py are tests. ``test_on_backends.py`` starts one per backend.

By hand: ``BACKEND=jax pytest tests/training/on_backend -o python_files='check_*.py' -m "slow or not slow"``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.training.backend import choose_backend, start_backend


def pytest_configure() -> None:
    if "BACKEND" in os.environ:
        choose_backend(os.environ["BACKEND"])
        start_backend()


@pytest.fixture(scope="session")
def backend() -> str:
    return os.environ["BACKEND"]


@pytest.fixture(scope="session")
def record() -> Iterator[Callable[[str, Any], None]]:
    """Keeps a value by name, which ``test_on_backends.py`` compares with that of other backends."""
    values: dict[str, Any] = {}
    yield values.__setitem__
    if "RECORD" in os.environ:
        Path(os.environ["RECORD"]).write_text(json.dumps(values), encoding="utf-8")
