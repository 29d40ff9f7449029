"""Experiments: what is trained, in which variants, and how much."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from harness.domain.metric import Metric
from harness.domain.plots import Plots
from harness.errors import KEBAB, SuiteError, invalid, nearest

if TYPE_CHECKING:
    import numpy as np


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
        observe: the recorded metrics. It is called with the initial Keras model (curves "initial_…" of one value), and
            after every launch, which is one epoch, or all epochs of a tiny training.
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
    _by_name: Mapping[str, Variant] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        where = f"experiment {self.id!r}"
        if not KEBAB.fullmatch(self.id) or self.id == "exact":
            raise invalid(
                f"id of {where}", expected="kebab-case, other than 'exact': it names a file", received=self.id
            )
        names = [variant.name for variant in self.variants]
        if not names or len(set(names)) != len(names):
            raise invalid(f"variants of {where}", expected="at least one, with unique names", received=names)
        metrics = [metric.name for metric in self.metrics]
        if not metrics or len(set(metrics)) != len(metrics):
            raise invalid(f"metrics of {where}", expected="at least one, with unique names", received=metrics)
        self._check_plots(where, metrics)
        for part, used in (
            ("turning_point", self.plots.turning_point.variants if self.plots.turning_point else ()),
            ("printed", tuple(self.plots.printed)),
            ("anchors", self.anchors),
        ):
            for unknown in sorted(set(used) - set(names)):
                raise invalid(
                    f"{part} of {where}",
                    expected="variants of the experiment",
                    received=repr(unknown),
                    fix=nearest(unknown, names),
                )
        for part in ("data", "model", "optimizer"):
            lacking = [v.name for v in self.variants if getattr(v, part) is None] if getattr(self, part) is None else []
            if lacking:
                raise invalid(f"{where}", expected=f"a {part} on it or on every variant", received=f"none on {lacking}")
        object.__setattr__(self, "_by_name", {variant.name: variant for variant in self.variants})

    def _check_plots(self, where: str, metrics: list[str]) -> None:
        sweep, turning_point = self.plots.sweep, self.plots.turning_point
        if sweep is not None:
            placed = [v.name for v in self.variants if v.at is not None]
            if len(placed) < 2 or sweep.metric not in metrics:
                raise invalid(
                    f"sweep of {where}",
                    expected=f"a metric out of {metrics}, and two or more variants with `at`",
                    received=f"metric {sweep.metric!r}, and `at` on {placed}",
                )
        if turning_point is not None and turning_point.training == "train_loss" and not self.inference:
            raise invalid(
                f"turning_point of {where}",
                expected="`inference`, which records train_loss, or training='loss'",
                received="neither",
            )

    def variant(self, name: str) -> Variant:
        """The variant of that name, with missing parts filled in from the experiment. SuiteError if there is none."""
        if name not in self._by_name:
            raise SuiteError(f"Experiment {self.id!r} has no variant {name!r}. {nearest(name, self._by_name)}")
        own = self._by_name[name]
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
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise SuiteError(
            f"Experiment {self.id!r} has no metric {name!r}. {nearest(name, [m.name for m in self.metrics])}"
        )
