"""What is drawn of an experiment alongside its learning curves; the reports draw it. It changes no training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec


class Sweep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One metric over a hyper-parameter: each variant with ``at`` is a point, each ``series`` a line.

    Attributes:
        over: what ``at`` is, under the horizontal axis ("learning rate").
        metric: the name of a metric of the experiment, on the vertical axis.
        title: what the figure shows, in a sentence.
        x_scale, y_scale: "symlog" shows 0 alongside powers of ten.
    """

    over: str
    metric: str
    title: str
    x_scale: Literal["log", "symlog", "linear"] = "log"
    y_scale: Literal["log", "linear"] = "linear"


class TurningPoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Overfitting in one figure: training and validation loss, with the epoch at which the latter is least marked.

    Attributes:
        variants: those to show, all for none: a loss with a penalty in it says little of the data.
        training, validation: the curves, side by side; inference mode has the training loss without dropout.
    """

    variants: tuple[str, ...] = ()
    training: Literal["loss", "train_loss"] = "train_loss"
    validation: Literal["val_loss"] = "val_loss"


class Landscape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A loss over a grid of two parameters: ``loss[j][i]`` at (``x[i]``, ``y[j]``).

    ``condition`` is the condition number of the loss's Hessian, over all parameters of the model.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    loss: tuple[tuple[float | None, ...], ...]
    condition: float | None


class Surface(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Landscapes to be seen side by side, and what the axes are."""

    title: str
    x: str
    y: str
    landscapes: tuple[Landscape, ...]


@dataclass(frozen=True, kw_only=True)
class Plots:
    """What is drawn of an experiment.

    Attributes:
        sweep: one metric over the variants' ``at``.
        surface: the loss over two parameters of the model.
        turning_point: the two losses, with the epoch marked from which only the training loss still falls.
        printed: the slide's own curves, by variant and curve, one value per epoch (nan where the slide prints none);
            drawn over ours.
    """

    sweep: Sweep | None = None
    surface: Callable[[], Surface] | None = None
    turning_point: TurningPoint | None = None
    printed: Mapping[str, Mapping[str, tuple[float, ...]]] = field(default_factory=dict)
