"""The figures of an experiment in addition to its learning curves. They change no training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec


class Sweep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One metric over a hyper-parameter: each variant with ``at`` is a point, each ``series`` a line.

    Attributes:
        over: the label of the horizontal axis: what ``at`` is ("learning rate").
        metric: the metric on the vertical axis, by name.
        title: what the figure shows, in a sentence.
        x_scale, y_scale: "symlog" shows 0 next to powers of ten.
    """

    over: str
    metric: str
    title: str
    x_scale: Literal["log", "symlog", "linear"] = "log"
    y_scale: Literal["log", "linear"] = "linear"


class TurningPoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A figure of overfitting: training and validation loss. It marks the epoch with the least validation loss.

    Attributes:
        variants: the variants to show; empty for all. Leave out variants whose loss includes a penalty.
        training, validation: the curves. "train_loss" is the training loss in inference mode, without dropout.
    """

    variants: tuple[str, ...] = ()
    training: Literal["loss", "train_loss"] = "train_loss"
    validation: Literal["val_loss"] = "val_loss"


class Landscape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A quadratic loss about its minimum: ``least + a x² + 2 b x y + c y²``, with (a, b, c) the ``quadratic``.

    Attributes:
        name: of the data.
        reach: how far x and y go, to both sides of the minimum.
        least, quadratic: the loss.
        condition: the condition number of the loss's Hessian with respect to all parameters; None if unknown.
    """

    name: str
    reach: float
    least: float
    quadratic: tuple[float, float, float]
    condition: float | None

    def above(self, x: Any, y: Any) -> Any:
        """How far the loss at (x, y) is above its minimum; of arrays, at each of their points."""
        a, b, c = self.quadratic
        return a * x * x + 2 * b * x * y + c * y * y

    @property
    def most(self) -> float:
        """The largest loss within reach: that of a corner."""
        return self.least + max(self.above(self.reach, y) for y in (-self.reach, self.reach))


class Surface(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Landscapes to show side by side, with the labels of their axes."""

    title: str
    x: str
    y: str
    landscapes: tuple[Landscape, ...]


@dataclass(frozen=True, kw_only=True)
class Plots:
    """The additional figures of an experiment.

    Attributes:
        sweep: one metric over the variants' ``at``.
        surface: the loss over two parameters of the model.
        turning_point: training and validation loss.
        printed: the slide's curves, drawn over ours: by variant and curve, one value per epoch (nan for a value that
            the slide does not print).
        words: what reports call a variant, where its name alone does not say it.
    """

    sweep: Sweep | None = None
    surface: Callable[[], Surface] | None = None
    turning_point: TurningPoint | None = None
    printed: Mapping[str, Mapping[str, tuple[float, ...]]] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
