"""The facts of a process that decide the results of its tasks."""

from __future__ import annotations

import functools
import hashlib
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path

import harness
from harness.environment.fingerprint import version

PACKAGES = ("baselines", "cases", "harness", "suite")
"""The code that a task runs."""


def surroundings(packages: Iterable[str] = ()) -> dict[str, str]:
    """The versions of Python, Keras, NumPy and ``packages`` in this process, and a hash of the project's code."""
    names = dict.fromkeys(("keras", "numpy", *packages))
    return {
        "Python": platform.python_version(),
        **{name: version(name, f"{name}-nightly") or "none" for name in names},
        CODE: code(Path(harness.__file__).resolve().parent.parent),
    }


CODE = "the project's code"


def difference(facts: Mapping[str, str]) -> str:
    """What this process has otherwise than ``facts`` say, in words; "" if nothing."""
    ours = _ours(tuple(name for name in facts if name not in ("Python", CODE)))
    found = [f"{name} {ours[name]} instead of {wanted}" for name, wanted in facts.items() if ours[name] != wanted]
    return ", ".join(found)


@functools.cache
def _ours(packages: tuple[str, ...]) -> dict[str, str]:
    return surroundings(packages)


def code(root: Path) -> str:
    """A short hash of the Python modules of PACKAGES below ``root``."""
    found = hashlib.sha256()
    for path in sorted(path for package in PACKAGES for path in (root / package).rglob("*.py")):
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:12]
