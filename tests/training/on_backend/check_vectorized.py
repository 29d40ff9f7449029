"""The vectorized engine compared with ``compiled`` seed by seed, and blocks in which something fails."""

import contextlib
import functools
from typing import Any
from unittest import mock

import numpy as np
import pytest

from cases.networks import dense_softmax, sgd
from harness.domain.model import Experiment, Variant
from harness.errors import SuiteError
from harness.training import engines, vectorized
from harness.training import train as trains
from harness.training.backends import active_backend
from tests.training.experiments import (
    AGREEMENT,
    BATCH,
    DROPOUT,
    FAILURES,
    INFERENCE,
    LOOKS,
    LOSS,
    LOSS_LIMIT,
    MASKS,
    NO_EPOCH,
    REGRESSION,
    SIZE,
    images,
    one_number,
)
from tests.training.on_backend.check_engines import limit, reversed_images, whole_batches

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        active_backend() not in engines.ENGINES["vectorized"].backends, reason="the backend lacks the engine"
    ),
]

SEEDS = (3, 200)
ARMS: dict[str, tuple[Experiment, str]] = {
    "softmax": (INFERENCE, "softmax"),
    "linear": (REGRESSION, "linear"),
    **{variant.name: (AGREEMENT, variant.name) for variant in AGREEMENT.variants},
    "dropout": (DROPOUT, "with"),
    "masks": (MASKS, "dropout"),
}


@contextlib.contextmanager
def replicas(count):
    """Blocks of so many seeds."""
    with (
        mock.patch.object(vectorized, "REPLICAS", {"cpu": count}),
        mock.patch.object(vectorized, "REPLICAS_OF_TINY", {"cpu": count}),
    ):
        yield


def epoch_by_epoch():
    return mock.patch.object(engines, "TINY", 0)


def train(experiment, variant, seeds, engine="vectorized", **how):
    return trains.train(experiment, variant, tuple(seeds), engine=engine, **how)


def check_same(ours, theirs, near=limit):
    """Seeds, divergences and curves are equal, but for rounding."""
    assert [(t.seed, t.divergence) for t in ours] == [(t.seed, t.divergence) for t in theirs]
    for trial, other in zip(ours, theirs, strict=True):
        assert trial.history.keys() == other.history.keys()
        for name, curve in trial.history.items():
            a, b = (np.array(values, "float64") for values in (curve, other.history[name]))
            np.testing.assert_array_equal(np.isfinite(a), np.isfinite(b))
            a, b = a[np.isfinite(a)], b[np.isfinite(b)]
            assert (np.abs(a - b) <= near(name) * np.maximum(1, np.abs(b))).all(), (trial.seed, name)


@pytest.mark.parametrize("among", [1, 16, 256])
@pytest.mark.parametrize("arm", ARMS)
def test_same_seed_same_curve(arm, among):
    """Alone, among few and, of some trainings, among many, which are all different."""
    if among == 256 and arm not in ("two relu", "dropout"):
        pytest.skip("takes long")
    seeds = {1: SEEDS, 16: (SEEDS[0], *range(188, 203)), 256: range(256)}[among]
    with replicas(among):
        ours = train(*ARMS[arm], seeds)
    theirs = train(*ARMS[arm], SEEDS, "compiled")
    assert len({str(trial.history) for trial in ours}) == len(seeds)
    check_same([trial for trial in ours if trial.seed in SEEDS], theirs)
    first, second = (np.array(trial.history["loss"]) for trial in theirs)
    assert np.abs(first - second).max() > 100 * LOSS_LIMIT  # the tolerance tells seeds apart
    for trial in ours[1:]:
        assert 0 < trial.seconds.steady_epoch <= trial.seconds.total
    assert sum(trial.seconds.compile > 0 for trial in ours) <= len(seeds) // among


@pytest.mark.parametrize("arm", ["batch norm", "linear", "dropout"])
def test_same_seed_same_curve_epoch_by_epoch(arm):
    with epoch_by_epoch():
        ours = train(*ARMS[arm], SEEDS)
    check_same(ours, train(*ARMS[arm], SEEDS, "compiled"))


def test_blocks_of_a_gpu():
    """Ten seeds in three blocks of four replicas, the three epochs of each in one launch; on this CPU."""
    widths, launch = [], vectorized.VectorizedProgram.launch_all

    def watched(self: Any, orders: Any, initial: Any) -> Any:
        widths.append(orders.shape[:2])
        return launch(self, orders, initial)

    with (
        mock.patch.object(vectorized.VectorizedEngine, "_kind", "gpu"),
        mock.patch.object(vectorized, "REPLICAS", {"gpu": 4}),
        epoch_by_epoch(),
        mock.patch.object(vectorized.VectorizedProgram, "launch_all", watched),
    ):
        ours = train(AGREEMENT, "two relu", range(10))
    assert widths == [(4, 3)] * 3
    check_same(ours, train(AGREEMENT, "two relu", range(10), "compiled"))


def wide(scale=4e19):
    """One weight, drawn so large that the squared loss of about half of the seeds is inf at once."""
    import keras
    from keras import layers

    initializer = keras.initializers.RandomUniform(0, scale)
    return keras.Sequential([layers.Input((1,)), layers.Dense(1, kernel_initializer=initializer)])


def declared(name, model, data=images, **parts):
    how = {"loss": "categorical_crossentropy", "size": SIZE, **parts}
    return Experiment(
        id=name,
        data=data,
        model=model,
        optimizer=functools.partial(sgd, 0.1),
        metrics=(LOSS,),
        **{"variants": (Variant("only"),), **how},
    )


def test_a_replica_that_fails_leaves_the_others_alone():
    failing = declared("f", wide, one_number, loss="mean_squared_error", size=FAILURES.size, accuracy=False)
    ours = train(failing, "only", range(24))
    check_same(ours, train(failing, "only", range(24), "compiled"))
    assert {trial.divergence and trial.divergence.kind for trial in ours} == {None, "inf"}


@pytest.mark.parametrize("launches", [contextlib.nullcontext, epoch_by_epoch])
def test_what_is_followed_and_observed(launches):
    with launches():
        ours, theirs = (train(LOOKS, "penalised", SEEDS, engine) for engine in ("vectorized", "compiled"))
    assert {"followed", "observed", "initial_observed", "even_val_loss"} <= set(ours[0].history)
    check_same(ours, theirs, near=lambda name: 1e-5)  # ``look`` sums in float64 what the device sums in float32


def test_no_epoch_at_all():
    ours, theirs = (train(NO_EPOCH, "penalised", SEEDS, engine) for engine in ("vectorized", "compiled"))
    assert set(ours[0].history) == {"initial_observed", "initial_examples"}
    check_same(ours, theirs, near=lambda name: 0)


def test_variants_of_one_structure_share_a_program():
    """Another rate, other data and another initializer do; fewer images do not."""
    random = functools.partial(dense_softmax, 784, 10, "random_normal")
    variants = (
        Variant("first"),
        Variant("other rate", optimizer=functools.partial(sgd, 0.01)),
        Variant("other data", data=reversed_images),
        Variant("other initializer", random),
        Variant("fewer images", data=functools.partial(whole_batches, 2)),
    )
    plain = functools.partial(dense_softmax, 784, 10, "glorot_uniform")
    shared = declared("shared", plain, whole_batches, variants=variants)
    built, counts, ours = mock.Mock(side_effect=vectorized.VectorizedProgram), [], {}
    trains._programs.cache_clear()
    with mock.patch.object(vectorized, "VectorizedProgram", built):
        for variant in variants:
            ours[variant.name] = train(shared, variant.name, SEEDS)
            counts.append(built.call_count)
    trains._programs.cache_clear()
    assert counts == [1, 1, 1, 1, 2]
    assert ours["first"][0].history != ours["other initializer"][0].history
    for name in ("other data", "other initializer"):
        check_same(ours[name], train(shared, name, SEEDS, "compiled"))


def failing(most, text):
    """The device fails if more than ``most`` seeds are trained at once."""
    launch = vectorized.VectorizedProgram.launch_all

    def launch_all(self: Any, orders: Any, initial: Any) -> Any:
        import jax

        if len(orders) > most:
            raise jax.errors.JaxRuntimeError(text)
        return launch(self, orders, initial)

    return mock.patch.object(vectorized.VectorizedProgram, "launch_all", launch_all)


def test_blocks_shrink_until_they_fit():
    plain, said = train(REGRESSION, "linear", range(8)), []
    text = "RESOURCE_EXHAUSTED: Out of memory allocating 123456 bytes."
    with replicas(8), failing(2, text):
        halved = train(REGRESSION, "linear", range(8), notice=said.append)
    check_same(halved, plain)
    beginning = f"regression/linear: the device failed ({text})"
    assert said == [f"{beginning}: {n} seeds at once instead of {2 * n}." for n in (4, 2)]


def test_a_device_that_disappears():
    """In the second block of four."""
    kept: list[int] = []
    with replicas(4), contextlib.ExitStack() as later:

        def keep(trial: Any) -> None:
            kept.append(trial.seed)
            if trial.seed == 3:
                later.enter_context(failing(0, "INTERNAL: CUDA error: CUDA_ERROR_ECC_UNCORRECTABLE"))

        with pytest.raises(SuiteError, match=r"seed 4 alone; 4 of 8 seeds are .*ECC_UNCORRECTABLE.* --resume"):
            train(REGRESSION, "linear", range(8), on_trial=keep)
    assert kept == [0, 1, 2, 3]


def test_interrupt_keeps_finished_blocks():
    """Ctrl-C in the second block of two."""
    kept, told = [], []

    def on_epoch(seed, epoch):
        told.append((seed, epoch))
        if seed == 2:
            raise KeyboardInterrupt

    with replicas(2), pytest.raises(KeyboardInterrupt):
        train(FAILURES, "finite", [4, 9, 2, 5], on_epoch=on_epoch, on_trial=lambda trial: kept.append(trial.seed))
    assert (kept, told) == ([4, 9], [(4, 8), (9, 8), (2, 8)])


def asking_host():
    """A network with a layer that calls Python on the host, which JAX does not know how to batch."""
    import jax
    import keras
    from keras import layers

    class AskHost(layers.Layer):
        def call(self, inputs: Any) -> Any:
            shape = jax.ShapeDtypeStruct(inputs.shape, inputs.dtype)
            return inputs + jax.pure_callback(np.zeros_like, shape, jax.lax.stop_gradient(inputs))

    return keras.Sequential([layers.Input((784,)), AskHost(), layers.Dense(10, activation="softmax")])


def test_a_network_that_cannot_be_vectorized_is_trained_by_another_engine():
    said: list[str] = []
    trials = train(declared("host", asking_host), "only", SEEDS, notice=said.append)
    assert [trial.engine for trial in trials] == ["compiled"] * 2
    (text,) = said
    assert text.startswith("host/only: its seeds cannot be batched (NotImplementedError: ")
    assert text.endswith("engine compiled trains it, one seed after another.")


def test_bits_do_not_depend_on_how_many_seeds():
    """On a CPU, where every block has the same number of replicas."""
    twenty = [11, *range(100, 118), 3]
    (alone,), (_, second) = train(AGREEMENT, "two relu", [3]), train(AGREEMENT, "two relu", [1, 3])
    trials = train(AGREEMENT, "two relu", twenty)
    assert [trial.seed for trial in trials] == twenty
    assert alone.history == second.history == trials[-1].history


def test_a_perturbed_trial_is_that_of_compiled():
    seeds = (3, 4, 5)
    perturbed = train(AGREEMENT, "batch norm", seeds, perturbed=1)
    check_same(perturbed, train(AGREEMENT, "batch norm", seeds, "compiled", perturbed=1))
    assert perturbed[0].history != train(AGREEMENT, "batch norm", seeds)[0].history


def convolution():
    import keras
    from keras import layers

    stack = [layers.Reshape((28, 28, 1)), layers.Conv2D(1, 3, strides=4), layers.Flatten()]
    return keras.Sequential([layers.Input((784,)), *stack, layers.Dense(10, activation="softmax")])


def test_engine_by_default():
    """Of a tiny training, a larger one, and a tiny one with a convolution."""
    few = declared("convolution", convolution, lambda: images().first(BATCH))
    assert train(REGRESSION, "linear", [0], "auto")[0].engine == "vectorized"
    with epoch_by_epoch():
        assert train(REGRESSION, "linear", [0], "auto")[0].engine == "compiled"
    assert train(few, "only", [0], "auto")[0].engine == "compiled"
