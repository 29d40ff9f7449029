"""One side of a comparison: what a training does here, stage by stage, in numbers to hold another Keras against.

A training of a few hundred examples goes through ``keras.Model.fit``, from weights and data that are the same
everywhere, so that two sides differ only in what Keras and its backend do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from harness.errors import SuiteError
from harness.model import Dataset, Experiment
from harness.record.trials import Training
from harness.training.backends import active
from harness.training.configuration import dropout_mask
from harness.training.reference import numpy
from harness.training.seeding import seed_training
from harness.training.setup import TrainingSetup
from harness.training.steps import late_states
from harness.why.where import weight_names

BATCH, BATCHES, VALIDATION, EPOCHS = 128, 2.5, 200, 2
"""Examples of a batch at most, batches of an epoch (the last is partial), validation examples, epochs."""
LIMIT = 1e-4
"""Two sides agree if their numbers differ by less, relative to the largest of a stage: rounding makes about 1e-6."""
OF_STEP, STEP = 1e-3, "step of "
"""Of a step, and how its stages begin. Adam's first step is the sign of a gradient: of one near 0 rounding decides.

Between JAX 0.10.1 and 0.10.2, which round otherwise, the steps of a bias differ by 1.3e-4.
"""
FINE = 2e-3
"""A smaller change, relative to its weight, is rounded by more than LIMIT / 3."""
DRAWN = 2
"""Random projections of an array, beside its norm."""

MASK = "dropout mask of seed 0"
OF_GENERATORS = ("initial weights", MASK, "order of the data", "weights after two epochs of fit, in its own order")
"""How the stages begin that each backend draws otherwise."""
Stages = dict[str, Any]
"""By stage, in the order in which one causes the next: numbers, or a text."""


def alike(one: Any, other: Any, stage: str = "") -> bool:
    """Whether two sides agree in a stage: numbers up to rounding, where nan equals nan; anything else exactly."""
    if not (isinstance(one, list) and isinstance(other, list)):
        return bool(one == other)
    if len(one) != len(other):
        return False
    finite = [abs(value) for value in (*one, *other) if math.isfinite(value)]
    limit = (OF_STEP if stage.startswith(STEP) else LIMIT) * max(finite, default=0.0)
    return all(
        abs(a - b) <= limit if math.isfinite(a) and math.isfinite(b) else str(a) == str(b)
        for a, b in zip(one, other, strict=True)
    )


def written_out(experiment: Experiment, variant: str, known: Training | None = None) -> Stages:
    """The stages of a training from its canonical weights, and from its last late state if ``known`` has its sizes.

    The training is cut to ``EPOCHS`` epochs of ``BATCHES`` batches. If it cannot be built or trained, the last stage is
    the text of the error.
    """
    stages: Stages = {}
    try:
        plain = TrainingSetup.of(experiment, variant)
        stages |= _random_numbers(_cut(plain))
        lates = late_states(plain, known.sizes) if known and known.sizes else ()
        trained = Trained(_cut(TrainingSetup.of(experiment, variant, canonical=True)))
        stages |= trained.first_batch()
        for late in (None, *lates[-1:]):
            setup = _cut(TrainingSetup.of(experiment, variant, canonical=True, late=late))
            trained.begin_as(setup)
            after = ", from a late state" if late else ""
            stages |= {f"{name}{after}": value for name, value in trained.fixed_order()}
            if late is None:
                stages |= {"order of the data in fit": _order()} | dict(trained.own_order())
        if MASK in stages:
            masked = Trained(_cut(plain))
            stages |= {f"{name}, with dropout": value for name, value in masked.own_order()}
    except (SuiteError, MemoryError) as error:
        stages["error"] = _words(str(error))
    except Exception as error:
        stages["error"] = f"{type(error).__name__}: {_words(str(error))[:200]}"
    return stages


def _words(text: str) -> str:
    """A message on one line, without the version, which differs from build to build."""
    import keras

    return " ".join(text.split()).replace(f"Keras {keras.__version__}", "this Keras")


def _cut(setup: TrainingSetup) -> TrainingSetup:
    """The training with fewer examples and epochs, and a last batch that is partial."""
    data, batch = setup.data, min(setup.size.batch_size, BATCH, max(len(setup.data.x) // 2, 1))
    count = min(int(BATCHES * batch), len(data.x))
    x_val, y_val = (None if array is None else array[:VALIDATION] for array in (data.x_val, data.y_val))
    size = replace(setup.size, batch_size=batch, epochs=EPOCHS)
    return replace(setup, size=size, data=Dataset(data.x[:count], data.y[:count], x_val, y_val))


def _random_numbers(setup: TrainingSetup) -> Stages:
    model, _ = setup.build()
    setup.initialise(model, 0)
    mask = dropout_mask(model, 0, setup.size.batch_size)
    stages: Stages = {"initial weights of seed 0": _weights(model)}
    if mask is not None:
        stages[MASK] = _summary(mask)
    return stages


def _order() -> list[float]:
    """The order in which ``fit`` takes eight examples in each of two epochs: a weight that halves and adds them up."""
    import keras

    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.zeros((1, 1))])
    model.compile(optimizer=keras.optimizers.SGD(0.25), loss="mse", jit_compile=active().facts.compiled_fit)
    weights: list[float] = []
    kept = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: weights.append(_weights(model)[0]))
    seed_training(0)
    model.fit(np.ones((8, 1)), np.arange(8.0), batch_size=1, epochs=2, verbose=0, callbacks=[kept])
    return weights


class Trained:
    """A training whose compiled functions are used again and again, each time from a state that it is set to."""

    def __init__(self, setup: TrainingSetup) -> None:
        self.setup, self.model = setup, _compiled(setup)
        self.start = self._state()

    def _state(self) -> list[np.ndarray]:
        from keras.ops import convert_to_numpy

        return [np.array(convert_to_numpy(each)) for each in (*self.model.variables, *self.model.optimizer.variables)]

    def begin(self) -> None:
        variables = (*self.model.variables, *self.model.optimizer.variables)
        for variable, value in zip(variables, self.start, strict=True):
            variable.assign(value)

    def begin_as(self, setup: TrainingSetup) -> None:
        """From here on it begins in the state of another setup of the same training."""
        other = Trained(setup)
        self.start = other.start
        self.begin()

    def first_batch(self) -> Iterator[tuple[str, Any]]:
        """Outputs and loss of a batch, and the gradients that ``fit`` has of it."""
        import keras

        batch = self.setup.size.batch_size
        x, y = self.setup.data.x[:batch], self.setup.data.y[:batch]
        yield "outputs", _summary(self.model.predict(x, batch_size=batch, verbose=0))
        yield "loss of a batch, as evaluate reports it", _floats(self.model.evaluate(x, y, batch_size=batch, verbose=0))
        plain = _compiled(self.setup, keras.optimizers.SGD(1.0))
        before = _arrays(plain)
        yield "loss of a batch, as fit reports it", _fit(plain, self.setup, Dataset(x, y, None, None), 1)["loss"]
        yield from _changes(plain, before, "gradient of {}, by a step of SGD in fit")

    def fixed_order(self) -> Iterator[tuple[str, Any]]:
        """A step and two epochs of ``fit`` in a fixed order."""
        batch, before = self.setup.size.batch_size, _arrays(self.model)
        _fit(self.model, self.setup, Dataset(self.setup.data.x[:batch], self.setup.data.y[:batch], None, None), 1)
        yield from _changes(self.model, before, f"{STEP}{type(self.model.optimizer).__name__} of {{}}")
        kept = [variable for variable in self.model.non_trainable_variables if "float" in str(variable.dtype)]
        if kept:
            yield "moving statistics after a step", [n for each in kept for n in _summary(numpy(each))]
        self.begin()
        curves = _fit(self.model, self.setup, self.setup.data, EPOCHS)
        yield "weights after two epochs of fit", _weights(self.model)
        for name, curve in sorted(curves.items()):
            yield f"{name} of two epochs, as fit reports it", curve

    def own_order(self) -> Iterator[tuple[str, Any]]:
        """Two epochs of ``fit`` in its own order."""
        self.begin()
        seed_training(0)
        _fit(self.model, self.setup, self.setup.data, EPOCHS, shuffle=True)
        yield "weights after two epochs of fit, in its own order", _weights(self.model)


def _compiled(setup: TrainingSetup, optimizer: Any = None) -> Any:
    model, own = setup.build()
    setup.initialise(model, 0)
    metrics = ["accuracy"] if setup.experiment.accuracy else []
    loss, compiled = setup.experiment.loss, active().facts.compiled_fit
    model.compile(optimizer=optimizer or own, loss=loss, metrics=metrics, jit_compile=compiled)
    return model


def _fit(model: Any, setup: TrainingSetup, data: Dataset, epochs: int, shuffle: bool = False) -> dict[str, list[float]]:
    validation = None if data.x_val is None else (data.x_val, data.y_val)
    options: dict[str, Any] = {"batch_size": setup.size.batch_size, "epochs": epochs, "shuffle": shuffle, "verbose": 0}
    history = model.fit(data.x, data.y, validation_data=validation, **options).history
    return {name: _floats(curve) for name, curve in history.items()}


def _arrays(model: Any) -> list[np.ndarray]:
    return [numpy(weight) for weight in model.trainable_variables]


def _changes(model: Any, before: Sequence[np.ndarray], stage: str) -> Iterator[tuple[str, Any]]:
    """The change of each weight. A change that is small beside its weight is lost in rounding, and left out."""
    for name, now, then in zip(weight_names(model), _arrays(model), before, strict=True):
        if not np.linalg.norm(now - then) <= FINE * np.linalg.norm(then):
            yield stage.format(name), _summary(now - then)


def _weights(model: Any) -> list[float]:
    return [number for array in _arrays(model) for number in _summary(array)]


def _summary(array: Any) -> list[float]:
    """The norm of an array, and its products with random directions of about its length; its numbers if few."""
    values = np.asarray(array, "float64").ravel()
    if values.size <= DRAWN + 1:
        return _floats(values)
    rng = np.random.default_rng(values.size)
    return _floats([np.linalg.norm(values), *(values @ rng.standard_normal(values.size) for _ in range(DRAWN))])


def _floats(values: Any) -> list[float]:
    return [float(f"{value:.7g}") for value in np.asarray(values, "float64").ravel()]
