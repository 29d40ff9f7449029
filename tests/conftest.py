"""For ``-n`` with ``--dist loadgroup``: tests that share what took long to make stay in one worker."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent
SHARED = ("training", "suite", "reports")
"""Folders with fixtures of the whole session: the engines' measurements, runs of the suite, drawn reports."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        place = item.path.relative_to(ROOT)
        group = place.parts[0] if place.parts[0] in SHARED else str(place)
        item.add_marker(pytest.mark.xdist_group(group))
