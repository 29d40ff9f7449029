"""A mistake in a module in words: what was expected, what was received, and what to do."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from harness.errors import SuiteError, invalid, nearest
from harness.lenient.statements import Statement

CLAIM = re.compile(r"\bclaim '([^']+)'")
LACKS = re.compile(r"(\w+)\.__init__\(\) missing \d+ required \S+ arguments?: (.*)$")
FILE = re.compile(r" \([^()]*\.py\)$")
"""With which an ImportError ends."""
UNKNOWN = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")


def name_of(error: Exception, statement: Statement) -> str:
    """What the mistake is in: the claim that the error names, else the statement's id or constant, or its text."""
    found = CLAIM.search(str(error)) if isinstance(error, SuiteError) else None
    return found[1] if found else statement.label or next(iter(statement.makes), statement.text[:40].strip())


def in_words(error: Exception, name: str, names: Mapping[str, Any], imports: tuple[tuple[str, str], ...] = ()) -> str:
    """A complete text; ``names`` are the module's, to choose a near one from, ``imports`` what the statement imports.

    The text of a SuiteError is complete already.
    """
    if isinstance(error, SuiteError):
        return str(error)
    expected, fix = _advice(error, names, imports)
    said = error.msg if isinstance(error, SyntaxError) else FILE.sub("", str(error))
    received = f"{type(error).__name__}: {said}".rstrip(".")
    if isinstance(error, SyntaxError) and error.text:
        received += f", at {error.text.strip()[:80]!r}"
    return str(invalid(f"definition of {name!r}", expected=expected, received=received, fix=fix))


def _advice(error: Exception, names: Mapping[str, Any], imports: tuple[tuple[str, str], ...]) -> tuple[str, str]:
    """What was expected, and what to do."""
    lacking, unknown = LACKS.search(str(error)), UNKNOWN.search(str(error))
    if isinstance(error, SyntaxError):
        return "a statement of Python", "Mend it there or in the lines above."
    if isinstance(error, NameError):
        near = nearest(error.name or "", sorted({*names, *dir(builtins)}))
        return "a name that is defined or imported above", near if near.startswith("Did") else "Define or import it."
    if isinstance(error, ModuleNotFoundError):
        return "a module that is there", "Mend its name, or install it."
    if isinstance(error, ImportError) and imports:
        module = __import__(imports[0][0], fromlist=["*"])
        return f"a name of module {imports[0][0]}", nearest(imports[0][1], _public(module))
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        return f"a name of module {error.obj.__name__}", nearest(error.name or "", _public(error.obj))
    if lacking:
        return f"everything that a {lacking[1]} needs", f"Add {lacking[2].replace(chr(39), '')} to it."
    if unknown:
        known = getattr(names.get(unknown[1]), "__dataclass_fields__", {})
        return f"arguments of {unknown[1]}", nearest(unknown[2], known) if known else "Leave it out."
    return "a statement that can be run", "Mend it, or take it out."


def _public(module: ModuleType) -> list[str]:
    return sorted(name for name in vars(module) if not name.startswith("_"))
