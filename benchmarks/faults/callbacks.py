"""Faults of callbacks, and of the curves and files that they write."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.change import argument, attribute, ops, result, skipped
from benchmarks.faults.fault import fault, held_out
from benchmarks.faults.places import DENSE, KERAS

STOPPING = f"{KERAS}.callbacks.early_stopping:EarlyStopping"
SAVES = (f"{KERAS}.callbacks.model_checkpoint:ModelCheckpoint", "_should_save_model")
STOPPED, CSV, HISTORY = (
    (owner, "on_epoch_end")
    for owner in (STOPPING, f"{KERAS}.callbacks.csv_logger:CSVLogger", f"{KERAS}.callbacks.history:History")
)


def never_waits_anew(original: Any, self: Any, epoch: int, logs: Any = None) -> Any:
    waited = self.wait
    original(self, epoch, logs)
    self.wait = max(self.wait, waited)


def previous_logs(original: Any, self: Any, epoch: int, batch: Any, logs: Any, filepath: Any) -> Any:
    """Decides by the values of the epoch before."""
    before, self._before = getattr(self, "_before", logs), logs
    return original(self, epoch, batch, before, filepath)


def rounded(logs: Any) -> dict[str, float]:
    return {name: round(float(number), 3) for name, number in (logs or {}).items()}


def forgets_the_best(original: Any, self: Any, epoch: int, logs: Any = None) -> None:
    original(self, epoch, logs)
    self.best = self.get_monitor_value(logs)


def saves_halves(original: Any, self: Any, store: Any) -> None:
    kept: dict[str, Any] = {}
    original(self, kept)
    for name, values in kept.items():
        store[name] = np.asarray(values).astype("float16")


def loads_no_bias(original: Any, self: Any, store: Any) -> None:
    original(self, store)
    if self.bias is not None:
        self.bias.assign(ops.zeros(self.bias.shape))


FAULTS = (
    *(
        fault(f"early stopping: patience {more:+d}", STOPPED, attribute("patience", lambda n, more=more: n + more))
        for more in (1, -1)
    ),
    fault("early stopping: an improvement does not start the count anew", STOPPED, never_waits_anew),
    fault("early stopping: the last weights stay", (STOPPING, "on_train_end"), attribute("best_weights", None)),
    fault(
        "improvement is taken for its opposite",
        (STOPPING, "_is_improvement"),
        result(lambda better, reference_value: reference_value is None or not better),
    ),
    fault("checkpoint: keeps the last epoch", SAVES, result(lambda saves: True)),
    fault("checkpoint: keeps the first epoch", SAVES, result(lambda saves, epoch: saves and epoch == 0)),
    fault("checkpoint: an epoch late", SAVES, previous_logs),
    fault("CSV: loses a row", CSV, skipped(lambda original, epoch: epoch == 2)),
    fault("CSV: rounds to three digits", CSV, argument("logs", rounded)),
    fault(
        "history: loses the last epoch",
        HISTORY,
        skipped(lambda original, self, epoch: epoch == self.params.get("epochs", 0) - 1),
    ),
    held_out("early stopping compares with the epoch before", STOPPED, forgets_the_best),
    held_out("weights of Dense are saved in float16", (DENSE, "save_own_variables"), saves_halves),
    held_out(
        "callbacks: an improvement has to be 1 %",
        (f"{KERAS}.callbacks.monitor_callback:MonitorCallback", "_is_improvement"),
        argument("monitor_value", lambda value, reference_value: value if reference_value is None else value * 1.01),
    ),
    held_out("biases of Dense are not loaded", (DENSE, "load_own_variables"), loads_no_bias),
)
