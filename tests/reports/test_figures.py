"""The figures: well-formed, small, the same every time, with the slide's marks."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from reports.figures.curve_data import MOST_POINTS, arm, pairs, spaced, spans_decades, spread_out

from harness.domain.trial import Divergence, Trial
from harness.record.run import TrialDone
from reports.write import write_report
from tests.reports.full import full_run
from tests.reports.synthetic import SEEDS, Recorder, diverged, experiment, trial

NAMES = ["deep-dropout.svg", "effects.svg", "l1-sweep.svg", "raw-data.svg", "softmax.svg"]


def words(path: Path) -> list[str]:
    """Every text of an SVG file; raises where it is not well-formed."""
    return [element.text or "" for element in ET.parse(path).iter("{http://www.w3.org/2000/svg}text")]


def test_one_figure_for_each_experiment_and_one_of_effects(folder: Path) -> None:
    assert sorted(path.name for path in (folder / "figures").iterdir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_well_formed_small_and_embedded(folder: Path, text: str, name: str) -> None:
    path = folder / "figures" / name
    assert words(path)
    assert path.stat().st_size < 100_000
    [alt] = re.findall(rf"!\[(.*)\]\(figures/{re.escape(name)}\)", text)
    assert 30 < len(alt) <= 300


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("deep-dropout.svg", "slide: 0.9840"),
        ("deep-dropout.svg", "slide: 0.9798"),
        ("deep-dropout.svg", "slide's own curve"),
        ("deep-dropout.svg", "Last epoch, each seed"),
        ("raw-data.svg", "slide: 4.9e11"),
        ("raw-data.svg", "Training loss, without the diverged"),
        ("raw-data.svg", "raw (× 5 of 5 diverged)"),
        ("raw-data.svg", "1e30"),
        ("softmax.svg", "stuck (× 1 of 5 diverged)"),
        ("l1-sweep.svg", "없음 (no $regulariser$)"),
        ("effects.svg", "✔ SUPPORTED"),
        ("effects.svg", "✘ REFUTED"),
        ("effects.svg", "Effects on accuracy: TensorFlow, 5 seeds"),
        ("effects.svg", "+0.0042"),
        ("effects.svg", "tips-dropout-helps"),
    ],
)
def test_labels(folder: Path, name: str, label: str) -> None:
    assert label in words(folder / "figures" / name)


def test_one_figure_shared_by_all_variants_is_marked_once_per_panel(folder: Path) -> None:
    assert words(folder / "figures" / "l1-sweep.svg").count("slide: 0.9815") == 2


def test_captions_tell_divergence(text: str) -> None:
    assert "raw: 5 of 5 seeds diverged (inf, epochs 1 to 3), marked ×." in text
    assert "stuck: 1 of 5 seeds diverged (stuck at chance, epoch 1), marked ×." in text


def test_same_run_same_bytes(tmp_path: Path) -> None:
    path = full_run(tmp_path / "a")
    for out in ("a", "b"):
        write_report(path, tmp_path / out)
    for name in ["REPORT.md", "report.json", *(f"figures/{name}" for name in NAMES)]:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_figures_of_an_earlier_report_go_and_a_readers_own_stay(tmp_path: Path) -> None:
    write_report(full_run(tmp_path), tmp_path)
    own = tmp_path / "figures" / "my-own.svg"
    own.write_text("<svg/>")
    write_report(Recorder(tmp_path, id="20261125T000000").end(), tmp_path)
    assert list((tmp_path / "figures").iterdir()) == [own]


def test_interrupted_training_still_has_its_curves(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    run.append(experiment("deep", ["a", "b"]))
    run.append(TrialDone(experiment="deep", definition="made up", trial=trial("a", 0, 0.95)))
    text = write_report(run.close(), tmp_path).read_text(encoding="utf-8")
    assert "`deep/a` (1 trial)" in text
    assert (tmp_path / "figures" / "deep.svg").exists()


def test_band_leaves_no_seed_out() -> None:
    trials = [trial("a", seed, 0.9) for seed in SEEDS]
    broken = Trial("a", 9, {}, {"loss": (1.0, None, None)}, Divergence("nan", 2, 1))
    found = arm("a", [*trials, broken], "loss")
    assert found is not None
    curves = np.array([t.history["loss"] for t in trials], float)
    np.testing.assert_allclose(found.mean, curves.mean(0))
    np.testing.assert_allclose(found.low, curves.min(0))
    np.testing.assert_allclose(found.high, curves.max(0))
    assert [list(b.values) for b in found.broken] == [[1.0]]
    assert found.seeds == 6


def test_all_seeds_diverged_before_a_number() -> None:
    found = arm("raw", [diverged("raw", seed, finite=0) for seed in SEEDS], "loss")
    assert found is not None
    assert found.values.size == 0
    assert len(found.broken) == 5


@pytest.mark.parametrize("count", [1, 5, MOST_POINTS, MOST_POINTS + 1, 200, 1000, 100_000])
def test_spaced_keeps_both_ends(count: int) -> None:
    kept = spaced(count)
    assert (kept[0], kept[-1]) == (0, count - 1)
    assert len(kept) == len(set(kept)) <= MOST_POINTS


@pytest.mark.parametrize("positions", [[0.5], [0.5, 0.5, 0.5], [0.99, 0.98, 0.97], [0.1, 0.9, 0.12]])
def test_labels_are_apart_and_in_order(positions: list[float]) -> None:
    placed = spread_out(positions, gap=0.08)
    assert max(placed) <= 1
    assert [placed.index(x) for x in sorted(placed)] == sorted(range(len(positions)), key=lambda i: positions[i])
    assert all(b - a >= 0.08 - 1e-12 for a, b in zip(sorted(placed), sorted(placed)[1:], strict=False))


def test_scale_follows_the_values() -> None:
    assert spans_decades(np.array([1e-3, 1.0]))
    assert not spans_decades(np.array([0.5, 1.0]))
    assert not spans_decades(np.array([-1.0, 100.0]))
    assert not spans_decades(np.array([np.nan]))


def test_pairs_of_curves() -> None:
    trials = {"a": [trial("a", 0, 0.9)]}
    assert pairs(experiment("e", ["a"]), trials) == [("val_accuracy", "loss")]
    assert pairs(experiment("e", ["a"], accuracy=False), trials) == [("loss", "val_loss")]
    printed = {"a": {"val_loss": (0.5,)}}
    assert pairs(experiment("e", ["a"], printed=printed), trials) == [
        ("val_accuracy", "loss"),
        ("accuracy", "val_loss"),
    ]
    assert pairs(experiment("e", ["a"]), {}) == []
