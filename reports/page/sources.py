"""Where each claim stands in ``cases/``, and its code. The files are parsed, not run."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CASES = Path(__file__).resolve().parents[2] / "cases"


@dataclass(frozen=True)
class Source:
    """The code that declares a claim: ``path`` from the repository's root, ``line`` from 1."""

    path: str
    line: int
    code: str


def sources(root: Path = CASES) -> dict[str, Source]:
    """The code of each claim by its id; files that cannot be read or parsed are left out."""
    found: dict[str, Source] = {}
    for path in sorted(root.rglob("*.py")):
        try:
            text = path.read_text(encoding="utf-8")
            tree = ast.parse(text)
        except (OSError, ValueError, SyntaxError):
            continue
        lines = text.splitlines()
        for statement in tree.body:
            for name, call in _claims(statement):
                node = call if isinstance(statement, ast.FunctionDef) else statement
                code = "\n".join(lines[node.lineno - 1 : node.end_lineno])
                where = path.relative_to(root.parent).as_posix()
                found.setdefault(name, Source(where, node.lineno, textwrap.dedent(code)))
    return found


def _claims(statement: ast.stmt) -> Iterator[tuple[str, ast.Call]]:
    """The calls of ``Claim(id="…")`` in a statement, each with its id."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg == "id" and isinstance(keyword.value, ast.Constant) and "slide" in _names(node):
                    yield str(keyword.value.value), node


def _names(call: ast.Call) -> set[str | None]:
    return {keyword.arg for keyword in call.keywords}
