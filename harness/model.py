"""What is trained and measured: data, experiments, metrics, the figures that a slide prints, and trials."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec

from harness.errors import KEBAB, SuiteError, invalid, nearest
from harness.plots import Plots

if TYPE_CHECKING:
    import numpy as np

History = Mapping[str, Sequence[float]]
"""The curves of one trial, one value per epoch: ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``. ``train_loss``
and ``train_accuracy`` are those of the training set in inference mode."""


@dataclass(frozen=True)
class Metric:
    """One number per trial, with its unit, direction and smallest effect of interest.

    Attributes:
        name: the key under which trials carry it.
        better: which direction is good; a diverged or censored trial counts as the worst value of that direction.
        unit: "fraction" for accuracies in [0, 1], "nats", "epochs", "steps", "ratio", …
        smallest_effect: smallest difference that matters in practice, in ``unit`` (for ``scale="log"``: of the natural
            logarithm). 0.0005 for an MNIST accuracy is five test images.
        scale: "log" compares ratios, for skewed positive metrics such as steps to a target.
        floor: for ``scale="log"``, the size that differences of smaller values are relative to. A check allows 1e-4 of
            it, so 1e-3 allows what float32 cannot resolve in weights of about 1.
        examples: the number of examples that an accuracy is a mean over, so that a difference can be told in examples;
            None for any other metric.
        of: history -> value, or None if the trial is censored (it never reached the target). By default the metric is
            the last value of the curve of its name.
    """

    name: str
    better: Literal["higher", "lower"]
    unit: str
    smallest_effect: float
    scale: Literal["linear", "log"] = "linear"
    floor: float = 0.0
    examples: int | None = None
    of: Callable[[History], float | None] | None = None

    def __post_init__(self) -> None:
        effect: Any = self.smallest_effect
        for what, good, expected, received in (
            ("direction", self.better in ("higher", "lower"), "'higher' or 'lower'", self.better),
            ("scale", self.scale in ("linear", "log"), "'linear' or 'log'", self.scale),
            ("smallest effect", isinstance(effect, Real) and float(effect) > 0, "a positive number", repr(effect)),
            (
                "floor",
                self.floor >= 0 and not (self.floor and self.scale == "linear"),
                'a size of at least 0, and only with scale="log"',
                self.floor,
            ),
        ):
            if not good:
                raise invalid(f"{what} of metric {self.name!r}", expected=expected, received=received)

    def value(self, history: History) -> float | None:
        """The metric of one trial, from its curves; None if it is censored, or the curve is absent or empty."""
        if self.of is not None:
            return self.of(history)
        curve = history.get(self.name)
        return float(curve[-1]) if curve else None


@dataclass(frozen=True)
class Figure:
    """One printed number, as text. ``rounding`` is half a unit of its last digit ("0.9840" -> 0.00005)."""

    printed: str

    def __post_init__(self) -> None:
        try:
            # a float would lose the printed digits, and so the rounding
            finite = isinstance(self.printed, str) and Decimal(self.printed).is_finite()
        except (InvalidOperation, TypeError, ValueError):
            finite = False
        if not finite:
            raise invalid(
                "published figure", expected="a decimal number as a string, as printed", received=self.printed
            )

    @property
    def value(self) -> float:
        return float(Decimal(self.printed))

    @property
    def rounding(self) -> float:
        exponent = Decimal(self.printed).as_tuple().exponent
        return 0.5 * 10.0 ** int(exponent)


@dataclass(frozen=True)
class Published:
    """The slide's figures of one metric: by variant, a string exactly as printed.

    >>> Published({"dropout 0.2": "0.9840"}).figures["dropout 0.2"].rounding
    5e-05
    """

    printed: Mapping[str, str]
    metric: str = "val_accuracy"

    def __post_init__(self) -> None:
        if not self.printed:
            raise invalid("published figures", expected="at least one figure", received=dict(self.printed))
        _ = self.figures

    @property
    def figures(self) -> dict[str, Figure]:
        return {variant: Figure(printed) for variant, printed in self.printed.items()}


@dataclass(frozen=True)
class Dataset:
    """The arrays of a data set: ``x`` (n, features…), ``y`` (n, outputs), and the validation pair, or None."""

    x: np.ndarray
    y: np.ndarray
    x_val: np.ndarray | None = None
    y_val: np.ndarray | None = None

    def first(self, count: int | None) -> Dataset:
        """The first ``count`` training examples (None: all), and all validation data. SuiteError for a bad count."""
        if count is not None and not 0 < count <= len(self.x):
            raise invalid("number of training examples", expected=f"1 to {len(self.x)}", received=count)
        return Dataset(self.x[:count], self.y[:count], self.x_val, self.y_val)


@dataclass(frozen=True)
class Size:
    """How much an experiment trains.

    Attributes:
        epochs: 0 trains nothing: only the initial network is observed.
        batch_size: examples of a step.
        train: number of training examples; None for all.
    """

    epochs: int
    batch_size: int
    train: int | None = None

    def __post_init__(self) -> None:
        for name, least in (("epochs", 0), ("batch_size", 1)):
            if getattr(self, name) < least:
                raise invalid(f"{name} of a Size", expected=f"at least {least}", received=getattr(self, name))


@dataclass(frozen=True)
class Variant:
    """One variant of an experiment. ``Experiment.variant`` fills in the parts that are None.

    Attributes:
        name: unique in the experiment.
        model, data, optimizer: factories without arguments.
        facts: gives numbers known without training (a condition number). They become metrics of every trial.
        batch_size: of this variant, in place of the experiment's.
        at: its place on the horizontal axis of the experiment's ``sweep``.
        series: its line in the sweep, and its row of panels in the learning curves.
    """

    name: str
    model: Callable[[], Any] | None = None
    data: Callable[[], Dataset] | None = None
    optimizer: Callable[[], Any] | None = None
    facts: Callable[[], Mapping[str, float]] | None = None
    batch_size: int | None = None
    at: float | None = None
    series: str = ""


Follow = Callable[[Sequence[Any]], Any]
"""Trainable weights -> a scalar. It uses ``keras.ops``, so every backend can compile it."""
Observe = Callable[[Any, Dataset], Mapping[str, float]]
"""(Keras model, its training data) -> numbers by name."""


Named = TypeVar("Named", Variant, Metric)


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Variants that are compared seed by seed, and the data, model, optimizer, loss and size that they share.

    Attributes:
        id: kebab-case; also the name of its file of evidence.
        data, model, optimizer: factories without arguments. They import Keras only when they are called.
        loss: a Keras loss by name.
        size: the size that the lecture prints, if it prints one.
        variants: at least one, with unique names.
        metrics: what is measured on each trial. The first one is the primary metric, by which drift is decided.
        accuracy: record ``accuracy`` (classification with one-hot targets).
        inference: also record ``train_loss`` and ``train_accuracy``, in inference mode after every epoch.
        halves: also record ``even_val_loss`` and ``odd_val_loss``, without penalties, over the validation examples of
            even and odd index. A choice made on one half can then be measured on the other.
        follow: further curves by name. Each is a function of the trainable weights, called after every epoch.
        observe: the recorded metrics. It is called with the initial Keras model (curves ``initial_…`` of one value),
            and after every launch, which is one epoch, or all epochs of a tiny training.
        anchors: the variants that a check trains to the end with seed 0.
        plots: its figures in addition to the learning curves.
    """

    id: str
    data: Callable[[], Dataset] | None = None
    model: Callable[[], Any] | None = None
    optimizer: Callable[[], Any] | None = None
    loss: str
    size: Size
    variants: tuple[Variant, ...]
    metrics: tuple[Metric, ...]
    accuracy: bool = True
    inference: bool = False
    halves: bool = False
    follow: Mapping[str, Follow] = field(default_factory=dict)
    observe: Observe | None = None
    anchors: tuple[str, ...] = ()
    plots: Plots = field(default_factory=Plots)

    def __post_init__(self) -> None:
        where, plots = f"experiment {self.id!r}", self.plots
        if not KEBAB.fullmatch(self.id) or self.id == "exact":
            expected = "kebab-case, other than 'exact': it names a file"
            raise invalid(f"id of {where}", expected=expected, received=self.id)
        names, metrics = [variant.name for variant in self.variants], [metric.name for metric in self.metrics]
        words = [*map(self.words, names)]
        for what, given in (("variants", names), ("words of variants", words), ("metrics", metrics)):
            if not given or len(set(given)) != len(given):
                raise invalid(f"{what} of {where}", expected="at least one, with unique names", received=given)
        placed = [variant.name for variant in self.variants if variant.at is not None]
        if plots.sweep is not None and (len(placed) < 2 or plots.sweep.metric not in metrics):
            expected = f"a metric out of {metrics}, and two or more variants with `at`"
            received = f"metric {plots.sweep.metric!r}, and `at` on {placed}"
            raise invalid(f"sweep of {where}", expected=expected, received=received)
        if plots.turning_point and plots.turning_point.training == "train_loss" and not self.inference:
            expected = "`inference`, which records train_loss, or training='loss'"
            raise invalid(f"turning_point of {where}", expected=expected, received="neither")
        for part, used in (
            ("turning_point", plots.turning_point.variants if plots.turning_point else ()),
            ("printed", plots.printed),
            ("words", plots.words),
            ("anchors", self.anchors),
        ):
            for name in sorted(set(used) - set(names)):
                expected, fix = "variants of the experiment", nearest(name, names)
                raise invalid(f"{part} of {where}", expected=expected, received=repr(name), fix=fix)
        for part in ("data", "model", "optimizer"):
            lacking = [variant.name for variant in self.variants if getattr(variant, part) is None]
            if lacking and getattr(self, part) is None:
                raise invalid(where, expected=f"a {part} on it or on every variant", received=f"none on {lacking}")

    def words(self, name: str) -> str:
        """What reports call a variant."""
        return self.plots.words.get(name, name)

    def variant(self, name: str) -> Variant:
        """The variant of that name, with missing parts filled in from the experiment. SuiteError if there is none."""
        own = self._named("variant", name, self.variants)
        return replace(
            own,
            model=own.model or self.model,
            data=own.data or self.data,
            optimizer=own.optimizer or self.optimizer,
        )

    def size_of(self, variant: Variant) -> Size:
        """How much a variant trains: the experiment's size, with the variant's own batch size if it has one."""
        return replace(self.size, batch_size=variant.batch_size or self.size.batch_size)

    def metric(self, name: str) -> Metric:
        """The metric of that name. SuiteError if there is none."""
        return self._named("metric", name, self.metrics)

    def _named(self, kind: str, name: str, known: Sequence[Named]) -> Named:
        for part in known:
            if part.name == name:
                return part
        names = [part.name for part in known]
        raise SuiteError(f"Experiment {self.id!r} has no {kind} {name!r}. {nearest(name, names)}")


DivergenceKind = Literal["nan", "inf", "blow-up", "stuck at chance"]


class Divergence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a training failed.

    Attributes:
        kind: ``nan`` or ``inf`` loss, a finite ``blow-up``, or an accuracy ``stuck at chance``.
        epoch: the first bad epoch, counted from 1.
        step: the first bad optimizer step, counted from 1; None for "stuck at chance".
    """

    kind: DivergenceKind
    epoch: int
    step: int | None = None


class Seconds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Wall-clock seconds of one trial. The device is synchronised before each reading of the clock.

    Attributes:
        total: of the whole trial.
        compile: 0 if an earlier seed compiled the program.
        first_epoch: of the first epoch.
        steady_epoch: the mean of all epochs after the first; of all epochs if one launch has them all.
    """

    total: float
    compile: float = 0.0
    first_epoch: float = 0.0
    steady_epoch: float = 0.0


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One variant trained with one seed.

    Attributes:
        variant, seed: what was trained.
        metrics: one number per metric of the experiment; None if the trial diverged or is censored (it never reached
            the target).
        history: one list per curve, with one number per epoch; None for a value that is not finite.
        divergence: how the training failed; None if it did not.
        seconds, engine, device, precision: how long and where it was trained (device "cpu: AMD EPYC").
    """

    variant: str
    seed: int
    metrics: dict[str, float | None] = {}
    history: dict[str, tuple[float | None, ...]] = {}
    divergence: Divergence | None = None
    seconds: Seconds = Seconds(0.0)
    engine: str = "fit"
    device: str = ""
    precision: str = ""

    def __post_init__(self) -> None:
        set_field = msgspec.structs.force_setattr
        set_field(self, "metrics", {name: finite(value) for name, value in self.metrics.items()})
        set_field(self, "history", {name: _finite_curve(curve) for name, curve in self.history.items()})


def thin(curve: tuple[float | None, ...], points: int) -> tuple[float | None, ...]:
    """At most ``points`` evenly spaced points of a curve, the first and the last included."""
    if len(curve) <= points:
        return curve
    return tuple(curve[round(index * (len(curve) - 1) / (points - 1))] for index in range(points))


def _finite_curve(curve: Sequence[float | None]) -> tuple[float | None, ...]:
    """``finite`` of each value. It is much faster if all values are finite."""
    import numpy as np

    if None not in curve:
        values = np.array(curve, "float64")
        if np.isfinite(values).all():
            return tuple(values.tolist())
    return tuple(finite(value) for value in curve)


def finite(value: float | None) -> float | None:
    """The value as a float; None if it is None, nan or infinite."""
    return None if value is None or not math.isfinite(value) else float(value)
