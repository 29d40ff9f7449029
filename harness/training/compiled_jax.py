"""The compiled program on JAX: ``lax.scan`` over epochs and batches, Keras' stateless calls inside."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.domain.experiment import Dataset
from harness.training.divergence import BLOW_UP
from harness.training.seeding import initialise
from harness.training.setup import TrainingSetup


class JaxProgram:
    """The training of one variant (``programs.Program``).

    Its state is (weights, other variables, optimizer variables). Each launch consumes it and returns the next state.
    """

    def __init__(self, setup: TrainingSetup) -> None:
        import jax
        import keras

        self._model, self._optimizer = setup.built
        self._loss = keras.losses.get(setup.experiment.loss)
        self._accuracy, self._inference = setup.experiment.accuracy, setup.experiment.inference
        self._follow, self._halves = setup.experiment.follow, setup.experiment.halves
        self._batch = setup.size.batch_size
        self.parameters = self._model.count_params()
        # the data are arguments, because constants would cost seconds of constant folding
        self._program = jax.jit(self._train, donate_argnums=0)
        self.rebind(setup)

    def rebind(self, setup: TrainingSetup) -> None:
        self._setup, (self._own, optimizer) = setup, setup.built  # the initializers of this model draw the weights
        self._fresh = [np.asarray(variable.value) for variable in optimizer.variables]
        self.feed(setup.data)

    def feed(self, data: Dataset) -> None:
        import jax.numpy as jnp

        self._data = tuple(jnp.asarray(array, "float32") for array in (data.x, data.y))
        self._validation = (
            () if data.x_val is None else tuple(jnp.asarray(array, "float32") for array in (data.x_val, data.y_val))
        )

    @property
    def weights(self) -> list[Any]:
        return list(self._state[0])

    @property
    def model(self) -> Any:
        model, (weights, others, _) = self._own, self._state
        for variable, value in zip(model.trainable_variables, weights, strict=True):
            variable.assign(value)
        for variable, value in zip(model.non_trainable_variables, others, strict=True):
            variable.assign(value)
        return model

    def reset(self, seed: int) -> None:
        import jax.numpy as jnp

        initialise(self._own, seed, self._setup.perturbed, self._setup.canonical)
        weights = [jnp.array(variable.value) for variable in self._own.trainable_variables]
        others = [jnp.array(variable.value) for variable in self._own.non_trainable_variables]
        self._state = (weights, others, [jnp.array(value) for value in self._fresh])

    def launch(self, orders: np.ndarray, initial: float) -> tuple[dict[str, np.ndarray], np.ndarray]:
        import jax.numpy as jnp

        arguments = (jnp.asarray(orders), jnp.float32(initial), self._data, self._validation)
        self._state, curves, flags = self._program(self._state, *arguments)
        return {name: np.asarray(curve) for name, curve in curves.items()}, np.asarray(flags)

    def _objective(self, weights: Any, others: Any, x: Any, y: Any, training: bool) -> Any:
        import jax.numpy as jnp

        outputs, others, penalties = self._model.stateless_call(
            weights, others, x, training=training, return_losses=True
        )
        loss = jnp.mean(self._loss(y, outputs)) + sum(penalties)
        hits = jnp.sum(jnp.argmax(outputs, -1) == jnp.argmax(y, -1)) if self._accuracy else jnp.int32(0)
        return loss, (others, hits)

    def _whole(self, data: Any) -> Any:
        """(x, y) of all examples, in the form that the network takes."""
        return data

    def _batch_of(self, data: Any, rows: Any) -> tuple[Any, Any]:
        import jax.numpy as jnp

        x, y = data
        return jnp.take(x, rows, axis=0), jnp.take(y, rows, axis=0)

    def _step(self, carry: Any, rows: Any, data: Any) -> Any:
        import jax

        (weights, others, moments), flags, (total, hits) = carry
        x, y = self._batch_of(data, rows)
        gradient = jax.value_and_grad(self._objective, has_aux=True)
        (loss, (others, right)), gradients = gradient(weights, others, x, y, True)
        weights, moments = self._optimizer.stateless_apply(moments, gradients, weights)
        sums = (total + loss * len(rows), hits + right)
        return ((weights, others, moments), _watch(flags, loss), sums), None

    def _evaluate(self, state: Any, prefix: str, data: Any) -> dict[str, Any]:
        loss, (_, hits) = self._objective(state[0], state[1], data[0], data[1], False)
        accuracy = {f"{prefix}accuracy": hits / len(data[0])} if self._accuracy else {}
        return {f"{prefix}loss": loss, **accuracy}

    def _evaluate_halves(self, state: Any, x: Any, y: Any) -> dict[str, Any]:
        import jax.numpy as jnp

        outputs, _ = self._model.stateless_call(state[0], state[1], x, training=False)
        losses = self._loss(y, outputs)
        return {"even_val_loss": jnp.mean(losses[::2]), "odd_val_loss": jnp.mean(losses[1::2])}

    def _epoch(self, carry: Any, order: Any, data: Any, validation: Any) -> Any:
        import jax
        import jax.numpy as jnp

        count = len(order)
        full = count // self._batch
        inner = (*carry, (jnp.float32(0), jnp.int32(0)))
        if full:
            rows = order[: full * self._batch].reshape(full, self._batch)
            inner, _ = jax.lax.scan(lambda c, r: self._step(c, r, data), inner, rows)
        if count % self._batch:
            inner, _ = self._step(inner, order[full * self._batch :], data)
        state, flags, (total, hits) = inner
        curves = {"loss": total / count}
        if self._accuracy:
            curves["accuracy"] = hits / count
        if validation:
            curves |= self._evaluate(state, "val_", self._whole(validation))
        if validation and self._halves:
            curves |= self._evaluate_halves(state, *self._whole(validation))
        if self._inference:
            curves |= self._evaluate(state, "train_", self._whole(data))
        curves |= {name: jnp.float32(of(state[0])) for name, of in self._follow.items()}
        return (state, flags), curves

    def _train(self, state: Any, orders: Any, initial: Any, data: Any, validation: Any) -> Any:
        import jax
        import jax.numpy as jnp

        flags = (jnp.int32(0), jnp.int32(0), jnp.bool_(False), jnp.int32(0), initial)
        (state, flags), curves = jax.lax.scan(lambda c, o: self._epoch(c, o, data, validation), (state, flags), orders)
        _, broken, is_nan, high, initial = flags
        return state, curves, jnp.stack([jnp.float32(s) for s in (broken, is_nan, high, initial)])


def _watch(flags: Any, loss: Any) -> Any:
    """Advances (step, first non-finite step, whether nan, first high step, first loss) by one step."""
    import jax.numpy as jnp

    step, broken, is_nan, high, initial = flags
    step = step + 1
    initial = jnp.where((step == 1) & jnp.isnan(initial), loss, initial)
    new = (broken == 0) & ~jnp.isfinite(loss)
    high = jnp.where((high == 0) & (loss > BLOW_UP * initial), step, high)
    return step, jnp.where(new, step, broken), jnp.where(new, jnp.isnan(loss), is_nan), high, initial
