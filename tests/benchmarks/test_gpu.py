"""``benchmarks.measure_gpu``: its steps, selected, stopped and resumed, and ``GPU.md`` of results as from a GPU."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks import measure_gpu
from benchmarks.gpu_worker import NETWORKS
from benchmarks.measure_gpu import Step, all_steps, finished, page, perform
from tests.reports.markdown import section, tables

FIVE = [[784, 256], *[[256, 256]] * 4, [256, 10]]
SHAPES = {"softmax": [[784, 10]], "two hidden layers": [FIVE[0], FIVE[1], FIVE[-1]]}
MS = dict(zip(NETWORKS, (0.3, 1.0, 2.0, 2.5), strict=True))
DEVICE = {"kind": "gpu", "model": "Imaginary GPU", "precision": "float32, matmul default"}
PRINT = {
    "backend_version": "0.11.0", "keras": "3.15.1", "numpy": "2.4.6", "python": "3.12", "system": "Linux x86_64",
}  # fmt: skip
STEPS = {step.name: step for step in all_steps("full")}


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """The results of everything but the run of the suite and PyTorch."""

    def write(name: str, result: Any) -> None:
        record = {"device": DEVICE, "fingerprint": PRINT, "gpu": None, "measured": result}
        STEPS[name].file(tmp_path).write_text(json.dumps(record), encoding="utf-8")

    write("machine", {"flops": {"default": 4e14, "highest": 5e13}, "bandwidth": 3e12})
    for network, ms in MS.items():
        rows = [
            {"seeds": seeds, "ms": times * ms, "compile": 12.0, "seconds_per_seed": ms / 50, "memory": 2e9}
            for seeds, times in ((64, 2), (128, 1), (256, 1.1))
        ]
        sizes = {"train": 60000, "validation": 10000, "batch_size": 512}
        write(f"speed {network}", {"shapes": SHAPES.get(network, FIVE), **sizes, "rows": rows})
    for backend, times in (("jax", 150), ("tensorflow", 400)):
        write(f"fit on {backend}", {network: times * ms for network, ms in MS.items()})
    (tmp_path / "fit-on-torch.json").write_text('{"absent": "torch is not installed"}', encoding="utf-8")
    return tmp_path


def test_every_part_is_in_the_report(measured: Path) -> None:
    """Five hidden layers: 4.51 GB at 3 TB/s are 1.503 ms, 75 % of the 2 ms measured with 128 seeds."""
    text = page(measured, "full")
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


def test_nothing_measured_and_damaged_results(measured: Path) -> None:
    assert "Nothing has been measured yet." in page(measured / "none", "full")
    (measured / "machine.json").write_text("{", encoding="utf-8")
    (measured / "speed-softmax.json").write_text("[]", encoding="utf-8")
    assert "Not measured: machine, speed softmax, full." in page(measured, "full")
    assert "No figure is a result" in page(measured, "small")


def writes(**more: object) -> str:
    return f"import sys; open(sys.argv[1], 'w').write({json.dumps({'name': 'x', **more})!r})"


def step(code: str, *, suite: bool = False) -> Step:
    """A step that runs a line of Python."""

    def command(out: Path) -> Sequence[str]:
        (out / "code.py").write_text(code, encoding="utf-8")
        return ["tests.benchmarks.running", str(out / "code.py"), str(made.file(out))]

    made = Step("x", command, suite=suite)
    return made


def end(**more: object) -> str:
    """Code that leaves a run with this end, as ``pytest suite/`` does."""
    line = json.dumps({"kind": "end", "exit_status": 6, "interrupted": False, "reported": True, **more})
    return (
        "import pathlib, sys; folder = pathlib.Path(sys.argv[1]).parent / 'x' / 'runs'; "
        f"folder.mkdir(parents=True, exist_ok=True); (folder / 'r1.jsonl').write_text({line!r} + chr(10))"
    )


WAITS = f"{end(interrupted=True)}\nimport time\ntry: time.sleep(60)\nexcept KeyboardInterrupt: sys.exit(2)"
"""A run that hears Ctrl-C."""


@pytest.mark.parametrize(
    ("code", "suite", "seconds", "said", "done"),
    [
        (writes(measured={}), False, 30, "done", True),
        (writes(absent="torch is not installed"), False, 30, "absent: torch is not installed", True),
        ("raise SystemExit('no GPU today')", False, 30, "failed: it ended with status 1", False),
        ("import time; time.sleep(60)", False, 1, "failed: it took longer than 1 s", False),
        (end(), True, 30, "done", True),
        (end(exit_status=1), True, 30, "done, with exit code 1: nothing is stored", True),
        (end(interrupted=True) + "; sys.exit(2)", True, 30, "stopped", False),
        (end(reported=False) + "; sys.exit(2)", True, 30, "stopped", False),
        (WAITS, True, 2, "stopped: time was up", False),
    ],
)
def test_a_step_is_done_once_it_has_a_result(
    code: str, suite: bool, seconds: int, said: str, done: bool, tmp_path: Path
) -> None:
    made = step(code, suite=suite)
    assert not finished(made, tmp_path)
    assert perform(made, tmp_path, seconds).startswith(said)
    assert finished(made, tmp_path) is done
    if "no GPU" in code:
        assert "no GPU today" in (tmp_path / "x.log").read_text()
    if suite and done:
        assert json.loads((tmp_path / "x.json").read_text()) == {"run": "r1", "status": 1 if "code" in said else 6}
        (tmp_path / "x.json").unlink()  # the script itself was killed after the run's end, which is not begun again
        assert perform(step("raise SystemExit(9)", suite=True), tmp_path, 30).startswith(said)


@pytest.mark.parametrize("torn", ["", '{"kind": "tri'])
def test_a_torn_record_is_resumed(torn: str, tmp_path: Path) -> None:
    assert "--resume" not in STEPS["full"].command(tmp_path)
    runs = tmp_path / "full" / "runs"
    runs.mkdir(parents=True)
    (runs / "r1.jsonl").write_text(torn, encoding="utf-8")
    assert "--resume" in STEPS["full"].command(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--only", "ful"], ["Invalid --only", "'ful'", "Did you mean 'full'"]),
        (["--minutes", "0"], ["Invalid --minutes", "above 0"]),
        (["--out", "/proc/nowhere"], ["/proc/nowhere"]),
    ],
)
def test_bad_input(arguments: list[str], parts: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert measure_gpu.main(["--out", str(tmp_path), "--scale", "small", *arguments]) == 2
    said = capsys.readouterr().err
    assert [part for part in parts if part not in said] == []
    assert said.count("\n") == 1


def test_list(measured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {step.file(measured).name for step in STEPS.values()}
    assert len(files) == len(STEPS)
    assert not any(" " in name or "," in name for name in files)
    assert measure_gpu.main(["--out", str(measured), "--list"]) == 0
    assert {"done  machine", "      full"} <= {*capsys.readouterr().out.splitlines()}


def test_time_that_is_left_decides_what_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [Step(name, step(writes(measured={})).command) for name in ("a", "b")]
    monkeypatch.setattr(measure_gpu, "perform", lambda step, out, room: "done")
    monkeypatch.setattr(measure_gpu.time, "monotonic", iter([0, 0, 0, 0, 100, 100]).__next__)
    assert measure_gpu.run(made, tmp_path, 2) == ["b"]
