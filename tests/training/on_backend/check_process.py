"""The process of a backend: what it is given, and the device of the weights that it trains."""

import gc
from unittest import mock

import pytest

from cases.networks import dense_softmax
from harness.errors import SuiteError
from harness.training import backend as process
from harness.training.backend import Device, check_on_gpu, device
from harness.training.backends import active_backend
from harness.training.train import train
from tests.training.experiments import REGRESSION


def test_it_runs_on_its_backend(backend):
    assert active_backend() == backend
    assert device().kind in ("cpu", "gpu")
    assert device().model
    assert device().precision.startswith("float32")


def test_garbage_collections_pass_over_what_was_imported():
    assert gc.get_freeze_count() > 50_000


def test_a_users_keras_json_is_ignored():
    """The process has a home whose keras.json asks for float64 and an epsilon of 0.25."""
    import keras

    assert (keras.config.floatx(), keras.config.epsilon()) == ("float32", 1e-7)
    assert keras.backend.standardize_dtype(dense_softmax(2, 2).weights[0].dtype) == "float32"


@pytest.mark.parametrize("engine", ["fit", "compiled"])
def test_a_trial_says_where_its_weights_were_trained_whatever_the_backend_claims(engine):
    """TensorFlow may list a GPU and compute on the CPU all the same; here the backend claims one."""
    pretended, kind = Device("gpu", "NVIDIA H100 80GB HBM3", "float32"), device().kind
    with mock.patch.object(process, "device", return_value=pretended):
        (trial,) = train(REGRESSION, "linear", [0], engine=engine)
    assert trial.device.startswith(f"{kind}: ")
    assert trial.precision.startswith("float32")
    if kind == "cpu":
        with pytest.raises(SuiteError, match=r"^--require-gpu: the trained weights are on the CPU \("):
            check_on_gpu([trial.device])
