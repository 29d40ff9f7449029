"""A fault: a realistic defect that is injected into Keras, the data or our own code for the length of a ``with``."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from unittest import mock

from tests.faults.places import Original

OURS = ("harness", "cases", "baselines", "suite")
KEPT = ("cases.references.inputs",)
"""Modules whose caches hold what no fault touches, and what takes seconds to draw."""
KEEPING = (("harness.training.steps", "_PROGRAMS"), ("harness.training.configuration", "_DIGESTS"))
"""Dictionaries of what was compiled or computed, by module and name."""


Breaks = Literal["framework", "data", "engine", "own"]
BREAKS: Mapping[str, Breaks] = {
    "keras": "framework",
    "cases.data": "data",
    "cases.preprocessing": "data",
    "cases.examples.normalization": "data",
    "harness.domain.experiment:Dataset": "data",
    "harness.domain.experiment": "engine",
    "harness.training": "engine",
}
"""What a fault breaks, by where it is put in; the longest entry counts, and "own" is everything else.

"framework": Keras or a backend. "data": the data file and what is done to it. "engine": our training code.
"own": our rules, files, baselines and reports. Our tests have to see these; a user's run need not.
"""
Shows = Literal["training", "evaluation", "result"]


@dataclass(frozen=True)
class Patch:
    """One attribute replaced: ``owner`` is "module" or "module:Class", ``change`` makes the new value of the old.

    A function of a module of ours is replaced in every module of ours that has imported it by name, too.
    """

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
        patches: what is replaced.
        yardstick: experiment and variant on which its effect is measured; None where it touches no training.
        what: what it does and when, in one sentence; "" where the name says it.
        only: trainings in which it acts and that are cheap to train, as (experiment, variant), in the order in which a
            run trains them; () for no selection.
        acts_from_step: the first step, from 1, at which it can show, in the first training of ``only`` (else of the
            yardstick) at the lecture's size; None where it shows at no step.
        shows: where it can show first: in the training loss that a step begins with ("training"), in an evaluation
            that follows the step before ("evaluation"), or in nothing but a finished trial or its verdict ("result").
        breaks: what it breaks; by default as ``BREAKS`` has it for the first patch.
        held_out: whether it was written when all checks stood, and none of them was changed for it.
        late: whether it acts after the steps that a check compares, so that it is tried in trainings to the end, too.
        group: the class of defects it belongs to, which is its module's.
    """

    name: str
    patches: tuple[Patch, ...]
    yardstick: tuple[str, str] | None
    what: str = ""
    only: tuple[tuple[str, str], ...] = ()
    acts_from_step: int | None = None
    shows: Shows = "result"
    breaks: Breaks | None = None
    held_out: bool = False
    late: bool = False
    group: str = ""

    def __post_init__(self) -> None:
        if self.breaks is None and self.patches:
            owner = self.patches[0].owner
            place = max((one for one in BREAKS if owner.startswith(one)), key=len, default="")
            object.__setattr__(self, "breaks", BREAKS.get(place, "own"))

    @property
    def where(self) -> str:
        return ", ".join(dict.fromkeys(map(str, self.patches)))

    @property
    def key(self) -> str:
        """A hash of the fault's source and strength: a row of the table that has it is still about this fault.

        It has no path of a module: what is only moved or regrouped stays the same fault.
        """
        changes = (f"{patch.name} {_source(patch.change)}" for patch in self.patches)
        parts = [self.name, str(self.yardstick), *changes]
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


def held_out(
    name: str, owner: str, attribute: str, change: Callable[[Any], Any], yardstick: tuple[str, str] | None
) -> Fault:
    """A fault of one patch that was written when all checks stood."""
    return Fault(name, (Patch(owner, attribute, change),), yardstick, held_out=True)


def late(
    name: str,
    what: str,
    patches: tuple[Patch, ...],
    only: tuple[tuple[str, str], ...],
    step: int,
    shows: Shows = "training",
    breaks: Breaks | None = None,
) -> Fault:
    """A fault that acts late, written without sight of the checks."""
    return Fault(f"late: {name}", patches, only[0], what, only, step, shows, breaks, late=True)


def small(
    name: str,
    what: str,
    patch: Patch,
    only: tuple[tuple[str, str], ...],
    step: int | None,
    breaks: Breaks | None = None,
) -> Fault:
    """A small fault of a training's parameters; no step shows it where ``step`` is None."""
    shows: Shows = "result" if step is None else "training"
    return Fault(f"small: {name}", (patch,), only[0], what, only, step, shows, breaks)


@contextlib.contextmanager
def injected(fault: Fault) -> Iterator[None]:
    """Puts the fault in, and takes it out again whatever happens. What was computed without it is forgotten, and what
    was computed with it, too."""
    with contextlib.ExitStack() as stack:
        for patch in fault.patches:
            target = patch.target()
            before = _stored(target, patch.name)
            after = patch.change(before)
            stack.callback(_exchange, patch.name, after, before)
            stack.enter_context(mock.patch.object(target, patch.name, after))
            _exchange(patch.name, before, after)
        forget()
        try:
            yield
        finally:
            stack.close()
            forget()


def _stored(target: Any, name: str) -> Any:
    """The attribute as it is stored: a static method as the function that it holds."""
    return getattr(target, name)


def _exchange(name: str, before: Any, after: Any) -> None:
    """Replaces a function in every module of ours that has it under this name."""
    if inspect.isfunction(before):
        for module in _ours():
            if vars(module).get(name) is before:
                setattr(module, name, after)


def _ours() -> list[Any]:
    """The modules of this project that are loaded, but for the tests."""
    return [module for name, module in list(sys.modules.items()) if name.split(".")[0] in OURS and name not in KEPT]


def forget() -> None:
    """Empties every cache of our packages, and Keras' own state.

    The backend's programs are ours: each is compiled of functions made anew.
    """
    for module, name in KEEPING:
        if module in sys.modules:
            getattr(sys.modules[module], name).clear()
    for loaded in _ours():
        for value in list(vars(loaded).values()):
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


def with_attribute(attribute: str, of: Callable[[float], float]) -> Callable[[Any], Any]:
    """A method in which an attribute of its object is ``of`` what it is."""

    def call(original: Original, self: Any, *args: Any, **kwargs: Any) -> Any:
        kept = getattr(self, attribute)
        setattr(self, attribute, of(kept))
        try:
            return original(self, *args, **kwargs)
        finally:
            setattr(self, attribute, kept)

    return wrapped(call)


def times(factor: float, number: float) -> float:
    return factor * number


def instead(replacement: Callable[..., Any]) -> Callable[[Any], Any]:
    """A change: ``replacement(*args, **kwargs)``, which does without the original."""
    return wrapped(lambda original, *args, **kwargs: replacement(*args, **kwargs))


def value(new: Any) -> Callable[[Any], Any]:
    """A change: another constant."""
    return lambda original: new
