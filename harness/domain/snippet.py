"""Runs a snippet of code statement by statement. The result has its value, its warnings, and its error."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

NAME = "snippet"
"""The file name of a snippet in tracebacks."""


class When(StrEnum):
    """The kind of statement in which an error arises. A NameError is always STATEMENT."""

    READING = "when Python reads it"
    IMPORT = "at the import"
    CONSTRUCTION = "at construction"
    COMPILE = "in compile"
    FIT = "in fit"
    EVALUATE = "in evaluate"
    PREDICT = "in predict"
    STATEMENT = "at that line"


@dataclass(frozen=True)
class SnippetResult:
    """The result of running a snippet.

    Attributes:
        value: of the last statement, if it is an expression; else None.
        warned: the texts of its UserWarnings (Keras' category), each once.
        error: the exception it raised, or None.
        when: the kind of statement that raised it; None without an error.
        steps: training steps of the namespace's ``model`` so far; None without a compiled model.
    """

    value: Any = None
    warned: tuple[str, ...] = ()
    error: Exception | None = None
    when: When | None = None
    steps: int | None = None

    @property
    def message(self) -> str:
        """The error as "ValueError: its text"; "" without an error."""
        return f"{type(self.error).__name__}: {readable(str(self.error))}" if self.error else ""

    @property
    def moment(self) -> str:
        """ "in fit, before the first training step", "in compile"; "" without an error."""
        if self.when is None:
            return ""
        if not self.steps:
            return f"{self.when}, before the first training step" if self.when is When.FIT else str(self.when)
        return f"{self.when}, after {self.steps} training step{'' if self.steps == 1 else 's'}"


def run(text: str, names: dict[str, Any]) -> SnippetResult:
    """Runs ``text`` in the namespace ``names``, which it changes. Its output is discarded.

    It catches ``Exception`` only, so Ctrl-C passes through.
    """
    with _warnings() as warned, contextlib.redirect_stdout(io.StringIO()):
        value, when, error = None, When.READING, None
        try:
            for statement in ast.parse(text, NAME).body:
                when = _kind(statement)
                value = _execute(statement, names)
        except Exception as raised:
            error = raised
            when = When.STATEMENT if isinstance(raised, NameError) else when
    texts = tuple(dict.fromkeys(readable(str(w.message)) for w in warned if issubclass(w.category, UserWarning)))
    if error is None:
        return SnippetResult(value, texts, steps=_steps(names))
    return SnippetResult(None, texts, error, when, _steps(names))


def readable(message: str, longest: int = 300) -> str:
    """A message on one line, cut after ``longest`` characters.

    Colours, addresses of objects and folders are removed, because they differ between machines and runs.
    """
    plain = re.sub(r"\x1b\[[0-9;]*m", "", message)
    plain = re.sub(r" at 0x[0-9a-fA-F]+", "", plain)
    plain = re.sub(r"(?<![\w.])(?:[A-Za-z]:)?[\\/](?:[^\s'\"()\\/]+[\\/])+(?=[^\s'\"()\\/]+)", "", plain)
    line = " ".join(plain.split())
    return line if len(line) <= longest else f"{line[:longest]}…"


@contextlib.contextmanager
def _warnings() -> Iterator[list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield warned


def _execute(statement: ast.stmt, names: dict[str, Any]) -> Any:
    """Executes a statement. Returns its value if it is an expression, else None."""
    if isinstance(statement, ast.Expr):
        return eval(compile(ast.Expression(statement.value), NAME, "eval"), names)
    exec(compile(ast.Module([statement], []), NAME, "exec"), names)
    return None


def _kind(statement: ast.stmt) -> When:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return When.IMPORT
    calls = [node.func for node in ast.walk(statement) if isinstance(node, ast.Call)]
    methods = {function.attr for function in calls if isinstance(function, ast.Attribute)}
    names = methods | {function.id for function in calls if isinstance(function, ast.Name)}
    kinds = {"compile": When.COMPILE, "fit": When.FIT, "evaluate": When.EVALUATE, "predict": When.PREDICT}
    otherwise = When.CONSTRUCTION if any(name[0].isupper() for name in names) else When.STATEMENT
    return next((kind for name, kind in kinds.items() if name in methods), otherwise)


def _steps(names: dict[str, Any]) -> int | None:
    iterations = getattr(getattr(names.get("model"), "optimizer", None), "iterations", None)
    if iterations is None:
        return None
    try:
        return int(np.asarray(iterations))
    except TypeError:  # on JAX, a first step that fails leaves the counter without a value
        return 0
