"""Callbacks: what stops, saves and notes a training, on losses that are given, and against what they promise."""

from __future__ import annotations

import csv
import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from suite.conformance.finding import Finding

LOSSES = (5.0, 4.0, 4.5, 3.0, 3.5, 3.25, 3.2, 2.0625, 2.5, 2.25, 2.125, 2.1, 1.0)
"""Validation losses: better for the last time at epoch 7 (from 0) within a patience of 4, which epoch 11 uses up."""
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
    """Has a callback see these losses, the weight of ``model`` being the epoch's number; the last epoch it allows."""
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


def check(engine: str) -> Iterator[Finding]:
    """EarlyStopping, ModelCheckpoint, CSVLogger and History."""
    import keras
    from keras import callbacks

    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    for patience in (1, 2, PATIENCE):
        expected = stopping(LOSSES, patience)
        for restore in (False, True):
            kept = [epoch for epoch in bests(LOSSES) if epoch <= expected][-1] if restore else expected
            stop = callbacks.EarlyStopping(patience=patience, restore_best_weights=restore)
            of = f"early stopping, patience {patience}, restore_best_weights={restore}"
            yield Finding(f"{of}: last epoch", played(stop, model, LOSSES), expected)
            yield Finding(f"{of}: epoch of the weights", weight(model), float(kept))
    with tempfile.TemporaryDirectory() as folder:
        yield from check_files(Path(folder), model)
    noted = callbacks.History()
    played(noted, model, LOSSES)
    yield Finding("history: val_loss", list(map(float, noted.history["val_loss"])), list(LOSSES))


def check_files(folder: Path, model: Any) -> Iterator[Finding]:
    """What the callbacks write."""
    import keras
    from keras import callbacks

    saved = folder / "best.keras"
    played(callbacks.ModelCheckpoint(str(saved), save_best_only=True), model, LOSSES[:-1])
    best = bests(LOSSES[:-1])[-1]
    yield Finding("checkpoint: epoch of the best weights", weight(keras.models.load_model(saved)), float(best))
    played(
        callbacks.ModelCheckpoint(str(folder / "{epoch:02d}.weights.h5"), save_weights_only=True, save_best_only=True),
        model,
        LOSSES,
    )
    epochs = tuple(int(path.name[:2]) - 1 for path in sorted(folder.glob("*.weights.h5")))
    yield Finding("checkpoint: epochs with a file of their own", epochs, tuple(bests(LOSSES)))
    lines = folder / "log.csv"
    played(callbacks.CSVLogger(str(lines)), model, LOSSES)
    with lines.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    yield Finding("CSV: epochs", tuple(int(row["epoch"]) for row in rows), tuple(range(len(LOSSES))))
    yield Finding("CSV: val_loss", [float(row["val_loss"]) for row in rows], list(LOSSES))
