"""Hashes of what an experiment trains: equal hashes mean that two trials measured the same thing.

A builder counts by its syntax tree, so docstrings, comments, formatting, annotations and line numbers are no change;
with it count the values of its defaults, closure and partial arguments, and the constants, functions and classes that
it names, however deep, within the top-level packages of the variant's builders (``cases``). What other packages do
belongs to the fingerprint instead.

The text that is hashed is our own, because that of ``ast.dump`` depends on the Python version. Absolute paths and the
module's ``__file__`` count by their type alone: they differ between checkouts. A module-level container counts by its
contents, so builders keep no state there (``functools.cache`` does not count).
"""

from __future__ import annotations

import ast
import dataclasses
import enum
import functools
import hashlib
import importlib
import importlib.util
import inspect
import json
import linecache
import os
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from harness.errors import invalid
from harness.experiment import Experiment

LENGTH = 16
NOT_MEANING = {"ctx", "kind", "annotation", "returns"}  # "kind": the u of u"text"


def variant_hash(experiment: Experiment, variant: str, setting: str) -> str:
    """16 hex digits over all that decides a trial of that variant, whatever the other variants are.

    Covered: the builders of data, model, optimizer and facts, the loss, epochs, batch size and number of training
    examples of the setting, ``accuracy``, ``inference``, ``halves``, ``follow``, ``observe``, and every metric with a
    function of its own. Not covered: names of the experiment and the variant, the number of seeds, the slide's printed
    curves, and figures.

    SuiteError where a builder is a lambda or anything else whose source cannot be told.
    """
    arm, size = experiment.variant(variant, setting), experiment.size(setting)
    where = f"of variant {variant!r} of experiment {experiment.id!r}"
    given: dict[str, Any] = {"data": arm.data, "model": arm.model, "optimizer": arm.optimizer, "facts": arm.facts}
    builders = {kind: builder for kind, builder in given.items() if builder is not None}
    looks: dict[str, Callable[..., Any]] = {
        f"follow {name}": function for name, function in sorted(experiment.follow.items())
    }
    if experiment.observe is not None:
        looks["observe"] = experiment.observe
    own = [*builders.values(), *looks.values()]
    counted = [*own, *(metric.of for metric in experiment.metrics if metric.of is not None)]
    describe = _Describer({_package(function) for function in counted})
    parts: dict[str, Any] = {
        **{kind: describe.callable(builder, f"{kind} builder {where}") for kind, builder in builders.items()},
        "loss": describe.value(experiment.loss),
        "size": [size.epochs, size.batch_size, size.train],
        "recorded": [bool(experiment.accuracy), bool(experiment.inference), *(["halves"] if experiment.halves else [])],
        "metrics": {
            metric.name: describe.callable(metric.of, f"`of` of metric {metric.name!r} {where}")
            for metric in sorted(experiment.metrics, key=lambda metric: metric.name)
            if metric.of is not None
        },
        **{kind: describe.callable(function, f"{kind} {where}") for kind, function in looks.items()},
    }
    return _digest(parts)


def definition_hash(experiment: Experiment, setting: str) -> str:
    """16 hex digits over all variants, by name; errors as for ``variant_hash``."""
    return _digest({v.name: variant_hash(experiment, v.name, setting) for v in experiment.variants})


def _digest(parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:LENGTH]


class _Describer:
    """Plain JSON values that say what an object means; code is followed within the ``own`` top-level packages.

    A function met before is named by when it was first met, which also ends cycles.
    """

    def __init__(self, own: set[str]) -> None:
        self._own = own
        self._met: dict[int, int] = {}
        self._alive: list[object] = []  # an id stays unique only while its object lives

    def callable(self, function: Callable[..., Any], what: str) -> Any:
        """A builder: a named function, a class, or a partial of one; SuiteError (``what``) otherwise."""
        if isinstance(function, functools.partial):
            arguments = [self.value(a) for a in function.args]
            keywords = {key: self.value(a) for key, a in function.keywords.items()}
            return ["partial", self.callable(function.func, what), arguments, keywords]
        code = inspect.unwrap(function)
        if not isinstance(code, types.FunctionType | type):
            raise invalid(what, expected="a named function, or functools.partial of one", received=repr(function))
        return self._source(code, what)

    def value(self, value: Any) -> Any:
        """A constant, a container, an array or a callable; anything else counts by its type alone."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, enum.Enum):
            return [type(value).__name__, value.name]
        if isinstance(value, int):
            return ["int", hex(value)]
        if isinstance(value, str):
            return ["str", None if os.path.isabs(value) else value]
        if isinstance(value, float | complex):
            return [type(value).__name__, repr(value)]
        if isinstance(value, bytes):
            return ["bytes", value.hex()]
        if isinstance(value, tuple | list):
            return [type(value).__name__, *map(self.value, value)]
        if isinstance(value, set | frozenset):
            return ["set", *sorted(json.dumps(self.value(v), sort_keys=True) for v in value)]
        if isinstance(value, Mapping):
            return ["mapping", *([self.value(k), self.value(v)] for k, v in value.items())]
        if callable(value) and _package(value) in self._own:
            return self.callable(value, f"callable {value!r}, which a builder names")
        if callable(value):
            return ["foreign", getattr(value, "__name__", type(value).__name__)]
        if type(value).__module__.split(".")[0] == "numpy" and hasattr(value, "tobytes"):
            return ["array", value.dtype.str, list(value.shape), hashlib.sha256(value.tobytes()).hexdigest()]
        if dataclasses.is_dataclass(value):
            fields = {f.name: self.value(getattr(value, f.name)) for f in dataclasses.fields(value) if f.compare}
            return [type(value).__name__, fields]
        return ["instance", type(value).__name__]

    def _source(self, code: types.FunctionType | type, what: str) -> Any:
        if id(code) in self._met:
            return ["met", self._met[id(code)]]
        self._met[id(code)] = len(self._met)
        self._alive.append(code)
        node, functions = _node(code), _functions(code)
        if node is None:
            raise invalid(
                what,
                expected="a function or class defined with `def` or `class` in a file, or functools.partial of one",
                received="a lambda" if code.__name__ == "<lambda>" else f"{code!r}, whose source cannot be found",
                fix="Give it a name with `def`.",
            )
        named: dict[str, Any] = {}
        for function in functions:
            named |= _named(function, node)
        defaults = [(f.__defaults__ or (), f.__kwdefaults__ or {}) for f in functions]
        bases = [b for b in getattr(code, "__bases__", ()) if _package(b) in self._own]
        return ["source", _tree(node), self.value([defaults, bases]), {n: self.value(named[n]) for n in sorted(named)}]


def _package(value: Any) -> str:
    """The top-level package that defines a callable."""
    code = value.func if isinstance(value, functools.partial) else value
    return str(getattr(code, "__module__", None) or "").split(".")[0]


@functools.lru_cache(maxsize=64)
def _definitions(text: str) -> dict[tuple[str, int | None], ast.AST]:
    """The functions of a module's text by name and by each line that may count as their first; classes by name."""
    found: dict[tuple[str, int | None], ast.AST] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            found.setdefault((node.name, None), node)
        elif isinstance(node, ast.FunctionDef):
            for line in (node.lineno, *(decorator.lineno for decorator in node.decorator_list)):
                found[node.name, line] = node
    return found


def _node(code: types.FunctionType | type) -> ast.AST | None:
    """The definition's node in its file; None if it is not there."""
    line = None if isinstance(code, type) else code.__code__.co_firstlineno
    try:
        text = "".join(linecache.getlines(inspect.getsourcefile(code) or ""))
        return _definitions(text).get((code.__name__, line))
    except (OSError, TypeError, SyntaxError):  # TypeError: a class without a file
        return None


def _functions(code: types.FunctionType | type) -> list[types.FunctionType]:
    if not isinstance(code, type):
        return [code]
    methods = (getattr(m, "__func__", getattr(m, "fget", m)) for m in vars(code).values())
    return [m for m in methods if isinstance(m, types.FunctionType) and m.__qualname__.startswith(code.__qualname__)]


def _named(function: types.FunctionType, node: ast.AST) -> dict[str, Any]:
    """What the names in a function's definition stand for, by dotted name: free variables, globals, own imports."""
    scope = dict(zip(function.__code__.co_freevars, map(_content, function.__closure__ or ()), strict=True))
    names = set(_globals(function.__code__)) | {
        name.id for d in getattr(node, "decorator_list", []) for name in ast.walk(d) if isinstance(name, ast.Name)
    }
    scope |= {n: function.__globals__[n] for n in names if n in function.__globals__ and not n.startswith("__")}
    scope |= dict(_imports(function, node))
    found = {}
    for dotted in sorted({text for sub in ast.walk(node) if (text := _dotted(sub))}):
        first, *rest = dotted.split(".")
        if first not in scope:
            continue
        value = scope[first]
        while rest and isinstance(value, types.ModuleType) and hasattr(value, rest[0]):
            value = getattr(value, rest.pop(0))
        if not isinstance(value, types.ModuleType):
            found[dotted.removesuffix("".join(f".{part}" for part in rest))] = value
    return found


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # an inner function's own name, before it is bound
        return None


def _globals(code: types.CodeType) -> Iterator[str]:
    import dis

    yield from (i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME"))
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _globals(inner)


def _imports(function: types.FunctionType, node: ast.AST) -> Iterator[tuple[str, Any]]:
    """(name, object) for the imports inside a function that stay within its own top-level package."""
    package = function.__globals__.get("__package__") or ""
    for sub in ast.walk(node):
        if isinstance(sub, ast.ImportFrom):
            name = importlib.util.resolve_name("." * sub.level + (sub.module or ""), package)
            if name.split(".")[0] != _package(function):
                continue
            module = importlib.import_module(name)
            for alias in sub.names:
                if not hasattr(module, alias.name):
                    importlib.import_module(f"{name}.{alias.name}")
                yield alias.asname or alias.name, getattr(module, alias.name)
        elif isinstance(sub, ast.Import):
            for alias in sub.names:
                if alias.name.split(".")[0] == _package(function):
                    module = importlib.import_module(alias.name)
                    top = importlib.import_module(alias.name.split(".")[0])
                    yield (alias.asname, module) if alias.asname else (top.__name__, top)


def _dotted(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value)):
        return f"{before}.{node.attr}"
    return None


def _tree(node: Any) -> Any:
    """A syntax tree as plain lists, the same in every Python version: what is absent or empty is left out."""
    if isinstance(node, list):
        return [_tree(item) for item in node if not _is_bare_text(item)]
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            return ["str", node.value]  # as JSON text: repr of a str depends on the version's Unicode tables
        return [type(node.value).__name__, repr(node.value)]
    if isinstance(node, ast.JoinedStr):
        return ["JoinedStr", *_f_string(node.values)]
    if not isinstance(node, ast.AST):
        return node
    fields = {name: _tree(value) for name, value in ast.iter_fields(node) if name not in NOT_MEANING}
    return [type(node).__name__, {name: value for name, value in fields.items() if value is not None and value != []}]


def _f_string(values: list[ast.expr]) -> list[Any]:
    """The parts of an f-string: how its fixed text is cut into constants differs between Python versions."""
    parts: list[Any] = []
    for value in values:
        part = value.value if isinstance(value, ast.Constant) else _tree(value)
        if isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] += part
        elif part != "":
            parts.append(part)
    return parts


def _is_bare_text(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
