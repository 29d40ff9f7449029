"""Measures for real on JAX, in a process of its own, and prints what it found as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from harness.timing.alternation import alternate, sized
from harness.timing.flops import flops_per_epoch
from harness.timing.peak import measure_again, measure_peak
from harness.training.backend import choose_backend, start_backend


def main() -> None:
    choose_backend("jax")
    device = start_backend()
    import keras
    from keras import layers

    from cases.examples.learning_rate import EIGHT_POINTS
    from cases.networks import mlp

    peak = measure_peak(device, sizes=(64, 128), seconds=0.01)
    work = sized(EIGHT_POINTS, "lecture", 5)
    times = alternate(work, "rate 0.1", ("fit", "compiled"), device, seconds=0.0, min_turns=1)
    convolution = keras.Sequential([layers.Input((8, 8, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2)])
    empty = keras.Sequential([layers.Input((3,)), layers.Flatten()])
    found = {
        "device": str(device),
        "times": asdict(replace(times, engines=())),
        "engines": {one.engine: asdict(one) for one in times.engines},
        "peak": peak.to_json(),
        "again": measure_again(device, peak, seconds=0.01).to_json(),
        "flops": {
            "dropout": flops_per_epoch(mlp(2, dropout=0.5), 1000, 100),
            "convolution": flops_per_epoch(convolution, 10, 1),
            "empty": flops_per_epoch(empty, 10, 1),
        },
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
