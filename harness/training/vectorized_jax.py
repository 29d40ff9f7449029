"""The vectorized program on JAX: the compiled one under ``jax.vmap``, a lane for each seed.

Weights, other variables (the states of dropout's random numbers among them), the optimizer's state, the data order and
what is watched for divergence are stacked, one lane a seed; the data are there once. A lane computes what the compiled
program computes: only sums of matrix products may come in another order.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from harness.experiment import Dataset
from harness.training.compiled_jax import JaxProgram
from harness.training.engines import NotVectorizableError
from harness.training.room import MARGIN, free_bytes, needed_bytes
from harness.training.seeding import order_type
from harness.training.task import Task

PIXEL = 1 / 255


class TooLargeError(Exception):
    """A block that ``needed`` more bytes, by XLA's count, than are ``free``, by the device's."""

    def __init__(self, needed: int, free: int) -> None:
        super().__init__(needed, free)
        self.needed, self.free = needed, free


class VectorizedProgram(JaxProgram):
    """One structure of network and training (``compiled.structure``), for blocks of any number of lanes."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
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
        """The compiled programs, one for each number of lanes and epochs that was asked for."""
        return list(self._executables.values())

    def drawn(self, seeds: Sequence[int]) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Initial weights and other variables of the seeds, stacked: a lane each."""
        lanes = []
        with _on_cpu():
            for seed in seeds:
                self._task.initialise(self._own, seed)
                lanes.append(
                    (
                        [np.array(variable.value) for variable in self._own.trainable_variables],
                        [np.array(variable.value) for variable in self._own.non_trainable_variables],
                    )
                )
        weights, others = zip(*lanes, strict=True)
        return _stacked(weights), _stacked(others)

    def begin(self, drawn: tuple[list[np.ndarray], list[np.ndarray]], lanes: int) -> None:
        """Puts what ``drawn`` gave on the device, beside a fresh state of the optimizer; the last is repeated until
        there are ``lanes``."""
        import jax.numpy as jnp

        missing = lanes - (len(drawn[0][0]) if drawn[0] else lanes)
        weights, others = (
            [jnp.asarray(np.concatenate([a, a[-1:].repeat(missing, 0)]) if missing else a) for a in part]
            for part in drawn
        )
        fresh = [jnp.array(jnp.broadcast_to(value, (lanes, *value.shape))) for value in self._fresh]
        self._state = (weights, others, fresh)

    def compile(self, lanes: int, epochs: int) -> bool:
        """Makes ready for launches of so many lanes and epochs; whether that had not been done before.

        NotVectorizableError where the network cannot be laid side by side; TooLargeError where the block would not fit.
        """
        import jax

        key = self._key(lanes, epochs)
        if key in self._executables:
            return False
        program = jax.jit(jax.vmap(self._train, in_axes=(0, 0, 0, None, None)), donate_argnums=0)
        arguments = self._abstract(lanes, epochs)
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
        """Starts one epoch per row of each lane's orders (lanes, epochs, examples; ``order_type``); does not wait.

        ``initial`` and the results are as those of ``Program.launch``, with a first axis of lanes, on the device.
        """
        import jax.numpy as jnp

        executable = self._executables[self._key(*orders.shape[:2])]
        arguments = (jnp.asarray(orders), jnp.asarray(initial, "float32"), self._data, self._validation)
        self._state, curves, signs = executable(self._state, *arguments)
        return curves, signs

    def computes(self) -> bool:
        """Whether the device still does, after an error."""
        import jax
        import jax.numpy as jnp

        self.release()
        try:
            return float(jax.device_put(jnp.ones(()), self.device) + 1) == 2
        except Exception:
            return False

    def release(self) -> None:
        """Lets go of the last block's state, so that the next one finds its memory."""
        self._state = ([], [], [])

    def keep(self, index: int) -> None:
        """Leaves only a lane's weights and variables, as the compiled program would have them."""
        weights, others, moments = ([array[index] for array in part] for part in self._state)
        self._state = (weights, others, moments)

    def lane(self, index: int) -> Any:
        """The Keras model with all variables as a lane has them."""
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
        # no row is out of bounds, so there is nothing to check or to fill
        x, y = (jnp.take(array, rows, axis=0, mode="clip") for array in data)
        return _floats(x), y

    def _key(self, lanes: int, epochs: int) -> tuple[Any, ...]:
        return lanes, epochs, self._data[0].dtype.name

    def _present(self) -> int:
        return sum(array.nbytes for array in (*self._data, *self._validation))

    def _abstract(self, lanes: int, epochs: int) -> tuple[Any, ...]:
        """The arguments of a launch as shapes and types."""
        import jax

        def stacked(arrays: Any) -> list[Any]:
            return [jax.ShapeDtypeStruct((lanes, *array.shape), array.dtype) for array in arrays]

        model = self._model
        weights, others = ([v.value for v in vs] for vs in (model.trainable_variables, model.non_trainable_variables))
        orders = jax.ShapeDtypeStruct((lanes, epochs, len(self._task.data.x)), order_type(len(self._data[0])))
        initial = jax.ShapeDtypeStruct((lanes,), "float32")
        fixed = [tuple(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in part) for part in (self._data, self._validation)]
        return (stacked(weights), stacked(others), stacked(self._fresh)), orders, initial, *fixed

    def _explained(self, error: Exception, arguments: tuple[Any, ...]) -> Exception:
        """NotVectorizableError with the layer's name, where only side by side it cannot be; else the error itself."""
        import jax

        state, orders, initial, *data = arguments
        one = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[1:], a.dtype), (state, orders, initial))
        try:
            jax.eval_shape(self._train, *one, *data)
        except Exception:
            return error  # not one seed can be trained
        said = f"{type(error).__name__}: {str(error).splitlines()[0]}" if str(error) else type(error).__name__
        for layer in _layers(self._model):
            if not _side_by_side(layer):
                return NotVectorizableError(
                    f"layer {layer.name!r} ({type(layer).__name__}) cannot be vectorized ({said})"
                )
        return NotVectorizableError(f"its optimizer, its loss or what is followed cannot be vectorized ({said})")


def waits_for_memory(device: Any) -> bool:
    """Whether images should be gathered as the bytes they are, and become floats where a product reads them.

    A GPU computes faster than its memory delivers; on a CPU the bits of ``compiled`` are worth more.
    """
    return str(device.platform) != "cpu"


def as_bytes(x: np.ndarray) -> np.ndarray | None:
    """Whole numbers of 0 to 255 that, divided by 255, are ``x`` to the last bit of float32; None where there are none.

    Args:
        x: float32, of any shape.
    """
    if not x.size or not np.isfinite(x).all() or x.min() < 0 or x.max() > 1:
        return None
    codes = np.rint(x * np.float32(255)).astype("uint8")
    return codes if np.allclose(codes * np.float32(PIXEL), x, rtol=2e-7, atol=0) else None


def _floats(x: Any) -> Any:
    return x.astype("float32") * np.float32(PIXEL) if x.dtype == "uint8" else x


def _stacked(lanes: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
    return [np.stack(values) for values in zip(*lanes, strict=True)]


@contextlib.contextmanager
def _on_cpu() -> Iterator[None]:
    """New arrays are on the host: drawing weights in a hundred small programs would make a GPU wait for each."""
    import jax

    try:
        host = jax.devices("cpu")[0]
    except RuntimeError:  # JAX_PLATFORMS leaves it out
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


def _side_by_side(layer: Any) -> bool:
    """Whether JAX can lay two calls of a layer and their gradients side by side."""
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
    except AttributeError:  # called more than once, or never by itself: not the one to be named
        return True
    try:
        jax.eval_shape(jax.vmap(jax.grad(call, argnums=0)), *variables, inputs)
        jax.eval_shape(jax.vmap(call), *variables, inputs)
    except Exception:
        return False
    return True
