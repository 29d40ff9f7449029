"""Self-checks: what every verdict rests on, against references of its own, in every run of the suite.

The lecture's claims ask what Keras does. The self-checks ask whether Keras and the backend do what they say, as
trainings use them: layers, losses, optimizers, initial weights, dropout, input data and callbacks. The references are
computed in NumPy and float64. Our own rules, files and programs are tested in ``tests/``.
"""

from __future__ import annotations

import importlib
from pathlib import Path


def names() -> list[str]:
    """The self-checks as pytest names them, such as "test_trainings.py::test_network[relu-adam]"; collects nothing.

    A self-check has at most one parameter, whose values are texts or numbers.
    """
    found = []
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for name, function in vars(importlib.import_module(f"{__name__}.{path.stem}")).items():
            if not name.startswith("test_"):
                continue
            marks = [mark for mark in getattr(function, "pytestmark", ()) if mark.name == "parametrize"]
            values = [f"[{value}]" for mark in marks for value in mark.args[1]] or [""]
            found += [f"{path.name}::{name}{value}" for value in values]
    return found
