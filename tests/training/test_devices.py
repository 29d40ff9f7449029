"""The device of the trained weights: on real backends without a GPU, and on simulated ones with a GPU."""

import sys
from types import SimpleNamespace

import pytest

from harness.environment.fingerprint import cpu_model
from harness.errors import SuiteError
from harness.training.backend import Device, check_on_gpu, device_of, trained_on

H100 = "NVIDIA H100 80GB HBM3"
A10 = "NVIDIA A10G"


@pytest.fixture
def on(monkeypatch):
    """Makes a backend the active one: ``on("jax", jax=module)``. Nothing of it is imported."""

    class Variable:
        def __init__(self, value):
            self.value = value

    def choose(backend, policy="float32", new=None, **modules):
        keras = SimpleNamespace(
            Variable=Variable,
            backend=SimpleNamespace(backend=lambda: backend),
            config=SimpleNamespace(dtype_policy=lambda: SimpleNamespace(name=policy)),
            ops=SimpleNamespace(convert_to_tensor=lambda value: new),
        )
        for name, module in {"keras": keras, **modules}.items():
            monkeypatch.setitem(sys.modules, name, module)
        return Variable

    return choose


def tensorflow(*details, tf32=True):
    """A TensorFlow that sees one GPU per ``details``."""
    config = SimpleNamespace(
        get_visible_devices=lambda kind: list(range(len(details))) if kind == "GPU" else ["cpu"],
        experimental=SimpleNamespace(
            get_device_details=lambda number: details[number],
            tensor_float_32_execution_enabled=lambda: tf32,
        ),
    )
    return SimpleNamespace(config=config)


def at(kind, number=0):
    return SimpleNamespace(device=f"/job:localhost/replica:0/task:0/device:{kind}:{number}")


AMPERE = {"device_name": A10, "compute_capability": (8, 6)}
VOLTA = {"device_name": "Tesla V100-SXM2-16GB", "compute_capability": (7, 0)}


@pytest.mark.parametrize(
    ("array", "gpus", "tf32", "expected"),
    [
        (at("CPU"), [AMPERE], True, Device("cpu", cpu_model(), "float32")),
        (at("CPU"), [], True, Device("cpu", cpu_model(), "float32")),
        (at("GPU"), [AMPERE, VOLTA], True, Device("gpu", A10, "float32+tf32")),
        (at("GPU"), [AMPERE], False, Device("gpu", A10, "float32")),
        (at("GPU", 1), [AMPERE, VOLTA], True, Device("gpu", "Tesla V100-SXM2-16GB", "float32")),
        (at("GPU", 3), [AMPERE], True, Device("gpu", A10, "float32+tf32")),  # one device split into four
        (at("GPU"), [{}], True, Device("gpu", "unknown GPU", "float32+tf32")),
        (SimpleNamespace(device=""), [AMPERE], True, Device("unknown", "unknown", "float32")),
    ],
)
def test_tensorflow(on, array, gpus, tf32, expected):
    variable = on("tensorflow", tensorflow=tensorflow(*gpus, tf32=tf32))
    assert device_of(array) == expected
    assert device_of(variable(array)) == expected


def jax_array(*devices):
    return SimpleNamespace(devices=lambda: {JaxDevice(*device) for device in devices})


class JaxDevice:
    def __init__(self, number, platform, model, stats=None):
        self.id, self.platform, self.device_kind = number, platform, model
        self.memory_stats = lambda: stats


@pytest.mark.parametrize(
    ("devices", "matmul", "expected"),
    [
        ([(0, "cpu", "cpu")], None, Device("cpu", cpu_model(), "float32")),
        ([(0, "gpu", H100)], None, Device("gpu", H100, "float32, matmul default")),
        ([(0, "cuda", H100)], "highest", Device("gpu", H100, "float32, matmul highest")),
        ([(1, "gpu", A10), (0, "gpu", H100)], None, Device("gpu", H100, "float32, matmul default")),
        ([(0, "tpu", "TPU v4")], None, Device("tpu", "TPU v4", "float32, matmul default")),
    ],
)
def test_jax(on, devices, matmul, expected):
    on("jax", jax=SimpleNamespace(config=SimpleNamespace(jax_default_matmul_precision=matmul)))
    assert device_of(jax_array(*devices)) == expected


def torch(names=()):
    return SimpleNamespace(
        cuda=SimpleNamespace(
            is_available=lambda: True,
            get_device_name=lambda device: names[device.index],
        ),
        get_float32_matmul_precision=lambda: "highest",
    )


def torch_array(kind, index=None):
    return SimpleNamespace(device=SimpleNamespace(type=kind, index=index))


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (torch_array("cpu"), Device("cpu", cpu_model(), "float32")),  # KERAS_TORCH_DEVICE=cpu alongside a GPU
        (torch_array("cuda", 0), Device("gpu", H100, "float32, matmul highest")),
        (torch_array("cuda", 1), Device("gpu", A10, "float32, matmul highest")),
        (torch_array("mps", 0), Device("mps", "mps", "float32, matmul highest")),
    ],
)
def test_torch(on, array, expected):
    on("torch", torch=torch([H100, A10]))
    assert device_of(array) == expected


def test_one_weight_elsewhere_is_what_counts(on):
    on("tensorflow", tensorflow=tensorflow(AMPERE))
    assert trained_on([at("GPU"), at("GPU")]).kind == "gpu"
    assert trained_on([at("GPU"), at("CPU"), at("GPU")]).kind == "cpu"


@pytest.mark.parametrize("devices", [[], [""], [f"gpu: {H100}"], [f"gpu: {H100}", "", f"gpu: {A10}"]])
def test_nothing_is_said_of_trainings_on_a_gpu(devices):
    check_on_gpu(devices)


@pytest.mark.parametrize(
    ("devices", "named"),
    [
        (["cpu: AMD EPYC"], r"on the CPU \(AMD EPYC\)"),
        ([f"gpu: {H100}", "cpu: AMD EPYC"], r"on the CPU \(AMD EPYC\)"),
        (["tpu: TPU v4"], r"on the TPU \(TPU v4\)"),
        (["unknown: unknown"], r"on the UNKNOWN"),
    ],
)
def test_any_other_device_is_refused_in_one_line(devices, named):
    with pytest.raises(SuiteError, match=r"^--require-gpu: .*" + named) as error:
        check_on_gpu(devices)
    assert "\n" not in str(error.value)
    assert "CUDA_VISIBLE_DEVICES" in str(error.value)
