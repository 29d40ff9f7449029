"""The engine against NumPy: small networks trained through ``train``, as every variant is, curve by curve."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from cases.references import updates
from harness.experiment import Dataset, Experiment, Size, Variant
from harness.metric import Metric
from harness.training.engines import resolve_engine
from harness.training.train import prepare, train
from harness.trial import Trial
from suite.conformance import network
from suite.conformance.finding import Finding
from suite.conformance.network import Layer, Network

SEEDS = (0, 1)
COUNT, VALIDATION, BATCH, EPOCHS = 44, 20, 8, 2  # five batches of 8 and one of 4
LOSS = Metric("loss", better="lower", unit="nats", smallest_effect=0.01)
TOLERANCE = 1e-5
"""Of a loss of about 1: twelve steps in float32, which an adaptive optimizer makes larger. Measured: at most 2e-6."""
HITS = 1e-6  # of an accuracy: one hit more is 1 / 44


@dataclasses.dataclass(frozen=True)
class Case:
    """A network twice: as Keras has it and as ``network`` has it; likewise its optimizer.

    ``inference``: with the curves in inference mode, which take as long to compile as the training.
    """

    name: str
    model: Callable[[], Any]
    layers: Sequence[Layer]
    optimizer: Callable[[], Any]
    rule: Callable[[np.ndarray], np.ndarray]
    loss: str = "categorical_crossentropy"
    inputs: tuple[int, ...] = (5,)
    outputs: tuple[int, ...] = (4,)
    epochs: int = EPOCHS
    scale: float = 1.0
    inference: bool = False
    validation: int = VALIDATION

    def data(self) -> Dataset:
        """Random numbers, times ``scale``, and as targets random classes or numbers."""
        rng = np.random.default_rng(20)
        x = self.scale * rng.standard_normal((COUNT + self.validation, *self.inputs))
        if self.loss == "categorical_crossentropy":
            y = np.eye(self.outputs[0])[rng.integers(self.outputs[0], size=len(x))]
        else:
            y = rng.standard_normal((len(x), *self.outputs))
        return Dataset(x[:COUNT], y[:COUNT], x[COUNT:], y[COUNT:])

    def experiment(self, size: Size) -> Experiment:
        classes = self.loss == "categorical_crossentropy"
        return Experiment(
            id=f"conformance-{self.name}",
            data=self.data,
            loss=self.loss,
            size=size,
            metrics=(LOSS,),
            variants=(Variant(self.name, model=self.model, optimizer=self.optimizer),),
            accuracy=classes,
            inference=self.inference,
            halves=self.inference,
        )

    def reference(self, seed: int, orders: Any, batch: int) -> tuple[dict[str, list[float]], Network]:
        """The curves of a training in NumPy from the initial weights of ``seed``, and the network afterwards."""
        initial = self.initial(seed)
        data = self.data()
        assert data.x_val is not None
        assert data.y_val is not None
        training, validation = (data.x, data.y), (data.x_val, data.y_val)
        return network.trained(initial, network.by_rule(self.rule), training, validation, orders, batch), initial

    def initial(self, seed: int) -> Network:
        from harness.training.seeding import initialise

        model = self.model()
        initialise(model, seed)
        held = [layer for layer in model.layers if layer.variables]
        weights, statistics = (
            [np.array(v.numpy(), "float64") for layer in held for v in of(layer) if v.dtype == "float32"]
            for of in (lambda layer: layer.trainable_variables, lambda layer: layer.non_trainable_variables)
        )
        return Network(self.layers, self.loss, weights, statistics)


def sequential(inputs: tuple[int, ...], build: Callable[[Any, Any], list[Any]]) -> Any:
    import keras

    return keras.Sequential([keras.layers.Input(inputs), *build(keras.layers, keras.regularizers)])


def optimizer(name: str, **how: Any) -> Any:
    import keras

    return getattr(keras.optimizers, name)(**how)


def of(name: str, rule: Callable[..., Any], more: dict[str, Any] | None = None, **how: Any) -> Any:
    """(Keras' optimizer, the rule) with the same arguments; ``more``: those that the rule does not have."""
    return functools.partial(optimizer, name, **how, **(more or {})), functools.partial(rule, **how)


def case(name: str, build: Callable[[Any, Any], list[Any]], layers: Sequence[Layer], steps: Any, **how: Any) -> Case:
    inputs = how.get("inputs", (5,))
    return Case(name, functools.partial(sequential, inputs, build), layers, *steps, **how)


CASES = (
    case(
        "relu-adam",
        lambda k, r: [k.Dense(6, activation="relu"), k.Dense(4, activation="softmax")],
        (network.Dense("relu"), network.Dense("softmax")),
        of("Adam", updates.adam, learning_rate=0.02),
        inference=True,
    ),
    case(
        "normalised-nesterov",
        lambda k, r: [
            k.Dense(5, activation="sigmoid", kernel_regularizer=r.L2(0.01)),
            k.BatchNormalization(),
            k.Dense(4, activation="softmax"),
        ],
        (network.Dense("sigmoid", l2=0.01), network.BatchNormalization(), network.Dense("softmax")),
        of("SGD", updates.nesterov, {"nesterov": True}, learning_rate=0.05, momentum=0.9),
        inference=True,
    ),
    case(
        "penalised-rmsprop",
        lambda k, r: [
            k.Dense(6, activation="relu", activity_regularizer=r.L1(0.01)),
            k.Dense(4, activation="softmax", activity_regularizer=r.L1(0.01)),
        ],
        (network.Dense("relu", activity_l1=0.01), network.Dense("softmax", activity_l1=0.01)),
        of("RMSprop", updates.rmsprop, learning_rate=0.01, rho=0.9),
    ),
    case(
        "recurrent-adagrad",
        lambda k, r: [k.LSTM(2), k.BatchNormalization(), k.Dense(1)],
        (network.LSTM(), network.BatchNormalization(), network.Dense("linear")),
        of("Adagrad", updates.adagrad, learning_rate=0.05),
        loss="mean_squared_error",
        inputs=(3, 2),
        outputs=(1,),
    ),
    case(
        "convolutional-adadelta",
        lambda k, r: [
            k.Conv2D(2, (3, 3), activation="relu"),
            k.BatchNormalization(),
            k.MaxPooling2D(),
            k.Dense(1),
        ],
        (network.Conv2D(), network.BatchNormalization(), network.MaxPooling2D(), network.Dense("linear")),
        of("Adadelta", updates.adadelta, learning_rate=1.0, rho=0.95),
        loss="mean_squared_error",
        inputs=(6, 6, 1),
        outputs=(2, 2, 1),
    ),
    case(
        "linear-momentum",
        lambda k, r: [k.Dense(2)],
        (network.Dense("linear"),),
        of("SGD", updates.momentum, learning_rate=0.005, momentum=0.5),
        loss="mean_squared_error",
        outputs=(2,),
        epochs=25,  # what comes once in a hundred steps comes, too
    ),
)
CASE = {one.name: one for one in CASES}


def orders(seed: int, epochs: int, count: int) -> list[np.ndarray]:
    """As ``harness.training.seeding`` has promised it: NumPy's permutation of a generator of [seed, epoch]."""
    return [np.random.default_rng([seed, epoch]).permutation(count) for epoch in range(epochs)]


def same_curves(
    of: str, trial: Trial, curves: dict[str, list[float]], tolerance: float = TOLERANCE
) -> Iterator[Finding]:
    """Every curve of a trial beside the reference's; curves that the reference has besides are no matter."""
    for name, curve in trial.history.items():
        near = HITS if name.endswith("accuracy") else tolerance * max(1.0, *map(abs, curves[name]))
        yield Finding(f"{of}, {name} of each epoch", curve, curves[name], near)
    yield Finding(
        f"{of}, its metric", trial.metrics["loss"], curves["loss"][-1], tolerance * max(1, curves["loss"][-1])
    )
    yield Finding(f"{of}, its divergence", trial.divergence, None)


def check(one: Case, engine: str) -> Iterator[Finding]:
    """Two seeds of a case, one after the other; with ``fit``, which draws its own order, in one batch."""
    from harness.training.backend import active_backend

    batch = COUNT if resolve_engine(engine, active_backend()) == "fit" else BATCH
    experiment = one.experiment(Size(epochs=one.epochs, batch_size=batch))
    trials = train(experiment, one.name, SEEDS, engine)
    yield Finding(f"{one.name}, seeds of the trials", tuple(trial.seed for trial in trials), SEEDS)
    for trial in trials:
        curves, _ = one.reference(trial.seed, orders(trial.seed, one.epochs, COUNT), batch)
        yield from same_curves(f"{one.name}, seed {trial.seed}", trial, curves)


def check_epochs(engine: str) -> Iterator[Finding]:
    """The engine of the lecture's larger networks, which runs epoch by epoch, and the weights that it leaves."""
    import keras

    one = CASE["normalised-nesterov"]
    batch = BATCH
    runner = prepare(one.experiment(Size(epochs=EPOCHS, batch_size=BATCH)), one.name, engine)
    told: list[tuple[int, int]] = []

    def tell(seed: int, epochs: int) -> None:
        told.append((seed, epochs))

    if hasattr(runner, "epochs_per_launch"):
        runner.epochs_per_launch = 1
    else:
        batch = COUNT
        runner = prepare(one.experiment(Size(epochs=EPOCHS, batch_size=COUNT)), one.name, engine)
    for seed in SEEDS:
        told.clear()
        raw = runner.run(seed, tell)
        curves, after = one.reference(seed, orders(seed, EPOCHS, COUNT), batch)
        of = f"{one.name} epoch by epoch, seed {seed}"
        for name, curve in raw.history.items():
            yield Finding(f"{of}, {name} of each epoch", curve, curves[name], TOLERANCE)
        yield Finding(f"{of}, epochs told", tuple(told), tuple((seed, epoch + 1) for epoch in range(EPOCHS)))
        for number, (got, expected) in enumerate(zip(runner.weights, after.weights, strict=True)):
            obtained = keras.ops.convert_to_numpy(got)
            yield Finding(f"{of}, trained weights {number}", obtained, expected, TOLERANCE)


def check_fit(engine: str) -> Iterator[Finding]:
    """``Model.fit``, whichever engine is asked for, in one batch, because its order is its own.

    Where it is the engine that was asked for, in partial batches as well, at a rate of 0.
    """
    from harness.training.backend import active_backend

    one = CASE["relu-adam"]
    asked = resolve_engine(engine, active_backend()) == "fit"
    for batch, rate in ((COUNT, 0.02), *(((BATCH, 0.0),) if asked else ())):
        still = dataclasses.replace(
            one,
            optimizer=functools.partial(optimizer, "Adam", learning_rate=rate),
            rule=functools.partial(updates.adam, learning_rate=rate),
        )
        experiment = still.experiment(Size(epochs=EPOCHS, batch_size=batch))
        (trial,) = train(experiment, one.name, (0,), "fit")
        curves, _ = still.reference(0, orders(0, EPOCHS, COUNT), batch)
        yield from same_curves(f"fit at the rate {rate}, batches of {batch}", trial, curves)


def check_rates(engine: str) -> Iterator[Finding]:
    """Two variants that a compiled engine trains with one program, another rate and other data; and one that it has to
    compile anew, with another momentum."""
    one = CASE["linear-momentum"]
    other = dataclasses.replace(one, scale=0.5)
    base = one.experiment(Size(epochs=EPOCHS, batch_size=COUNT))
    further = {
        name: Variant(name, model=one.model, data=like.data, optimizer=functools.partial(optimizer, "SGD", **how))
        for name, like, how in (
            ("slow", other, {"learning_rate": 0.0005, "momentum": 0.5}),
            ("heavy", one, {"learning_rate": 0.005, "momentum": 0.9}),
        )
    }
    experiment = dataclasses.replace(base, variants=(*base.variants, *further.values()))
    for name, like, rate, momentum in (
        (one.name, one, 0.005, 0.5),
        ("slow", other, 0.0005, 0.5),
        ("heavy", one, 0.005, 0.9),
    ):
        (trial,) = train(experiment, name, (3,), engine)
        rule = functools.partial(updates.momentum, learning_rate=rate, momentum=momentum)
        curves, _ = dataclasses.replace(like, rule=rule).reference(3, orders(3, EPOCHS, COUNT), COUNT)
        yield from same_curves(f"variant {name} at the rate {rate}", trial, curves)


def check_divergence(engine: str) -> Iterator[Finding]:
    """Losses that grow a millionfold at each step, and some tenfold: what is told of them, and of which step."""
    trial, losses = growing(2000.0, 12, engine)
    limit = float(np.finfo("float32").max)
    first = next(step for step, loss in enumerate(losses, 1) if not loss <= limit)
    yield Finding("a loss that becomes inf: kind, epoch, step", told(trial), ("inf", first, first))
    numbers = sum(loss is not None for loss in trial.history["loss"])
    yield Finding("a loss that becomes inf: epochs with a finite loss", numbers, first - 1)
    yield Finding("a loss that becomes inf: its metric", trial.metrics["loss"], None)

    trial, losses = growing(8.0, 8, engine)
    high = next(step for step, loss in enumerate(losses, 1) if loss > 1000 * losses[0])
    yield Finding("a finite blow-up: kind, epoch, step", told(trial), ("blow-up", high, high))
    trial, _ = growing(8.0, high - 1, engine)
    yield Finding(f"{high - 1} epochs, before it is one", told(trial), None)

    lost = dataclasses.replace(CASE["linear-momentum"], scale=float("nan"))
    (trial,) = train(lost.experiment(Size(epochs=2, batch_size=COUNT)), lost.name, (0,), engine)
    yield Finding("data that are nan: kind, epoch, step", told(trial), ("nan", 1, 1))


def growing(rate: float, epochs: int, engine: str) -> tuple[Trial, Sequence[float]]:
    """A linear network trained at far too large a rate, a step an epoch; the reference's losses beside it."""
    one = CASE["linear-momentum"]
    base = one.experiment(Size(epochs=epochs, batch_size=COUNT))
    blowing = functools.partial(optimizer, "SGD", learning_rate=rate)
    variants = (Variant(one.name, model=one.model, optimizer=blowing),)
    (trial,) = train(dataclasses.replace(base, variants=variants), one.name, (0,), engine)
    like = dataclasses.replace(one, rule=functools.partial(updates.sgd, learning_rate=rate))
    with np.errstate(over="ignore", invalid="ignore"):
        curves, _ = like.reference(0, orders(0, epochs, COUNT), COUNT)
    return trial, curves["loss"]


def told(trial: Trial) -> tuple[str, int, int | None] | None:
    """Kind, epoch and step of its divergence."""
    found = trial.divergence
    return None if found is None else (found.kind, found.epoch, found.step)
