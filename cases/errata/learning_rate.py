"""1. Learning rate."""

from __future__ import annotations

from cases.errata.given import NAMES
from harness.domain.erratum import Differs, Erratum, Fails, Warns

ARGMIN_OF_THE_GRADIENT = Erratum(
    id="argmin-of-the-gradient",
    slide="1. Learning rate; 4. Overfitting, Regularization",
    statement="W* is the W with the least loss, not the one with the least gradient of the loss: ArgMin Loss(W).",
    given="import numpy as np\nW = np.linspace(-2, 4, 601)\nloss = (W - 1) ** 2",
    printed="W_star = W[np.argmin(np.gradient(loss, W))]",
    modern="W_star = W[np.argmin(loss)]",
    outcome=Differs(slide=1.0, today=-2.0),
    check="round(float(W_star), 6)",
    gives=1.0,
)

SEQUENTIAL_IN_LOWER_CASE = Erratum(
    id="sequential-in-lower-case",
    slide="1.1 Gradient descent algorithm",
    statement="The class is Sequential, with a capital.",
    given=NAMES,
    printed="model = sequential()",
    modern="model = Sequential()",
    outcome=Fails("NameError", "name 'sequential' is not defined"),
    check="len(model.layers)",
    gives=0,
)

INPUT_DIM = Erratum(
    id="input-dim",
    slide="1.1 Gradient descent algorithm; every listing that builds a model",
    statement="input_dim (and input_shape) of a layer gives a warning; the model's input is a line of its own.",
    given=NAMES,
    printed="model = Sequential()\nmodel.add(Dense(1, input_dim=3))",
    modern="model = Sequential()\nmodel.add(keras.Input((3,)))\nmodel.add(Dense(1))",
    outcome=Warns("Do not pass an `input_shape`/`input_dim` argument to a layer"),
    check="[model.input_shape, model.output_shape, [weights.shape for weights in model.get_weights()]]",
    gives=[(None, 3), (None, 1), [(3, 1), (1,)]],
)

SGD_BY_NAME = Erratum(
    id="sgd-by-name",
    slide="1.1 Gradient descent algorithm",
    statement="optimizer='sgd' means the rate 0.01, not the 0.001 of the formulas beside it.",
    given=NAMES + "model = Sequential([keras.Input((3,)), Dense(1)])",
    printed="model.compile(loss='mse', optimizer='sgd')",
    modern="model.compile(loss='mse', optimizer=optimizers.SGD(learning_rate=0.001))",
    outcome=Differs(slide=0.001, today=0.01),
    check="round(float(model.optimizer.learning_rate.numpy()), 6)",
    gives=0.001,
)

ERRATA = (ARGMIN_OF_THE_GRADIENT, SEQUENTIAL_IN_LOWER_CASE, INPUT_DIM, SGD_BY_NAME)
