"""What is recorded of the GPU, from nvidia-smis made up for the purpose."""

import json
import os
import stat
import time

import pytest

from harness import gpu

FIELDS = list(gpu.FIELDS.values())
H100 = {
    "index": "0",
    "uuid": "GPU-11111111-aaaa-bbbb-cccc-222222222222",
    "name": "NVIDIA H100 80GB HBM3",
    "driver_version": "570.86.15",
    "pstate": "P0",
    "clocks.sm": "1980",
    "clocks.max.sm": "1980",
    "clocks.mem": "2619",
    "clocks.max.mem": "2619",
    "clocks_throttle_reasons.active": "0x0000000000000001",
    "power.draw": "71.35",
    "power.limit": "700.00",
    "temperature.gpu": "31",
    "utilization.gpu": "0",
    "persistence_mode": "Enabled",
    "mig.mode.current": "Disabled",
}
T4 = H100 | {
    "index": "1",
    "uuid": "GPU-33333333-dddd-eeee-ffff-444444444444",
    "name": "Tesla T4",
    "pstate": "P8",
    "clocks.sm": "300",
    "clocks_throttle_reasons.active": "0x0000000000000044",
    "persistence_mode": "Disabled",
    "mig.mode.current": "[N/A]",
}


def line(values):
    return ", ".join(values[field] for field in FIELDS)


@pytest.fixture
def machine(tmp_path):
    """``machine(script, **environment)``: an environment whose nvidia-smi is this shell script."""

    def make(script, **changes):
        program = tmp_path / "bin" / "nvidia-smi"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        kept = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
        return kept | {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"} | changes

    return make


def says(*gpus, extra=""):
    return "cat <<'END'\n" + "\n".join([*map(line, gpus), *([extra] if extra else [])]) + "\nEND"


def test_everything_told(machine):
    facts, reason = gpu.nvidia_smi(environ=machine(says(H100)))
    assert reason == ""
    assert facts == {
        "name": "NVIDIA H100 80GB HBM3",
        "driver": "570.86.15",
        "power_state": "P0",
        "sm_clock_mhz": 1980.0,
        "max_sm_clock_mhz": 1980.0,
        "memory_clock_mhz": 2619.0,
        "max_memory_clock_mhz": 2619.0,
        "throttled_by": ["idle"],
        "power_w": 71.35,
        "power_limit_w": 700.0,
        "temperature_c": 31.0,
        "utilisation_percent": 0.0,
        "persistence": "Enabled",
        "mig": "Disabled",
    }
    assert "GPU-1111" not in json.dumps(facts)


@pytest.mark.parametrize("absent", ["[N/A]", "N/A", "[Not Supported]", "[Unknown Error]", "[GPU requires reset]", ""])
def test_what_the_driver_does_not_tell_is_null(machine, absent):
    told = {"index", "uuid", "name"}
    facts, reason = gpu.nvidia_smi(environ=machine(says({f: H100[f] if f in told else absent for f in FIELDS})))
    assert reason == ""
    assert facts.pop("name") == H100["name"]
    assert set(facts.values()) == {None}


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ("0x0000000000000000", []),
        ("0x0000000000000044", ["software power cap", "hardware thermal slowdown"]),
        ("0x0000000000000401", ["idle", "0x400"]),
        ("Not Active", None),
    ],
)
def test_why_clocks_are_held_down(machine, mask, expected):
    facts, _ = gpu.nvidia_smi(environ=machine(says(H100 | {"clocks_throttle_reasons.active": mask})))
    assert facts["throttled_by"] == expected


@pytest.mark.parametrize(
    ("visible", "name"),
    [
        (None, "NVIDIA H100 80GB HBM3"),
        ("0", "NVIDIA H100 80GB HBM3"),
        ("1", "Tesla T4"),
        ("1,0", "Tesla T4"),
        (" 1 ", "Tesla T4"),
        (T4["uuid"], "Tesla T4"),
        ("GPU-3333", "Tesla T4"),
    ],
)
def test_of_two_gpus_the_first_visible_one_counts(machine, visible, name):
    environ = machine(says(H100, T4), **({} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}))
    facts, reason = gpu.nvidia_smi(environ=environ)
    assert (facts["name"], reason) == (name, "")
    assert facts["power_state"] == ("P8" if name == "Tesla T4" else "P0")


@pytest.mark.parametrize("visible", ["", "-1", "7", "GPU-9999", "GPU-", "MIG-5555", "NoDevFiles"])
def test_a_choice_that_fits_no_gpu_is_named(machine, visible):
    facts, reason = gpu.nvidia_smi(environ=machine(says(H100, T4), CUDA_VISIBLE_DEVICES=visible))
    assert facts is None
    assert reason == f"CUDA_VISIBLE_DEVICES={visible!r} names none of the 2 GPUs that nvidia-smi lists"


def test_an_instance_of_the_only_gpu_is_that_gpus(machine):
    facts, _ = gpu.nvidia_smi(
        environ=machine(says(H100 | {"mig.mode.current": "Enabled"}), CUDA_VISIBLE_DEVICES="MIG-5")
    )
    assert facts["mig"] == "Enabled"


def test_the_backends_name_outranks_the_order(machine):
    """CUDA counts the fastest first, nvidia-smi by slot."""
    swapped = machine(says(T4 | {"index": "0"}, H100 | {"index": "1"}), CUDA_VISIBLE_DEVICES="0")
    assert gpu.nvidia_smi(H100["name"], swapped)[0]["name"] == H100["name"]
    twice = machine(says(T4 | {"index": "0"}, H100 | {"index": "1"}, H100 | {"index": "2"}))
    facts, reason = gpu.nvidia_smi(H100["name"], twice)
    assert facts is None
    assert reason.endswith("lists 2 GPUs called 'NVIDIA H100 80GB HBM3'; set CUDA_DEVICE_ORDER=PCI_BUS_ID")
    # One model only, which a backend calls by another name.
    assert gpu.nvidia_smi("H100", machine(says(H100)))[0]["name"] == H100["name"]


def test_a_warning_between_the_values(machine):
    facts, _ = gpu.nvidia_smi(environ=machine(says(H100, extra="WARNING: infoROM is corrupted at gpu 0000:00:04.0")))
    assert facts["driver"] == "570.86.15"


OLD_AND_NEW = """case "$1" in
*clocks_throttle_reasons*) echo 'Field "clocks_throttle_reasons.active" is not a valid field to query.'; exit 2;;
*mig.mode*) echo 'Field "mig.mode.current" is not a valid field to query.'; exit 2;;
*reasons.active*mig*) exit 3;;
esac
"""


def test_fields_that_a_driver_does_not_know(machine):
    """The mask of reasons has a newer name, which then comes last; MIG is left out, and null."""
    order = [field for field in FIELDS if field not in ("clocks_throttle_reasons.active", "mig.mode.current")]
    values = ", ".join([*(H100[field] for field in order), "0x0000000000000004"])
    facts, reason = gpu.nvidia_smi(environ=machine(OLD_AND_NEW + f"echo '{values}'"))
    assert reason == ""
    assert (facts["mig"], facts["throttled_by"], facts["power_state"]) == (None, ["software power cap"], "P0")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo 'No devices were found'; exit 6", "nvidia-smi ended with status 6: No devices were found"),
        ("echo 'NVIDIA-SMI has failed' >&2; exit 9", "nvidia-smi ended with status 9: NVIDIA-SMI has failed"),
        ("exit 1", "nvidia-smi ended with status 1"),
        ("kill -9 $$", "nvidia-smi ended with status -9"),
        ("exit 0", "nvidia-smi printed no line with the 16 values of a GPU"),
        ("echo hello, world", "nvidia-smi printed no line with the 16 values of a GPU"),
        (f"echo '{','.join('x' * 16)}'", "nvidia-smi printed no line with the 16 values of a GPU"),
        ("head -c 5000000 /dev/urandom", "nvidia-smi printed no line with the 16 values of a GPU"),
        (
            "echo 'Field \"name\" is not a valid field to query.'; exit 2",
            'nvidia-smi ended with status 2: Field "name"',
        ),
        (
            "echo 'Field \"else\" is not a valid field to query.'; exit 2",
            'nvidia-smi ended with status 2: Field "else"',
        ),
    ],
)
def test_failing_or_garbage(machine, script, expected):
    facts, reason = gpu.nvidia_smi(environ=machine(script))
    assert facts is None
    assert reason.startswith(expected)
    assert "\n" not in reason


def test_absent(tmp_path):
    facts, reason = gpu.nvidia_smi(environ={"PATH": str(tmp_path)})
    assert facts is None
    assert reason == "nvidia-smi cannot be started: No such file or directory"


@pytest.mark.parametrize(
    "script", ["exec sleep 60", "sleep 60", "trap '' TERM INT; sleep 60 & sleep 60", "sleep 60 &\nwait"]
)
def test_hanging(machine, script):
    clock = time.monotonic()
    facts, reason = gpu.nvidia_smi(environ=machine(script), timeout=0.3)
    assert time.monotonic() - clock < 5
    assert facts is None
    assert reason == "nvidia-smi gave no answer in 0.3 s"


def test_a_run_on_a_cpu_never_asks(machine, tmp_path):
    assert gpu.record("cpu", environ=machine(f"touch {tmp_path}/asked")) is None
    assert not (tmp_path / "asked").exists()


def test_a_run_on_a_gpu_records_the_facts_or_why_there_are_none(machine):
    assert gpu.record("gpu", H100["name"], machine(says(H100)))["driver"] == "570.86.15"
    assert gpu.record("gpu", H100["name"], machine("exit 1")) == {"unavailable": "nvidia-smi ended with status 1"}


def test_rows_for_people(machine):
    start = gpu.record("gpu", "", machine(says(H100)))
    end = start | {"power_state": "P2", "sm_clock_mhz": 1755.0, "throttled_by": [], "max_sm_clock_mhz": None}
    rows = {label: (first, last) for label, first, last in gpu.rows(start, end)}
    assert rows["driver"] == ("570.86.15", "570.86.15")
    assert rows["power state"] == ("P0", "P2")
    assert rows["SM clock, of at most"] == ("1980 / 1980 MHz", "1755 / ? MHz")
    assert rows["clocks held down by"] == ("idle", "nothing")
    assert rows["power, of at most"] == ("71.35 / 700 W", "71.35 / 700 W")
    assert "state of the GPU" not in rows
    rows = {label: (first, last) for label, first, last in gpu.rows({"unavailable": "no answer"}, None)}
    assert rows == {"state of the GPU": ("no answer", "")}


@pytest.mark.parametrize("sample", [None, {}, [], "x", 5, {"else": 1}, {"driver": None}])
def test_no_rows_where_there_is_nothing_to_say(sample):
    assert gpu.rows(sample, None) == []
    assert gpu.rows(None, sample) == []


@pytest.mark.parametrize("value", [{"a": 1}, [None, [1.5]], True, -3, "text", [[]]])
def test_a_damaged_record_still_gives_text(value):
    for _, first, last in gpu.rows(dict.fromkeys(gpu.FIELDS, value), {"throttled_by": value}):
        assert isinstance(first, str)
        assert isinstance(last, str)
