"""A pytest plugin that injects a fault for a whole run of pytest.

``python -m pytest -p benchmarks.faults.plugin --fault "late: L2 fades" suite/ -k l2-shrinks-weights``

The suite has chosen its backend by then; elsewhere KERAS_BACKEND names it (default: tensorflow). The fault is in this
process only. A command that starts other processes tests them without it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator

import pytest

from benchmarks.faults.fault import injected
from benchmarks.faults.table import CONTROL, named
from harness.errors import SuiteError
from harness.training.backend import choose_backend, start_backend


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("faults").addoption(
        "--fault", default=CONTROL.name, metavar="NAME", help="put this fault in: python -m benchmarks.faults --list"
    )


def pytest_configure(config: pytest.Config) -> None:
    try:
        named(config.getoption("--fault"))
    except SuiteError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    fault = named(session.config.getoption("--fault"))
    if fault.patches and not fault.own and "keras" not in sys.modules:
        choose_backend(os.environ.get("KERAS_BACKEND", "tensorflow"))
        start_backend()
    with injected(fault):
        return (yield)
