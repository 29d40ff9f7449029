"""``benchmarks.measure_gpu``: ``GPU.md`` of records as from a GPU, steps that go on, and the script on a CPU."""

import json
import subprocess
import sys

import pytest

from benchmarks import measure_gpu
from benchmarks.measure_gpu import FULL, NETWORKS, SCALES, main, report
from benchmarks.measured import Measured
from harness.course import ROOT
from harness.record.run import TrialDone, decode, read_run
from tests.reports.markdown import section, tables
from tests.training.conftest import environment

FIVE = [[784, 256], *[[256, 256]] * 4, [256, 10]]
SHAPES = {"softmax": [[784, 10]], "two hidden layers": [FIVE[0], FIVE[1], FIVE[-1]]}
MS = dict(zip(NETWORKS, (0.3, 1.0, 2.0, 2.5), strict=True))
PRINT = {"backend_version": "0.11.0", "keras": "3.15.1", "numpy": "2.4.6", "python": "3.12", "system": "Linux x86_64"}


def record(measured):
    device = {"kind": "gpu", "model": "Imaginary GPU", "precision": "float32, matmul default"}
    return {"device": device, "fingerprint": PRINT, "gpu": None, "measured": measured}


def speed(network):
    rows = [
        {
            "seeds": seeds,
            "ms": times * MS[network],
            "compile": 12.0,
            "seconds_per_seed": MS[network] / 50,
            "memory": 2e9,
        }
        for seeds, times in ((64, 2), (128, 1), (256, 1.1))
    ]
    sizes = {"train": 60000, "validation": 10000, "batch_size": 512}
    return record({"shapes": SHAPES.get(network, FIVE), **sizes, "rows": rows})


RESULTS = {
    "machine": record({"flops": {"default": 4e14, "highest": 5e13}, "bandwidth": 3e12}),
    **{f"speed {network}": speed(network) for network in NETWORKS},
    "fit on jax": record({network: 150 * ms for network, ms in MS.items()}),
    "fit on tensorflow": record({network: 400 * ms for network, ms in MS.items()}),
    "fit on torch": {"absent": "torch is not installed"},
}


def test_every_part_is_in_the_report():
    """Five hidden layers: 4.51 GB at 3 TB/s are 1.503 ms, 75 % of the 2 ms measured with 128 seeds."""
    text = report(RESULTS, "full")
    machine = {row["measured on"]: list(row.values())[1] for row in tables(text)[0]}
    assert machine["device"] == "GPU: Imaginary GPU, float32, matmul default"
    assert machine["matrix products, highest precision"] == "50.0 TFLOP/s"
    assert machine["memory, read and written"] == "3,000 GB/s"
    rows = {row["network"]: list(row.values())[1:] for row in tables(section(text, "Speed"))[0]}
    assert rows["five hidden layers"] == [
        "2.000 (128)", "1.9", "1.503 (memory, 75%)", "40, 12.0", "300.0 (× 150)", "800.0 (× 400)", "–",
    ]  # fmt: skip
    [replicas, *_] = tables(section(text, "How many seeds side by side"))[0]
    assert list(replicas.values()) == ["softmax", "0.600", "0.300", "0.330", "2.0 GB"]
    assert text.rstrip().endswith("Not measured: full.")


def test_what_is_missing_is_named():
    assert "Nothing has been measured yet." in report({}, "full")
    few = {name: RESULTS[name] for name in RESULTS if name not in ("machine", "speed softmax")}
    assert "Not measured: machine, speed softmax, full." in report(few, "full")
    assert "No figure is a result" in report(few, "small")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--minutes", "0"], "Invalid --minutes"), (["--out", "/proc/nowhere"], "/proc/nowhere"), ([], "measured.json")],
)
def test_bad_input_is_one_line(arguments, said, tmp_path, capsys):
    (tmp_path / "measured.json").write_text("{", encoding="utf-8")
    assert main(["--out", str(tmp_path), "--scale", "small", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_time_that_is_left_decides_what_begins_and_what_failed_is_left(tmp_path, monkeypatch, capsys):
    def step(name, scale, path, seconds):
        if name != "fit on jax":
            Measured(path).put(name, RESULTS[name])

    names = ["machine", "fit on jax", "speed softmax"]
    monkeypatch.setattr(measure_gpu, "in_process", step)
    monkeypatch.setattr(measure_gpu.time, "monotonic", iter([0, 0, 0, 0, 10, 10, 10, 80]).__next__)
    command = ["--out", str(tmp_path), "--minutes", "2", "--only", *names]
    assert main(command) == 1
    assert "2 steps are left: fit on jax, speed softmax." in capsys.readouterr().out
    monkeypatch.undo()
    monkeypatch.setattr(measure_gpu, "in_process", lambda name, *rest: Measured(rest[1]).put(name, RESULTS[name]))
    assert main(command) == 0
    assert [line.split(" (")[0] for line in capsys.readouterr().out.splitlines()][:2] == [
        "fit on jax: done",
        "speed softmax: done",
    ]


def test_a_step_that_takes_too_long_is_killed_and_left(tmp_path):
    measure_gpu.in_process("machine", "small", tmp_path / "measured.json", 0.1)
    assert not (tmp_path / "measured.json").exists()


@pytest.mark.slow
def test_the_script_on_a_cpu(tmp_path):
    names = ("machine", "speed softmax", "fit on jax", FULL)
    command = [sys.executable, "-m", "benchmarks.measure_gpu", "--out", str(tmp_path), "--scale", "small"]
    done = subprocess.run(
        [*command, "--only", *names], cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    known = json.loads((tmp_path / "measured.json").read_text("utf-8"))
    assert {*known} == {*names}
    rows = known["speed softmax"]["measured"]["rows"]
    assert [row["seeds"] for row in rows] == list(SCALES["small"].replicas)
    assert all(row["ms"] > 0 and row["compile"] > 0 for row in rows)
    text = (tmp_path / "GPU.md").read_text("utf-8")
    for part in ("No figure is a result", "fit on jax", "(products, ", "Trained to the end: [the report]"):
        assert part in text
    assert "Not measured: speed two hidden layers" in text
    assert [path.name for path in (tmp_path / "full-evidence" / "jax-cpu").glob("*.json")] == ["example-2.json"]
    assert (tmp_path / "full" / "REPORT.md").exists()


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on(tmp_path):
    """Whenever Ctrl-C comes. Each start is a run of its own; the last has every trial, and none was trained twice."""
    path = tmp_path / "measured.json"
    for seconds in (3.0, 5.0, 120.0):
        measure_gpu.to_the_end(SCALES["small"], path, seconds)
    assert FULL in Measured(path).results
    runs = sorted((tmp_path / FULL / "runs").glob("*.jsonl"))
    assert {len(done) for done in read_run(runs[-1]).trials.values()} == {5}
    lines = [decode(line) for run in runs for line in run.read_bytes().splitlines()]
    trained = [(*line.key, line.trial.seed) for line in lines if isinstance(line, TrialDone) and not line.reused]
    assert len(trained) == len(set(trained))
