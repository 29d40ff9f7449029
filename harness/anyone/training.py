"""A training of anyone's model by ``fit``: its short trials, its trials to the end, and what is stored and compared.

The model is built and compiled once. Each trial takes the variables of a model that is built anew with its seed.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from msgspec.structs import replace

from harness.anyone.data import Batch, Data, check_repeats, count_of, take, validation
from harness.check.rounding import CHECKED, LIMIT, PERTURBED, relative, state_of
from harness.errors import SuiteError, invalid
from harness.model import Dataset, Divergence, Experiment, Metric, Seconds, Size, Trial, Variant
from harness.record.trials import Hashes, ShortTrial, Sizes, State, Training, shortest, value
from harness.training.backend import device_of
from harness.training.backends import hidden
from harness.training.configuration import JSON, LENGTH, plain_json, without_names
from harness.training.engine import FEWEST, TINY
from harness.training.fit import Steps
from harness.training.late_state import Late, sizes
from harness.training.seeding import canonical_values, derived, flip_last_bits, seed_everything, seed_training
from harness.training.steps import EARLY, TAIL, float32, rounded

LIMITS = (LIMIT, 1e-3, 1e-2)
"""The smallest of these under which two steps can be compared is a training's limit: bfloat16 needs a large one."""
LONGEST = 20_000
"""Characters of a model's configuration that is stored whole; of a longer one each layer has a digest."""
LOW = ("bfloat16", "float16")
"""Where a layer computes in one of these, rounding is that of it."""
NAME = "training"
"""The variant of these files."""
RANDOM = {"rate": 0.0, "dropout": 0.0, "recurrent_dropout": 0.0, "stddev": 0.0}
"""Attributes of layers that draw random numbers, and their values in a canonical trial."""


@dataclass(frozen=True, kw_only=True)
class OwnTraining:
    """What is trained.

    Attributes:
        id: kebab-case; names the file.
        build_model: without arguments; gives a Keras model, compiled if ``loss`` is None.
        data, validation_data: as ``fit`` takes them, or a function of a seed that makes the data.
        optimizer: a name, a Keras optimizer, or a function that makes one.
        loss, metrics: as ``compile`` takes them.
        callbacks: a function that makes callbacks for a training to the end.
        seeds: trained to the end where the training is stored.
        to_the_end: whether a check trains seed 0 to the end; None: if that takes little (``harness.training.engine``).
    """

    id: str
    build_model: Callable[[], Any]
    data: Any
    optimizer: Any
    loss: Any
    epochs: int
    batch_size: int = 32
    metrics: Sequence[Any] = ()
    validation_data: Any = None
    callbacks: Callable[[], Sequence[Any]] | None = None
    seeds: int = 5
    to_the_end: bool | None = None
    compiled: Mapping[bool, Compiled] = field(default_factory=dict, init=False, compare=False)

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 1), ("seeds", 1)):
            given = getattr(self, name)
            if not isinstance(given, int) or isinstance(given, bool) or given < least:
                raise invalid(f"{name} of {self.id}", expected=f"a whole number from {least} on", received=repr(given))
        given = self.build_model
        if not callable(given) or (hasattr(given, "layers") and not isinstance(given, type)):
            raise invalid(f"build_model of {self.id}", expected="a function that builds a new model, so that each seed "
                          "has weights of its own", received=type(self.build_model).__name__)  # fmt: skip

    def built(self, seed: int) -> Any:
        """A new model with weights of the seed, built and compiled."""
        import keras

        seed_everything(derived(seed, "model"))
        model = self.build_model()
        if not isinstance(model, keras.Model):
            raise invalid(f"build_model of {self.id}", expected="a Keras model", received=type(model).__name__)
        if self.loss is not None or not model.compiled:
            optimizer, loss = self.optimizer, self.loss
            if isinstance(optimizer, keras.optimizers.Optimizer):
                optimizer = type(optimizer).from_config(optimizer.get_config())
            elif callable(optimizer):
                optimizer = optimizer()
            model.compile(optimizer=optimizer, loss=loss, metrics=list(self.metrics) or None)
        if not model.built:
            model(_inputs(Data(self.data, seed, self.batch_size)))
        return model

    def trained(self, canonical: bool) -> Compiled:
        """The model of all trials, built once."""
        known: Any = self.compiled
        if canonical not in known:
            known[canonical] = Compiled(self, canonical)
        return known[canonical]

    def small(self) -> bool:
        """Whether a check trains seed 0 to the end."""
        if self.to_the_end is not None:
            return self.to_the_end
        data = Data(self.data, 0, self.batch_size)
        parameters = sum(math.prod(weight.shape) for weight in self.trained(False).model.trainable_variables)
        return data.arrays and len(data) * max(parameters, FEWEST) * self.epochs <= TINY

    def experiment(self, metrics: Sequence[str]) -> Experiment:
        """As the suite has it, for the file of evidence and for ``harness.why``."""

        def data() -> Dataset:
            x, y = Data(self.data, 0, self.batch_size).given[:2]
            x_val, y_val = (validation(self.validation_data) or (None, None))[:2]
            return Dataset(x, y, x_val, y_val)

        def optimizer() -> Any:
            return self.built(0).optimizer

        kinds = tuple(
            Metric(name, "lower" if "loss" in name or "error" in name else "higher", "", 1e-3) for name in metrics
        )
        return Experiment(
            id=self.id, loss=self.loss if isinstance(self.loss, str) else "", size=Size(self.epochs, self.batch_size),
            variants=(Variant(NAME, self.build_model, data, optimizer),), metrics=kinds, accuracy=False,
        )  # fmt: skip


def _inputs(data: Data) -> Any:
    """The inputs of one example, which build a model."""
    batch = data.given if data.arrays else data.first(1)[0]
    return take(batch[0], np.arange(1)) if data.arrays else batch[0]


class Compiled:
    """The model that all trials of a training share, compiled once.

    ``canonical``: no layer of it drops units or adds noise.
    """

    def __init__(self, training: OwnTraining, canonical: bool) -> None:
        self.training, self.canonical, self.model = training, canonical, training.built(0)
        if canonical:
            for layer, name in itertools.product(self.model._flatten_layers(), RANDOM):
                if getattr(layer, name, None):
                    setattr(layer, name, RANDOM[name])
        self.optimizer = self.model.optimizer
        if not self.optimizer.built:
            self.optimizer.build(self.model.trainable_variables)
        self._fresh = [_numpy(variable) for variable in self.optimizer.variables]
        self._validation = validation(training.validation_data)
        dtypes = {layer.compute_dtype for layer in self.model._flatten_layers()}
        self._low = next((dtype for dtype in LOW if dtype in dtypes), None)

    def reset(self, seed: int, late: Late | None = None, perturbed: int = 0, masks: int | None = None) -> None:
        """Sets every variable as at the beginning of a trial. ``masks``: the seed of random states, if another."""
        model = self.model
        fresh = self.training.built(seed).variables
        own = [(variable, _numpy(new)) for variable, new in zip(model.variables, fresh, strict=False)]
        if len(fresh) != len(model.variables) or any(tuple(a.shape) != b.shape for a, b in own):
            raise SuiteError("build_model gives a model with other weights each time, so no two can be compared.")
        rng = np.random.default_rng(derived(seed, "canonical"))
        for variable, new in own:
            drawn = self.canonical and new.ndim > 1
            variable.assign(canonical_values(rng, new.shape).astype(new.dtype) if drawn else new)
        for variable, new in zip(self.optimizer.variables, self._fresh, strict=True):
            variable.assign(new)
        if late is not None:
            late.draw_weights(model, seed)
            late.advance(self.optimizer, model.trainable_variables)
        if perturbed:
            flip_last_bits(model, derived(seed, f"perturbed {perturbed}"), self._low)
        seed_training(seed if masks is None else masks)

    def short(
        self,
        seed: int,
        late: Late | None = None,
        compared: State | None = None,
        perturbed: int = 0,
        masks: int | None = None,
    ) -> ShortTrial:
        """Some steps with a seed, by ``fit`` on batches in a fixed order (``steps.short_trials``)."""
        start = late.steps if late else 0
        epochs = Data(self.training.data, seed, self.training.batch_size).epochs(seed, start, compared, self.canonical)
        self.reset(seed, late, perturbed, masks)
        clock, steps = time.perf_counter(), Losses(self.model, epochs)
        curves = self._fit(
            _given(epochs), steps.end, on_epoch_begin=steps.begin, epochs=len(epochs),
            steps_per_epoch=len(epochs[0]), shuffle=False, validation_data=self._validation,
        )  # fmt: skip
        steps.losses += [math.nan] * (sum(map(len, epochs)) - len(steps.losses))  # it ends with one that is not finite
        return ShortTrial(
            seed=seed, perturbed=perturbed, losses=float32(steps.losses), start=start,
            curves={name: float32(curve) for name, curve in curves.items()}, rounded=rounded(self.model),
            canonical=self.canonical, engine="fit", seconds=time.perf_counter() - clock,
        )  # fmt: skip

    def whole(self, seed: int, on_epoch: Callable[[int], None] = lambda epoch: None) -> Trial:
        """A training to the end with a seed, as ``fit`` does it on the data as given, with the callbacks."""
        training = self.training
        self.reset(seed)
        data, clock = Data(training.data, seed, training.batch_size), time.perf_counter()
        own = list(training.callbacks()) if training.callbacks else []
        curves = self._fit(
            data.given, on_epoch=lambda epoch, logs=None: on_epoch(epoch + 1), callbacks=own, epochs=training.epochs,
            validation_data=training.validation_data, **({"batch_size": data.batch} if data.arrays else {}),
        )  # fmt: skip
        broken = next((at for at, loss in enumerate(curves.get("loss", ())) if not math.isfinite(loss)), None)
        where = device_of(self.model.trainable_variables[0])
        return Trial(
            NAME, seed, {name: curve[-1] for name, curve in curves.items()},
            {name: tuple(shortest(curve)) for name, curve in curves.items()},
            None if broken is None else Divergence("nan", broken + 1), Seconds(time.perf_counter() - clock),
            device=str(where), precision=where.precision,
        )  # fmt: skip

    def _fit(self, data: Any, on_batch: Any = None, on_epoch: Any = None, on_epoch_begin: Any = None,
             callbacks: Sequence[Any] = (), **how: Any) -> dict[str, list[float]]:  # fmt: skip
        """Calls ``Model.fit`` and returns its history."""
        import keras

        hooks = {"on_train_batch_end": on_batch, "on_epoch_end": on_epoch, "on_epoch_begin": on_epoch_begin}
        parts = data if isinstance(data, tuple) else (data,)
        given = dict(zip(("x", "y", "sample_weight"), parts, strict=False))
        self.model.fit(**given, callbacks=[keras.callbacks.LambdaCallback(**hooks), *callbacks], verbose=0, **how)
        return {name: [float(value) for value in curve] for name, curve in self.model.history.history.items()}


class Losses(Steps):
    """The loss of each step. A ``train_step`` of one's own may give another number than a running mean: it counts."""

    def __init__(self, model: Any, epochs: Sequence[Sequence[Batch]]) -> None:
        import keras

        super().__init__(model, ())
        self._epochs = [list(itertools.accumulate(map(count_of, batches))) for batches in epochs]
        self._own = type(model).train_step not in (keras.Model.train_step, keras.Sequential.train_step)

    def begin(self, epoch: int, logs: Any = None) -> None:
        self.ends = (*self._epochs[epoch], 0)

    def end(self, batch: int, logs: Any) -> None:
        logs = logs if "loss" in logs else {"loss": next(iter(logs.values()))}
        if not self._own:
            super().end(batch, logs)
        else:
            self.losses.append(float(logs["loss"]))


def _given(epochs: Sequence[Sequence[Batch]]) -> Iterator[Batch]:
    yield from itertools.chain(*epochs)


def _numpy(variable: Any) -> np.ndarray:
    from keras.ops import convert_to_numpy

    return np.array(convert_to_numpy(variable))


def stored(training: OwnTraining) -> Training:
    """The training to store: trials to the end, short trials of both states, and how far rounding moves these.

    SuiteError if nothing of it could be compared later.
    """
    check_repeats(training.data, training.batch_size)
    own, first = training.trained(False), training.trained(False).short(0)
    again = own.short(0)
    if relative(value(again.losses[0]), value(first.losses[0])) > LIMIT:
        raise SuiteError(
            f"{training.id}: two trainings of one seed differ from their first step on ({first.losses[0]}, "
            f"{again.losses[0]}), so something draws random numbers without a seed. Give it one, or draw with "
            "keras.random or NumPy's global functions, which are seeded here."
        )
    reached = dict[str, Any]()

    def on_epoch(epoch: int) -> None:
        if epoch == min(EARLY, training.epochs):
            moments = [(variable.name, variable) for variable in own.optimizer.variables]
            with contextlib.suppress(KeyError):  # an optimizer whose slots are not known
                reached["sizes"] = sizes(own.model, moments, own.optimizer)
        reached["steps"] = int(_numpy(own.optimizer.iterations))

    trials = [own.whole(0, on_epoch), *(own.whole(seed) for seed in range(1, training.seeds))]
    known: Sizes = reached.get("sizes") or {}
    states, short = [], list[ShortTrial]()
    for late in (None, *_late(training, known, reached["steps"])):
        plain = [own.short(seed, late) for seed in range(CHECKED)]
        if late and not all(math.isfinite(value(loss)) for trial in plain for loss in trial.losses):
            continue
        traces = [*plain, *(own.short(seed, late, perturbed=k) for k in PERTURBED for seed in range(CHECKED))]
        options = [state_of(traces, limit) for limit in LIMITS]
        state = next((each for each in options if each.steps > 1), options[-1])
        canonical = _canonical(training, late, state)
        states.append(state if canonical else replace(state, canonical=0))
        short += [*plain, *canonical]
    if not any(state.steps for state in states):
        raise SuiteError(
            f"{training.id}: T = 0, rounding moves the first loss of it by more than {100 * LIMITS[-1]:g} %, "
            "so no step of it can be compared. Train in float32, with larger batches or a smaller learning rate, or "
            "compare what it reaches with claim_check.equivalent."
        )
    return Training(
        configuration=configuration(training), hashes=_hashes(training), steps=states[0].steps, trials=tuple(trials),
        short=tuple(short), states=tuple(states), sizes=known if states[1:] else {},
    )  # fmt: skip


def _late(training: OwnTraining, known: Sizes, steps: int) -> list[Late]:
    """The late state: before the end of the last epoch, as the suite's."""
    start = steps - TAIL - 1
    return [Late(start, known)] if known and start > 0 else []


def _canonical(training: OwnTraining, late: Late | None, state: State | None) -> list[ShortTrial]:
    """The canonical trial; none if it still depends on random numbers of the backend."""
    own = training.trained(True)
    first, other = own.short(0, late, state), own.short(0, late, state, masks=1)
    same = all(relative(value(a), value(b)) <= LIMIT for a, b in zip(first.losses[:2], other.losses[:2], strict=True))
    return [first] * same


def measured(training: OwnTraining, known: Training, paired: bool, own_stack: bool) -> Training:
    """What a check trains of a stored training: the steps that are compared, seed 0 to the end if that takes little.

    Args:
        known: what is stored.
        paired: whether seeds have the same random numbers as then. If not, canonical trials are compared as well.
        own_stack: whether it is stored of this stack; of another one only canonical trials are compared.
    """
    check_repeats(training.data, training.batch_size)
    lates = {state.start: Late(state.start, known.sizes) if state.start else None for state in known.states}
    short = list[ShortTrial]()
    for state in known.states:
        if own_stack and state.steps:
            own = training.trained(False)
            short += [own.short(seed, lates[state.start], state) for seed in range(CHECKED)]
        if not paired and known.after(state.start, canonical=True):
            short.append(training.trained(True).short(0, lates[state.start], state))
    whole = own_stack and training.small()
    return Training(
        configuration=configuration(training), hashes=_hashes(training), short=tuple(short),
        trials=(training.trained(False).whole(0),) if whole else (),
    )  # fmt: skip


def _hashes(training: OwnTraining) -> Hashes:
    """Of the initial weights of seed 0, random states included, and of what the first batches are."""
    digest = hashlib.sha256(b"".join(_numpy(variable).tobytes() for variable in training.built(0).variables))
    data = Data(training.data, 0, training.batch_size)
    order = str(data.epochs(0, 0, None, False)[0][0][0] if not data.arrays else "")
    return Hashes(initial=digest.hexdigest()[:LENGTH], order=hashlib.sha256(order.encode()).hexdigest()[:LENGTH])


def configuration(training: OwnTraining) -> dict[str, JSON]:
    """Everything that decides a trial, as ``harness.training.configuration`` has it of the suite's trainings."""
    model = training.trained(False).model
    data = Data(training.data, 0, training.batch_size)
    with hidden("tensorflow"):  # as in harness.training.configuration
        try:
            layers = without_names(model.get_config())
        except NotImplementedError:  # a subclass of Model without one
            layers = {"variables": [list(variable.shape) for variable in model.variables]}
        rule = without_names(model.optimizer.get_config())
    if isinstance(rule.get("learning_rate"), float):
        rule["learning_rate"] = float(str(np.float32(rule["learning_rate"])))
    return {
        "model": _short({"class_name": type(model).__name__, **_dict(plain_json(layers))}),
        "optimizer": plain_json({"class_name": type(model.optimizer).__name__, "config": rule}),
        "loss": _described(training.loss),
        "metrics": _described(list(training.metrics)),
        "batch_size": training.batch_size,
        "epochs": training.epochs,
        "data": data.checksums(),
        "validation": None if training.validation_data is None else True,
    }


def _dict(value: JSON) -> dict[str, JSON]:
    return value if isinstance(value, dict) else {"config": value}


def _described(value: Any) -> JSON:
    """A loss or metric: its text or configuration, or the name of a function."""
    if isinstance(value, Mapping):
        return {str(key): _described(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_described(part) for part in value]
    if hasattr(value, "get_config"):
        return plain_json({"class_name": type(value).__name__, "config": without_names(value.get_config())})
    return value if value is None or isinstance(value, str) else str(getattr(value, "__name__", type(value).__name__))


def _short(model: dict[str, JSON]) -> dict[str, JSON]:
    """A model's configuration, each of its layers as a digest if it is long."""
    layers = model.get("layers")
    if len(json.dumps(model)) <= LONGEST or not isinstance(layers, list):
        return model
    digests = functools.partial(json.dumps, sort_keys=True)
    kept = [
        f"{_dict(layer).get('class_name')} {hashlib.sha256(digests(layer).encode()).hexdigest()[:LENGTH]}"
        for layer in layers
    ]
    return {**model, "layers": [*kept]}
