"""What Keras does without being told: ``python -m benchmarks.defaults FILE`` writes FILE, a ``Defaults`` in JSON.

A row is the default of an argument, an entry of ``get_config``, or the result of one small exact computation, of what
the lecture uses. ``benchmarks.versions`` shows the rows that differ between versions of Keras. The backend is that of
KERAS_BACKEND. Nothing is trained for more than a few steps.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks import Lazy
from harness.environment.fingerprint import version
from harness.erratum import readable
from harness.training.backends import named

keras: Any = Lazy("keras")
Row = tuple[str, Callable[[], Any]]


class Defaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The versions of an environment, and its rows: name -> value."""

    keras: str
    backend: str
    backend_version: str
    numpy: str
    rows: dict[str, str]


CLASSES = {
    "optimizers": ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam"),
    "optimizers.schedules": ("InverseTimeDecay", "ExponentialDecay"),
    "layers": (
        *("Activation", "BatchNormalization", "Concatenate", "Conv2D", "Dense", "Dropout", "Flatten", "InputLayer"),
        *("LSTM", "MaxPooling2D", "Multiply", "Normalization", "Rescaling"),
    ),
    "initializers": (
        *("GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal", "Orthogonal"),
        *("RandomNormal", "RandomUniform", "TruncatedNormal", "Zeros"),
    ),
    "regularizers": ("L1", "L1L2", "L2"),
    "losses": ("BinaryCrossentropy", "CategoricalCrossentropy", "MeanAbsoluteError", "MeanSquaredError"),
    "metrics": ("BinaryAccuracy", "CategoricalAccuracy"),
    "callbacks": ("CSVLogger", "EarlyStopping", "LambdaCallback", "ModelCheckpoint", "ReduceLROnPlateau"),
}
"""By module of Keras, the classes that the lecture or its replacements name."""
FUNCTIONS = (
    *("Model.compile", "Model.fit", "Model.evaluate", "Model.predict", "Model.save", "models.load_model"),
    *("utils.to_categorical", "utils.set_random_seed", "regularizers.l1_l2", "layers.Input"),
)
ACTIVATIONS = ("elu", "hard_sigmoid", "linear", "relu", "selu", "sigmoid", "softmax", "softplus", "tanh")
POINTS = (-3.0, -1.0, -0.1, 0.0, 0.1, 1.0, 3.0)


def shown(value: Any) -> str:
    """A value as text: numbers with five digits, an object by its class and arguments, a default function by name."""
    if isinstance(value, dict) and isinstance(value.get("class_name"), str):
        held = ", ".join(f"{name}={shown(each)}" for name, each in (value.get("config") or {}).items())
        return f"{value['class_name']}({held})"
    if isinstance(value, list | tuple | dict):
        parts = [f"{k}: {shown(v)}" for k, v in value.items()] if isinstance(value, dict) else map(shown, value)
        return f"[{', '.join(parts)}]"
    if isinstance(value, np.ndarray | np.generic):
        return shown(value.tolist())
    if isinstance(value, float):
        return f"{value:.5g}"
    return readable(getattr(value, "__name__", None) or repr(value))


def numpy(value: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(value))


def attribute(name: str) -> Any:
    """The object that Keras calls ``name``: "layers.Dense"."""
    return functools.reduce(getattr, name.split("."), keras)


def declared() -> Iterator[Row]:
    """The defaults that classes and functions declare, and those of an object made without arguments."""
    for name in ("floatx", "epsilon", "image_data_format"):
        yield f"config.{name}()", attribute(f"config.{name}")
    for name in FUNCTIONS:
        yield from entries(name, partial(arguments, name))
    for module, names in CLASSES.items():
        for name in (f"{module}.{short}" for short in names):
            yield from entries(name, partial(arguments, name))
            if module not in ("callbacks", "optimizers.schedules"):
                yield from entries(f"{name}.get_config()", partial(configuration, name))


def arguments(name: str) -> dict[str, Any]:
    """The defaults of the arguments of a function or a class of Keras."""
    parameters = inspect.signature(attribute(name)).parameters.values()
    return {each.name: each.default for each in parameters if each.default is not each.empty}


NEEDED: dict[str, tuple[Any, ...]] = {
    "layers.Activation": ("relu",),
    "layers.Conv2D": (2, 3),
    "layers.Dense": (2,),
    "layers.Dropout": (0.5,),
    "layers.InputLayer": ((3,),),
    "layers.LSTM": (2,),
    "layers.Rescaling": (1.0,),
}
"""The arguments that a class needs."""


def configuration(name: str) -> dict[str, Any]:
    return dict(attribute(name)(*NEEDED.get(name, ())).get_config())


def entries(name: str, given: Callable[[], dict[str, Any]]) -> Iterator[Row]:
    """A row for each entry of a dictionary; one row with the error if there is none."""
    try:
        values = given()
    except Exception as error:
        yield name, partial(str, f"{type(error).__name__}: {error}")
        return
    for key, value in values.items():
        if key != "name":  # counted: "dense_1"
            yield f"{name}: {key}", partial(itself, value)


def itself(value: Any) -> Any:
    return value


def floats(*values: Any) -> np.ndarray:
    return np.array(values, "float32")


def steps(name: str, *given: Any, **options: Any) -> list[float]:
    """A weight after each of five steps of an optimizer, with the gradients 1, -1, 0.5, 0 and 2."""
    weight, optimizer = keras.Variable(floats(1)), attribute(f"optimizers.{name}")(*given, **options)
    optimizer.build([weight])
    weights = []
    for gradient in (1.0, -1.0, 0.5, 0.0, 2.0):
        optimizer.apply([keras.ops.convert_to_tensor(floats(gradient))], [weight])
        weights.append(float(numpy(weight)[0]))
    return weights


def slots(name: str) -> list[str]:
    """The names of an optimizer's variables."""
    optimizer = attribute(f"optimizers.{name}")()
    optimizer.build([keras.Variable(floats(1), name="weight")])
    return [variable.name for variable in optimizer.variables]


def model(**dense: Any) -> Any:
    """Dense(2) and Dense(1) on three inputs, with given weights, compiled."""
    stack = [keras.layers.Input((3,)), keras.layers.Dense(2, "tanh", **dense), keras.layers.Dense(1)]
    made = keras.Sequential(stack)
    made.set_weights([np.full((3, 2), 0.5), np.zeros(2), np.full((2, 1), 2.0), np.ones(1)])
    made.compile(loss="mse", optimizer=keras.optimizers.SGD(0.01))
    return made


def paths() -> list[str]:
    """The paths of a model's variables."""
    return [variable.path for variable in model().variables]


def examples() -> tuple[np.ndarray, np.ndarray]:
    x = (np.arange(24) % 7 / 7).reshape(8, 3).astype("float32")
    return x, x.sum(axis=1, keepdims=True)


def trained(shuffle: bool = False, seed: int = 0, batch: int = 2) -> list[float]:
    """The losses of three epochs of ``fit`` of eight examples, from given weights and a seed of Keras."""
    made = model()
    keras.utils.set_random_seed(seed)
    history = made.fit(*examples(), epochs=3, batch_size=batch, shuffle=shuffle, verbose=0).history["loss"]
    return [float(loss) for loss in history]


def evaluated(batch: int) -> float:
    """The loss of eight examples, by ``evaluate``."""
    return float(model().evaluate(*examples(), batch_size=batch, verbose=0))


def misshapen(method: str) -> type | None:
    """The class of the error of a method that gets examples of another shape; its text differs between backends."""
    x, y = np.ones((4, 2, 3), "float32"), np.ones((4, 1), "float32")
    try:
        getattr(model(), method)(*((x,) if method == "predict" else (x, y)), verbose=0)
    except Exception as error:
        return type(error)
    return None


def checkpointed(name: str, **options: Any) -> list[str]:
    """The files that ModelCheckpoint leaves after an epoch."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = keras.callbacks.ModelCheckpoint(f"{folder}/{name}", **options)
        model().fit(*examples(), verbose=0, callbacks=[checkpoint])
        return sorted(path.name for path in Path(folder).iterdir())


def added(how: str, **dense: Any) -> float:
    """What a regularizer adds to the loss of one batch: in the list ``losses``, in ``evaluate`` or in ``fit``."""
    return round(penalised(how, **dense) - penalised(how), 4)  # of float32 losses of about 3


def penalised(how: str, **dense: Any) -> float:
    made = model(**dense)
    x, y = examples()
    if how == "losses":
        made(x)
        return float(sum(map(numpy, made.losses)))
    if how == "evaluate":
        return float(made.evaluate(x, y, batch_size=8, verbose=0))
    return float(made.fit(x, y, batch_size=8, verbose=0).history["loss"][0])


def kept(name: str) -> Any:
    """The activity regularizer of a layer that is made from another layer's configuration."""
    layer = attribute(name)(*NEEDED[name], activity_regularizer=keras.regularizers.L1(0.1))
    return keras.regularizers.serialize(type(layer).from_config(layer.get_config()).activity_regularizer)


def normalised(training: bool) -> list[Any]:
    """Outputs of batch normalization, and its moving averages afterwards."""
    layer = keras.layers.BatchNormalization()
    outputs = numpy(layer(floats([1], [2], [6]), training=training)).ravel()
    return [outputs, numpy(layer.moving_mean), numpy(layer.moving_variance)]


def adapted() -> np.ndarray:
    layer = keras.layers.Normalization(axis=-1)
    layer.adapt(floats([1], [2], [6]))
    return numpy(layer(floats([1], [2], [6]))).ravel()


def activated(name: str) -> np.ndarray:
    return np.asarray(numpy(keras.activations.get(name)(keras.ops.convert_to_tensor([POINTS])))[0])


def lost(name: str, outputs: Sequence[float]) -> np.ndarray:
    return numpy(keras.losses.get(name)(floats([0, 1, 0]), floats(outputs)))


def drawn(name: str) -> np.ndarray:
    return numpy(attribute(f"initializers.{name}")(seed=1)((4, 3))).ravel()[:4]


def dropped() -> np.ndarray:
    return np.asarray(numpy(keras.layers.Dropout(0.5, seed=1)(np.ones((1, 12), "float32"), training=True))[0])


def computed() -> Iterator[Row]:
    """The results of small computations."""
    for name in ACTIVATIONS:
        yield f"activations.{name} at {list(POINTS)}", partial(activated, name)
    for name in ("categorical_crossentropy", "binary_crossentropy", "mean_squared_error"):
        for outputs in ([0.2, 0.7, 0.1], [1.0, 0.0, 0.0]):
            yield f"losses.{name} of [0, 1, 0] and {shown(outputs)}", partial(lost, name, outputs)
    for name in CLASSES["initializers"][:-1]:
        yield f"initializers.{name}(seed=1), first values", partial(drawn, name)
    yield "layers.Dropout(0.5, seed=1) of 12 ones", dropped
    for name in CLASSES["optimizers"]:
        yield f"optimizers.{name}(), five steps", partial(steps, name)
        yield f"optimizers.{name}(epsilon=None)", partial(steps, name, epsilon=None)
        yield f"optimizers.{name}(decay=0.1)", partial(steps, name, decay=0.1)
        yield f"optimizers.{name}(lr=0.1)", partial(steps, name, lr=0.1)
        yield f"optimizers.{name}: names of its variables", partial(slots, name)
    yield "optimizers.SGD(clipnorm=1, clipvalue=0.5)", partial(steps, "SGD", 0.1, clipnorm=1.0, clipvalue=0.5)
    yield "optimizers.SGD(clipnorm=0.5), five steps", partial(steps, "SGD", 0.1, clipnorm=0.5)
    yield "optimizers.SGD(0.1, 0.9, nesterov=True), five steps", partial(steps, "SGD", 0.1, 0.9, True)
    yield "float() of a variable", lambda: float(keras.Variable(1.5))
    yield "int() of a variable", lambda: int(keras.Variable(2, dtype="int32"))
    yield "layers.BatchNormalization() of 1, 2, 6 in training", partial(normalised, True)
    yield "layers.BatchNormalization() of 1, 2, 6 in inference", partial(normalised, False)
    l1, l2 = keras.regularizers.L1(0.1), keras.regularizers.L2(0.1)
    for how in ("losses", "evaluate", "fit"):
        yield f"L2(0.1) of 6 weights of 0.5, in {how}", partial(added, how, kernel_regularizer=l2)
        yield f"L1(0.1) of the activities of 8 examples, in {how}", partial(added, how, activity_regularizer=l1)
    for name in ("layers.Dense", "layers.Conv2D", "layers.LSTM"):
        yield f"{name}: activity_regularizer after from_config(get_config())", partial(kept, name)
    yield "fit without shuffling, three losses", trained
    yield "fit with shuffling, three losses", partial(trained, shuffle=True)
    yield "fit with shuffling from another seed, three losses", partial(trained, shuffle=True, seed=1)
    yield "fit in batches of 3, 3 and 2, three losses", partial(trained, batch=3)
    yield "evaluate in batches of 3, 3 and 2", partial(evaluated, 3)
    for method in ("fit", "evaluate", "predict"):
        yield f"{method} of examples of another shape", partial(misshapen, method)
    for name in ("a.keras", "a.h5", "a.hdf5"):
        yield f"callbacks.ModelCheckpoint({name!r})", partial(checkpointed, name)
    weights = {"save_weights_only": True}
    yield "callbacks.ModelCheckpoint('a', save_weights_only=True)", partial(checkpointed, "a", **weights)
    yield "layers.Normalization().adapt of 1, 2, 6", adapted
    yield "utils.to_categorical([0, 2])", lambda: keras.utils.to_categorical([0, 2])
    yield "names of a model's variables", paths


def row(name: str) -> str:
    """The value of one row; "absent" if this Keras has none of this name."""
    for rows in (declared, computed):
        for known, value in rows():
            if known == name:
                return text_of(value)
    return "absent"


def text_of(value: Callable[[], Any]) -> str:
    """A row's value; an error is its text. Keras counts its layers, "dense_1": the numbers are left out."""
    try:
        text = shown(value())
    except Exception as error:
        text = readable(f"{type(error).__name__}: {error}", 120)
    return re.sub(r"(?<=[a-z])_\d+\b", "", text)


def defaults() -> Defaults:
    """Every row of this Keras."""
    known = {name: text_of(value) for rows in (declared, computed) for name, value in rows()}
    backend = keras.backend.backend()
    backend_version = version(*named(backend).facts.distributions) or ""
    return Defaults(keras.__version__, backend, backend_version, np.__version__, known)


def main(arguments: Sequence[str] | None = None) -> int:
    (file,) = map(Path, sys.argv[1:] if arguments is None else arguments)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(defaults()), indent=1) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
