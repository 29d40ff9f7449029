"""A script of plain Keras that shows a difference: a training, made as small as the difference lets it.

The data and the weights are drawn by NumPy, so that only Keras and its backend decide what it prints.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.errors import SuiteError
from harness.model import Experiment
from harness.training.setup import TrainingSetup

FEATURES, UNITS, BATCH = 8, 8, 4
"""Of a script that is made smaller."""
PRINTED = {
    "evaluate": 'print("loss:", *np.ravel(model.evaluate(x, y, batch_size=len(x), verbose=0))[:1])',
    "fit": 'print("loss:", *history.history["loss"])',
    "weights": 'print("changes of the weights:", *[float(np.linalg.norm(w - v)) '
    "for w, v in zip(model.get_weights(), before)])",
    "initial": 'print("norms of the initial weights:", *[float(np.linalg.norm(w)) for w in model.get_weights()])',
    "mask": 'print("kept by dropout:", *np.ravel(keras.ops.convert_to_numpy(model(x, training=True)))[:6])',
}
"""What a script prints, by what it shows."""


@dataclass(frozen=True)
class Sketch:
    """What a script trains.

    Attributes:
        layers: by class, the arguments that are not the defaults, as source text.
        shape, targets: of the inputs and of the targets of an example.
        one_hot: whether the targets are classes; else they are numbers.
        shown: what is printed, a key of PRINTED.
    """

    layers: tuple[tuple[str, Mapping[str, str]], ...]
    shape: tuple[int, ...]
    targets: tuple[int, ...]
    one_hot: bool
    optimizer: str
    loss: str
    batch: int
    epochs: int = 2
    shuffle: bool = False
    shown: str = "fit"

    @classmethod
    def of(cls, experiment: Experiment, variant: str) -> Sketch:
        """SuiteError if its model is no sequence of layers."""
        setup = TrainingSetup.of(experiment, variant)
        model, optimizer = setup.built
        if not hasattr(model, "add"):
            raise SuiteError(f"No script of {experiment.id}/{variant}: its model is no keras.Sequential.")
        y = setup.data.y
        return cls(
            tuple((type(layer).__name__, arguments(layer)) for layer in model.layers),
            tuple(setup.data.x.shape[1:]),
            tuple(y.shape[1:]),
            bool(y.ndim == 2 and y.shape[1] > 1 and (y.sum(axis=1) == 1).all()),
            written(optimizer),
            experiment.loss,
            min(setup.size.batch_size, 128),
        )

    def text(self) -> str:
        """The script. It prints one line."""
        count, first = self.batch * 2 + max(self.batch // 2, 1), "rng = np.random.default_rng(0)"
        targets = (
            f'np.eye({self.targets[0]}, dtype="float32")[rng.integers(0, {self.targets[0]}, {count})]'
            if self.one_hot
            else f'rng.random({(count, *self.targets)}).astype("float32")'
        )
        lines = ["import keras", "import numpy as np", "", first]
        lines += [f'x = rng.random({(count, *self.shape)}).astype("float32")', f"y = {targets}"]
        if self.shown == "initial" or self.shuffle or any(kind == "Dropout" for kind, _ in self.layers):
            lines += ["keras.utils.set_random_seed(0)"]
        lines += ["", "model = keras.Sequential(", "    ["]
        lines += [f"        keras.layers.Input({self.shape}),"]
        lines += [
            f"        keras.layers.{kind}({', '.join(f'{k}={v}' for k, v in given.items())}),"
            for kind, given in self.layers
        ]
        lines += ["    ]", ")"]
        if self.shown != "initial":
            lines += ["for weight in model.trainable_weights:", "    if len(weight.shape) > 1:"]
            lines += ["        weight.assign(rng.uniform(-1, 1, weight.shape) * (6 / sum(weight.shape[-2:])) ** 0.5)"]
        if self.shown not in ("initial", "mask"):
            lines += ["", f"model.compile(optimizer={self.optimizer}, loss={self.loss!r})"]
        if self.shown in ("fit", "weights"):
            lines += ["before = model.get_weights()"] * (self.shown == "weights")
            options = f"batch_size={self.batch}, epochs={self.epochs}, shuffle={self.shuffle}, verbose=0"
            lines += [f"{'history = ' * (self.shown == 'fit')}model.fit(x, y, {options})"]
        return "\n".join([*lines, PRINTED[self.shown], ""])

    def views(self) -> Iterator[Sketch]:
        """What it can show, in the order in which one causes the next."""
        yield replace(self, shown="initial")
        if any(kind == "Dropout" for kind, _ in self.layers):
            yield replace(self, shown="mask")
        yield replace(self, shown="evaluate")
        for shuffle in (False, True):
            yield replace(self, shown="weights", epochs=1, shuffle=shuffle)
            yield replace(self, shown="fit", shuffle=shuffle)

    def smaller(self) -> Iterator[Sketch]:
        """The sketches that are smaller by one thing, the largest steps first."""
        yield self.narrow().of_features().of_batch()
        yield self.narrow()
        yield self.of_features()
        yield self.of_batch()
        if self.epochs > 1:
            yield replace(self, epochs=1)
        last = len(self.layers) - 1
        inner = [place for place in range(last) if self.layers[place][0] != "Flatten"]
        if len(inner) > 1:
            yield self.with_layers(place for place in range(last + 1) if place not in inner)
        for place in inner:
            yield self.with_layers(each for each in range(last + 1) if each != place)
        if self.optimizer != PLAIN:
            yield replace(self, optimizer=PLAIN)
        for place, (kind, given) in enumerate(self.layers):
            for name in given:
                if name not in NEEDED:
                    kept = {key: value for key, value in given.items() if key != name}
                    yield replace(self, layers=(*self.layers[:place], (kind, kept), *self.layers[place + 1 :]))

    def with_layers(self, places: Any) -> Sketch:
        return replace(self, layers=tuple(self.layers[place] for place in places))

    def narrow(self) -> Sketch:
        """With fewer units in every layer but the last."""
        few = {"units": str(UNITS), "filters": "2"}
        inner = tuple(
            (kind, {name: few.get(name, value) for name, value in given.items()}) for kind, given in self.layers[:-1]
        )
        return replace(self, layers=(*inner, self.layers[-1]))

    def of_features(self) -> Sketch:
        return replace(self, shape=(FEATURES,)) if len(self.shape) == 1 and self.shape[0] > FEATURES else self

    def of_batch(self) -> Sketch:
        return replace(self, batch=min(self.batch, BATCH))


PLAIN = "keras.optimizers.SGD(learning_rate=0.1)"
NEEDED = ("units", "filters", "kernel_size", "pool_size", "rate")
_LEFT_OUT = ("name", "dtype", "trainable", "build_config", "seed", "batch_shape", "data_format")


def shrunk(sketch: Sketch, differs: Callable[[str], bool]) -> Sketch | None:
    """The smallest sketch found whose script shows the difference; None if no script of this training shows it.

    Args:
        sketch: of the training.
        differs: runs a script on both sides, and says whether they print different lines.
    """
    shown = next((view for view in sketch.views() if differs(view.text())), None)
    while shown is not None:
        tried = {shown.text()}
        for smaller in shown.smaller():
            if smaller.text() not in tried:
                tried.add(smaller.text())
                if differs(smaller.text()):
                    shown = smaller
                    break
        else:
            return shown
    return None


def arguments(made: Any) -> dict[str, str]:
    """The arguments of an object of Keras that are not the defaults, as source text. Initializers are left out."""
    config = made.get_config()
    declared = inspect.signature(type(made).__init__).parameters
    given = {}
    for name, value in config.items():
        default = declared[name].default if name in declared else inspect.Parameter.empty
        if name in _LEFT_OUT or name.endswith("_initializer") or name not in declared:
            continue
        if _source(value) != _source(default) and not (value == "linear" and default is None):
            given[name] = _source(value)
    return given


def written(made: Any) -> str:
    """ "keras.optimizers.Adam(learning_rate=0.01)"."""
    kind = type(made)
    module = next(
        (name for name in ("optimizers", "regularizers", "constraints") if f".{name}." in f"{kind.__module__}."),
        "layers",
    )
    given = arguments(made)
    if module == "optimizers":
        given = {"learning_rate": _source(made.get_config()["learning_rate"])} | given
    return f"keras.{module}.{kind.__name__}({', '.join(f'{name}={value}' for name, value in given.items())})"


def _source(value: Any) -> str:
    """A value of a configuration as source text."""
    import keras

    if isinstance(value, dict) and value.get("class_name"):
        if value.get("module", "").startswith("keras"):
            return written(keras.saving.deserialize_keras_object(value))
        return repr(value["class_name"])
    if isinstance(value, float):
        return repr(float(str(np.float32(value))))
    if isinstance(value, list):
        value = tuple(value)
    return repr(value)
