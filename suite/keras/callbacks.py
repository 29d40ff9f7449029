"""Callbacks that stop, save and log a training: what they do on given losses."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from harness.self_check import Measured, self_check

LOSSES = (5.0, 4.0, 4.5, 3.0, 3.5, 3.25, 3.2, 2.0625, 2.5, 2.25, 2.125, 2.1, 1.0)
"""Validation losses. The best loss before a patience of 4 runs out at epoch 11 is that of epoch 7 (from 0)."""


def bests(count: int = len(LOSSES)) -> list[int]:
    """Those of the first epochs that have a new best loss."""
    return [epoch for epoch in range(count) if all(LOSSES[epoch] < before for before in LOSSES[:epoch])]


def played(callback: Any, epochs: int = len(LOSSES)) -> tuple[int, int]:
    """Plays the losses to a callback on a network of one weight, which is the number of the epoch.

    Returns the last epoch it allows, and the weight then.
    """
    import keras

    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    callback.set_params({"epochs": epochs, "verbose": 0})
    callback.set_model(model)
    model.stop_training = False
    callback.on_train_begin()
    epoch = 0
    for epoch, loss in enumerate(LOSSES[:epochs]):
        callback.on_epoch_begin(epoch)
        model.set_weights([np.full((1, 1), float(epoch))])
        callback.on_epoch_end(epoch, {"loss": loss / 3, "val_loss": loss})
        if model.stop_training:
            break
    callback.on_train_end()
    return epoch, int(model.get_weights()[0][0, 0])


@self_check(
    "early-stopping",
    "EarlyStopping ends after {0} epochs in a row without a new best loss, and can restore the best weights.",
    "Keras' documentation of EarlyStopping",
    {str(patience): patience for patience in (1, 2, 4)},
)
def early_stopping(engine: str, patience: int) -> Iterator[Measured]:
    from keras.callbacks import EarlyStopping

    last = next(epoch for epoch in range(len(LOSSES)) if epoch - bests(epoch + 1)[-1] >= patience)
    for restore, kept in ((False, last), (True, bests(last + 1)[-1])):
        stop = EarlyStopping(patience=patience, restore_best_weights=restore)
        of = f"last epoch, and the epoch of its weights, restore_best_weights={restore}"
        yield Measured(of, played(stop), (last, kept))


@self_check(
    "checkpoints",
    "ModelCheckpoint with save_best_only keeps the weights of the best epochs.",
    "Keras' documentation of ModelCheckpoint",
)
def checkpoints(engine: str) -> Iterator[Measured]:
    import keras
    from keras.callbacks import ModelCheckpoint

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "best.keras")
        played(ModelCheckpoint(path, save_best_only=True), len(LOSSES) - 1)
        weight = keras.models.load_model(path).get_weights()[0]
        yield Measured("epoch of the best weights", np.ravel(weight), [bests(len(LOSSES) - 1)[-1]])
        path = str(Path(folder) / "{epoch:02d}.weights.h5")
        played(ModelCheckpoint(path, save_weights_only=True, save_best_only=True))
        epochs = tuple(int(file.name[:2]) - 1 for file in sorted(Path(folder).glob("*.weights.h5")))
        yield Measured("epochs with a file of their own", epochs, tuple(bests()))


@self_check(
    "logs",
    "CSVLogger and History keep the values of every epoch.",
    "Keras' documentation of CSVLogger and History",
)
def logs(engine: str) -> Iterator[Measured]:
    from keras.callbacks import CSVLogger, History

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        played(CSVLogger(str(path)))
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    yield Measured("epochs of the CSV", [float(row["epoch"]) for row in rows], range(len(LOSSES)))
    yield Measured("val_loss of the CSV", [float(row["val_loss"]) for row in rows], list(LOSSES))
    history = History()
    played(history)
    yield Measured("val_loss of the history", history.history["val_loss"], list(LOSSES))


CHECKS = (*early_stopping, *checkpoints, *logs)
