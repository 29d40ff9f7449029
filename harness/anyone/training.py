"""A training of anyone's model by ``fit``: its short trials, its trials to the end, and what is stored and compared.

The model is built and compiled once. Each trial takes the variables of a model that is built anew with its seed.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.anyone.data import Batch, Data, array, check_repeats, count_of, mapped, validation
from harness.check.rounding import CHECKED, LIMIT, from_states, relative
from harness.errors import SuiteError, invalid
from harness.model import Dataset, Divergence, Experiment, Metric, Seconds, Size, Trial, Variant
from harness.record.trials import Hashes, ShortTrial, State, Training, shortest, value
from harness.training.backend import device_of
from harness.training.configuration import JSON, digest, hashed, of_keras, plain_json, without_names
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
RANDOM = ("rate", "dropout", "recurrent_dropout", "stddev")
"""Attributes of layers that draw random numbers. They are 0 in a canonical trial."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OwnTraining:
    """What is trained: the arguments of ``training_check`` (``suite.checks``); and its trials.

    ``id``: kebab-case; names the file. ``canonical``: NumPy draws the weights, and no layer drops units or adds noise.
    """

    id: str
    build_model: Callable[[], Any]
    data: Any
    optimizer: Any
    loss: Any
    epochs: int
    batch_size: int = 32
    metrics: Sequence[Any] | Mapping[str, Any] = ()
    validation_data: Any = None
    callbacks: Callable[[], Sequence[Any]] | None = None
    seeds: int = 5
    to_the_end: bool | None = None
    canonical: bool = False

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "seeds"):
            given = getattr(self, name)
            if not isinstance(given, int) or isinstance(given, bool) or given < 1:
                raise invalid(f"{name} of {self.id}", expected="a whole number from 1 on", received=repr(given))
        for name, good, expected in (
            ("metrics", isinstance(self.metrics, list | tuple | dict), "a list, or lists by output"),
            ("callbacks", self.callbacks is None or callable(self.callbacks), "a function that makes them"),
        ):
            if not good:
                raise invalid(f"{name} of {self.id}", expected=expected, received=repr(getattr(self, name))[:80])
        build = self.build_model
        if not callable(build) or (hasattr(build, "layers") and not isinstance(build, type)):
            raise invalid(f"build_model of {self.id}", expected="a function that builds a new model, so that each seed "
                          "has weights of its own", received=type(build).__name__)  # fmt: skip

    def drawn(self, seed: int = 0) -> Data:
        """The data with a seed."""
        return Data(self.data, seed, self.batch_size)

    def built(self, seed: int) -> Any:
        """A new model with weights of the seed, built and compiled."""
        import keras

        seed_everything(derived(seed, "model"))
        model, optimizer = self.build_model(), self.optimizer
        if not isinstance(model, keras.Model):
            raise invalid(f"build_model of {self.id}", expected="a Keras model", received=type(model).__name__)
        if self.loss is not None or not model.compiled:
            if isinstance(optimizer, keras.optimizers.Optimizer):
                optimizer = type(optimizer).from_config(optimizer.get_config())
            elif callable(optimizer):
                optimizer = optimizer()
            metrics = self.metrics if isinstance(self.metrics, dict) else list(self.metrics)
            model.compile(optimizer=optimizer, loss=self.loss, metrics=metrics or None)
        if not model.built:
            model(self.drawn(seed).first(1)[0][0])
        if not model.trainable_variables:
            raise invalid(f"build_model of {self.id}", expected="a model with weights to train", received="none")
        return model

    @functools.cached_property
    def model(self) -> Any:
        """That of all trials, compiled once."""
        model = self.built(0)
        for layer, name in itertools.product(model._flatten_layers(), RANDOM if self.canonical else ()):
            if getattr(layer, name, None):
                with contextlib.suppress(AttributeError):  # a recurrent layer only shows what its cell has
                    setattr(layer, name, 0.0)
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        return model

    @functools.cached_property
    def of_optimizer(self) -> list[np.ndarray]:
        """The optimizer's variables before the first trial."""
        return list(map(array, self.model.optimizer.variables))

    @functools.cached_property
    def validated(self) -> Any:
        """The validation data of a short trial."""
        return validation(self.validation_data)

    @functools.cached_property
    def as_canonical(self) -> OwnTraining:
        return replace(self, canonical=True)

    def reset(self, seed: int, late: Late | None = None, perturbed: int = 0) -> None:
        """Sets every variable as at the beginning of a trial."""
        model, fresh, optimizer = self.model, self.built(seed).variables, self.model.optimizer
        if [tuple(each.shape) for each in fresh] != [tuple(each.shape) for each in model.variables]:
            raise SuiteError("build_model gives a model with other weights each time, so no two can be compared.")
        rng = np.random.default_rng(derived(seed, "canonical"))
        for variable, new in zip(model.variables, map(array, fresh), strict=True):
            drawn = self.canonical and new.ndim > 1
            variable.assign(canonical_values(rng, new.shape).astype(new.dtype) if drawn else new)
        for variable, new in zip(optimizer.variables, self.of_optimizer, strict=True):
            variable.assign(new)
        if late is not None:
            late.draw_weights(model, seed)
            late.advance(optimizer, model.trainable_variables)
        if perturbed:
            dtypes = {layer.compute_dtype for layer in model._flatten_layers()}
            low = next((dtype for dtype in LOW if dtype in dtypes), None)
            flip_last_bits(model, derived(seed, f"perturbed {perturbed}"), low)

    def short(self, seeds: Iterable[int], late: Late | None = None, compared: State | None = None,
              perturbed: int = 0, canonical: bool = False) -> list[ShortTrial]:  # fmt: skip
        """Some steps with each seed, as ``steps.short_trials``; none if canonical ones depend on a backend."""
        own = self.as_canonical if canonical else self
        trials = [own.steps(seed, late, compared, perturbed) for seed in seeds]
        if not canonical:
            return trials
        first, other = trials[0].losses[:2], own.steps(0, late, compared, masks=1).losses[:2]
        return trials * all(relative(value(a), value(b)) <= LIMIT for a, b in zip(first, other, strict=True))

    def steps(self, seed: int, late: Late | None = None, compared: State | None = None, perturbed: int = 0,
              masks: int | None = None) -> ShortTrial:  # fmt: skip
        """Some steps with a seed, by ``fit`` on batches in a fixed order. ``masks``: another seed of what they draw."""
        start = late.steps if late else 0
        epochs = self.drawn(seed).epochs(seed, start, compared, self.canonical)
        self.reset(seed, late, perturbed)
        clock, steps = time.perf_counter(), Losses(self.model, epochs)
        curves = self._fit(
            seed if masks is None else masks, (batch for epoch in epochs for batch in epoch),
            {"on_train_batch_end": steps.end, "on_epoch_begin": steps.begin}, epochs=len(epochs),
            steps_per_epoch=len(epochs[0]), shuffle=False, validation_data=self.validated,
        )  # fmt: skip
        steps.losses += [math.nan] * (sum(map(len, epochs)) - len(steps.losses))  # it ends with one that is not finite
        return ShortTrial(
            seed=seed, perturbed=perturbed, losses=float32(steps.losses), start=start,
            curves={name: float32(curve) for name, curve in curves.items()}, rounded=rounded(self.model),
            canonical=self.canonical, engine="fit", seconds=time.perf_counter() - clock,
        )  # fmt: skip

    def whole(self, seed: int, on_epoch: Callable[..., None] = lambda epoch, logs: None) -> Trial:
        """A training to the end with a seed, as ``fit`` does it on the data as given, with the callbacks."""
        self.reset(seed)
        data, clock = self.drawn(seed), time.perf_counter()
        curves = self._fit(
            seed, data.given, {"on_epoch_end": on_epoch}, self.callbacks() if self.callbacks else (),
            epochs=self.epochs, validation_data=self.validation_data,
            **({"batch_size": data.batch} if data.arrays else {}),
        )  # fmt: skip
        broken = next((at for at, loss in enumerate(curves.get("loss", ())) if not math.isfinite(loss)), None)
        where = device_of(self.model.trainable_variables[0])
        return Trial(
            NAME, seed, {name: curve[-1] for name, curve in curves.items()},
            {name: tuple(shortest(curve)) for name, curve in curves.items()},
            None if broken is None else Divergence("nan", broken + 1), Seconds(time.perf_counter() - clock),
            device=str(where), precision=where.precision,
        )  # fmt: skip

    def _fit(
        self, seed: int, data: Any, hooks: Mapping[str, Any], callbacks: Iterable[Any] = (), **how: Any
    ) -> dict[str, list[float]]:
        """Calls ``Model.fit`` and returns its history.

        It draws the order of arrays as it begins; on PyTorch masks too, and further ones when a model is first used.
        """
        import keras

        seed_training(seed)
        hooks = {**hooks, "on_train_begin": lambda logs: seed_training(seed)}
        given = dict(zip(("x", "y", "sample_weight"), data if isinstance(data, tuple) else (data,), strict=False))
        self.model.fit(**given, callbacks=[keras.callbacks.LambdaCallback(**hooks), *callbacks], verbose=0, **how)
        return {name: [float(value) for value in curve] for name, curve in self.model.history.history.items()}

    def experiment(self, metrics: Sequence[str]) -> Experiment:
        """As the suite has it, for the file of evidence and for ``harness.why``."""

        import keras

        def data() -> Dataset:
            x, y, *_ = self.drawn().examples()
            if not hasattr(x, "shape") or not hasattr(y, "shape"):
                raise SuiteError("it has several inputs or outputs")
            return Dataset(x, y)

        loss = getattr(keras.losses.get(self.loss), "__name__", "") if isinstance(self.loss, str) else ""
        kinds = tuple(
            Metric(name, "lower" if "loss" in name or "error" in name else "higher", "", 1e-3) for name in metrics
        )
        return Experiment(
            id=self.id, loss=loss, size=Size(self.epochs, self.batch_size),
            variants=(Variant(NAME, lambda: self.built(0), data, lambda: self.built(0).optimizer),), metrics=kinds,
            accuracy=False,
        )  # fmt: skip

    def measured(self, **more: Any) -> Training:
        """What is known of it beside trials: its configuration, as the suite has it of its own, and hashes."""
        model: dict[str, Any] = of_keras(self.model, self.model.optimizer)
        layers = model["model"].get("layers")
        if isinstance(layers, list) and len(json.dumps(model["model"])) > LONGEST:
            model["model"]["layers"] = [f"{layer['class_name']} {digest(layer)}" for layer in layers]
        configuration = {
            **model,
            "loss": plain_json(mapped(_described, self.loss)),
            "metrics": plain_json(mapped(_described, self.metrics)),
            "batch_size": self.batch_size,
            "epochs": self.epochs,
            "data": self.drawn().checksums(),
            "validation": None if self.validation_data is None else True,
        }
        weights = b"".join(array(variable).tobytes() for variable in self.built(0).variables)
        # the order of the data needs no hash: that of arrays is NumPy's, and of others the checksum has the first
        return Training(configuration=configuration, hashes=Hashes(initial=hashed(weights), order=hashed()), **more)


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
        loss = logs["loss"] if "loss" in logs else next(iter(logs.values()))
        if self._own:
            self.losses.append(float(loss))
        else:
            super().end(batch, {"loss": loss})


def stored(training: OwnTraining) -> Training:
    """The training to store: trials to the end, short trials of both states, and how far rounding moves these.

    SuiteError if nothing of it could be compared later.
    """
    check_repeats(training.data, training.batch_size)
    losses, (again, *_) = (trial.losses for trial in training.short((0, 0)))
    first = losses[0]
    if not any(map(value, losses)):
        raise invalid(f"loss of {training.id}", expected="one, or a model that is compiled", received="0 at each step")
    if relative(value(again), value(first)) > LIMIT:
        raise SuiteError(
            f"{training.id}: two trainings of one seed differ from their first step on ({first}, {again}), so "
            "something draws random numbers without a seed. Give it one, or draw with keras.random or NumPy's global "
            "functions, which are seeded here."
        )
    model, optimizer, reached = training.model, training.model.optimizer, dict[str, Any]()

    def on_epoch(epoch: int, logs: Any) -> None:
        if epoch + 1 == min(EARLY, training.epochs):
            with contextlib.suppress(KeyError):  # an optimizer whose slots are not known
                reached["sizes"] = sizes(model, [(slot.name, slot) for slot in optimizer.variables], optimizer)
        reached["start"] = int(array(optimizer.iterations)) - TAIL - 1  # before the end of the last, as in the suite

    trials = (training.whole(0, on_epoch), *map(training.whole, range(1, training.seeds)))
    known, start = reached.get("sizes") or {}, reached["start"]
    late = [Late(start, known)] if known and start > 0 else []
    states, short = from_states(training.short, (None, *late), LIMITS)
    if not any(state.steps for state in states):
        raise SuiteError(
            f"{training.id}: T = 0, rounding moves the first loss of it by more than {100 * LIMITS[-1]:g} %, "
            "so no step of it can be compared. Train in float32, with larger batches or a smaller learning rate, or "
            "compare what it reaches with claim_check.equivalent."
        )
    return training.measured(steps=states[0].steps, trials=trials, short=tuple(short), states=tuple(states),
                             sizes=known if states[1:] else {})  # fmt: skip


def checked(training: OwnTraining, known: Training, paired: bool, own_stack: bool) -> Training:
    """What a check trains of a stored training: the steps that are compared, seed 0 to the end if that takes little.

    Args:
        known: what is stored.
        paired: whether seeds have the same random numbers as then. If not, canonical trials are compared as well.
        own_stack: whether it is stored of this stack; of another one only canonical trials are compared.
    """
    check_repeats(training.data, training.batch_size)
    short, whole, data = list[ShortTrial](), training.to_the_end, training.drawn()
    for state in known.states:
        late = Late(state.start, known.sizes) if state.start else None
        if own_stack and state.steps:
            short += training.short(range(CHECKED), late, state)
        if not paired and known.after(state.start, canonical=True):
            short += training.short((0,), late, state, canonical=True)
    if whole is None and data.arrays:  # by the suite's measure (harness.training.engine)
        parameters = sum(math.prod(weight.shape) for weight in training.model.trainable_variables)
        whole = count_of(data.given) * max(parameters, FEWEST) * training.epochs <= TINY
    return training.measured(short=tuple(short), trials=(training.whole(0),) if own_stack and whole else ())


def _described(value: Any) -> JSON:
    """A loss or metric: its text or configuration, or the name of a function."""
    if hasattr(value, "get_config"):
        return {"class_name": type(value).__name__, "config": without_names(value.get_config())}
    return value if isinstance(value, str) else str(getattr(value, "__name__", type(value).__name__))
