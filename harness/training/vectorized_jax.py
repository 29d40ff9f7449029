"""The vectorized program on JAX: the compiled program under ``jax.vmap``, with a replica for each seed.

Each replica has its own weights, other variables (including the random-number states of dropout), optimizer state, data
order and divergence flags, stacked along a first axis. All replicas share the data. A replica computes the same as the
compiled program, but its matrix products may sum in another order.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from harness.domain.experiment import Dataset
from harness.training.compiled_jax import JaxProgram
from harness.training.engines import NotVectorizableError
from harness.training.memory import MARGIN, free_bytes, needed_bytes
from harness.training.seeding import initialise, order_type
from harness.training.setup import TrainingSetup

PIXEL = 1 / 255


class TooLargeError(Exception):
    """A block needs more memory than is free.

    Attributes:
        needed: bytes, counted by XLA.
        free: bytes, counted by the device.
    """

    def __init__(self, needed: int, free: int) -> None:
        super().__init__(needed, free)
        self.needed, self.free = needed, free


class VectorizedProgram(JaxProgram):
    """The program of one structure (``programs.structure``), for blocks with any number of replicas."""

    def __init__(self, setup: TrainingSetup) -> None:
        super().__init__(setup)
        self._executables: dict[tuple[Any, ...], Any] = {}

    def feed(self, data: Dataset) -> None:
        import jax.numpy as jnp

        super().feed(data)
        self.device = next(iter(self._data[0].devices()))
        codes = as_bytes(np.asarray(data.x, "float32")) if waits_for_memory(self.device) else None
        if codes is not None:
            self._data = (jnp.asarray(codes), self._data[1])

    @property
    def executables(self) -> list[Any]:
        """The compiled programs, one for each number of replicas and epochs."""
        return list(self._executables.values())

    def drawn(self, seeds: Sequence[int]) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Initial weights and other variables of the seeds, each array of shape (seeds, *shape)."""
        replicas = []
        with _on_cpu():
            for seed in seeds:
                initialise(self._own, seed, self._setup.perturbed, self._setup.canonical)
                replicas.append(
                    (
                        [np.array(variable.value) for variable in self._own.trainable_variables],
                        [np.array(variable.value) for variable in self._own.non_trainable_variables],
                    )
                )
        weights, others = zip(*replicas, strict=True)
        return _stacked(weights), _stacked(others)

    def begin(self, drawn: tuple[list[np.ndarray], list[np.ndarray]], replicas: int) -> None:
        """Puts initial values (``drawn``) and new optimizer states on the device.

        The values of the last seed are repeated for idle replicas.
        """
        import jax.numpy as jnp

        missing = replicas - (len(drawn[0][0]) if drawn[0] else replicas)
        weights, others = (
            [jnp.asarray(np.concatenate([a, a[-1:].repeat(missing, 0)]) if missing else a) for a in part]
            for part in drawn
        )
        fresh = [jnp.array(jnp.broadcast_to(value, (replicas, *value.shape))) for value in self._fresh]
        self._state = (weights, others, fresh)

    def compile(self, replicas: int, epochs: int) -> bool:
        """Compiles for launches of this many replicas and epochs. Returns False if that was done before.

        Raises:
            NotVectorizableError: seeds of this network cannot be batched.
            TooLargeError: the block would not fit into the free memory.
        """
        import jax

        key = self._key(replicas, epochs)
        if key in self._executables:
            return False
        program = jax.jit(jax.vmap(self._train, in_axes=(0, 0, 0, None, None)), donate_argnums=0)
        arguments = self._abstract(replicas, epochs)
        try:
            lowered = program.lower(*arguments)
        except Exception as error:
            raise self._explained(error, arguments) from error
        executable = lowered.compile()
        free, needed = free_bytes(self.device), needed_bytes(executable, self._present())
        if free is not None and needed is not None and needed > MARGIN * free:
            raise TooLargeError(needed, free)
        self._executables[key] = executable
        return True

    def launch_all(self, orders: np.ndarray, initial: np.ndarray) -> tuple[dict[str, Any], Any]:
        """Starts one epoch per row of each replica's orders, without waiting for the device.

        Args:
            orders: (replicas, epochs, examples), of the type that ``order_type`` gives.
            initial: as in ``Program.launch``, one value for each replica.

        Returns:
            As ``Program.launch``, with a first axis of replicas, on the device.
        """
        import jax.numpy as jnp

        executable = self._executables[self._key(*orders.shape[:2])]
        arguments = (jnp.asarray(orders), jnp.asarray(initial, "float32"), self._data, self._validation)
        self._state, curves, flags = executable(self._state, *arguments)
        return curves, flags

    def wait(self, results: Any) -> None:
        """Waits until the device has computed ``results``."""
        import jax

        jax.block_until_ready(results)

    def computes(self) -> bool:
        """Whether the device still computes after an error."""
        import jax
        import jax.numpy as jnp

        self.release()
        try:
            return float(jax.device_put(jnp.ones(()), self.device) + 1) == 2
        except Exception:
            return False

    def release(self) -> None:
        """Frees the last block's state."""
        self._state = ([], [], [])

    def keep(self, index: int) -> None:
        """Keeps the weights and variables of one replica only, without the axis of replicas."""
        weights, others, moments = ([array[index] for array in part] for part in self._state)
        self._state = (weights, others, moments)

    def replica(self, index: int) -> Any:
        """The Keras model with the variables of one replica."""
        everything = self._state
        self.keep(index)
        try:
            return self.model
        finally:
            self._state = everything

    def _whole(self, data: Any) -> Any:
        x, y = data
        return _floats(x), y

    def _batch_of(self, data: Any, rows: Any) -> tuple[Any, Any]:
        import jax.numpy as jnp

        rows = rows.astype("int32")
        # no row is out of bounds; "clip" avoids a check
        x, y = (jnp.take(array, rows, axis=0, mode="clip") for array in data)
        return _floats(x), y

    def _key(self, replicas: int, epochs: int) -> tuple[Any, ...]:
        return replicas, epochs, self._data[0].dtype.name

    def _present(self) -> int:
        return sum(array.nbytes for array in (*self._data, *self._validation))

    def _abstract(self, replicas: int, epochs: int) -> tuple[Any, ...]:
        """The shapes and types of the arguments of a launch."""
        import jax

        def stacked(arrays: Any) -> list[Any]:
            return [jax.ShapeDtypeStruct((replicas, *array.shape), array.dtype) for array in arrays]

        model = self._model
        weights, others = ([v.value for v in vs] for vs in (model.trainable_variables, model.non_trainable_variables))
        orders = jax.ShapeDtypeStruct((replicas, epochs, len(self._setup.data.x)), order_type(len(self._data[0])))
        initial = jax.ShapeDtypeStruct((replicas,), "float32")
        fixed = [tuple(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in part) for part in (self._data, self._validation)]
        return (stacked(weights), stacked(others), stacked(self._fresh)), orders, initial, *fixed

    def _explained(self, error: Exception, arguments: tuple[Any, ...]) -> Exception:
        """NotVectorizableError that names the layer, if one seed alone could be trained; else the error itself."""
        import jax

        state, orders, initial, *data = arguments
        one = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[1:], a.dtype), (state, orders, initial))
        try:
            jax.eval_shape(self._train, *one, *data)
        except Exception:
            return error  # one seed alone cannot be trained either
        cause = f"{type(error).__name__}: {str(error).splitlines()[0]}" if str(error) else type(error).__name__
        for layer in _layers(self._model):
            if not _can_be_batched(layer):
                return NotVectorizableError(
                    f"layer {layer.name!r} ({type(layer).__name__}) cannot be vectorized ({cause})"
                )
        return NotVectorizableError(f"its optimizer, its loss or a followed curve cannot be vectorized ({cause})")


def waits_for_memory(device: Any) -> bool:
    """Whether images should stay bytes on a device until a matrix product reads them as floats.

    That is faster on a GPU, where memory is the bottleneck. On a CPU images are floats, so a trial has the same bits as
    with ``compiled``.
    """
    return str(device.platform) != "cpu"


def as_bytes(x: np.ndarray) -> np.ndarray | None:
    """The bytes (0 to 255) that give ``x`` when divided by 255; None if there are none.

    Args:
        x: float32 of any shape. It is compared with a relative tolerance of 2e-7, about its last bit.
    """
    if not x.size or not np.isfinite(x).all() or x.min() < 0 or x.max() > 1:
        return None
    codes = np.rint(x * np.float32(255)).astype("uint8")
    return codes if np.allclose(codes * np.float32(PIXEL), x, rtol=2e-7, atol=0) else None


def is_device_error(error: Exception) -> bool:
    """Whether an error comes from the device, its driver or a library that computes on it."""
    return type(error).__name__ in ("JaxRuntimeError", "XlaRuntimeError")


def _floats(x: Any) -> Any:
    return x.astype("float32") * np.float32(PIXEL) if x.dtype == "uint8" else x


def _stacked(replicas: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
    return [np.stack(values) for values in zip(*replicas, strict=True)]


@contextlib.contextmanager
def _on_cpu() -> Iterator[None]:
    """Puts new JAX arrays on the CPU. Weights are drawn by a hundred small programs, and each would delay a GPU."""
    import jax

    try:
        host = jax.devices("cpu")[0]
    except RuntimeError:  # JAX_PLATFORMS excludes the CPU
        yield
        return
    with jax.default_device(host):
        yield


def _layers(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        if getattr(layer, "layers", None):
            yield from _layers(layer)
        else:
            yield layer


def _can_be_batched(layer: Any) -> bool:
    """Whether JAX can batch two calls of a layer, and their gradients."""
    import jax
    import jax.numpy as jnp

    def call(weights: Any, others: Any, inputs: Any) -> Any:
        outputs, _ = layer.stateless_call(weights, others, inputs, training=True)
        return sum(jnp.sum(jnp.asarray(each, "float32")) for each in jax.tree.leaves(outputs))

    def two(shape: Any, dtype: Any) -> Any:
        return jax.ShapeDtypeStruct((2, *(2 if size is None else size for size in shape)), dtype)

    variables = [
        [two(v.shape, v.dtype) for v in vs] for vs in (layer.trainable_variables, layer.non_trainable_variables)
    ]
    try:
        inputs = jax.tree.map(lambda tensor: two(tensor.shape, tensor.dtype), layer.input)
    except AttributeError:  # called several times, or only inside another layer: it has no single input
        return True
    try:
        jax.eval_shape(jax.vmap(jax.grad(call, argnums=0)), *variables, inputs)
        jax.eval_shape(jax.vmap(call), *variables, inputs)
    except Exception:
        return False
    return True
