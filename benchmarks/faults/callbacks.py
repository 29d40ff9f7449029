"""Faults of callbacks, and of the curves and files that they write."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults import places as at
from benchmarks.faults.change import argument, attribute, ops, result, skipped
from benchmarks.faults.fault import fault, held_out

STOPPING = f"{at.KERAS}.callbacks.early_stopping:EarlyStopping"
SAVES = (f"{at.KERAS}.callbacks.model_checkpoint:ModelCheckpoint", "_should_save_model")
STOPPED, CSV, HISTORY = (
    (owner, "on_epoch_end")
    for owner in (STOPPING, f"{at.KERAS}.callbacks.csv_logger:CSVLogger", f"{at.KERAS}.callbacks.history:History")
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


FAULTS = {
    **{
        f"early stopping: patience {more:+d}": fault(STOPPED, attribute("patience", lambda n, more=more: n + more))
        for more in (1, -1)
    },
    "early stopping: an improvement does not start the count anew": fault(STOPPED, never_waits_anew),
    "early stopping: the last weights stay": fault((STOPPING, "on_train_end"), attribute("best_weights", None)),
    "improvement is taken for its opposite": fault(
        (STOPPING, "_is_improvement"), result(lambda better, reference_value: reference_value is None or not better)
    ),
    "checkpoint: keeps the last epoch": fault(SAVES, result(lambda saves: True)),
    "checkpoint: keeps the first epoch": fault(SAVES, result(lambda saves, epoch: saves and epoch == 0)),
    "checkpoint: an epoch late": fault(SAVES, previous_logs),
    "CSV: loses a row": fault(CSV, skipped(lambda original, epoch: epoch == 2)),
    "CSV: rounds to three digits": fault(CSV, argument("logs", rounded)),
    "history: loses the last epoch": fault(
        HISTORY, skipped(lambda original, self, epoch: epoch == self.params.get("epochs", 0) - 1)
    ),
    "early stopping compares with the epoch before": held_out(STOPPED, forgets_the_best),
    "weights of Dense are saved in float16": held_out((at.DENSE, "save_own_variables"), saves_halves),
    "callbacks: an improvement has to be 1 %": held_out(
        (f"{at.KERAS}.callbacks.monitor_callback:MonitorCallback", "_is_improvement"),
        argument("monitor_value", lambda value, reference_value: value if reference_value is None else value * 1.01),
    ),
    "biases of Dense are not loaded": held_out((at.DENSE, "load_own_variables"), loads_no_bias),
}
