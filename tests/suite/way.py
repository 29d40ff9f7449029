"""A plugin (-p tests.suite.way) that writes down how a claim gets from its trainings to its record, and to its item.

It profiles the calls that decide a claim, and the item's own, and writes to the file WAY the modules of ours that they
enter, and the calls from a lower folder into a higher one.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (
    "harness/rules/", "harness/claim.py", "harness/record/", "harness/training/", "harness/execution/",
    "harness/check/", "suite/",
)  # fmt: skip
"""From the lowest to the highest."""


def module(frame: FrameType | None) -> str:
    """The module of a frame, if it is ours and no test; else ""."""
    path = Path(frame.f_code.co_filename) if frame else Path()
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
    return name if name.startswith(("harness/", "suite/")) else ""


def height(name: str) -> int:
    return max((number for number, folder in enumerate(FOLDERS) if name.startswith(folder)), default=-1)


class Way:
    def __init__(self) -> None:
        self.modules: set[str] = set()
        self.upward: set[str] = set()

    def profile(self, frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and (entered := module(frame)):
            caller = frame.f_back
            while caller and not module(caller):
                caller = caller.f_back
            self.modules.add(entered)
            if -1 < height(module(caller)) < height(entered):
                self.upward.add(f"{module(caller)} → {entered}: {frame.f_code.co_name}")

    def watched(self, function: Any, *arguments: Any, **how: Any) -> Any:
        sys.setprofile(self.profile)
        try:
            return function(*arguments, **how)
        finally:
            sys.setprofile(None)


DECIDED, ITEM = Way(), Way()


def pytest_collection_finish() -> None:
    from suite.session.session import Session

    decide = Session._decide
    Session._decide = lambda *arguments, **how: DECIDED.watched(decide, *arguments, **how)  # type: ignore[method-assign]


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    if pyfuncitem.originalname != "test_claims":
        return (yield)
    sys.setprofile(ITEM.profile)
    try:
        return (yield)
    finally:
        sys.setprofile(None)


def pytest_sessionfinish() -> None:
    ways = {"decided": DECIDED, "item": ITEM}
    told = {name: {"modules": sorted(way.modules), "upward": sorted(way.upward)} for name, way in ways.items()}
    Path(os.environ["WAY"]).write_text(json.dumps(told, indent=1), "utf-8")
