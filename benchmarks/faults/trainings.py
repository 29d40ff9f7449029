"""The trainings that show faults and are cheap to train, as (experiment, variant)."""

from __future__ import annotations

SOFTMAX, LONG_SOFTMAX = ("example-4-softmax", "as printed"), ("example-3", "softmax")
DEEP, DROPPED, RELU_2 = (("example-4", name) for name in ("5 relu xavier", "dropout 0.2", "2 relu"))
L1_SMALL = ("example-4", "l1 1e-4")
BY_SGD, NORMALISED = (("batch-normalization-rates", f"{kind}, rate 0.1") for kind in ("plain", "normalised"))
MLP, FEW = ("more-data", "2,000 images"), ("more-data", "500 images")
RNN, CNN = (("batch-normalization-examples", name) for name in ("rnn", "cnn"))
PENALISED, UNPENALISED, NORMALISED_ADAM = (
    ("regularization", name) for name in ("l2 0.001", "none", "batch normalization")
)
L2_OF_1, L2_NORMALISED = ("regularization", "l2 1"), ("regularization", "batch normalization, l2 1e-4")
DROPPED_SMALL = ("regularization", "dropout 0.2")
ADAM_RACE, RMSPROP_RACE, ADADELTA_RACE, ADAGRAD_RACE, NESTEROV = (
    ("optimizers", name) for name in ("adam", "rmsprop", "adadelta", "adagrad", "sgd nesterov")
)
VALLEY, CLIPPED, CENTRED = ("long-valley", "momentum 0.9"), ("example-2-clipped", "clipnorm 1"), ("centring", "centred")
SLOW, FAST, DIVERGING = (("example-1", f"rate {rate}") for rate in ("1e-5", "0.1", "10"))
RAW, MIN_MAX, STANDARDISED = (("example-2", name) for name in ("raw", "min-max", "standardised"))
MNIST = (SOFTMAX, BY_SGD, MLP, DEEP)
ADAMS = (SOFTMAX, LONG_SOFTMAX, DEEP)
