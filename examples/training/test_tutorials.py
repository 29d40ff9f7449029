"""Three small trainings, each protected by ``training_check``: a convolution, an LSTM, a model with two inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

IMAGES = Path(__file__).parents[1] / "zero_to_all" / "mnist.npz"


def digits(count: int, part: str) -> tuple[np.ndarray, np.ndarray]:
    """The first images of MNIST, (count, 28, 28, 1) in [0, 1], and one-hot labels."""
    with np.load(IMAGES) as file:
        x, y = file[f"x_{part}"][:count], file[f"y_{part}"][:count]
    return x[..., None].astype("float32") / 255, np.eye(10, dtype="float32")[y]


def convolution() -> Any:
    return keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )


def test_a_small_convolution_on_digits(training_check: Any) -> None:
    training_check(
        convolution, digits(2000, "train"), validation_data=digits(500, "test"),
        optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"], epochs=3, batch_size=64,
    )  # fmt: skip


def orders(count: int = 512) -> tuple[np.ndarray, np.ndarray]:
    """Noise of 20 steps with a mark in each of two channels, and whether that of the first channel comes first."""
    rng = np.random.default_rng(1)
    x = rng.normal(0, 0.1, (count, 20, 2))
    first, second = (rng.integers(0, 20, count) for _ in range(2))
    x[np.arange(count), first, 0] += 1
    x[np.arange(count), second, 1] += 1
    return x.astype("float32"), (first < second).astype("float32")[:, None]


def memory() -> Any:
    return keras.Sequential([layers.Input((20, 2)), layers.LSTM(16), layers.Dense(1, activation="sigmoid")])


def test_an_lstm_on_made_up_sequences(training_check: Any) -> None:
    training_check(memory, orders(), optimizer="rmsprop", loss="binary_crossentropy", epochs=3)


def flats(count: int = 600) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Made-up flats: area, age and height as numbers, the quarter as one of eight; and the rent."""
    rng = np.random.default_rng(2)
    numbers, quarter = rng.normal(size=(count, 3)), rng.integers(0, 8, count)
    rent = numbers @ [1.0, -0.5, 0.2] + rng.normal(size=8)[quarter] * (1 + 0.3 * numbers[:, 0])
    return {"numbers": numbers.astype("float32"), "quarter": quarter}, rent[:, None].astype("float32")


def rents() -> Any:
    numbers, quarter = layers.Input((3,), name="numbers"), layers.Input((), dtype="int32", name="quarter")
    place = layers.Embedding(8, 4)(quarter)
    hidden = layers.Dense(16, activation="relu")(layers.Concatenate()([numbers, place]))
    return keras.Model([numbers, quarter], layers.Dense(1)(layers.Dropout(0.1)(hidden)))


def test_a_functional_model_with_two_inputs(training_check: Any) -> None:
    training_check(
        rents, flats(), optimizer=lambda: keras.optimizers.SGD(0.02, momentum=0.9, nesterov=True), loss="mse", epochs=4
    )
