"""A fault: a realistic defect that is put into Keras, the data or our own code for the length of a ``with``."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from unittest import mock

from benchmarks.faults.change import Change, Wrapper, change_of

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
Place = tuple[str, str]
"""An attribute: its owner, "module" or "module:Class", and its name."""
Training = tuple[str, str]


@dataclass(frozen=True)
class Patch:
    """One attribute replaced. A function of ours is replaced in every module of ours that has imported it, too."""

    owner: str
    name: str
    change: Change

    def target(self) -> Any:
        """The module or class; imports it, and with it the backend."""
        module, _, attribute = self.owner.partition(":")
        loaded = importlib.import_module(module)
        return functools.reduce(getattr, attribute.split("."), loaded) if attribute else loaded

    def __str__(self) -> str:
        return f"{self.owner.replace(':', '.').replace('.src.', '.')}.{self.name}"


@dataclass(frozen=True)
class Fault:
    """One defect at one strength.

    Attributes:
        name: unique; the strength is the end of it. A name with "late: " is of a fault that acts after the steps that
            a check compares, so that it is tried in trainings to the end, too.
        trainings: in which it acts and that are cheap to train, as (experiment, variant), in the order in which a run
            trains them; () where it touches no training.
        step: the first step, from 1, at which it can show in the first training at the lecture's size; None for none.
        shows: where it can show first: in the training loss that a step begins with ("training"), in an evaluation
            that follows the step before ("evaluation"), or in nothing but a finished trial or its verdict ("result").
        breaks: what it breaks; by default as ``BREAKS`` has it for the first patch.
        held_out: whether it was written when all checks stood, and none of them was changed for it.
    """

    name: str
    patches: tuple[Patch, ...]
    trainings: tuple[Training, ...] = ()
    step: int | None = None
    shows: Shows = "result"
    breaks: Breaks | None = None
    held_out: bool = False
    group: str = ""

    @property
    def late(self) -> bool:
        return self.name.startswith("late: ")

    @property
    def where(self) -> str:
        return ", ".join(dict.fromkeys(map(str, self.patches)))

    @property
    def key(self) -> str:
        """A digest of what is changed, how and where it is tried: a row that has it is still about this fault.

        It has no path of a module: what is only moved stays the same fault.
        """
        changes = (f"{patch.name} {patch.change.text}" for patch in self.patches)
        return hashlib.sha256("\n".join([self.name, str(self.trainings[:1]), *changes]).encode()).hexdigest()[:12]


def patches(where: Place | Iterable[Place], change: Change | Wrapper) -> tuple[Patch, ...]:
    """The same change at one place, or at several."""
    match where:
        case (str(owner), str(name)):
            return (Patch(owner, name, change_of(change)),)
        case places:
            return tuple(Patch(owner, name, change_of(change)) for owner, name in places)


def fault(
    where: Place | tuple[Place, ...],
    change: Change | Wrapper,
    *trainings: Training,
    also: tuple[Patch, ...] = (),
    step: int | None = None,
    shows: Shows = "training",
    breaks: Breaks | None = None,
    held_out: bool = False,
) -> Fault:
    """A row of the table, which gives its name.

    Unless it says otherwise, a fault of an optimizer shows in the loss after its first step, any other in the first
    loss; one without a training, and one that shows in a result, at no step.
    """
    changed = (*patches(where, change), *also)
    owner = changed[0].owner
    if breaks is None:
        breaks = BREAKS.get(max((place for place in BREAKS if owner.startswith(place)), key=len, default=""), "own")
    if not trainings:
        shows = "result"
    if shows != "result" and step is None:
        step = 2 if all(patch.owner.startswith("keras.src.optimizers") for patch in changed) else 1
    return Fault("", changed, trainings, step, shows, breaks, held_out)


held_out = functools.partial(fault, held_out=True)


@contextlib.contextmanager
def injected(fault: Fault) -> Iterator[None]:
    """Puts the fault in, and takes it out again whatever happens. What was computed without it is forgotten, and what
    was computed with it, too."""
    with contextlib.ExitStack() as stack:
        for patch in fault.patches:
            target = patch.target()
            before = getattr(target, patch.name)
            after = patch.change.make(before)
            stack.callback(_exchange, patch.name, after, before)
            stack.enter_context(mock.patch.object(target, patch.name, after))
            _exchange(patch.name, before, after)
        forget()
        try:
            yield
        finally:
            stack.close()
            forget()


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
