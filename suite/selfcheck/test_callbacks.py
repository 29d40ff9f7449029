"""Callbacks that stop, save and log a training: what they do on given losses, against their documentation."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suite.selfcheck.comparing import close

pytestmark = pytest.mark.exact

LOSSES = (5.0, 4.0, 4.5, 3.0, 3.5, 3.25, 3.2, 2.0625, 2.5, 2.25, 2.125, 2.1, 1.0)
"""Validation losses. The best loss before the patience of 4 runs out at epoch 11 is that of epoch 7 (from 0)."""
PATIENCE = 4


def stopping(losses: Sequence[float], patience: int) -> int:
    """The epoch, from 0, after which training stops: the ``patience``th in a row without a new best loss."""
    best, waited = math.inf, 0
    for epoch, loss in enumerate(losses):
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        if waited >= patience:
            return epoch
    return len(losses) - 1


def bests(losses: Sequence[float]) -> list[int]:
    """Epochs with a new best loss."""
    return [epoch for epoch, loss in enumerate(losses) if all(loss < before for before in losses[:epoch])]


def played(callback: Any, model: Any, epochs: Sequence[float]) -> int:
    """Plays these losses to a callback and returns the last epoch it allows; the weight of ``model`` is the epoch."""
    callback.set_params({"epochs": len(epochs), "verbose": 0})
    callback.set_model(model)
    model.stop_training = False
    callback.on_train_begin()
    epoch = 0
    for epoch, loss in enumerate(epochs):
        callback.on_epoch_begin(epoch)
        model.set_weights([np.full((1, 1), float(epoch))])
        callback.on_epoch_end(epoch, {"loss": loss / 3, "val_loss": loss})
        if model.stop_training:
            break
    callback.on_train_end()
    return epoch


def weight(model: Any) -> float:
    return float(np.ravel(model.get_weights()[0])[0])


@pytest.fixture
def model() -> Any:
    """A network of one weight."""
    import keras

    return keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1, use_bias=False)])


@pytest.mark.parametrize("patience", [1, 2, PATIENCE])
def test_early_stopping(patience: int, model: Any) -> None:
    from keras.callbacks import EarlyStopping

    last = stopping(LOSSES, patience)
    best = [epoch for epoch in bests(LOSSES) if epoch <= last][-1]
    for restore, kept in ((False, last), (True, best)):
        stop = EarlyStopping(patience=patience, restore_best_weights=restore)
        close(f"last epoch, restore_best_weights={restore}", played(stop, model, LOSSES), last)
        close(f"epoch of the weights, restore_best_weights={restore}", weight(model), kept)


def test_checkpoint_of_a_model(model: Any, tmp_path: Path) -> None:
    import keras

    saved, losses = tmp_path / "best.keras", LOSSES[:-1]
    played(keras.callbacks.ModelCheckpoint(str(saved), save_best_only=True), model, losses)
    close("epoch of the best weights", weight(keras.models.load_model(saved)), bests(losses)[-1])


def test_checkpoints_of_weights(model: Any, tmp_path: Path) -> None:
    from keras.callbacks import ModelCheckpoint

    path = str(tmp_path / "{epoch:02d}.weights.h5")
    played(ModelCheckpoint(path, save_weights_only=True, save_best_only=True), model, LOSSES)
    epochs = tuple(int(path.name[:2]) - 1 for path in sorted(tmp_path.glob("*.weights.h5")))
    close("epochs with a file of their own", epochs, tuple(bests(LOSSES)))


def test_csv(model: Any, tmp_path: Path) -> None:
    from keras.callbacks import CSVLogger

    lines = tmp_path / "log.csv"
    played(CSVLogger(str(lines)), model, LOSSES)
    with lines.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    close("epochs", tuple(int(row["epoch"]) for row in rows), tuple(range(len(LOSSES))))
    close("val_loss", [float(row["val_loss"]) for row in rows], list(LOSSES))


def test_history(model: Any) -> None:
    from keras.callbacks import History

    logged = History()
    played(logged, model, LOSSES)
    close("val_loss", list(map(float, logged.history["val_loss"])), list(LOSSES))
