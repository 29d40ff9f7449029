"""Defaults of what trainings are made of. A training that passes an argument does not show that its default changed."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from harness.self_check import Measured, self_check

CONSTRAINED = dict.fromkeys(("kernel_regularizer", "bias_regularizer", "activity_regularizer"))
CONSTRAINED |= dict.fromkeys(("kernel_constraint", "bias_constraint"))
LINEAR = {"use_bias": True, "kernel_initializer": "glorot_uniform", "bias_initializer": "zeros", **CONSTRAINED}
STEPS: dict[str, Any] = {"learning_rate": 0.001, "epsilon": 1e-7, "use_ema": False, "ema_momentum": 0.99}
STEPS |= dict.fromkeys(("weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "ema_overwrite_frequency"))
STEPS |= dict.fromkeys(("loss_scale_factor", "gradient_accumulation_steps"))
MOMENTS = {"beta_1": 0.9, "beta_2": 0.999}
MONITOR = {"monitor": "val_loss", "mode": "auto", "verbose": 0}
MEAN = {"reduction": "sum_over_batch_size", "dtype": None}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "layers.BatchNormalization": {
        "axis": -1,
        "momentum": 0.99,
        "epsilon": 0.001,
        "center": True,
        "scale": True,
        "beta_initializer": "zeros",
        "gamma_initializer": "ones",
        "moving_mean_initializer": "zeros",
        "moving_variance_initializer": "ones",
        **dict.fromkeys(("beta_regularizer", "gamma_regularizer", "beta_constraint", "gamma_constraint")),
        "renorm": False,
        "synchronized": False,
    },
    "layers.Concatenate": {"axis": -1},
    "layers.Conv2D": {
        "strides": (1, 1),
        "padding": "valid",
        "data_format": None,
        "dilation_rate": (1, 1),
        "groups": 1,
        "activation": None,
        **LINEAR,
    },
    "layers.Dense": {"activation": None, **LINEAR, "lora_rank": None, "quantization_config": None},
    "layers.Dropout": {"noise_shape": None, "seed": None},
    "layers.LSTM": {
        "activation": "tanh",
        "recurrent_activation": "sigmoid",
        **LINEAR,
        "recurrent_initializer": "orthogonal",
        "unit_forget_bias": True,
        "dropout": 0.0,
        "recurrent_dropout": 0.0,
        **dict.fromkeys(("return_sequences", "return_state", "go_backwards", "stateful", "unroll"), False),
    },
    "layers.MaxPooling2D": {"pool_size": (2, 2), "strides": None, "padding": "valid", "data_format": None},
    "layers.Normalization": {"axis": -1, "mean": None, "variance": None, "invert": False},
    "layers.Rescaling": {"offset": 0.0},
    "optimizers.Adadelta": {**STEPS, "rho": 0.95},
    "optimizers.Adagrad": {**STEPS, "initial_accumulator_value": 0.1},
    "optimizers.Adam": {**STEPS, **MOMENTS, "amsgrad": False},
    "optimizers.Nadam": {**STEPS, **MOMENTS},
    "optimizers.RMSprop": {**STEPS, "rho": 0.9, "momentum": 0.0, "centered": False},
    "optimizers.SGD": {**STEPS, "learning_rate": 0.01, "momentum": 0.0, "nesterov": False},
    "losses.CategoricalCrossentropy": {**MEAN, "from_logits": False, "label_smoothing": 0.0, "axis": -1},
    "losses.MeanSquaredError": MEAN,
    "initializers.GlorotUniform": {"seed": None},
    "initializers.RandomUniform": {"minval": -0.05, "maxval": 0.05, "seed": None},
    "initializers.VarianceScaling": {
        "scale": 1.0,
        "mode": "fan_in",
        "distribution": "truncated_normal",
        "seed": None,
    },
    "regularizers.L1": {"l1": 0.01},
    "regularizers.L2": {"l2": 0.01},
    "callbacks.EarlyStopping": {
        **MONITOR,
        "min_delta": 0,
        "patience": 0,
        "baseline": None,
        "restore_best_weights": False,
        "start_from_epoch": 0,
    },
    "callbacks.ModelCheckpoint": {
        **MONITOR,
        "save_best_only": False,
        "save_weights_only": False,
        "save_freq": "epoch",
        "initial_value_threshold": None,
    },
}
"""By class, the documented default of each argument."""


@self_check(
    "defaults",
    "The arguments of Keras' {0} in use have the documented defaults.",
    "Keras' documentation of these classes",
    {name.partition(".")[0]: name.partition(".")[0] for name in DEFAULTS},
)
def defaults(engine: str, kind: str) -> Iterator[Measured]:
    """Arguments that this version of Keras does not have yet are not compared."""
    import keras

    for name, documented in DEFAULTS.items():
        if name.startswith(kind):
            arguments = inspect.signature(functools.reduce(getattr, name.split("."), keras)).parameters
            for argument in documented.keys() & arguments.keys():
                yield Measured(f"{argument} of {name}", arguments[argument].default, documented[argument])


CHECKS = defaults
