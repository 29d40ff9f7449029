"""A fault: a realistic defect, put into Keras, the data or our own code for as long as a ``with`` lasts."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

OURS = ("harness", "cases", "baselines", "suite")
KEPT = ("cases.references.inputs",)
"""Modules whose caches hold what no fault touches, and what takes seconds to draw."""


@dataclass(frozen=True)
class Patch:
    """One attribute replaced: ``owner`` is "module" or "module:Class", ``change`` makes the new value of the old."""

    owner: str
    name: str
    change: Callable[[Any], Any]

    def target(self) -> Any:
        """The module or class; imports it, and with it the backend."""
        module, _, attribute = self.owner.partition(":")
        found = importlib.import_module(module)
        return functools.reduce(getattr, attribute.split("."), found) if attribute else found

    def __str__(self) -> str:
        return f"{self.owner.replace(':', '.').replace('.src.', '.')}.{self.name}"


@dataclass(frozen=True)
class Fault:
    """One defect at one strength.

    Attributes:
        name: unique; the strength is the end of it.
        group: the class of defects it belongs to.
        patches: what is replaced.
        yardstick: experiment and variant on which its effect is measured; None where it touches no training.
    """

    name: str
    group: str
    patches: tuple[Patch, ...]
    yardstick: tuple[str, str] | None

    @property
    def where(self) -> str:
        return ", ".join(dict.fromkeys(map(str, self.patches)))

    @property
    def key(self) -> str:
        """A hash of the fault's source and strength: a row of the table that has it is still about this fault."""
        parts = [self.name, self.where, str(self.yardstick), *(_source(patch.change) for patch in self.patches)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _source(value: Any) -> str:
    """The text of a function and of what it has closed over, so that another strength is another text."""
    if isinstance(value, functools.partial):
        return " ".join(map(_source, (value.func, *value.args, *value.keywords.items())))
    if isinstance(value, tuple | list):
        return " ".join(map(_source, value))
    if isinstance(value, property):
        return _source(value.fget)
    if not inspect.isfunction(value):
        return repr(value)
    return " ".join([inspect.getsource(value), *(_source(cell.cell_contents) for cell in value.__closure__ or ())])


@contextlib.contextmanager
def injected(fault: Fault) -> Iterator[None]:
    """Puts the fault in, and takes it out again whatever happens. What was computed without it is forgotten, and what
    was computed with it, too."""
    with contextlib.ExitStack() as stack:
        for patch in fault.patches:
            target = patch.target()
            stack.enter_context(mock.patch.object(target, patch.name, patch.change(_stored(target, patch.name))))
        forget()
        try:
            yield
        finally:
            stack.close()
            forget()


def _stored(target: Any, name: str) -> Any:
    """The attribute as it is stored: a static method as the function that it holds."""
    return getattr(target, name)


def forget() -> None:
    """Empties every cache of our packages, and Keras' own state.

    The backend's programs are ours: each is compiled of functions made anew.
    """
    for module in [m for name, m in list(sys.modules.items()) if name.split(".")[0] in OURS and name not in KEPT]:
        for value in list(vars(module).values()):
            clear = getattr(value, "cache_clear", None)
            if callable(clear) and getattr(value, "__module__", "") not in KEPT:
                clear()
    if "keras" in sys.modules:
        sys.modules["keras"].utils.clear_session()  # names that count up are part of what an erratum gives


def wrapped(wrapper: Callable[..., Any]) -> Callable[[Any], Any]:
    """A change: ``wrapper(original, *args, **kwargs)`` in the place of the original, with its signature."""

    def change(original: Any) -> Any:
        @functools.wraps(original)
        def replacement(*args: Any, **kwargs: Any) -> Any:
            return wrapper(original, *args, **kwargs)

        return replacement

    return change


def instead(replacement: Callable[..., Any]) -> Callable[[Any], Any]:
    """A change: ``replacement(*args, **kwargs)``, which does without the original."""
    return wrapped(lambda original, *args, **kwargs: replacement(*args, **kwargs))


def value(new: Any) -> Callable[[Any], Any]:
    """A change: another constant."""
    return lambda original: new
