"""What a fault makes of an attribute: a dozen combinators, of which most of the table is made.

A combinator's function gets the value that it changes, and by name any argument of the call that it asks for:
``argument("gradient", lambda gradient, variable: gradient + 0.01 * variable)``.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Wrapper = Callable[..., Any]
"""``wrapper(original, *args, **kwargs)``, called in the place of the original."""


class _Module:
    """A module that is imported at its first use: Keras is not imported before a backend is chosen."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)


ops: Any = _Module("keras.ops")
jnp: Any = _Module("jax.numpy")
lax: Any = _Module("jax.lax")


@dataclass(frozen=True)
class Change:
    """``make(old)`` is the new value; ``text`` names the change and its parameters, alike in every process."""

    text: str
    make: Callable[[Any], Any]


def text(value: Any) -> str:
    return getattr(value, "text", None) or getattr(value, "__name__", None) or repr(value)


def named(make: Callable[..., Callable[[Any], Any]]) -> Callable[..., Change]:
    """A function that makes the new value of the old, of parameters, as a change with their text."""

    @functools.wraps(make)
    def change(*given: Any, **by_name: Any) -> Change:
        parameters = [*map(text, given), *(f"{name}={text(value)}" for name, value in by_name.items())]
        return Change(f"{make.__name__}({', '.join(parameters)})", make(*given, **by_name))

    return change


def combinator(make: Callable[..., Wrapper]) -> Callable[..., Change]:
    """The same for a function that makes a wrapper."""

    @named
    @functools.wraps(make)
    def change(*given: Any, **by_name: Any) -> Callable[[Any], Any]:
        return wrapped(make(*given, **by_name))

    return change


def wrapped(wrapper: Wrapper) -> Callable[[Any], Any]:
    """``wrapper`` in the place of the original, with its signature."""

    def make(original: Any) -> Any:
        missing = set(getattr(wrapper, "names", ())) - set(inspect.signature(original).parameters)
        if missing:
            raise TypeError(f"{original} has no argument {', '.join(missing)}")

        @functools.wraps(original)
        def replacement(*args: Any, **kwargs: Any) -> Any:
            return wrapper(original, *args, **kwargs)

        return replacement

    return make


def change_of(value: Change | Wrapper) -> Change:
    """A plain function in the table is a wrapper."""
    return value if isinstance(value, Change) else Change(value.__name__, wrapped(value))


def _bound(original: Any, args: Any, kwargs: Any) -> inspect.BoundArguments:
    bound = inspect.signature(original).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound


def _names(of: Any) -> list[str]:
    """The arguments of the call that ``of`` asks for: its own but for the first, and for those with a default."""
    parameters = list(inspect.signature(of).parameters.values())[1:] if callable(of) else []
    return [parameter.name for parameter in parameters if parameter.default is parameter.empty]


def _new(of: Any, old: Any, arguments: Mapping[str, Any]) -> Any:
    """``of`` itself, or what it makes of the old value and the arguments that it names."""
    return of(old, *map(arguments.__getitem__, _names(of))) if callable(of) else of


def _naming(call: Wrapper, *names: str) -> Wrapper:
    """The wrapper, which is refused where the original has no arguments of these names."""
    call.names = names  # type: ignore[attr-defined]
    return call


@combinator
def result(of: Any) -> Wrapper:
    """The call's result becomes ``of`` it."""

    def call(original: Any, *args: Any, **kwargs: Any) -> Any:
        return _new(of, original(*args, **kwargs), _bound(original, args, kwargs).arguments)

    return _naming(call, *_names(of))


@combinator
def times(factor: float) -> Wrapper:
    return lambda original, *args, **kwargs: original(*args, **kwargs) * factor


@combinator
def argument(name: str, of: Any) -> Wrapper:
    """An argument of the call is another one."""

    def call(original: Any, *args: Any, **kwargs: Any) -> Any:
        bound = _bound(original, args, kwargs)
        bound.arguments[name] = _new(of, bound.arguments[name], bound.arguments)
        return original(*bound.args, **bound.kwargs)

    return _naming(call, name, *_names(of))


@combinator
def attribute(name: str, of: Any) -> Wrapper:
    """An attribute of the object is another one during the call."""

    def call(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        kept = getattr(self, name)
        setattr(self, name, _new(of, kept, _bound(original, (self, *args), kwargs).arguments))
        try:
            return original(self, *args, **kwargs)
        finally:
            setattr(self, name, kept)

    return _naming(call, *_names(of))


@combinator
def stale(name: str) -> Wrapper:
    """An attribute is after the call what it was before, if it was there."""

    def call(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        kept = getattr(self, name, None)
        original(self, *args, **kwargs)
        if kept is not None:
            setattr(self, name, kept)

    return call


@combinator
def skipped(when: Callable[..., Any] = lambda original: True) -> Wrapper:
    """The call is not made, and gives None, when ``when`` says so."""

    def call(original: Any, *args: Any, **kwargs: Any) -> Any:
        bound = _bound(original, args, kwargs)
        return None if _new(when, original, bound.arguments) else original(*args, **kwargs)

    return _naming(call, *_names(when))


@combinator
def instead(replacement: Callable[..., Any]) -> Wrapper:
    """Another function, which does without the original."""
    return lambda original, *args, **kwargs: replacement(*args, **kwargs)


@named
def constant(value: Any) -> Callable[[Any], Any]:
    """Another value."""
    return lambda original: value


@named
def computed(of: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """A property becomes ``of(its value, the object)``."""
    return lambda original: property(lambda self: of(original.fget(self), self))


def each(of: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A list becomes ``of`` each of its values."""

    def every(values: Any) -> list[Any]:
        return [of(value) for value in values]

    return every
