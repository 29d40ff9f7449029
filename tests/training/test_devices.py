"""The device of the trained weights: on real backends without a GPU, and on simulated ones with a GPU."""

import sys
from types import SimpleNamespace

import pytest

from harness.errors import SuiteError
from harness.training.backend import Device, check_on_gpu, device_of, trained_on
from harness.training.machine import cpu_model

H100, A10, V100 = "NVIDIA H100 80GB HBM3", "NVIDIA A10G", "Tesla V100-SXM2-16GB"
AMPERE = {"device_name": A10, "compute_capability": (8, 6)}
VOLTA = {"device_name": V100, "compute_capability": (7, 0)}
CPU = Device("cpu", cpu_model(), "float32")


@pytest.fixture
def on(monkeypatch):
    """Makes a simulated backend the active one: ``on("jax", module)``. Nothing of it is imported."""

    def choose(backend, module):
        keras = SimpleNamespace(
            backend=SimpleNamespace(backend=lambda: backend),
            config=SimpleNamespace(dtype_policy=lambda: SimpleNamespace(name="float32")),
        )
        for name, simulated in {"keras": keras, backend: module}.items():
            monkeypatch.setitem(sys.modules, name, simulated)

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


def jax(matmul=None):
    return SimpleNamespace(config=SimpleNamespace(jax_default_matmul_precision=matmul))


def on_jax(*devices):
    devices = [SimpleNamespace(id=number, platform=kind, device_kind=model) for number, kind, model in devices]
    return SimpleNamespace(devices=lambda: devices)


def torch():
    return SimpleNamespace(
        cuda=SimpleNamespace(get_device_name=lambda device: [H100, A10][device.index]),
        get_float32_matmul_precision=lambda: "highest",
    )


def on_torch(kind, index=None):
    return SimpleNamespace(device=SimpleNamespace(type=kind, index=index))


@pytest.mark.parametrize(
    ("backend", "module", "array", "expected"),
    [
        ("tensorflow", tensorflow(AMPERE), at("CPU"), CPU),
        ("tensorflow", tensorflow(), at("CPU"), CPU),
        ("tensorflow", tensorflow(AMPERE, VOLTA), at("GPU"), Device("gpu", A10, "float32+tf32")),
        ("tensorflow", tensorflow(AMPERE, tf32=False), at("GPU"), Device("gpu", A10, "float32")),
        ("tensorflow", tensorflow(AMPERE, VOLTA), at("GPU", 1), Device("gpu", V100, "float32")),
        # one device split into four
        ("tensorflow", tensorflow(AMPERE), at("GPU", 3), Device("gpu", A10, "float32+tf32")),
        ("tensorflow", tensorflow({}), at("GPU"), Device("gpu", "unknown GPU", "float32+tf32")),
        ("tensorflow", tensorflow(AMPERE), SimpleNamespace(device=""), Device("unknown", "unknown", "float32")),
        ("jax", jax(), on_jax((0, "cpu", "cpu")), CPU),
        ("jax", jax(), on_jax((0, "gpu", H100)), Device("gpu", H100, "float32, matmul default")),
        ("jax", jax("highest"), on_jax((0, "cuda", H100)), Device("gpu", H100, "float32, matmul highest")),
        ("jax", jax(), on_jax((1, "gpu", A10), (0, "gpu", H100)), Device("gpu", H100, "float32, matmul default")),
        ("jax", jax(), on_jax((0, "tpu", "TPU v4")), Device("tpu", "TPU v4", "float32, matmul default")),
        ("torch", torch(), on_torch("cpu"), CPU),  # KERAS_TORCH_DEVICE=cpu alongside a GPU
        ("torch", torch(), on_torch("cuda", 0), Device("gpu", H100, "float32, matmul highest")),
        ("torch", torch(), on_torch("cuda", 1), Device("gpu", A10, "float32, matmul highest")),
        ("torch", torch(), on_torch("mps", 0), Device("mps", "mps", "float32, matmul highest")),
    ],
)
def test_device_of_an_array_or_a_variable(on, backend, module, array, expected):
    on(backend, module)
    assert device_of(array) == device_of(SimpleNamespace(value=array)) == expected


def test_one_weight_elsewhere_is_what_counts(on):
    on("tensorflow", tensorflow(AMPERE))
    assert trained_on([at("GPU"), at("GPU")]).kind == "gpu"
    assert trained_on([at("GPU"), at("CPU"), at("GPU")]).kind == "cpu"


@pytest.mark.parametrize(
    ("devices", "refused"),
    [
        ([], ""),
        ([f"gpu: {H100}", "", f"gpu: {A10}"], ""),
        ([f"gpu: {H100}", "cpu: AMD EPYC"], "on the CPU (AMD EPYC)"),
        (["tpu: TPU v4"], "on the TPU (TPU v4)"),
        (["unknown: unknown"], "on the UNKNOWN"),
    ],
)
def test_any_device_but_a_gpu_is_refused_in_one_line(devices, refused):
    if not refused:
        check_on_gpu(devices)
        return
    with pytest.raises(SuiteError) as error:
        check_on_gpu(devices)
    said = str(error.value)
    assert said.startswith("--require-gpu: ")
    assert refused in said
    assert "CUDA_VISIBLE_DEVICES" in said
    assert "\n" not in said
