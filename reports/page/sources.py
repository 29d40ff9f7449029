"""Where each claim stands in the course's folder, and its code. The files are parsed, not run."""

from __future__ import annotations

import ast
import functools
import re
import textwrap
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from harness.course import folder


class Source(NamedTuple):
    """The code that declares a claim: ``path`` from the repository's root, ``line`` from 1."""

    path: str
    line: int
    code: str


def sources(ids: Collection[str], root: Path | None = None) -> dict[str, Source]:
    """The code of each claim by its id, without claims that no file declares. ``root``: by default the course's folder.

    Files that cannot be read or parsed are left out.
    """
    declared = _declared(root or folder())
    places = {name: [source for pattern, source in declared if pattern.fullmatch(name)] for name in ids}
    return {name: of[0] for name, of in places.items() if of}


@functools.cache
def _declared(root: Path) -> tuple[tuple[re.Pattern[str], Source], ...]:
    """Every claim below ``root``: a pattern of its id, and its code."""
    declared = []
    for path in sorted(root.rglob("*.py")):
        try:
            text = path.read_text(encoding="utf-8")
            tree = ast.parse(text)
        except (OSError, ValueError, SyntaxError):
            continue
        for statement in tree.body:
            for pattern, call in _claims(statement):
                node = statement if isinstance(statement, ast.Assign) and statement.value is call else call
                code = textwrap.dedent("\n".join(text.splitlines()[node.lineno - 1 : node.end_lineno]))
                declared.append((pattern, Source(path.relative_to(root.parent).as_posix(), node.lineno, code)))
    return tuple(declared)


def _claims(statement: ast.stmt) -> Iterator[tuple[re.Pattern[str], ast.Call]]:
    """The calls of ``Claim(id=…, slide=…)`` in a statement, each with a pattern of its id.

    ``make("some-id", …)`` outside of a function counts too: a function of the course that makes a claim of this id.
    """
    for node in ast.walk(statement):
        if isinstance(node, ast.Call):
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            pattern = _pattern(given["id"]) if given.keys() >= {"id", "slide"} else ""
            if not pattern and len(node.args) > 1 and not isinstance(statement, ast.FunctionDef):
                pattern = _pattern(node.args[0])
            if pattern:
                yield re.compile(pattern), node


def _pattern(value: ast.expr) -> str:
    """A pattern of the text that an expression gives: a literal, or one with gaps; "" for any other."""
    if isinstance(value, ast.JoinedStr):
        return "".join(_pattern(part) or ".+" for part in value.values)
    return re.escape(value.value) if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""
