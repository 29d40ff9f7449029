"""A module's text as statements: what each is called, which names it makes and which it needs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

STARTS = re.compile(r"[^\W\d]|@")
"""How a line begins that begins a statement of the top level; a closing bracket does not."""
CONSTANT = re.compile(r"(?:def |class |)([^\W\d]\w*)")
ID = re.compile(r"""\bid\s*=\s*(["'])(.+?)\1""")
ELEMENT = "__element__"


@dataclass(frozen=True)
class Statement:
    """One statement of a module's top level, or a part of one.

    Attributes:
        text, line: its source, and where that begins.
        node: None where it is no Python.
        makes: the names it binds.
        imports: (module, name) of each ``from module import name``.
    """

    text: str
    line: int
    node: ast.stmt | None = None
    makes: tuple[str, ...] = ()
    imports: tuple[tuple[str, str], ...] = ()

    @property
    def label(self) -> str:
        """What it is about: the id in it, else the name it gives a value; empty for imports, functions and classes."""
        found = ID.search(self.text)
        if found:
            return found[2]
        plain = self.node is None or isinstance(self.node, ast.Assign | ast.AnnAssign | ast.Expr)
        return self.makes[0] if plain and self.makes else ""

    @property
    def needs(self) -> set[str]:
        """The names it reads, here or in a function that it defines; without those that the function binds itself."""
        if self.node is None:
            return set()
        names = [part for part in ast.walk(self.node) if isinstance(part, ast.Name)]
        inner = {part.arg for part in ast.walk(self.node) if isinstance(part, ast.arg)}
        inner |= {name.id for name in names if not isinstance(name.ctx, ast.Load)} - set(self.makes)
        return {name.id for name in names if isinstance(name.ctx, ast.Load)} - inner

    @property
    def parts(self) -> tuple[Statement, ...]:
        """An import of several names as one import for each; itself otherwise."""
        if not isinstance(self.node, ast.Import | ast.ImportFrom) or len(self.node.names) < 2:
            return (self,)
        made = []
        for alias in self.node.names:
            if isinstance(self.node, ast.Import):
                node: ast.stmt = ast.Import([alias])
            else:
                node = ast.ImportFrom(self.node.module, [alias], self.node.level)
            made.append(_statement(ast.copy_location(node, self.node), ast.unparse(node)))
        return tuple(made)

    @property
    def elements(self) -> tuple[Statement, ...]:
        """Of ``NAME = (a, *b)`` the elements, each as ``__element__ = (a,)``; empty for anything else."""
        node = self.node
        if not isinstance(node, ast.Assign) or len(self.makes) != 1 or not isinstance(node.value, ast.Tuple):
            return ()
        made = []
        for element in node.value.elts:
            value = ast.copy_location(ast.Tuple([element], ast.Load()), element)
            target = ast.copy_location(ast.Name(ELEMENT, ast.Store()), element)
            assign = ast.copy_location(ast.Assign([target], value), element)
            made.append(Statement(ast.unparse(element), element.lineno, assign))
        return tuple(made)


def parse(text: str) -> tuple[str, list[Statement], list[tuple[Statement, SyntaxError]]]:
    """The text without the statements that are no Python, those that are, and those that are not, each with why."""
    lines = text.splitlines(keepends=True)
    wrong: list[tuple[Statement, SyntaxError]] = []
    while True:
        try:
            tree = ast.parse("".join(lines))
            break
        except SyntaxError as error:
            at = min(max(error.lineno or 1, 1), len(lines)) - 1
            first, end = _around(lines, at, begins=error.msg == "unexpected indent")
            piece = "".join(lines[first:end])
            found = CONSTANT.match(piece.lstrip())
            if not piece.strip():
                return "", [], [(Statement(text, 1), error)]
            names = tuple(found.groups()) if found else ()
            wrong.append((Statement(piece, first + 1, None, names), error))
            lines[first:end] = ["\n"] * (end - first)
    whole = "".join(lines)
    return whole, [_statement(node, ast.get_source_segment(whole, node) or "") for node in tree.body], wrong


def _around(lines: list[str], at: int, begins: bool) -> tuple[int, int]:
    """The lines of the statement that line ``at`` lies in, or begins, as far as the way its lines begin can tell."""
    first = at if begins else next((i for i in range(at, -1, -1) if STARTS.match(lines[i])), at)
    while first and lines[first - 1].startswith("@"):
        first -= 1
    begun = next((i for i in range(first, len(lines)) if not lines[i].startswith("@")), first)
    return first, next((i for i in range(begun + 1, len(lines)) if STARTS.match(lines[i])), len(lines))


def _statement(node: ast.stmt, text: str) -> Statement:
    imports: tuple[tuple[str, str], ...] = ()
    if isinstance(node, ast.ImportFrom):
        imports = tuple((node.module or "", alias.name) for alias in node.names)
    return Statement(text, node.lineno, node, tuple(_bound(node)), imports)


def _bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))
    else:
        for inner in ast.iter_child_nodes(node):
            if isinstance(inner, ast.stmt):
                yield from _bound(inner)
