"""``GPU.md``: figures that were measured, and the list of those that are missing."""

from __future__ import annotations

from pathlib import Path

from benchmarks.gpu.text import gpu_report
from tests.benchmarks.results import write_all
from tests.reports.markdown import section, tables


def test_every_part_is_there(tmp_path: Path) -> None:
    """Five hidden layers: 4.51 GB at 3 TB/s are 1.503 ms, 75 % of the 2 ms measured with 128 seeds."""
    write_all(tmp_path)
    text = gpu_report(tmp_path, "full")
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


def test_nothing_measured_and_damaged_results(tmp_path: Path) -> None:
    assert "Nothing has been measured yet." in gpu_report(tmp_path, "full")
    write_all(tmp_path)
    (tmp_path / "machine.json").write_text("{", encoding="utf-8")
    (tmp_path / "speed-softmax.json").write_text("[]", encoding="utf-8")
    assert "Not measured: machine, speed softmax, full." in gpu_report(tmp_path, "full")
    assert "No figure is a result" in gpu_report(tmp_path, "small")
