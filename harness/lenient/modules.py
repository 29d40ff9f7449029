"""The import itself: a finder for the modules of one package, and the second attempt at a module that fails."""

from __future__ import annotations
import __future__

import ast
import contextlib
import linecache
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from harness.claim import Claim
from harness.lenient.mistakes import in_words, name_of
from harness.lenient.statements import ELEMENT, Statement, parse


@dataclass
class Fault:
    """One mistake.

    Attributes:
        name: the claim's id where it is known, else the constant's name, or where it is.
        where: file and line, "cases/preprocessing.py:123".
        error: what was wrong, expected and received, and what to do.
        costs: what is left out because of it, by id or constant.
    """

    name: str
    where: str
    error: str
    costs: list[str] = field(default_factory=list)


class Faults:
    """Every mistake, in the order in which they were met, and which one a missing name of a module is owed to."""

    def __init__(self) -> None:
        self.found: list[Fault] = []
        self.missing: dict[str, dict[str, Fault]] = {}

    def behind(self, module: str, name: str) -> Fault | None:
        """The mistake because of which a module lacks a name; None where it lacks it by itself."""
        names = self.missing.get(module, {})
        return names.get(name) or names.get("*")


@contextlib.contextmanager
def importing(package: str) -> Iterator[Faults]:
    """While it lasts, modules of the package are imported leniently; gives what was wrong with them."""
    faults = Faults()
    finder = _Finder(package, faults)
    sys.meta_path.insert(0, finder)
    try:
        yield faults
    finally:
        sys.meta_path.remove(finder)


def place(module: str, path: str, line: int) -> str:
    """File, from the folder of its top-level package on, and line: "cases/preprocessing.py:123"."""
    parts = Path(path).parts[-module.count(".") - (2 if Path(path).name == "__init__.py" else 1) :]
    return f"{'/'.join(parts)}:{line}"


class _Finder(MetaPathFinder):
    def __init__(self, package: str, faults: Faults) -> None:
        self._package, self._faults = package, faults

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target) if fullname.startswith(f"{self._package}.") else None
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(fullname, spec.loader.path, self._faults)
        return spec


class _Loader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, faults: Faults) -> None:
        super().__init__(fullname, path)
        self._faults = faults

    def exec_module(self, module: ModuleType) -> None:
        given = dict(vars(module))
        try:
            super().exec_module(module)
        except Exception:
            vars(module).clear()
            vars(module).update(given)
            _Module(module, self.path, self._faults).run()


class _Module:
    """A module that failed, run statement by statement."""

    def __init__(self, module: ModuleType, path: str, faults: Faults) -> None:
        self._names, self._path, self._module, self._faults = vars(module), path, module.__name__, faults
        self._missing = faults.missing.setdefault(module.__name__, {})
        self._flags = 0

    def run(self) -> None:
        try:
            text = Path(self._path).read_text("utf-8")
        except (OSError, UnicodeError) as error:
            self._leave_out(Statement("", 1, makes=("*",)), self._fault(error, Statement("", 1), 1))
            return
        whole, statements, wrong = parse(text)
        for statement, syntax in wrong:
            self._leave_out(statement, self._fault(syntax, statement, syntax.lineno or statement.line))
        if wrong:  # so that who looks up a definition in this file finds those that are left
            linecache.cache[self._path] = (len(whole), None, whole.splitlines(keepends=True), self._path)
        for statement in statements:
            self._attempt(statement)

    def _attempt(self, statement: Statement) -> None:
        try:
            self._execute(statement)
        except Exception as error:
            parts = statement.parts
            if len(parts) > 1:
                for part in parts:
                    self._attempt(part)
            elif not self._keep_claims(statement):
                self._leave_out(statement, self._cause(error, statement))

    def _execute(self, statement: Statement) -> None:
        for name in sorted(statement.needs):
            if name in self._missing and name not in self._names:
                raise NameError(f"name {name!r} is missing", name=name)
        if statement.node is not None:
            code = compile(ast.Module([statement.node], []), self._path, "exec", self._flags, dont_inherit=True)
            exec(code, self._names)
        if "__future__" in (module for module, _ in statement.imports):
            self._flags |= sum(getattr(__future__, name).compiler_flag for _, name in statement.imports)

    def _keep_claims(self, statement: Statement) -> bool:
        """Of a tuple of claims keeps those that could be made; False where it is anything else."""
        made: list[Any] = []
        failed: list[tuple[Statement, Exception]] = []
        for element in statement.elements:
            try:
                self._execute(element)
                made += self._names.pop(ELEMENT)
            except Exception as error:
                failed.append((element, error))
        if not statement.elements or not all(isinstance(one, Claim) for one in made):
            return False
        self._names[statement.makes[0]] = tuple(made)
        for element, why in failed:
            self._leave_out(element, self._cause(why, element))
        return True

    def _cause(self, error: Exception, statement: Statement) -> Fault:
        """An earlier mistake, where a name is missing because of it, else a new one."""
        known = None
        if isinstance(error, NameError):
            known = self._missing.get(error.name or "")
        elif isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
            known = self._faults.behind(error.obj.__name__, error.name or "")
        elif isinstance(error, ImportError) and statement.imports:
            known = self._faults.behind(*statement.imports[0])
        return known or self._fault(error, statement, self._line(error.__traceback__) or statement.line)

    def _line(self, trace: TracebackType | None) -> int:
        """The line of this module's top level that raised; 0 where none did."""
        line = 0
        while trace is not None:
            code = trace.tb_frame.f_code
            if code.co_filename == self._path and code.co_name == "<module>":
                line = trace.tb_lineno
            trace = trace.tb_next
        return line

    def _fault(self, error: Exception, statement: Statement, line: int) -> Fault:
        where = place(self._module, self._path, line)
        name = name_of(error, statement) or where
        return Fault(name, where, in_words(error, name, self._names, statement.imports))

    def _leave_out(self, statement: Statement, fault: Fault) -> None:
        self._missing.update(dict.fromkeys(statement.makes, fault))
        if not any(fault is known for known in self._faults.found):
            self._faults.found.append(fault)
        elif statement.label and statement.label not in (fault.name, *fault.costs):
            fault.costs.append(statement.label)
