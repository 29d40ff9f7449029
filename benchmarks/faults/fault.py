"""A fault: a realistic defect that is put into Keras, the data or our own code for the length of a ``with``."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from unittest import mock

from benchmarks.faults.change import Change, changed

OURS = ("harness", "cases", "baselines", "suite")
KEPT = ("cases.references.inputs",)
"""Modules whose caches hold what no fault touches, and what takes seconds to draw."""
KEEPING = (
    ("harness.training.train", "_PROGRAMS"),
    ("harness.training.steps", "_PROGRAMS"),
    ("harness.training.configuration", "_DIGESTS"),
)
"""Dictionaries of what was compiled or computed, by module and name."""
EARLIEST = 0
"""Stands for the first step at which any fault of a place can show."""

Place = tuple[str, str]
"""An attribute: its owner, "module" or "module:Class", and its name."""
Where = Place | tuple[Place, ...]
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
        trainings: in which it acts and that are cheap to train, as (experiment, variant), in the order in which a run
            trains them; () where it touches no training.
        step: the first step, from 1, at which it can show in the first training at the lecture's size: in the loss that
            a step begins with, or in an evaluation before it; None where only a finished trial or a verdict shows it.
        held_out: whether it was written when all checks stood, and none of them was changed for it.
        name: unique; the strength is the end of it. A name with "late: " is of a fault that acts after the steps that
            a check compares, so that it is tried in trainings to the end, too.
        own: whether it breaks our rules, records and evidence. Our tests have to see it; a user's run need not.
    """

    patches: tuple[Patch, ...]
    trainings: tuple[Training, ...] = ()
    step: int | None = None
    held_out: bool = False
    name: str = ""
    group: str = ""
    own: bool = False

    @property
    def late(self) -> bool:
        return self.name.startswith("late: ")

    @property
    def where(self) -> str:
        return ", ".join(dict.fromkeys(map(str, self.patches)))


def patches(where: Where, change: Change) -> tuple[Patch, ...]:
    """The same change at one place, or at several."""
    match where:
        case (str(owner), str(name)):
            return (Patch(owner, name, change),)
        case places:
            return tuple(Patch(owner, name, change) for owner, name in places)


def fault(
    where: Where, change: Change, *trainings: Training, also: tuple[Patch, ...] = (), step: int | None = EARLIEST
) -> Fault:
    """A row of the table, which gives its name.

    Unless it says otherwise, a fault of an optimizer shows in the loss after its first step, any other in the first
    loss, and one without a training at no step.
    """
    replaced = (*patches(where, change), *also)
    if step == EARLIEST:
        of_optimizers = all(patch.owner.startswith("keras.src.optimizers") for patch in replaced)
        step = (2 if of_optimizers else 1) if trainings else None
    return Fault(replaced, trainings, step)


def here(where: Where, *trainings: Training, **more: Any) -> Callable[..., Fault]:
    """Makes faults of one place that the same trainings show, of a change and what else is to be said of it."""
    return lambda change, **own: fault(where, change, *trainings, **{**more, **own})


def strengths(name: str, values: Iterable[float], make: Callable[[float], Fault]) -> dict[str, Fault]:
    """A fault at several strengths, each of which stands in its name."""
    return {name.format(value): make(value) for value in values}


def held_out(faults: Mapping[str, Fault]) -> dict[str, Fault]:
    return {name: dataclasses.replace(fault, held_out=True) for name, fault in faults.items()}


@contextlib.contextmanager
def injected(fault: Fault) -> Iterator[None]:
    """Puts the fault in, and takes it out again whatever happens. What was computed without it is forgotten, and what
    was computed with it, too."""
    with contextlib.ExitStack() as stack:
        for patch in fault.patches:
            target = patch.target()
            before = getattr(target, patch.name)
            after = changed(before, patch.change)
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
