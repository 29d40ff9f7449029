"""What a fault makes of an attribute: a dozen combinators, of which most of the table is made.

A combinator gives a wrapper, which is called in the place of the original. Its function gets the value that it changes,
and by name any argument of the call that it asks for:
``argument("gradient", lambda gradient, variable: gradient + 0.01 * variable)``.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks import Lazy

Wrapper = Callable[..., Any]
"""``wrapper(original, *args, **kwargs)``, called in the place of the original."""


@dataclass(frozen=True)
class New:
    """Another value in the place of the attribute: ``make(its value)``."""

    make: Callable[[Any], Any]


Change = Wrapper | New


keras: Any = Lazy("keras")
ops: Any = Lazy("keras.ops")


def changed(original: Any, change: Change) -> Any:
    """The attribute as a change makes it. TypeError if the change asks for an argument that the original has not."""
    if isinstance(change, New):
        return change.make(original)
    missing = set(getattr(change, "names", ())) - set(inspect.signature(original).parameters)
    if missing:
        raise TypeError(f"{original} has no argument {', '.join(missing)}")

    @functools.wraps(original)
    def replacement(*args: Any, **kwargs: Any) -> Any:
        return change(original, *args, **kwargs)

    return replacement


def _asking(of: Any, call: Callable[..., Any], *more: str) -> Wrapper:
    """``call(original, bound arguments, new)``, where ``new(value)`` is ``of``, or what it makes of the value.

    ``of`` gets the arguments that it names; its own first, and those with a default, are not of the call.
    """
    parameters = list(inspect.signature(of).parameters.values())[1:] if callable(of) else []
    names = [parameter.name for parameter in parameters if parameter.default is parameter.empty]

    def wrapper(original: Any, *args: Any, **kwargs: Any) -> Any:
        bound = inspect.signature(original).bind(*args, **kwargs)
        bound.apply_defaults()
        asked = [bound.arguments[name] for name in names]
        return call(original, bound, lambda value: of(value, *asked) if callable(of) else of)

    wrapper.names = (*names, *more)  # type: ignore[attr-defined]
    return wrapper


def result(of: Any) -> Wrapper:
    """The call's result becomes ``of`` it."""
    return _asking(of, lambda original, bound, new: new(original(*bound.args, **bound.kwargs)))


def argument(name: str, of: Any) -> Wrapper:
    """An argument of the call is another one."""

    def call(original: Any, bound: inspect.BoundArguments, new: Any) -> Any:
        bound.arguments[name] = new(bound.arguments[name])
        return original(*bound.args, **bound.kwargs)

    return _asking(of, call, name)


def attribute(name: str, of: Any) -> Wrapper:
    """An attribute of the object is another one during the call."""

    def call(original: Any, bound: inspect.BoundArguments, new: Any) -> Any:
        self = bound.args[0]
        kept = getattr(self, name)
        setattr(self, name, new(kept))
        try:
            return original(*bound.args, **bound.kwargs)
        finally:
            setattr(self, name, kept)

    return _asking(of, call)


def afterwards(name: str, of: Callable[[Any, Any], Any]) -> Wrapper:
    """After the call an attribute of the object becomes ``of(its value before, after)``, which is None at first."""

    def wrapper(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        before = getattr(self, name, None)
        given = original(self, *args, **kwargs)
        setattr(self, name, of(before, getattr(self, name)))
        return given

    return wrapper


def stale(name: str) -> Wrapper:
    """An attribute is after the call what it was before, if it was there."""
    return afterwards(name, lambda before, after: after if before is None else before)


def skipped(when: Callable[..., Any] = lambda original: True) -> Wrapper:
    """The call is not made, and gives None, when ``when`` says so."""
    return _asking(when, lambda original, bound, new: None if new(original) else original(*bound.args, **bound.kwargs))


def instead(replacement: Callable[..., Any]) -> Wrapper:
    """Another function, which does without the original."""
    return lambda original, *args, **kwargs: replacement(*args, **kwargs)


def times(factor: float) -> Wrapper:
    return lambda original, *args, **kwargs: original(*args, **kwargs) * factor


def constant(value: Any) -> New:
    """Another value."""
    return New(lambda original: value)


def computed(of: Callable[[Any, Any], Any]) -> New:
    """A property becomes ``of(its value, the object)``."""
    return New(lambda original: property(lambda self: of(original.fget(self), self)))


def each(of: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    """A list, or the arrays of a pair, become ``of`` each."""
    return lambda values: [of(value) for value in values]


def in_bits(dtype: str) -> Callable[[Any], Any]:
    """A number that has passed through another type."""
    return lambda x: ops.cast(ops.cast(x, dtype), "float32")
