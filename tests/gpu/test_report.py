"""``GPU.md`` of what is there: figures where they were measured, and what is not said to be missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from baselines.agreement import Agreement
from baselines.condensed import condensed
from baselines.files import path_of, write
from baselines.record import Baseline, Provenance, VariantBaseline
from harness.trial import Trial
from reports.gpu.agreeing import MANY_ON_CPU, compared, cpu_and_gpu, precisions, stored
from reports.gpu.text import gpu_report
from reports.gpu.work import SCALES, claims_of, experiment
from suite.catalogue import EXPERIMENTS
from tests.gpu.results import FULL, write_all
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
    (row,) = [line for line in section(text, "Floors").splitlines() if line.startswith("| five hidden layers  ")]
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
    assert text.rstrip().endswith("Not measured: lecture, quick, highest.")
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
    assert "Not measured: machine, lecture, quick, highest, parts." in text


def test_a_small_scale_is_no_result(tmp_path: Path) -> None:
    assert "No figure here is a result" in gpu_report(tmp_path, SCALES["small"])["GPU.md"].decode()


def store(root: Path, setting: str, stack: str, shift: float, seeds: int, names: tuple[str, ...]) -> None:
    """Example 4's variants with accuracies of no variance but by seed; the first variant is the worst."""
    variants = {}
    for rank, name in enumerate(names):
        trials = [
            Trial(name, seed, {"val_accuracy": 0.95 + 0.01 * rank + shift + 1e-5 * (seed % 7), "val_loss": 0.1})
            for seed in range(seeds)
        ]
        kept = tuple(condensed(trials)[0]) if seeds >= 100 else tuple(trials)
        origin = Provenance({"device_model": stack}, "a03a743", "2026-11-25", "first")
        variants[name] = VariantBaseline(kept, "0" * 16, origin)
    write(path_of(root, setting, stack, "example-4"), Baseline("example-4", setting, stack, variants))


def test_cpu_and_gpu(tmp_path: Path) -> None:
    names = ("softmax", "2 relu", "dropout 0.2")
    store(tmp_path / "cpu", "quick", "jax-cpu", 0.0, 100, names)
    store(tmp_path / "quick-baselines", "quick", "jax-gpu", 0.0001, 256, names[:2])
    text = cpu_and_gpu(tmp_path, tmp_path / "cpu")
    assert "2 equivalent, 0 different, 0 undecided" in text
    assert "`example-4/2 relu`" in text
    assert "dropout" not in text
    store(tmp_path / "quick-baselines", "quick", "jax-gpu", 0.0011, 256, names)
    assert "0 equivalent, 3 different" in cpu_and_gpu(tmp_path, tmp_path / "cpu")
    assert cpu_and_gpu(tmp_path / "elsewhere", tmp_path / "cpu") == ""


def test_verdicts_by_precision(tmp_path: Path) -> None:
    """On the seeds that both have; where the order of two variants turns, so does the verdict."""
    names = ("2 linear", "2 relu", "2 relu xavier", "softmax")
    store(tmp_path / "lecture-baselines", "lecture", "jax-gpu", 0.0, 1024, names)
    store(tmp_path / "highest-baselines", "lecture", "jax-gpu", 0.0, 256, names)
    text = precisions(tmp_path)
    assert re.search(r"(\d+) of \1 claims have the same verdict", text)
    assert "(up to 256)" in text
    store(tmp_path / "highest-baselines", "lecture", "jax-gpu", 0.0, 256, names[::-1])
    assert "`tips-relu-beats-linear`" in precisions(tmp_path)


def test_claims_of_experiments() -> None:
    chosen = claims_of("example-3", "example-4").split(" or ")
    assert "tips-dropout-helps" in chosen
    assert len(chosen) == len(set(chosen)) > 5


def test_scales() -> None:
    assert experiment(FULL).size("lecture").train is None
    assert experiment(FULL).size("lecture").epochs == 20
    assert experiment(SCALES["small"], 2).size("lecture").epochs == 2


def test_the_cpus_many_seeds_are_of_todays_definitions() -> None:
    """Of every variant of the quick setting, so that a GPU can be compared with them."""
    held, today = stored(MANY_ON_CPU, "quick"), stored(MANY_ON_CPU.parent, "quick")
    assert set(held) == set(EXPERIMENTS)
    for name, declared in EXPERIMENTS.items():
        variants = held[name].variants
        assert set(variants) == {variant.name for variant in declared.variants}
        assert {variant: one.definition for variant, one in variants.items()} == {
            variant: one.definition for variant, one in today[name].variants.items()
        }
        assert {len(one.trials) for one in variants.values()} == {100}
    found = {f"{experiment.id}/{variant}": agreed for experiment, variant, agreed in compared(held, held)}
    assert len(found) == sum(len(declared.variants) for declared in EXPERIMENTS.values())
    assert {agreed.verdict for agreed in found.values()} == {Agreement.EQUIVALENT}
