"""Where faults are injected, and the trainings that show them: names that several modules use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

KERAS = "keras.src"
BASE = f"{KERAS}.optimizers.base_optimizer:BaseOptimizer"
ADAM, SGD = f"{KERAS}.optimizers.adam:Adam", f"{KERAS}.optimizers.sgd:SGD"
RMSPROP, ADAGRAD = f"{KERAS}.optimizers.rmsprop:RMSprop", f"{KERAS}.optimizers.adagrad:Adagrad"
ADADELTA = f"{KERAS}.optimizers.adadelta:Adadelta"
DENSE, DROPOUT = f"{KERAS}.layers.core.dense:Dense", f"{KERAS}.layers.regularization.dropout:Dropout"
NORMALIZATION = f"{KERAS}.layers.normalization.batch_normalization:BatchNormalization"
L2, L1 = f"{KERAS}.regularizers.regularizers:L2", f"{KERAS}.regularizers.regularizers:L1"
SCALING = f"{KERAS}.initializers.random_initializers:VarianceScaling"
JAX, TENSORFLOW = "harness.training.backends.jax:JaxProgram", "harness.training.backends.tensorflow:TensorFlowProgram"
SEEDING, TRAIN = "harness.training.seeding", "harness.training.train"
RULES = "harness.rules"

SOFTMAX, LONG_SOFTMAX = ("example-4-softmax", "as printed"), ("example-3", "softmax")
DEEP, DROPPED = ("example-4", "5 relu xavier"), ("example-4", "dropout 0.2")
BY_SGD, NORMALISED = (("batch-normalization-rates", f"{kind}, rate 0.1") for kind in ("plain", "normalised"))
MLP = ("more-data", "2,000 images")
RNN, CNN = (("batch-normalization-examples", name) for name in ("rnn", "cnn"))
PENALISED, UNPENALISED = ("regularization", "l2 0.001"), ("regularization", "none")
ADAM_RACE, RMSPROP_RACE, ADADELTA_RACE = (("optimizers", name) for name in ("adam", "rmsprop", "adadelta"))
ADAGRAD_RACE = ("optimizers", "adagrad")
NESTEROV, VALLEY = ("optimizers", "sgd nesterov"), ("long-valley", "momentum 0.9")
MNIST = (SOFTMAX, BY_SGD, MLP, DEEP)

Trainings = tuple[tuple[str, str], ...]
Original = Callable[..., Any]
