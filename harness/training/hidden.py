"""Packages that are hidden from imports which would only lose time with them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def hidden(*packages: str) -> Iterator[None]:
    """Makes imports of these packages fail, as if they were not installed. Those already imported stay."""
    names = [name for name in packages if name not in sys.modules]
    for name in names:
        sys.modules[name] = None  # type: ignore[assignment] # the documented way to make an import fail; typeshed has no None here
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
