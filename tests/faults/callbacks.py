"""Faults of callbacks, and of the curves and files that they write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.faults.fault import Fault, Patch, held_out, wrapped
from tests.faults.places import KERAS, Original

GROUP = "callbacks"
STOPPING = "keras.src.callbacks.early_stopping:EarlyStopping"
CHECKPOINT = "keras.src.callbacks.model_checkpoint:ModelCheckpoint"
CSV = "keras.src.callbacks.csv_logger:CSVLogger"
HISTORY = "keras.src.callbacks.history:History"


def fault(name: str, owner: str, attribute: str, wrapper: Callable[..., Any]) -> Fault:
    return Fault(name, (Patch(owner, attribute, wrapped(wrapper)),), None)


def patience(more: int) -> Fault:
    def end(original: Any, self: Any, epoch: int, logs: Any = None) -> Any:
        kept = self.patience
        self.patience = kept + more
        try:
            return original(self, epoch, logs)
        finally:
            self.patience = kept

    return fault(f"early stopping: patience {more:+d}", STOPPING, "on_epoch_end", end)


def never_waits_anew(original: Any, self: Any, epoch: int, logs: Any = None) -> Any:
    """An improvement does not set the count of epochs back."""
    waited = self.wait
    original(self, epoch, logs)
    self.wait = max(self.wait, waited)


def keeps_last(original: Any, self: Any, logs: Any = None) -> Any:
    kept, self.best_weights = self.best_weights, None
    original(self, logs)
    self.best_weights = kept


def wrong_direction(original: Any, self: Any, value: Any, reference: Any) -> Any:
    return reference is None or not original(self, value, reference)


def always_saves(original: Any, self: Any, epoch: int, batch: Any, logs: Any, filepath: Any) -> Any:
    original(self, epoch, batch, logs, filepath)
    return True


def never_better(original: Any, self: Any, epoch: int, batch: Any, logs: Any, filepath: Any) -> Any:
    """Only the first epoch is saved."""
    return original(self, epoch, batch, logs, filepath) and epoch == 0


def previous_logs(original: Any, self: Any, epoch: int, batch: Any, logs: Any, filepath: Any) -> Any:
    """Decides by the values of the epoch before."""
    before, self._before = getattr(self, "_before", logs), logs
    return original(self, epoch, batch, before, filepath)


def loses_a_row(original: Any, self: Any, epoch: int, logs: Any = None) -> Any:
    return None if epoch == 2 else original(self, epoch, logs)


def rounds(original: Any, self: Any, epoch: int, logs: Any = None) -> Any:
    return original(self, epoch, {name: round(float(number), 3) for name, number in (logs or {}).items()})


def history_loses_last(original: Any, self: Any, epoch: int, logs: Any = None) -> Any:
    return None if epoch == self.params.get("epochs", 0) - 1 else original(self, epoch, logs)


def forgets_the_best(original: Original, self: Any, epoch: int, logs: Any = None) -> None:
    original(self, epoch, logs)
    self.best = self.get_monitor_value(logs)


def saves_halves(original: Original, self: Any, store: Any) -> None:
    kept: dict[str, Any] = {}
    original(self, kept)
    for name, values in kept.items():
        store[name] = np.asarray(values).astype("float16")


def asks_for_a_hundredth(original: Original, self: Any, value: Any, reference: Any) -> Any:
    """An improvement is one by at least a per cent."""
    return original(self, value if reference is None else value * 1.01, reference)


def loads_no_bias(original: Original, self: Any, store: Any) -> None:
    from keras import ops

    original(self, store)
    if self.bias is not None:
        self.bias.assign(ops.zeros(self.bias.shape))


FAULTS = (
    *map(patience, (1, -1)),
    fault("early stopping: an improvement does not start the count anew", STOPPING, "on_epoch_end", never_waits_anew),
    fault("early stopping: the last weights stay", STOPPING, "on_train_end", keeps_last),
    fault("improvement is taken for its opposite", STOPPING, "_is_improvement", wrong_direction),
    fault("checkpoint: keeps the last epoch", CHECKPOINT, "_should_save_model", always_saves),
    fault("checkpoint: keeps the first epoch", CHECKPOINT, "_should_save_model", never_better),
    fault("checkpoint: an epoch late", CHECKPOINT, "_should_save_model", previous_logs),
    fault("CSV: loses a row", CSV, "on_epoch_end", loses_a_row),
    fault("CSV: rounds to three digits", CSV, "on_epoch_end", rounds),
    fault("history: loses the last epoch", HISTORY, "on_epoch_end", history_loses_last),
    held_out(
        "early stopping compares with the epoch before",
        f"{KERAS}.callbacks.early_stopping:EarlyStopping",
        "on_epoch_end",
        wrapped(forgets_the_best),
        None,
    ),
    held_out(
        "weights of Dense are saved in float16",
        f"{KERAS}.layers.core.dense:Dense",
        "save_own_variables",
        wrapped(saves_halves),
        None,
    ),
    held_out(
        "callbacks: an improvement has to be 1 %",
        f"{KERAS}.callbacks.monitor_callback:MonitorCallback",
        "_is_improvement",
        wrapped(asks_for_a_hundredth),
        None,
    ),
    held_out(
        "biases of Dense are not loaded",
        f"{KERAS}.layers.core.dense:Dense",
        "load_own_variables",
        wrapped(loads_no_bias),
        None,
    ),
)
