"""``GPU.md``: figures that were measured, and the list of those that are missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.gpu.agreeing import cpu_and_gpu, precisions
from benchmarks.gpu.text import gpu_report
from benchmarks.gpu.work import SCALES, claims_of, experiment
from cases import CLAIMS
from harness.check.evidence import Measured, add, path_of, write
from harness.domain.claim import experiments
from harness.domain.trial import Trial
from tests.benchmarks.results import FULL, write_all
from tests.reports.markdown import tables


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("results")
    write_all(out)
    return gpu_report(out, FULL)


@pytest.fixture(scope="module")
def text(report: dict[str, bytes]) -> str:
    return report["GPU.md"].decode()


def section(text: str, title: str) -> str:
    return next(part for part in text.split("\n## ") if part.startswith(title))


def test_floors(text: str) -> None:
    """Five hidden layers: 4.51 GB at 3 TB/s are 1.503 ms, 75 % of the 2 ms measured with 128 seeds."""
    (row,) = [line for line in section(text, "Floors").splitlines() if line.startswith("| five hidden layers |")]
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells == ["five hidden layers", "152.8", "4.51", "1.503 (memory)", "2.000 (128)", "1.9", "75%", "40", "12.0"]


def test_peers(text: str) -> None:
    peers = section(text, "What a user")
    assert "fit on jax 0.11.0" in peers
    assert "300.0 (× 150)" in peers
    assert "800.0 (× 400)" in peers
    assert "Not measured here: fit on torch, torch loop." in peers


def test_every_part_is_there(text: str) -> None:
    titles = re.findall(r"^## (.*)$", text, re.M)
    assert [title.split(":")[0] for title in titles] == [
        "Floors and speed", "How many seeds side by side", "Their products alone, by number of seeds",
        "Where the time goes", "The compiler",
        "Precision of products", "What a user would pick instead",
    ]  # fmt: skip
    assert text.rstrip().endswith("Not measured: full, highest.")
    assert tables(text)


def test_picture(report: dict[str, bytes]) -> None:
    picture = report["roofline.svg"].decode()
    for part in ("five hidden layers: 75% of its roof", "products 400.0 TFLOP/s", "memory 3,000 GB/s"):
        assert part in picture
    assert "mathdefault" not in picture


def test_nothing_measured(tmp_path: Path) -> None:
    report = gpu_report(tmp_path, FULL)
    assert set(report) == {"GPU.md"}
    assert "Nothing has been measured yet." in report["GPU.md"].decode()


def test_damaged_results_count_as_none(tmp_path: Path) -> None:
    write_all(tmp_path)
    (tmp_path / "machine.json").write_text("{", encoding="utf-8")
    (tmp_path / "parts.json").write_text("[]", encoding="utf-8")
    text = gpu_report(tmp_path, FULL)["GPU.md"].decode()
    assert "Not measured: machine, full, highest, parts." in text


def test_a_small_scale_is_no_result(tmp_path: Path) -> None:
    assert "No figure here is a result" in gpu_report(tmp_path, SCALES["small"])["GPU.md"].decode()


EXAMPLE = next(one for one in experiments(CLAIMS) if one.id == "example-4")


def store(root: Path, stack: str, shift: float, seeds: int, names: tuple[str, ...], **configuration: int) -> None:
    """Example 4's variants with accuracies of no variance but by seed; the first variant is the worst."""
    measured = {}
    for rank, name in enumerate(names):
        accuracies = {seed: 0.95 + 0.01 * rank + shift + 1e-5 * (seed % 7) for seed in range(seeds)}
        metrics = dict.fromkeys((metric.name for metric in EXAMPLE.metrics), 0.1)
        trials = [Trial(name, seed, metrics | {"val_accuracy": value}) for seed, value in accuracies.items()]
        measured[name] = Measured(configuration, trials)
    how = {"commit": "a03a743", "date": "2026-11-25", "reason": "first"}
    write(path_of(root, stack, "example-4"), add(None, EXAMPLE, stack, measured, fingerprint={}, **how))


def test_cpu_and_gpu(tmp_path: Path) -> None:
    names = ("softmax", "2 relu", "dropout 0.2")
    cpu, gpu = tmp_path / "cpu", tmp_path / "full-evidence"
    store(cpu, "tensorflow-cpu", 0.0011, 30, names)
    store(cpu, "jax-cpu", 0.0, 100, names)
    store(gpu, "jax-gpu", 0.0001, 256, names[:2])
    text = cpu_and_gpu(tmp_path, cpu)
    assert "Do `jax-cpu` and `jax-gpu` give the same distribution" in text
    assert "2 equivalent, 0 different, 0 undecided" in text
    assert "`example-4/2 relu`" in text
    assert "(n = 100)" in text
    assert "(n = 256)" in text
    assert "dropout" not in text
    store(gpu, "jax-gpu", 0.0011, 256, names)
    assert "0 equivalent, 3 different" in cpu_and_gpu(tmp_path, cpu)
    assert cpu_and_gpu(tmp_path / "elsewhere", cpu) == ""
    assert cpu_and_gpu(tmp_path, tmp_path / "elsewhere") == ""


def test_without_evidence_of_its_own_backend_a_gpu_is_compared_with_the_reference_stack(tmp_path: Path) -> None:
    store(tmp_path / "cpu", "tensorflow-cpu", 0.0, 30, ("softmax",))
    store(tmp_path / "full-evidence", "jax-gpu", 0.0001, 30, ("softmax",))
    assert "Do `tensorflow-cpu` and `jax-gpu` give" in cpu_and_gpu(tmp_path, tmp_path / "cpu")


def test_other_configurations_are_not_compared(tmp_path: Path) -> None:
    store(tmp_path / "cpu", "jax-cpu", 0.0, 30, ("softmax",), epochs=20)
    store(tmp_path / "full-evidence", "jax-gpu", 0.0, 30, ("softmax",), epochs=10)
    assert cpu_and_gpu(tmp_path, tmp_path / "cpu") == ""


def test_verdicts_by_precision(tmp_path: Path) -> None:
    """On the seeds that both have; where the order of two variants turns, so does the verdict."""
    names = ("2 linear", "2 relu", "2 relu xavier", "softmax")
    store(tmp_path / "full-evidence", "jax-gpu", 0.0, 1024, names)
    assert precisions(tmp_path) == ""
    store(tmp_path / "highest-evidence", "jax-gpu", 0.0, 256, names)
    text = precisions(tmp_path)
    assert re.search(r"(\d+) of \1 claims have the same verdict", text)
    assert "(up to 256)" in text
    store(tmp_path / "highest-evidence", "jax-gpu", 0.0, 256, names[::-1])
    assert "`tips-relu-beats-linear`" in precisions(tmp_path)


def test_claims_of_experiments() -> None:
    chosen = claims_of("example-3", "example-4").split(" or ")
    assert "tips-dropout-helps" in chosen
    assert len(chosen) == len(set(chosen)) > 5


def test_scales() -> None:
    assert experiment(FULL).size.train is None
    assert experiment(FULL).size.epochs == 20
    assert experiment(SCALES["small"], 2).size.epochs == 2
