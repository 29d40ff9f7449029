"""Compares the vectorized engine with ``compiled``: curves and failures of each replica, memory, the device."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from typing import Any
from unittest import mock

import numpy as np

from cases.networks import dense_softmax, sgd
from harness.domain.experiment import Experiment, Variant
from harness.training import engines, vectorized, vectorized_jax
from tests.training import measure_blocks
from tests.training.experiments import (
    AGREEMENT,
    BATCH,
    DROPOUT,
    FAILURES,
    INFERENCE,
    LOSS,
    MASKS,
    REGRESSION,
    SIZE,
    images,
    one_number,
)
from tests.training.measure_blocks import SEEDS, fresh_programs, replicas, trials
from tests.training.measure_looks import LOOKS, NO_EPOCH, fewer, reversed_images, whole_batches

AMONG, MANY = 256, ("two relu", "dropout")
"""Seeds side by side, of these trainings; of the others sixteen."""
ARMS: dict[str, tuple[Experiment, str]] = {
    "softmax": (INFERENCE, "softmax"),
    "linear": (REGRESSION, "linear"),
    **{variant.name: (AGREEMENT, variant.name) for variant in AGREEMENT.variants},
    "dropout": (DROPOUT, "with"),
    "masks": (MASKS, "dropout"),
}


def wide(scale: float = 4e19) -> Any:
    """One weight, drawn so large that the squared loss of about half of the seeds is inf at once."""
    import keras
    from keras import layers

    return keras.Sequential(
        [layers.Input((1,)), layers.Dense(1, kernel_initializer=keras.initializers.RandomUniform(0, scale))]
    )


REPLICAS_FAIL = Experiment(
    id="replicas-fail",
    data=one_number,
    optimizer=functools.partial(sgd, 0.1),
    loss="mean_squared_error",
    size=FAILURES.size,
    metrics=(LOSS,),
    accuracy=False,
    variants=(Variant("wide", model=wide),),
)


def agreement(arms: Sequence[str] = MANY) -> dict[str, dict[str, Any]]:
    """Two seeds by ``compiled``; vectorized alone, among 256, and in the program that gathers bytes."""
    found: dict[str, dict[str, Any]] = {}
    for name in arms:
        arm = ARMS[name]
        found[name] = {"compiled": trials(*arm, SEEDS, "compiled")}
        if name in MANY:
            with replicas(1):
                found[name]["alone"] = trials(*arm, SEEDS)
        many = range(AMONG) if name in MANY else (SEEDS[0], *range(188, 203))
        with replicas(len(many)):
            among = trials(*arm, many)
        found[name]["among"] = [trial for trial in among if trial["seed"] in SEEDS]
        found[name]["different"] = len({str(trial["history"]) for trial in among})
        if name in ("softmax", "dropout"):
            with mock.patch.object(vectorized_jax, "waits_for_memory", return_value=True):
                found[name]["bytes"] = trials(*arm, SEEDS)
    with mock.patch.object(engines, "TINY", 0):
        for name in [name for name in arms if name in ("batch norm", "linear", "dropout")]:
            found[name]["epoch by epoch"] = trials(*ARMS[name], SEEDS)
    return found


def others() -> dict[str, dict[str, Any]]:
    """The same of all other trainings: a minute."""
    return agreement([name for name in ARMS if name not in MANY])


def on_a_gpu() -> dict[str, Any]:
    """As blocks are cut and launches made on a GPU, on this CPU: several epochs a launch, blocks of equal size."""
    widths: list[tuple[int, int]] = []
    launch = vectorized_jax.VectorizedProgram.launch_all

    def watched(self: Any, orders: np.ndarray, initial: Any) -> Any:
        widths.append(orders.shape[:2])
        return launch(self, orders, initial)

    with (
        mock.patch.object(vectorized.VectorizedEngine, "_kind", "gpu"),
        mock.patch.object(vectorized, "REPLICAS", {"gpu": 4}),
        mock.patch.object(engines, "TINY", 0),
        mock.patch.object(vectorized_jax.VectorizedProgram, "launch_all", watched),
    ):
        found = trials(AGREEMENT, "two relu", range(10))
    return {"trials": found, "compiled": trials(AGREEMENT, "two relu", range(10), "compiled"), "widths": widths}


def replicas_fail() -> dict[str, Any]:
    seeds = range(24)
    return {engine: trials(REPLICAS_FAIL, "wide", seeds, engine) for engine in ("compiled", "vectorized")}


def looks() -> dict[str, Any]:
    """What is followed and observed, in one launch, epoch by epoch, and of no epoch at all."""
    found = {"compiled": trials(LOOKS, "penalised", SEEDS, "compiled"), "vectorized": trials(LOOKS, "penalised", SEEDS)}
    with mock.patch.object(engines, "TINY", 0):
        found["compiled, epoch by epoch"] = trials(LOOKS, "penalised", SEEDS, "compiled")
        found["vectorized, epoch by epoch"] = trials(LOOKS, "penalised", SEEDS)
    for engine in ("compiled", "vectorized"):
        found[f"{engine}, no epoch"] = trials(NO_EPOCH, "penalised", SEEDS, engine)
    return found


def initialised(initializer: str) -> Any:
    return dense_softmax(784, 10, initializer)


SHARED = Experiment(
    id="shared-side-by-side",
    data=whole_batches,
    model=functools.partial(initialised, "glorot_uniform"),
    optimizer=functools.partial(sgd, 0.1),
    loss="categorical_crossentropy",
    size=SIZE,
    metrics=(LOSS,),
    variants=(
        Variant("first"),
        Variant("other rate", optimizer=functools.partial(sgd, 0.01)),
        Variant("other data", data=reversed_images),
        Variant("other initializer", functools.partial(initialised, "random_normal")),
        Variant("fewer images", data=fewer),
    ),
)


def sharing() -> dict[str, Any]:
    """Every variant after the one before it; how many programs have been built by then."""
    built = mock.Mock(side_effect=vectorized_jax.VectorizedProgram)
    found: dict[str, Any] = {"programs": {}, "vectorized": {}, "compiled": {}}
    with mock.patch.object(vectorized, "VectorizedProgram", built), fresh_programs():
        for name in [variant.name for variant in SHARED.variants]:
            found["vectorized"][name] = trials(SHARED, name, SEEDS)
            found["programs"][name] = built.call_count
    for name in ("other data", "other initializer"):
        found["compiled"][name] = trials(SHARED, name, SEEDS, "compiled")
    return found


def counts() -> dict[str, Any]:
    """One seed asked for alone, after another, and as one of twenty in an order of its own."""
    twenty = [11, *range(100, 118), 3]
    return {
        "alone": trials(AGREEMENT, "two relu", [3]),
        "second": trials(AGREEMENT, "two relu", [1, 3])[1:],
        "of twenty": trials(AGREEMENT, "two relu", twenty)[-1:],
        "order": [trial["seed"] for trial in trials(AGREEMENT, "two relu", twenty)],
        "unperturbed": trials(AGREEMENT, "batch norm", [3, 4, 5]),
        "perturbed": trials(AGREEMENT, "batch norm", [3, 4, 5], perturbed=1),
        "perturbed compiled": trials(AGREEMENT, "batch norm", [3, 4, 5], "compiled", perturbed=1),
    }


def by_default() -> dict[str, str]:
    """The engine of ``auto`` for a tiny training, a larger one, and a tiny one with a convolution."""
    found = {"tiny": trials(REGRESSION, "linear", [0], "auto")[0]["engine"]}
    with mock.patch.object(engines, "TINY", 0):
        found["larger"] = trials(REGRESSION, "linear", [0], "auto")[0]["engine"]
    found["convolution"] = trials(CONVOLUTION, "convolution", [0], "auto")[0]["engine"]
    return found


def convolution() -> Any:
    import keras
    from keras import layers

    return keras.Sequential(
        [
            layers.Input((784,)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(1, 3, strides=4),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


CONVOLUTION = Experiment(
    id="convolution",
    data=lambda: images().first(BATCH),
    model=convolution,
    optimizer=functools.partial(sgd, 0.1),
    loss="categorical_crossentropy",
    size=SIZE,
    metrics=(LOSS,),
    variants=(Variant("convolution"),),
)


def measured() -> dict[str, Any]:
    """Nothing on a backend without the engine."""
    from harness.training.backend import active_backend

    if active_backend() not in engines.ENGINES["vectorized"].backends:
        return {}
    parts = (
        agreement,
        on_a_gpu,
        replicas_fail,
        looks,
        sharing,
        measure_blocks.memory,
        measure_blocks.device_gone,
        measure_blocks.interrupted,
        measure_blocks.not_vectorizable,
        counts,
        by_default,
    )
    found: dict[str, Any] = {"seconds": {}}
    for part in parts:
        clock = time.perf_counter()
        found[part.__name__] = part()
        found["seconds"][part.__name__] = time.perf_counter() - clock
    return found
