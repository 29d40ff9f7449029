"""What is recorded of the GPU, tested with a simulated NVML."""

import sys

import msgspec
import pynvml
import pytest

from harness.environment import gpu
from harness.record.run import GpuFacts
from tests.pretend_nvml import H100, MEMORY, NAME, SM, NVMLError, failing, nvml

T4 = H100 | {
    "UUID": "GPU-33333333-dddd-eeee-ffff-444444444444",
    "Name": "Tesla T4",
    "PerformanceState": 8,
    "ClockInfo": {SM: 300, MEMORY: 405},
    "MigMode": NVMLError("Not Supported"),
}
ALL = GpuFacts(
    name=NAME, driver="570.86.15", power_state="P0", sm_clock_mhz=1980.0, max_sm_clock_mhz=1980.0,
    memory_clock_mhz=2619.0, max_memory_clock_mhz=2619.0, throttled_by=("idle",), power_w=71.35, power_limit_w=700.0,
    temperature_c=31.0, utilisation_percent=0.0, persistence="Enabled", mig="Disabled",
)  # fmt: skip


@pytest.fixture
def facts(monkeypatch):
    """``facts(*gpus, model="", visible=None)`` of a machine that has these GPUs; or of a pretended NVML."""

    def ask(*gpus, model="", visible=None):
        module = nvml(*gpus) if not gpus or isinstance(gpus[0], dict) else gpus[0]
        monkeypatch.setitem(sys.modules, "pynvml", module)
        told = gpu.facts("gpu", model, {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible})
        assert module.started() == 0
        return told

    return ask


def test_everything_told(facts):
    assert facts(H100) == ALL
    assert b"GPU-1111" not in msgspec.json.encode(ALL)
    silent = dict.fromkeys(H100, NVMLError("Not Supported")) | {"Name": NAME}
    assert facts(silent) == GpuFacts(name=NAME, driver="570.86.15")
    assert facts(H100 | {"PerformanceState": 32}).power_state is None


@pytest.mark.parametrize(
    ("mask", "expected"),
    [(0, ()), (0x44, ("software power cap", "hardware thermal slowdown")), (0x401, ("idle", "0x400"))],
)
def test_why_clocks_are_held_down(facts, mask, expected):
    assert facts(H100 | {"CurrentClocksThrottleReasons": mask}).throttled_by == expected


def test_of_two_gpus_the_first_visible_one_counts(facts):
    chosen = {None: NAME, "0": NAME, "1": "Tesla T4", "1,0": "Tesla T4", " 1 ": "Tesla T4", T4["UUID"]: "Tesla T4"}
    for visible, name in {**chosen, "GPU-3333": "Tesla T4"}.items():
        told = facts(H100, T4, visible=visible)
        assert (told.name, told.power_state) == (name, "P8" if name == "Tesla T4" else "P0")


@pytest.mark.parametrize("visible", ["", "-1", "7", "GPU-9999", "GPU-", "MIG-5555", "NoDevFiles"])
def test_a_choice_that_fits_no_gpu_is_named(facts, visible):
    said = f"CUDA_VISIBLE_DEVICES={visible!r} names none of the 2 GPUs that NVML lists"
    assert facts(H100, T4, visible=visible) == GpuFacts(unavailable=said)


def test_the_backends_name_outranks_the_order(facts):
    """CUDA counts the fastest first, NVML by slot."""
    assert facts(T4, H100, model=NAME, visible="0").name == NAME
    said = f"NVML lists 2 GPUs called {NAME!r}; set CUDA_DEVICE_ORDER=PCI_BUS_ID"
    assert facts(T4, H100, H100, model=NAME).unavailable == said
    assert facts(H100, model="H100").name == NAME  # one model only, which a backend calls by another name
    assert facts(H100 | {"MigMode": [1, 1]}, visible="MIG-5").mig == "Enabled"  # an instance of the only GPU


@pytest.mark.parametrize("name", ["nvmlInit", "nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex"])
def test_a_failing_driver_is_a_reason(facts, name):
    assert facts(failing(name, "GPU is lost", H100)) == GpuFacts(unavailable="NVML: GPU is lost")
    assert facts() == GpuFacts(unavailable="NVML lists no GPU")


def test_a_driver_that_cannot_be_closed_has_still_answered(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", failing("nvmlShutdown", "Unknown Error", H100))
    assert gpu.facts("gpu", environ={}).name == NAME


def test_the_pretended_nvml_is_part_of_the_real_one():
    pretended = {name: value for name, value in vars(nvml()).items() if name.lower().startswith("nvml")}
    assert len(pretended) == len(H100) + 9
    assert pretended.keys() <= vars(pynvml).keys()
    numbers = {name: value for name, value in pretended.items() if isinstance(value, int)}
    assert numbers.items() <= vars(pynvml).items()


def test_without_a_driver_the_real_nvml_gives_a_reason(monkeypatch):
    def no_library(name):
        raise OSError(name)

    monkeypatch.setattr(pynvml, "nvmlLib", None)
    monkeypatch.setattr(pynvml, "CDLL", no_library)
    assert gpu.facts("gpu", environ={}) == GpuFacts(unavailable="NVML: NVML Shared Library Not Found")
    assert gpu.count() == 0


def test_a_run_on_a_cpu_never_asks_and_gpus_are_counted(monkeypatch):
    for module, expected in ((nvml(H100, T4), 2), (nvml(), 0), (failing("nvmlInit", "Driver Not Loaded"), 0)):
        monkeypatch.setitem(sys.modules, "pynvml", module)
        assert gpu.count() == expected
    monkeypatch.setitem(sys.modules, "pynvml", None)  # an import of it would fail
    assert gpu.facts("cpu") is None


def test_rows_for_people():
    end = msgspec.structs.replace(ALL, power_state="P2", sm_clock_mhz=1755.0, throttled_by=(), max_sm_clock_mhz=None)
    rows = {label: (first, last) for label, first, last in gpu.rows(ALL, end)}
    assert rows["driver"] == ("570.86.15", "570.86.15")
    assert rows["power state"] == ("P0", "P2")
    assert rows["SM clock, of at most"] == ("1980 / 1980 MHz", "1755 / ? MHz")
    assert rows["clocks held down by"] == ("idle", "nothing")
    assert rows["power, of at most"] == ("71.35 / 700 W", "71.35 / 700 W")
    assert "state of the GPU" not in rows
    assert gpu.rows(GpuFacts(unavailable="no answer"), None) == [("state of the GPU", "no answer", "")]
    assert gpu.rows(None, None) == gpu.rows(GpuFacts(), None) == gpu.rows(None, GpuFacts()) == []
