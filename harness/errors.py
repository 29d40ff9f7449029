"""The form in which the suite reports bad input."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
"""The form of ids. They are test ids, file names and words of a command line."""


class SuiteError(ValueError):
    """Bad input or an unusable environment. Its text is complete, and is shown without a traceback."""


def invalid(what: str, *, expected: str, received: object, fix: str = "") -> SuiteError:
    """Builds "Invalid <what>. Expected: …. Received: …. <fix>", the form Keras uses for its own errors."""
    text = f"Invalid {what}. Expected: {expected}. Received: {received}."
    return SuiteError(f"{text} {fix}".rstrip())


def nearest(name: str, names: Iterable[str]) -> str:
    """Names the valid names closest to ``name``: "Did you mean 'x'?". It lists the known names if none is close."""
    known = list(names)
    close = difflib.get_close_matches(name, known, cutoff=0.5)
    if close:
        return "Did you mean " + " or ".join(repr(c) for c in close) + "?"
    shown = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
    return f"Known: {shown}."
