"""``FitEngine`` with the compiled engine's data order, so that both can be compared step by step."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.training.fit import FitEngine
from harness.training.seeding import data_order


def batches(x: np.ndarray, y: np.ndarray, size: int, seed: int) -> Any:
    """A Keras PyDataset of every epoch's examples in the order of ``data_order``, the last partial batch included."""
    import keras

    class Batches(keras.utils.PyDataset):  # Keras has no types
        epoch = 0

        def __len__(self) -> int:
            return -(-len(x) // size)

        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            rows = data_order(seed, self.epoch, len(x))[index * size : (index + 1) * size]
            return x[rows].astype("float32"), y[rows].astype("float32")

    return Batches()


class OrderedFit(FitEngine):
    """``Model.fit`` over batches whose order is given."""

    def model(self, seed: int) -> Any:
        import keras

        model = super().model(seed)
        fit = model.fit

        def ordered(x: np.ndarray, y: np.ndarray, batch_size: int, callbacks: list[Any], **arguments: Any) -> Any:
            given = batches(x, y, batch_size, seed)
            # Keras' own end-of-epoch call also comes before the first epoch
            count = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: setattr(given, "epoch", epoch))
            return fit(
                given, shuffle=False, validation_batch_size=batch_size, callbacks=[count, *callbacks], **arguments
            )

        model.fit = ordered
        return model
