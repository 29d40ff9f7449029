"""Ten steps of a Keras optimizer on drawn gradients, compared with its documented form and its paper's form."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cases.references import ROUNDING, inputs, updates
from harness.rules import Comparison, Difference
from harness.training.gradients import trajectory

TEN_STEPS = 100 * ROUNDING  # each step has about ten operations
CANCELLATION = ROUNDING / (1 - 0.999)  # relative error of 1 − β₂ᵗ in Adam's first steps at β₂ = 0.999


def optimizer(name: str, **arguments: Any) -> Any:
    """A new Keras optimizer by name."""
    import keras

    return getattr(keras.optimizers, name)(**arguments)


def call(name: str, arguments: Mapping[str, Any]) -> str:
    """The call that creates the optimizer, as code."""
    return f"{name}({', '.join(f'{key}={value}' for key, value in arguments.items())})"


@dataclass(frozen=True, kw_only=True)
class Alongside:
    """Another form of an optimizer, reported alongside Keras: how far ten equal gradients move a weight from 0."""

    source: str
    rule: updates.Rule
    gradient: float
    why: str
    keras: Mapping[str, Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def difference(self, name: str) -> Difference:
        ten = np.full(inputs.STEPS, self.gradient)
        return Difference(
            f"{call(name, self.keras)}, distance after ten gradients of {self.gradient:g}",
            abs(float(trajectory(optimizer(name, **self.keras), [np.zeros(())], [ten])[0][-1])),
            abs(float(self.rule(ten, **self.arguments).sum())),
            self.source,
            self.why,
        )


@dataclass(frozen=True, kw_only=True)
class UpdateRule:
    """The comparisons for one optimizer.

    Attributes:
        keras: its name in ``keras.optimizers``.
        forms: the forms that Keras must equal, by their names in the report.
        settings: sets of arguments for Keras and the forms; each set is run on all drawn cases.
        fixed: arguments for Keras alone.
        alongside: forms that Keras need not equal.
        tolerance: the largest error, in units of ``updates.extent``.
    """

    keras: str
    forms: dict[str, updates.Rule]
    settings: tuple[Mapping[str, Any], ...]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    alongside: tuple[Alongside, ...] = ()
    tolerance: float = TEN_STEPS

    def check(self) -> Iterator[Comparison | Difference]:
        for arguments in self.settings:
            yield from self._compare(arguments)
        for one in self.alongside:
            yield one.difference(self.keras)

    def _compare(self, arguments: Mapping[str, Any]) -> Iterator[Comparison]:
        cases = inputs.updates()
        starts, gradients = [case.start for case in cases], [case.gradients for case in cases]
        found = trajectory(optimizer(self.keras, **self.fixed, **arguments), starts, gradients)
        for words, form in self.forms.items():
            rule = functools.partial(form, **arguments)
            scales = [updates.extent(*case, rule) for case in cases]
            expected = [updates.walk(case.start, rule(case.gradients)) for case in cases]
            yield Comparison(
                f"{call(self.keras, {**self.fixed, **arguments})}, {words}: {len(cases)} drawn cases",
                _joined(found, scales),
                _joined(expected, scales),
                self.tolerance,
            )


def _joined(weights: list[np.ndarray], scales: list[np.ndarray]) -> np.ndarray:
    """All weights in one row, each in units of its scale."""
    return np.concatenate([(one / scale).ravel() for one, scale in zip(weights, scales, strict=True)])
