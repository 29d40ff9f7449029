"""Example 3's training with its callbacks: ``Model.fit`` with ModelCheckpoint, EarlyStopping and ``.keras`` files."""

import functools
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cases.data.mnist import mnist
from cases.networks import adam, dense_softmax
from harness.model import Dataset
from harness.training.seeding import initialise, seed_everything

BATCH = 200
IMAGES = 2000  # for training and for validation; callbacks do the same with more
FILE = "mnist-{epoch:02d}-{val_loss:.4f}.keras"


@dataclass(frozen=True)
class Spec:
    """One training: at most ``epochs`` of Adam at ``learning_rate``, stopped by ``patience`` without improvement."""

    name: str
    epochs: int
    learning_rate: float
    patience: int = 10


SLIDE_RUN = Spec("as on the slide", epochs=32, learning_rate=0.001)
EARLY = Spec("a rate that overfits early", epochs=100, learning_rate=0.03)


@dataclass(frozen=True)
class Outcome:
    """What a training recorded and saved.

    Attributes:
        history: the curves of ``Model.fit``.
        saved: (epoch from 1, file name) of each saved file in order.
        loaded: loss and accuracy of the model in the last file.
        predictions: that model's predictions (n, 10) on the validation images.
        labels: the digits (n,) of the validation images.
        final: kernel (784, 10) and bias (10,) after the last epoch.
    """

    history: dict[str, list[float]]
    saved: tuple[tuple[int, str], ...]
    loaded: tuple[float, ...]
    predictions: np.ndarray
    labels: np.ndarray
    final: tuple[np.ndarray, ...]


def images() -> Dataset:
    data = mnist()
    assert data.x_val is not None
    assert data.y_val is not None
    return Dataset(data.x[:IMAGES], data.y[:IMAGES], data.x_val[:IMAGES], data.y_val[:IMAGES])


@functools.lru_cache(maxsize=4)
def trained(spec: Spec) -> Outcome:
    """Trains from seed 0, once per process; four claims use the result."""
    import keras

    data = images()
    model = dense_softmax(784, 10)
    initialise(model, seed=0)
    seed_everything(0)
    model.compile(loss="categorical_crossentropy", optimizer=adam(spec.learning_rate), metrics=["accuracy"])
    with tempfile.TemporaryDirectory() as folder:
        history = model.fit(
            data.x,
            data.y,
            validation_data=(data.x_val, data.y_val),
            epochs=spec.epochs,
            batch_size=BATCH,
            verbose=0,
            callbacks=[
                keras.callbacks.ModelCheckpoint(str(Path(folder) / FILE), monitor="val_loss", save_best_only=True),
                keras.callbacks.EarlyStopping(monitor="val_loss", patience=spec.patience),
            ],
        )
        saved = sorted((int(re.split("[-.]", path.name)[1]), path.name) for path in Path(folder).iterdir())
        best = keras.models.load_model(Path(folder) / saved[-1][1])
    loaded = best.evaluate(data.x_val, data.y_val, batch_size=BATCH, verbose=0)
    predictions = np.asarray(best.predict(data.x_val, batch_size=BATCH, verbose=0))
    assert data.y_val is not None
    labels, final = np.argmax(data.y_val, axis=1), tuple(model.get_weights())
    return Outcome(history.history, tuple(saved), tuple(map(float, loaded)), predictions, labels, final)
