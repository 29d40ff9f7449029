"""Which part of a training's step does otherwise than its formula.

One step is taken from a state, and each part of it is compared with NumPy in float64, from what Keras left before it:
outputs of layers, dropout masks, the loss, penalties, the gradient of each weight, the optimizer's slots and the change
of the weights, moving averages, outputs at evaluation. So what follows from a cause is not taken for one.

The sides see the same numbers. What an engine does around a step (data, their order, the number of steps, callbacks) is
not seen here, but the random numbers of seed 0 are compared with stored hashes.
"""

from __future__ import annotations

import contextlib
import enum
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from harness.errors import SuiteError
from harness.model import Experiment
from harness.record.trials import Training
from harness.training.backends import active_backend
from harness.training.gradients import weight_gradients
from harness.training.late_state import own_slots
from harness.training.reference import (
    ACTIVATIONS,
    CLIPS,
    LOSSES,
    RULES,
    Arrays,
    Layer,
    Optimizer,
    Slots,
    forward,
    numpy,
    slope,
)
from harness.training.seeding import data_order, initialise
from harness.training.setup import TrainingSetup
from harness.training.steps import late_states
from harness.why.script import arguments

EXAMPLES = 64
"""Examples of the batch; a dropout mask is drawn for MASKED examples of as many units."""
MASKED = 512
LIMIT, OF_GRADIENT = 2e-5, 5e-3
"""The relative differences that rounding to float32 may make: of a layer's outputs and a loss, and of a gradient.

Measured over the lecture's 111 trainings on TensorFlow: at most 6.4e-6 and 2e-3. Gradients are compared with central
differences; a ReLU within rounding of 0 may be on in one and off in the other.
"""
NUDGE, NOISE = 1e-7, 5e-14
"""Central differences: the step, relative to a weight, and the relative error of the loss in float64."""
MASK, WHOLE, NO_FORM = "dropout mask", "a step", "NumPy has no form of a layer or the loss"
SIGMAS = 5.0
"""The share of units that a mask keeps may differ from its rate by so many standard deviations."""
OF_ADAM, OF_EARLY_ADAM = 1e-4, 2e-4
"""Keras' Adam uses 1 − β₂ in float32, and in its first thousand steps a coarse bias correction."""


class Part(enum.IntEnum):
    """The parts of a step in their order. What follows from an earlier part is no cause of its own."""

    RANDOM = enum.auto()
    DROPOUT = enum.auto()
    OUTPUT = enum.auto()
    LOSS = enum.auto()
    PENALTY = enum.auto()
    GRADIENT = enum.auto()
    SLOT = enum.auto()
    STEP = enum.auto()
    STATISTIC = enum.auto()


FOLLOWS = {
    Part.LOSS: {Part.OUTPUT},
    Part.GRADIENT: {Part.OUTPUT, Part.LOSS, Part.DROPOUT},
    Part.STEP: {Part.SLOT},
    Part.STATISTIC: {Part.OUTPUT},
}
"""The parts that another part makes differ: a gradient is compared with that of right outputs and a right loss."""


class Stage(NamedTuple):
    """One place of a part of a step.

    Attributes:
        part: of the step.
        what: the quantity: "output", "step of SGD".
        of: whose it is: "Dense 1, at evaluation"; "" for the whole network.
        difference: relative to the largest number; None if NumPy has no form of it, and inf for another hash.
        limit: what rounding may make of it.
        text: what differs, in words; or why it was not compared.
    """

    part: Part
    what: str
    of: str
    difference: float | None
    limit: float
    text: str = ""

    @property
    def differs(self) -> bool:
        return self.difference is not None and not self.difference <= self.limit

    @property
    def excess(self) -> float:
        return -1.0 if self.difference is None else self.difference / self.limit

    def __str__(self) -> str:
        name = f"{self.what} of {self.of}" if self.of else self.what
        if self.difference is None:
            return f"{name}: not compared, as {self.text}"
        if not np.isfinite(self.difference):
            return f"{name}: {self.text or 'not finite'}"
        return f"{name}: {self.text or off(self.difference)} (rounding: {100 * self.limit:.1g} %)"


def off(difference: float) -> str:
    return f"off by {100 * difference:.2g} %" if difference < 1 else "quite another one"


class Cause(NamedTuple):
    """What differs of a part of a step: the worst place, and how many others."""

    stage: Stage
    others: int

    def __str__(self) -> str:
        return f"{self.stage}" + (f"; and {self.others} more of the kind" if self.others else "")


def causes(stages: Iterable[Stage]) -> list[Cause]:
    """What differs and does not follow from anything else that does: one cause for each quantity."""
    wrong = [stage for stage in stages if stage.differs]
    parts = {stage.part for stage in wrong}
    if Part.DROPOUT in parts:  # which says more than the hash of a mask
        wrong = [stage for stage in wrong if (stage.part, stage.what) != (Part.RANDOM, MASK)]
    own: dict[str, list[Stage]] = {}
    for stage in sorted(wrong, key=lambda stage: stage.part):
        if not FOLLOWS.get(stage.part, set()) & parts:
            own.setdefault(stage.what, []).append(stage)
    return [Cause(max(places, key=lambda stage: stage.excess), len(places) - 1) for places in own.values()]


def stages(experiment: Experiment, variant: str, known: Training | None = None) -> list[Stage]:
    """Every part of a step from the canonical state and from late ones, each with its largest difference.

    Args:
        experiment, variant: what is trained.
        known: its evidence: the sizes of late states, and the hashes of random numbers. Without it there are none.
    """
    worst: dict[tuple[str, str], Stage] = {}
    for stage in _all(experiment, variant, known):
        before = worst.get((stage.what, stage.of))
        if before is None or stage.excess > before.excess:
            worst[stage.what, stage.of] = stage
    return list(worst.values())


def _all(experiment: Experiment, variant: str, known: Training | None) -> Iterator[Stage]:
    try:
        plain = TrainingSetup.of(experiment, variant)
        yield from hashed(plain, known)
        yield from masks(plain)
        for late in (None, *(late_states(plain, known.sizes) if known and known.sizes else ())):
            yield from step(TrainingSetup.of(experiment, variant, canonical=True, late=late))
    except (SuiteError, MemoryError):
        raise
    except Exception as error:
        said = f"it ends with {type(error).__name__}: {' '.join(str(error).split())[:200]}"
        yield Stage(Part.OUTPUT, WHOLE, "", np.inf, LIMIT, said)


def hashed(setup: TrainingSetup, known: Training | None) -> Iterator[Stage]:
    """The random numbers of seed 0 against the stored ones.

    Orthogonal weights are left out: they come from a decomposition, which rounds otherwise on another processor.
    """
    from harness.training.configuration import hashes

    if known is None or known.hashes is None:
        return
    now, orthogonal = hashes(setup), "Orthogonal" in str(setup.built[0].get_config())
    drawn = (("initial", "initial weights"), ("dropout", MASK), ("order", "order of the data"))
    for name, words in drawn[orthogonal:]:
        same = getattr(now, name) == getattr(known.hashes, name)
        yield Stage(Part.RANDOM, words, "seed 0", 0.0 if same else np.inf, 0.5, "others than are stored")


def masks(setup: TrainingSetup) -> Iterator[Stage]:
    """What dropout layers do in training: how many units they keep, by which factor, and whether units differ."""
    import keras

    model, _ = setup.built
    setup.initialise(model, 0)
    ones = keras.ops.ones((MASKED, MASKED))
    for name, layer in named(model):
        if type(layer) is not keras.layers.Dropout:
            continue
        rate = float(layer.get_config()["rate"])
        first, second = (numpy(layer(ones, training=True)) for _ in range(2))
        kept, error = float((first != 0).mean()), np.sqrt(rate * (1 - rate) / first.size)
        said = f"keeps {100 * kept:.1f} % of the units, not {100 * (1 - rate):.1f} %"
        share, limit = abs(kept - 1 + rate), SIGMAS * max(error, 1e-9)
        yield Stage(Part.DROPOUT, "share of kept units", name, share, limit, said)
        if share > limit or rate == 1:  # the rest follows from it, or there is none
            continue
        factor, expected = first.max(), 1 / (1 - rate)
        said = f"kept units are multiplied by {factor:.6g}, not by {expected:.6g}"
        yield Stage(Part.DROPOUT, "factor of kept units", name, abs(factor / expected - 1), LIMIT, said)
        alike = max(float((first == first[:1]).mean()), float((first == second).mean()))
        apart = 1 - 2 * rate * (1 - rate)  # of two independent masks, so many units agree
        said = "rows or steps share one mask"
        yield Stage(Part.DROPOUT, MASK, name, max(alike - apart, 0.0), (1 - apart) / 2, said)


def step(setup: TrainingSetup) -> Iterator[Stage]:
    """The parts of one step of a training from the state that the setup has."""
    model, optimizer = setup.built
    setup.initialise(model, 0)
    data, order, loss = setup.data, data_order(0, 0, len(setup.data.x))[:EXAMPLES], setup.experiment.loss
    x, y = (np.asarray(array[order], "float32") for array in (data.x, data.y))
    statistics = [numpy(value) for value in model.non_trainable_variables]
    yield from layers(model, observed(model, x, training=False)[1], training=False)
    outputs, records = observed(model, x, training=True)
    y = y.reshape(outputs.shape) if y.size == np.prod(outputs.shape) else y
    yield from layers(model, records, training=True)
    yield from losses(loss, y, outputs, records)
    yield from penalties(model, records)
    for variable, value in zip(model.non_trainable_variables, statistics, strict=True):
        variable.assign(value.astype(str(variable.dtype)))
    initialise(model, 0, 1, True, setup.late.draw_weights if setup.late else None)
    perturbed = weight_gradients(model, loss, x, y)
    setup.initialise(model, 0)
    gradients = weight_gradients(model, loss, x, y)
    yield from of_weights(model, loss, x, y, gradients, perturbed, records[-1])
    yield from update(model, optimizer, gradients)


def losses(loss: str, y: np.ndarray, outputs: Any, records: Sequence[Record]) -> Iterator[Stage]:
    """The loss, computed from the last layer's inputs."""
    import keras

    name, last = f"loss, {loss.replace('_', ' ')}", records[-1]
    value = float(np.mean(numpy(keras.losses.get(loss)(y, outputs))))
    if last.form is None or loss not in LOSSES:
        yield Stage(Part.LOSS, name, "", None, LIMIT, "NumPy has no form of it")
    else:
        expected = _loss(loss, y, last.logits, last.form.activation)
        said, apart = f"{value:.6g}, by its formula {expected:.6g}", abs(value - expected)
        yield Stage(Part.LOSS, name, "", apart / max(abs(expected), 1e-3), LIMIT, said)


def penalties(model: Any, records: Sequence[Record]) -> Iterator[Stage]:
    """The penalties of all layers."""
    value = float(sum(map(numpy, model.losses)))
    formula = sum(record.form.penalty(record.weights, record.y) for record in records if record.form)
    if any(record.form is None and record.layer.losses for record in records):
        yield Stage(Part.PENALTY, "penalties", "", None, LIMIT, NO_FORM)
    elif value or formula:
        size = max(abs(formula), 1e-12)
        said = f"{value / size:.4g} × their formula"
        yield Stage(Part.PENALTY, "penalties", "", abs(value - formula) / size, LIMIT, said)


def of_weights(
    model: Any,
    loss: str,
    x: np.ndarray,
    y: np.ndarray,
    gradients: Sequence[np.ndarray],
    perturbed: Sequence[np.ndarray],
    last: Record,
) -> Iterator[Stage]:
    """The gradient of each weight against central differences, along itself and along a random direction.

    ``perturbed``: the gradients at weights whose last bits are others; they show what rounding does to them.
    ``last``: of the last layer. What rounding of its outputs does to the loss, it does to every gradient.
    """
    forms = [form for form in map(form_of, model.layers) if form]
    if len(forms) < len(model.layers) or loss not in LOSSES or not hasattr(model, "add"):
        yield Stage(Part.GRADIENT, "gradient", "", None, OF_GRADIENT, NO_FORM)
        return
    for form in forms[:-1]:
        form.activate = _held() if form.activation == "relu" else form.activate
    forms[-1].activate = ACTIVATIONS["linear"]
    weights = [numpy(variable) for variable in model.trainable_variables]
    statistics = [value for layer in model.layers for value in _statistics(layer)]

    def total() -> float:
        logits, *_ = forward(forms, x.astype("float64"), weights, statistics, True)
        return _loss(loss, y, logits, forms[-1].activation)

    rng, noise = np.random.default_rng(0), NOISE * abs(total())
    apart = float(np.sqrt(np.mean((last.y - y) ** 2)))
    shaken = 16 * 2.0**-24 * float(np.abs(last.logits).max()) / max(apart, 1e-30)
    for name, own, gradient, other in zip(weight_names(model), weights, gradients, perturbed, strict=True):
        g = np.asarray(gradient, "float64")
        norm, worst = float(np.linalg.norm(g)), 0.0
        nudge = NUDGE * np.sqrt(g.size) * max(float(np.sqrt(np.mean(own**2))), 1e-3)
        for direction, size in ((g, norm), (rng.standard_normal(g.shape), norm / np.sqrt(g.size))):
            unit = direction / max(float(np.linalg.norm(direction)), 1e-300)
            error = abs(float(np.sum(g * unit)) - slope(total, own, unit, nudge))
            worst = max(worst, error / max(size, 1e-12))
        moved = 10 * float(np.linalg.norm(np.asarray(other, "float64") - g))
        limit = max(OF_GRADIENT, shaken + (noise / nudge + moved) / max(norm, 1e-300))
        yield Stage(Part.GRADIENT, "gradient", name, worst, limit)


def _held() -> Callable[[np.ndarray], np.ndarray]:
    """A ReLU whose units stay on or off as in its first call.

    So an input of exactly 0, of a black corner of an image, gives no gradient, as in Keras, and not half of one.
    """
    on: list[np.ndarray] = []

    def relu(x: np.ndarray) -> np.ndarray:
        on[:] = on or [x > 0]
        return x * on[0]

    return relu


def _loss(loss: str, y: np.ndarray, logits: np.ndarray, activation: str) -> float:
    """The mean loss; on TensorFlow Keras computes it from the logits of a softmax."""
    if loss == "categorical_crossentropy" and activation == "softmax" and active_backend() == "tensorflow":
        top = logits.max(axis=-1, keepdims=True)
        logs = logits - top - np.log(np.exp(logits - top).sum(axis=-1, keepdims=True))
        return float(-(y * logs).sum(axis=-1).mean())
    return float(LOSSES[loss](y, ACTIVATIONS[activation](logits)).mean())


def update(model: Any, optimizer: Any, gradients: Sequence[np.ndarray]) -> Iterator[Stage]:
    """The optimizer's slots and the change of each weight after one step with these gradients."""
    import keras

    kind, by, variables = type(optimizer).__name__, _optimizer(optimizer), model.trainable_variables
    if by is None or any(each.constraint or str(each.dtype) != "float32" for each in variables):
        yield Stage(Part.STEP, f"step of {kind}", "", None, LIMIT, "NumPy has no form of its arguments")
        return
    steps = int(numpy(optimizer.iterations))

    def state() -> list[Slots]:
        slots = {name: [numpy(value) for value in own_slots(optimizer, name)] for name in by.slots}
        return [
            {"weights": numpy(variable), **{name: values[place] for name, values in slots.items()}}
            for place, variable in enumerate(variables)
        ]

    before = state()
    optimizer.apply([keras.ops.convert_to_tensor(np.asarray(gradient, "float32")) for gradient in gradients], variables)
    after, used = state(), by.clipped([np.asarray(gradient, "float64") for gradient in gradients])
    coarse = 0.0 if kind != "Adam" else OF_EARLY_ADAM if steps < 1_000 else OF_ADAM
    for of, start, end, gradient in zip(weight_names(model), before, after, used, strict=True):
        expected, near = by.stepped(start, gradient, steps)
        for name in (*by.slots, "weights"):
            change, formula = end[name] - start[name], expected[name] - start[name]
            size, rounding = (float(np.linalg.norm(each)) for each in (formula, near[name]))
            if size < 1e-30:
                continue
            ratio, limit = float(np.sum(change * formula)) / size**2, max(LIMIT, coarse, 2 * rounding / size)
            # single roundings cancel in a mean
            of_size = max(LIMIT, coarse, 8 * rounding / size / np.sqrt(change.size))
            part, what = (Part.STEP, f"step of {kind}") if name == "weights" else (Part.SLOT, f"{name} in {kind}")
            apart, said = float(np.linalg.norm(change - formula)) / size, f"{_times(ratio)} its formula"
            if apart / limit > abs(ratio - 1) / of_size:
                said = off(apart) if apart > 1.5 * abs(ratio - 1) else said
                yield Stage(part, what, of, apart, limit, said)
            else:
                yield Stage(part, what, of, abs(ratio - 1), of_size, said)


def _times(ratio: float) -> str:
    """ "1 % larger than", "3 % smaller than", "0.1 ×": for a sentence that goes on with "its formula"."""
    if not 0.5 <= ratio <= 2:
        return f"{ratio if abs(ratio) > 1e-6 else 0:.2g} ×"
    return f"{abs(100 * (ratio - 1)):.2g} % {'larger' if ratio > 1 else 'smaller'} than"


OPTIONS = {"SGD": ("momentum", "nesterov"), "Adam": ("beta_1", "beta_2"), "RMSprop": ("rho",), "Adadelta": ("rho",)}
"""By optimizer, the arguments of its form, beside its rate and CLIPS."""


def _optimizer(optimizer: Any) -> Optimizer | None:
    """The NumPy form of an optimizer with its arguments; None if it has none."""
    config, kind = optimizer.get_config(), type(optimizer).__name__
    rate, options = config["learning_rate"], (*OPTIONS.get(kind, ()), *CLIPS)
    known = {"learning_rate", "initial_accumulator_value", *options}
    of_rule = isinstance(rate, float | int | np.floating) and kind in RULES and of_keras(type(optimizer))
    if not of_rule or not known.issuperset(arguments(optimizer)):
        return None
    return Optimizer(kind, float(rate), **{name: config[name] for name in options if config.get(name)})


def of_keras(made: Any) -> bool:
    """Whether Keras has a class or function, and not the author of a model one of its name."""
    return str(getattr(made, "__module__", "")).startswith("keras.")


# Layers


class Record(NamedTuple):
    """One call of a layer: the layer, its form, input, output, and its weights and statistics before and after it."""

    layer: Any
    form: Layer | None
    x: np.ndarray
    y: np.ndarray
    weights: Arrays
    before: Arrays
    after: Arrays

    @property
    def logits(self) -> np.ndarray:
        """What its activation takes in training. It must have a form."""
        assert self.form
        return self.form.linear(self.x, self.weights, self.before, True)[0]


def observed(model: Any, x: np.ndarray, training: bool) -> tuple[Any, list[Record]]:
    """The outputs of a model, and the calls of its layers. The state of its layers changes as in training."""
    records: list[Record] = []

    def recording(layer: Any, call: Callable[..., Any]) -> Callable[..., Any]:
        form = form_of(layer)

        def recorded(*args: Any, **kwargs: Any) -> Any:
            known = None if kwargs.get("mask") is not None else form
            given, before = numpy(args[0]) if known else np.empty(0), _statistics(layer)
            result = call(*args, **kwargs)
            weights = [numpy(weight) for weight in layer.trainable_variables]
            outputs = numpy(result) if known else np.empty(0)
            records.append(Record(layer, known, given, outputs, weights, before, _statistics(layer)))
            return result

        return recorded

    with contextlib.ExitStack() as stack:
        for layer in model.layers:
            object.__setattr__(layer, "call", recording(layer, layer.call))
            stack.callback(object.__delattr__, layer, "call")
        return model(x, training=training), records


def layers(model: Any, records: Sequence[Record], training: bool) -> Iterator[Stage]:
    """The output of each layer from its own input, and its moving averages after it."""
    when, names = "" if training else ", at evaluation", {id(layer): name for name, layer in named(model)}
    for record in records:
        name = names[id(record.layer)] + when
        if record.form is None:
            yield Stage(Part.OUTPUT, "output", name, None, LIMIT, "NumPy has no form of this layer")
            continue
        expected, statistics, _ = record.form.forward(record.x, record.weights, record.before, training)
        yield Stage(Part.OUTPUT, "output", name, _apart(record.y, expected), LIMIT)
        for what, now, then in zip(("moving mean", "moving variance"), record.after, statistics, strict=False):
            yield Stage(Part.STATISTIC, what, name, _apart(now, then), LIMIT)


RULED = {f"{of}_{by}" for of in ("kernel", "recurrent", "bias", "activity") for by in ("regularizer", "constraint")}
PLAIN: dict[str, set[str]] = {
    "Activation": {"activation", "activity_regularizer"},
    "BatchNormalization": {"epsilon", "momentum"},
    "Conv2D": {"filters", "kernel_size", "activation", "use_bias", *RULED},
    "Dense": {"units", "activation", "use_bias", *RULED},
    "Dropout": {"rate"},
    "Flatten": set(),
    "InputLayer": set(),
    "LSTM": {"units", "use_bias", "unit_forget_bias", *RULED},
    "MaxPooling2D": {"strides"},
    "ReLU": set(),
}
"""By class of layer, the arguments that its form has. Where another is not the default, the layer has no form."""


def form_of(layer: Any) -> Layer | None:
    """The NumPy form of a layer of Keras, without dropout; None if there is none of it with its arguments."""
    kind, config = type(layer).__name__, layer.get_config()
    if kind not in PLAIN or not of_keras(type(layer)) or layer.compute_dtype != "float32":
        return None
    if config.get("rate") or config.get("data_format") == "channels_first":
        return None
    if kind == "MaxPooling2D" and tuple(config["strides"]) != (2, 2):
        return None
    given: dict[str, Any] = {"activation": "relu"} if kind == "ReLU" else {}
    for name in arguments(layer):
        value: Any = getattr(layer, name, None)
        known = name in PLAIN[kind]
        if name == "activation":
            known &= of_keras(value) and getattr(value, "__name__", "") in ACTIVATIONS
            value = getattr(value, "__name__", "")
        elif name.endswith("_regularizer"):
            known &= of_keras(type(value)) and type(value).__name__ in ("L1", "L2", "L1L2")
            value = value.get_config()
        if not known:
            return None
        given[name] = value
    form = Layer(kind, **given)
    counts = len(layer.trainable_variables), len(_statistics(layer))
    return form if counts == (form.weights, form.statistics) else None  # others where a layer does not learn


def _statistics(layer: Any) -> Arrays:
    return [numpy(value) for value in layer.non_trainable_variables if str(value.dtype) == "float32"]


def _apart(now: np.ndarray, then: np.ndarray) -> float:
    """The largest difference, relative to the largest number."""
    if now.shape != then.shape:
        return np.inf
    if not now.size:
        return 0.0
    size = max(float(np.abs(then).max()), 1e-30)
    return float(np.abs(now - then).max()) / size


def named(model: Any) -> Iterator[tuple[str, Any]]:
    """The layers by class and ordinal, as Keras counts its own names up from model to model: "Dense 2"."""
    counts: Counter[str] = Counter()
    for layer in model.layers:
        kind = type(layer).__name__
        counts[kind] += 1
        yield f"{kind} {counts[kind]}", layer


def weight_names(model: Any) -> list[str]:
    """Of each trained weight: "Dense 2 kernel"."""
    known = {id(each): f"{name} {each.name}" for name, layer in named(model) for each in layer.trainable_variables}
    return [known.get(id(variable), variable.path) for variable in model.trainable_variables]
