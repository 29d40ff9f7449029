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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from harness.errors import SuiteError
from harness.model import Experiment
from harness.record.trials import Training
from harness.training.backends import active_backend
from harness.training.gradients import weight_gradients
from harness.training.late_state import Late, own_slots, slots_of
from harness.training.seeding import data_order, initialise
from harness.training.setup import TrainingSetup
from harness.training.steps import late_states
from harness.why import reference
from harness.why.reference import CLIPS, Arrays, Optimizer, Slots, average

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
MASK = "dropout mask"
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
    plain = TrainingSetup.of(experiment, variant)
    worst: dict[tuple[str, str], Stage] = {}
    for stage in _all(experiment, variant, plain, known):
        before = worst.get((stage.what, stage.of))
        if before is None or stage.excess > before.excess:
            worst[stage.what, stage.of] = stage
    return list(worst.values())


def _all(experiment: Experiment, variant: str, plain: TrainingSetup, known: Training | None) -> Iterator[Stage]:
    yield from hashed(plain, known)
    yield from masks(plain)
    lates = late_states(plain, known.sizes) if known and known.sizes else ()
    for late in (None, *lates):
        setup = TrainingSetup.of(experiment, variant, canonical=True, late=late)
        try:
            yield from Step(setup, late).stages()
        except (SuiteError, MemoryError):
            raise
        except Exception as error:
            said = f"it ends with {type(error).__name__}: {' '.join(str(error).split())[:200]}"
            yield Stage(Part.OUTPUT, "a step", "", np.inf, LIMIT, said)


def hashed(setup: TrainingSetup, known: Training | None) -> Iterator[Stage]:
    """The random numbers of seed 0 against the stored ones.

    Orthogonal weights are left out: they come from a decomposition, which rounds otherwise on another processor.
    """
    from harness.training.configuration import hashes

    if known is None or known.hashes is None:
        return
    now, orthogonal = hashes(setup), "Orthogonal" in str(setup.built[0].get_config())
    for name, words in (("initial", "initial weights"), ("dropout", MASK), ("order", "order of the data")):
        if name == "initial" and orthogonal:
            continue
        same = getattr(now, name) == getattr(known.hashes, name)
        yield Stage(Part.RANDOM, words, "seed 0", 0.0 if same else np.inf, 0.5, "others than are stored")


def masks(setup: TrainingSetup) -> Iterator[Stage]:
    """What dropout layers do in training: how many units they keep, by which factor, and whether units differ."""
    import keras

    model, _ = setup.built
    setup.initialise(model, 0)
    ones = keras.ops.ones((MASKED, MASKED))
    for name, layer in named(model):
        if type(layer).__name__ != "Dropout":
            continue
        rate = float(layer.get_config()["rate"])
        first, second = (_numpy(layer(ones, training=True)) for _ in range(2))
        kept, error = float((first != 0).mean()), np.sqrt(rate * (1 - rate) / first.size)
        said = f"keeps {100 * kept:.1f} % of the units, not {100 * (1 - rate):.1f} %"
        yield Stage(Part.DROPOUT, "share of kept units", name, abs(kept - 1 + rate), SIGMAS * max(error, 1e-9), said)
        factor = first.max() * (1 - rate)
        said = f"kept units are multiplied by {factor:.4g} / {1 - rate:g}"
        yield Stage(Part.DROPOUT, "factor of kept units", name, abs(factor - 1), LIMIT, said)
        alike = max(float((first == first[:1]).mean()), float((first == second).mean()))
        apart = 1 - 2 * rate * (1 - rate)  # of two independent masks, so many units agree
        said = "rows or steps share one mask"
        yield Stage(Part.DROPOUT, MASK, name, max(alike - apart, 0.0), (1 - apart) / 2, said)


@dataclass
class Step:
    """One step of a training from a state, which is the initial one without ``late``."""

    setup: TrainingSetup
    late: Late | None

    def stages(self) -> Iterator[Stage]:
        model, optimizer = self.setup.built
        self.setup.initialise(model, 0)
        data, order = self.setup.data, data_order(0, 0, len(self.setup.data.x))[:EXAMPLES]
        x, y = (np.asarray(array[order], "float32") for array in (data.x, data.y))
        statistics = [_numpy(value) for value in model.non_trainable_variables]
        yield from self.evaluated(model, x)
        outputs, records = observed(model, x, training=True)
        yield from layers(model, records, training=True)
        yield from self.loss(model, y, outputs, records)
        for variable, value in zip(model.non_trainable_variables, statistics, strict=True):
            variable.assign(value.astype(str(variable.dtype)))
        loss = self.setup.experiment.loss
        initialise(model, 0, 1, True, self.late.draw_weights if self.late else None)
        perturbed = weight_gradients(model, loss, x, y)
        self.setup.initialise(model, 0)
        gradients = weight_gradients(model, loss, x, y)
        yield from self.gradients(model, x, y, gradients, perturbed, _shaken(records[-1], y))
        yield from update(model, optimizer, gradients)

    def evaluated(self, model: Any, x: np.ndarray) -> Iterator[Stage]:
        """The outputs of every layer at evaluation."""
        _, records = observed(model, x, training=False)
        yield from layers(model, records, training=False)

    def loss(self, model: Any, y: np.ndarray, outputs: Any, records: Sequence[Record]) -> Iterator[Stage]:
        """The loss from the last layer's inputs, and the penalties of all layers."""
        import keras

        value = float(np.mean(_numpy(keras.losses.get(self.setup.experiment.loss)(y, outputs))))
        expected = _loss(self.setup.experiment.loss, y, records[-1])
        name = f"loss, {self.setup.experiment.loss.replace('_', ' ')}"
        if expected is None:
            yield Stage(Part.LOSS, name, "", None, LIMIT, "NumPy has no form of it")
        else:
            said, apart = f"{value:.6g}, by its formula {expected:.6g}", abs(value - expected)
            yield Stage(Part.LOSS, name, "", apart / max(abs(expected), 1e-3), LIMIT, said)
        penalties, formula = float(sum(map(_numpy, model.losses))), sum(map(_penalty, records))
        if penalties or formula:
            size = max(abs(formula), 1e-12)
            said = f"{penalties / size:.4g} × their formula"
            yield Stage(Part.PENALTY, "penalties", "", abs(penalties - formula) / size, LIMIT, said)

    def gradients(
        self,
        model: Any,
        x: np.ndarray,
        y: np.ndarray,
        gradients: Sequence[np.ndarray],
        perturbed: Sequence[np.ndarray],
        shaken: float,
    ) -> Iterator[Stage]:
        """The gradient of each weight against central differences, along itself and along a random direction.

        ``perturbed``: the gradients at weights whose last bits are others; they show what rounding does to them.
        ``shaken``: what rounding of the last layer's outputs does to every gradient, relative to its size.
        """
        if any(_form(layer) is None for layer in model.layers) or not hasattr(model, "add"):
            yield Stage(Part.GRADIENT, "gradient", "", None, OF_GRADIENT, "NumPy has no form of a layer")
            return
        weights = [_numpy(variable) for variable in model.trainable_variables]
        names = [f"{name} {variable.name}" for name, layer in named(model) for variable in layer.trainable_variables]
        rng, loss, on = np.random.default_rng(0), self.setup.experiment.loss, dict[int, np.ndarray]()
        _forward(model, x.astype("float64"), weights, loss, y, on)

        def total() -> float:
            return _forward(model, x.astype("float64"), weights, loss, y, on)

        for place, gradient in enumerate(gradients):
            name, g = names[place], np.asarray(gradient, "float64")
            norm, kept = float(np.linalg.norm(g)), weights[place]
            step = NUDGE * np.sqrt(g.size) * max(float(np.sqrt(np.mean(kept**2))), 1e-3)
            worst = 0.0
            for direction in (g, rng.standard_normal(g.shape)):
                unit = direction / max(float(np.linalg.norm(direction)), 1e-300)
                slope = []
                for sign in (1, -1):
                    weights[place] = kept + sign * step * unit
                    slope.append(total())
                weights[place] = kept
                expected, size = (slope[0] - slope[1]) / (2 * step), norm if direction is g else norm / np.sqrt(g.size)
                error = abs(float(np.sum(g * unit)) - expected)
                worst = max(worst, error / max(size, 1e-12))
            moved = 10 * float(np.linalg.norm(np.asarray(perturbed[place], "float64") - g))
            limit = max(OF_GRADIENT, shaken + (NOISE * abs(slope[0]) / step + moved) / max(norm, 1e-300))
            yield Stage(Part.GRADIENT, "gradient", name, worst, limit)


def update(model: Any, optimizer: Any, gradients: Sequence[np.ndarray]) -> Iterator[Stage]:
    """The optimizer's slots and the change of each weight after one step with these gradients."""
    import keras

    kind, by = type(optimizer).__name__, _optimizer(optimizer)
    if by is None:
        yield Stage(Part.STEP, f"step of {kind}", "", None, LIMIT, "NumPy has no form of its arguments")
        return
    steps, variables = int(_numpy(optimizer.iterations)), model.trainable_variables

    def state() -> list[Slots]:
        slots = {name: [_numpy(value) for value in own_slots(optimizer, name)] for name in by.slots}
        return [
            {"weights": _numpy(variable), **{name: values[place] for name, values in slots.items()}}
            for place, variable in enumerate(variables)
        ]

    before = state()
    optimizer.apply([keras.ops.convert_to_tensor(np.asarray(gradient, "float32")) for gradient in gradients], variables)
    after, used = state(), by.clipped([np.asarray(gradient, "float64") for gradient in gradients])
    names = [f"{name} {variable.name}" for name, layer in named(model) for variable in layer.trainable_variables]
    coarse = 0.0 if kind != "Adam" else OF_EARLY_ADAM if steps < 1_000 else OF_ADAM
    for of, start, end, gradient in zip(names, before, after, used, strict=True):
        expected, near = by.stepped(start, gradient, steps)
        for name in (*by.slots, "weights"):
            change, formula = end[name] - start[name], expected[name] - start[name]
            size, rounding = (float(np.linalg.norm(each)) for each in (formula, near[name]))
            if size < 1e-30:
                continue
            ratio, limit = float(np.sum(change * formula)) / size**2, max(LIMIT, coarse, 2 * rounding / size)
            of_size = max(
                LIMIT, coarse, 8 * rounding / size / np.sqrt(change.size)
            )  # single roundings cancel in a mean
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


def _optimizer(optimizer: Any) -> Optimizer | None:
    """The NumPy form of an optimizer with its arguments; None if it has none."""
    config, kind = optimizer.get_config(), type(optimizer).__name__
    rate = config["learning_rate"]
    others = ("weight_decay", "use_ema", "amsgrad", "centered", "gradient_accumulation_steps", "loss_scale_factor")
    if kind not in reference.RULES or not isinstance(rate, float | int | np.floating) or any(map(config.get, others)):
        return None
    if abs(config.get("epsilon", reference.EPSILON) - reference.EPSILON) > 1e-12:
        return None
    if kind == "RMSprop" and config.get("momentum"):
        return None
    names = {"SGD": ("momentum", "nesterov"), "Adam": ("beta_1", "beta_2")}.get(kind, ("rho",))
    given = {name: config[name] for name in (*names, *CLIPS) if config.get(name)}
    assert not set(slots_of(optimizer)) - set(reference.SLOTS[kind])
    return Optimizer(kind, float(rate), **given)


# Layers


class Record(NamedTuple):
    """One call of a layer: the layer, input, output, and its weights and statistics before and after the call."""

    layer: Any
    x: np.ndarray
    y: np.ndarray
    weights: Arrays
    before: Arrays
    after: Arrays


def observed(model: Any, x: np.ndarray, training: bool) -> tuple[Any, list[Record]]:
    """The outputs of a model, and the calls of its layers. The state of its layers changes as in training."""
    records: list[Record] = []

    def recording(layer: Any, call: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(*args: Any, **kwargs: Any) -> Any:
            given, before = _numpy(args[0]), _statistics(layer)
            result = call(*args, **kwargs)
            weights = [_numpy(weight) for weight in layer.trainable_variables]
            records.append(Record(layer, given, _numpy(result), weights, before, _statistics(layer)))
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
        name, form = names[id(record.layer)], _form(record.layer)
        if form is None:
            yield Stage(Part.OUTPUT, "output", f"{name}{when}", None, LIMIT, "NumPy has no form of this layer")
            continue
        expected, statistics = form(record.x, record.weights, record.before, training)
        yield Stage(Part.OUTPUT, "output", f"{name}{when}", _apart(record.y, expected), LIMIT)
        for place, (now, then) in enumerate(zip(record.after, statistics, strict=True)):
            what = ("moving mean", "moving variance")[place]
            yield Stage(Part.STATISTIC, what, f"{name}{when}", _apart(now, then), LIMIT)


Form = Callable[[np.ndarray, Arrays, Arrays, bool], tuple[np.ndarray, Arrays]]


def _form(layer: Any, activated: bool = True) -> Form | None:
    """(input, weights, statistics, training) → (output, new statistics) of a layer without dropout, in float64."""
    kind, config = type(layer).__name__, layer.get_config()
    known = reference.ACTIVATIONS.get("tanh" if kind == "LSTM" else _activation(layer))
    plain = _LAYERS.get(kind)
    if plain is None or known is None or (kind == "Dropout" and config["rate"]) or not _usual(kind, config):
        return None

    def form(x: np.ndarray, weights: Arrays, statistics: Arrays, training: bool) -> tuple[np.ndarray, Arrays]:
        outputs, moved = plain(x, weights, statistics, config, training)
        return (known(outputs) if activated and kind != "LSTM" else outputs), moved

    return form


def _usual(kind: str, config: Mapping[str, Any]) -> bool:
    """Whether the arguments of a layer are those that the NumPy forms know."""
    pair = (2, 2)
    match kind:
        case "Conv2D":
            return config["padding"] == "valid" and tuple(config["strides"]) == (1, 1) and config["groups"] == 1
        case "MaxPooling2D":
            return config["padding"] == "valid" and tuple(config["pool_size"]) == tuple(config["strides"]) == pair
        case "LSTM":
            return not config["return_sequences"] and config["activation"] == "tanh"
        case "BatchNormalization":
            return config["axis"] in (-1, [-1]) and config["center"] and config["scale"]
    return True


Plain = Callable[[np.ndarray, Arrays, Arrays, Mapping[str, Any], bool], tuple[np.ndarray, Arrays]]


def _normalised(
    x: np.ndarray, weights: Arrays, statistics: Arrays, config: Mapping[str, Any], training: bool
) -> tuple[np.ndarray, Arrays]:
    rows = x.reshape(-1, x.shape[-1])
    now = [rows.mean(axis=0), rows.var(axis=0)] if training else statistics
    outputs = weights[0] * (rows - now[0]) / np.sqrt(now[1] + config["epsilon"]) + weights[1]
    if training:
        statistics = [average(old, new, config["momentum"]) for old, new in zip(statistics, now, strict=True)]
    return outputs.reshape(x.shape), statistics


def _dense(x: np.ndarray, weights: Arrays, *_: Any) -> np.ndarray:
    return np.asarray(x @ weights[0] + (weights[1] if len(weights) > 1 else 0.0))


def _still(function: Callable[..., np.ndarray]) -> Plain:
    """A layer without statistics."""
    return lambda x, weights, statistics, config, training: (function(x, weights), statistics)


_LAYERS: dict[str, Plain] = {
    "Activation": _still(lambda x, weights: x),
    "BatchNormalization": _normalised,
    "Conv2D": _still(lambda x, weights: reference.convolution(x, *weights)),
    "Dense": _still(_dense),
    "Dropout": _still(lambda x, weights: x),
    "Flatten": _still(lambda x, weights: x.reshape(len(x), -1)),
    "InputLayer": _still(lambda x, weights: x),
    "LSTM": _still(lambda x, weights: reference.lstm(x, *weights)),
    "MaxPooling2D": _still(
        lambda x, weights: reference.max_pooling(x[:, : x.shape[1] // 2 * 2, : x.shape[2] // 2 * 2])
    ),
    "ReLU": _still(lambda x, weights: x),
}


def _shaken(last: Record, y: np.ndarray) -> float:
    """How much rounding of the last layer's outputs changes gradients, relative to their size."""
    form = _form(last.layer, activated=False)
    if form is None:
        return 0.0
    logits, _ = form(last.x, last.weights, last.before, True)
    apart = float(np.sqrt(np.mean((last.y - y) ** 2)))
    return 16 * 2.0**-24 * float(np.abs(logits).max()) / max(apart, 1e-30)


def _loss(loss: str, y: np.ndarray, last: Record) -> float | None:
    """The mean loss from the input of the last layer; on TensorFlow Keras computes it from the logits of a softmax."""
    form = _form(last.layer, activated=False)
    if form is None:
        return None
    logits, _ = form(last.x, last.weights, last.before, True)
    return _loss_of(loss, y, logits, _activation(last.layer))


def _loss_of(loss: str, y: np.ndarray, logits: np.ndarray, activation: str) -> float | None:
    if loss == "categorical_crossentropy" and activation == "softmax" and active_backend() == "tensorflow":
        top = logits.max(axis=-1, keepdims=True)
        logs = logits - top - np.log(np.exp(logits - top).sum(axis=-1, keepdims=True))
        return float(-(y * logs).sum(axis=-1).mean())
    if loss not in reference.LOSSES or activation not in reference.ACTIVATIONS:
        return None
    return float(reference.LOSSES[loss](y, reference.ACTIVATIONS[activation](logits)).mean())


def _penalty(record: Record) -> float:
    """What a layer's regularizers add to the loss: λ Σ |w|, λ Σ w², of activities their mean over the examples."""
    total = 0.0
    for name, values, share in (
        ("kernel_regularizer", record.weights[0] if record.weights else None, 1.0),
        ("bias_regularizer", record.weights[1] if len(record.weights) > 1 else None, 1.0),
        ("activity_regularizer", record.y, 1.0 / len(record.y)),
    ):
        rule = getattr(record.layer, name, None)
        if rule is not None and values is not None:
            for of, of_all in (("l1", np.abs(values).sum()), ("l2", np.sum(values**2))):
                config = rule.get_config()
                total += float(config.get(of) or 0.0) * float(of_all) * share
    return total


def _forward(model: Any, x: np.ndarray, weights: Arrays, loss: str, y: np.ndarray, on: dict[int, np.ndarray]) -> float:
    """The mean loss of a sequential model in training mode, in float64.

    ``on``: by place of a ReLU, which of its units are on: decided by the first call. So an input of exactly 0, of a
    black corner of an image, gives no gradient, as in Keras, and not half of one.
    """
    own, last = iter(weights), model.layers[-1]
    for place, layer in enumerate(model.layers):
        activation = _activation(layer)
        form = _form(layer, activated=layer is not last and activation != "relu")
        assert form is not None
        x, _ = form(x, [next(own) for _ in layer.trainable_variables], _statistics(layer), True)
        if layer is not last and activation == "relu":
            x = x * on.setdefault(place, x > 0)
    value = _loss_of(loss, y, x, _activation(last))
    return np.nan if value is None else value


def _activation(layer: Any) -> str:
    """Keras' name of a layer's activation."""
    kind = type(layer).__name__
    return "relu" if kind == "ReLU" else getattr(getattr(layer, "activation", None), "__name__", "linear")


def _statistics(layer: Any) -> Arrays:
    return [_numpy(value) for value in layer.non_trainable_variables if str(value.dtype) == "float32"]


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


def _numpy(value: Any) -> np.ndarray:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(value)).astype("float64")
