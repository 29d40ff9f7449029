"""Where each claim stands in the course's folder, and its code. The files are parsed, not run."""

from __future__ import annotations

import ast
import functools
import re
import textwrap
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.course import folder


@dataclass(frozen=True)
class Source:
    """The code that declares a claim: ``path`` from the repository's root, ``line`` from 1."""

    path: str
    line: int
    code: str


def sources(ids: Collection[str], root: Path | None = None) -> dict[str, Source]:
    """The code of each claim by its id, without claims that no file declares. ``root``: by default the course's folder.

    Files that cannot be read or parsed are left out.
    """
    found: dict[str, Source] = {}
    for pattern, source in _declared(root or folder()):
        for name in ids:
            if pattern.fullmatch(name):
                found.setdefault(name, source)
    return found


@functools.cache
def _declared(root: Path) -> tuple[tuple[re.Pattern[str], Source], ...]:
    """Every claim below ``root``: a pattern of its id, and its code."""
    found = []
    for path in sorted(root.rglob("*.py")):
        try:
            text = path.read_text(encoding="utf-8")
            tree = ast.parse(text)
        except (OSError, ValueError, SyntaxError):
            continue
        lines = text.splitlines()
        for statement in tree.body:
            for pattern, call in _claims(statement):
                node = call if isinstance(statement, ast.FunctionDef) else statement
                code = textwrap.dedent("\n".join(lines[node.lineno - 1 : node.end_lineno]))
                found.append((pattern, Source(path.relative_to(root.parent).as_posix(), node.lineno, code)))
    return tuple(found)


def _claims(statement: ast.stmt) -> Iterator[tuple[re.Pattern[str], ast.Call]]:
    """The calls of ``Claim(id=…, slide=…)`` in a statement, each with a pattern of its id.

    ``A = make("some-id", …)`` counts too: a function of the course that makes a claim of this id.
    """
    made = statement.value if isinstance(statement, ast.Assign) else None
    for node in ast.walk(statement):
        if isinstance(node, ast.Call):
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            pattern = _pattern(given["id"]) if given.keys() >= {"id", "slide"} else ""
            if node is made and node.args and not pattern:
                pattern = _pattern(node.args[0])
            if pattern:
                yield re.compile(pattern), node


def _pattern(value: ast.expr) -> str:
    """A pattern of the text that an expression gives: a literal, or one with gaps; "" for any other."""
    match value:
        case ast.Constant(value=str(text)):
            return re.escape(text)
        case ast.JoinedStr(values=parts):
            return "".join(_pattern(part) or ".+" for part in parts)
    return ""
