"""Commands that measure figures of the documentation; each module names its command."""

from __future__ import annotations

import importlib
from typing import Any


class Lazy:
    """A module that is imported at its first use: Keras is not imported before a backend is chosen."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)
