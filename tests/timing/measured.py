"""Makes a real measurement on JAX in a process of its own, and prints the results as JSON."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from msgspec.structs import replace

from harness.timing.alternation import alternate, sized
from harness.timing.flops import dense_shapes
from harness.timing.peak import measure_again, measure_peak
from harness.timing.products import _step, seconds_of_products
from harness.training.backend import choose_backend, start_backend


def main() -> None:
    choose_backend("jax")
    device = start_backend()
    import jax
    import keras
    import numpy as np
    from keras import layers

    from cases.examples.learning_rate import EIGHT_POINTS
    from cases.networks import mlp

    peak = measure_peak(device, sizes=(64, 128), seconds=0.01)
    work = sized(EIGHT_POINTS, 5)
    times = alternate(work, "rate 0.1", ("fit", "compiled"), device, seconds=0.0, min_turns=1)
    convolution = keras.Sequential([layers.Input((8, 8, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2)])
    empty = keras.Sequential([layers.Input((3,)), layers.Flatten()])
    kernels, batch = [np.ones((256, 256), "float32"), np.ones((256, 64), "float32")], np.ones((300, 256), "float32")
    analysis: Any = jax.jit(_step).lower(kernels, batch).compile().cost_analysis()
    found = {
        "device": str(device),
        "times": msgspec.to_builtins(replace(times, engines=())),
        "engines": {one.engine: msgspec.to_builtins(one) for one in times.engines},
        "peak": msgspec.to_builtins(peak),
        "products of a step": analysis["flops"],
        "again": msgspec.to_builtins(measure_again(device, peak, seconds=0.01)),
        "shapes": {
            "dropout": dense_shapes(mlp(2, dropout=0.5)),
            "convolution": dense_shapes(convolution),
            "empty": dense_shapes(empty),
        },
        "products": {
            "few": seconds_of_products([(3, 3)], 8, 3, 32),
            "some": seconds_of_products([(256, 256), (256, 10)], 1000, 100, 300, seconds=0.2),
            "twice as many": seconds_of_products([(256, 256), (256, 10)], 2000, 200, 300, seconds=0.2),
            "one batch": seconds_of_products([(512, 512)], 200, 0, 300, seconds=0.0),
        },
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
