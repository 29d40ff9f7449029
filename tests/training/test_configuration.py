"""Configurations are equal if and only if two trials measure the same thing."""

import sys
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest

from harness.errors import SuiteError
from harness.model import Dataset, Size, Variant
from harness.training import configuration
from harness.training.configuration import checksum, differences, digest, without_names
from harness.training.setup import TrainingSetup
from tests.training.conftest import printed


def layer_of(config):
    return SimpleNamespace(activity_regularizer="l1", get_config=lambda: config)


def test_a_keras_whose_layers_leave_a_penalty_out_of_their_configuration_is_refused(monkeypatch):
    """Dense of Keras before 3.4: a program made from the configuration would train without the penalty."""
    monkeypatch.setitem(sys.modules, "keras", SimpleNamespace(__version__="3.0.5"))
    data, optimizer = Dataset(np.zeros((8, 1)), np.zeros((8, 1))), Mock()

    def setup(config):
        model = SimpleNamespace(layers=[layer_of(config)], built=True, trainable_variables=())
        return TrainingSetup(None, Variant("l1", model=lambda: model, optimizer=lambda: optimizer), Size(1, 8), data)

    assert setup({"activity_regularizer": {"class_name": "L1"}}).build()[1] is optimizer
    with pytest.raises(SuiteError, match=r"Keras 3\.0\.5 is too old .* Install Keras 3\.4 or later"):
        setup({"units": 2}).build()


def test_differences_have_places_and_what_is_absent():
    then = {"a": {"b": [1, 2, {"c": 0.2}]}, "d": True, "e": "x"}
    now = {"a": {"b": [1, 3, {"c": 0.3}, 4]}, "d": 1, "f": None}
    assert differences(then, now) == [
        ("a.b[1]", 2, 3),
        ("a.b[2].c", 0.2, 0.3),
        ("a.b[3]", None, 4),
        ("d", True, 1),
        ("e", "x", None),
    ]
    assert differences(then, then) == []


def test_a_digest_does_not_depend_on_the_order_of_keys():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 2, "b": 1})


def test_a_checksum_is_of_shape_and_float32_values():
    values = np.arange(6, dtype="float64")
    assert checksum(values) == checksum(values.astype("float32")) == checksum(values.copy())
    assert checksum(values) == checksum(values * (1 + 1e-12))
    assert (
        len({checksum(array) for array in (values, values + 1e-3, values.reshape(2, 3), values[::-1], values[:5])}) == 5
    )


def test_a_checksum_is_computed_once_while_the_array_lives(monkeypatch):
    counted = []
    real = configuration._checksum
    monkeypatch.setattr(configuration, "_checksum", lambda array: counted.append(1) or real(array))
    values = np.arange(10.0)
    sums = [checksum(values[:count]) for count in (10, 10, 5, 5, 10)]
    assert len(counted) == 2
    assert sums[0] == sums[1] == sums[4] != sums[2]
    for number in range(20):  # whose memory, and id, may be that of the one before
        assert checksum(np.full(3, float(number))) == real(np.full(3, float(number)))


def test_a_policy_keeps_its_name_and_a_layer_does_not():
    policy = {"class_name": "DTypePolicy", "config": {"name": "float32"}}
    layer = {"class_name": "Dense", "config": {"name": "dense_7", "dtype": policy, "kernel_initializer": 1}}
    assert without_names(layer) == {"class_name": "Dense", "config": {"dtype": policy, "kernel_initializer": 1}}
    assert without_names(layer, without="_initializer") == {"class_name": "Dense", "config": {"dtype": policy}}


@pytest.mark.slow
def test_on_jax_it_imports_nothing_that_takes_long_and_is_not_needed():
    """TensorFlow, whose types Keras looks for while it serializes, and what Keras imports when it starts."""
    code = (
        "import sys\n"
        "from harness.training.backend import choose_backend, start_backend\n"
        "choose_backend('jax'); start_backend()\n"
        "from cases.examples.mnist_softmax import CLAIMS\n"
        "from harness.training.configuration import variant_digest\n"
        "experiment = next(claim.experiment for claim in CLAIMS if claim.experiment)\n"
        "variant_digest(experiment, experiment.variants[0].name)\n"
        "print({'tensorflow', 'matplotlib', 'pandas'} & set(sys.modules))\n"
        "import pandas\n"
    )
    assert printed(code) == "set()\n"
