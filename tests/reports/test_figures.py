"""The figures: well-formed, small, the same every time, each with its source, with the slide's marks."""

from __future__ import annotations

import functools
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from msgspec.structs import replace

from harness.domain.experiment import Size
from harness.domain.trial import Divergence, DivergenceKind, Trial
from harness.record.run import Run, TrialDone, read_run
from reports.figures import curves, forest
from reports.figures.curves import MOST_POINTS, curve_of, failures, shown, spaced
from reports.figures.pictures import pictures
from reports.figures.style import spans_decades, spread_out
from reports.stored import stored_run
from reports.write import write_report
from tests.reports.full import full_run
from tests.reports.synthetic import HEADER, LOSS, SEEDS, Recorder, diverged, effect, experiment, published, trial
from tests.reports.synthetic import claim as made
from tests.reports.test_sweep import keeping

NAMES = ["deep-dropout.svg", "effects.svg", "l1-sweep.svg", "raw-data.svg"]
"""Softmax has one epoch, which is no curve."""
BASELINES = Path(__file__).resolve().parents[2] / "baselines"


@functools.cache
def evidence() -> Run:
    """The evidence of the reference stack."""
    return stored_run(BASELINES, "tensorflow-cpu")


def words(path: Path) -> list[str]:
    """Every text of an SVG file; raises where it is not well-formed."""
    return words_of(path.read_bytes())


def words_of(content: bytes) -> list[str]:
    return [element.text or "" for element in ET.fromstring(content).iter("{http://www.w3.org/2000/svg}text")]


def test_one_figure_for_each_experiment_and_one_of_effects(folder: Path) -> None:
    assert sorted(path.name for path in (folder / "figures").iterdir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_well_formed_small_and_embedded(folder: Path, name: str) -> None:
    path = folder / "figures" / name
    assert words(path)
    assert path.stat().st_size < 100_000
    pages = [page.read_text("utf-8") for page in folder.rglob("*.md")]
    [alt] = {alt for page in pages for alt in re.findall(rf"!\[(.*)\]\((?:\.\./)?figures/{re.escape(name)}\)", page)}
    assert 30 < len(alt) <= 310


@pytest.mark.parametrize("name", NAMES)
def test_the_stack_and_the_seeds_are_in_every_figure(folder: Path, name: str) -> None:
    [source] = [word for word in words(folder / "figures" / name) if word.startswith("TensorFlow 2.20.0, cpu · ")]
    assert "n = " in source
    assert name == "effects.svg" or re.search(r"\d+ epochs of 10,000 examples|\d+ epochs of all examples", source)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("deep-dropout.svg", "0.9840"),
        ("deep-dropout.svg", "dropout 0.1"),
        ("raw-data.svg", "slide: 4.9e11"),
        ("raw-data.svg", "raw (× 5 of 5 diverged)"),
        ("l1-sweep.svg", "없음 (no $regulariser$)"),
        ("effects.svg", "✔ SUPPORTED"),
        ("effects.svg", "✘ REFUTED"),
        ("effects.svg", "+0.62 [+0.51, +0.73]"),
        ("effects.svg", "Dropout 0.2 improves | the five-hidden-layer network (드롭아웃)."),
        ("effects.svg", "dropout 0.2 − no dropout"),
    ],
)
def test_labels(folder: Path, name: str, label: str) -> None:
    assert label in words(folder / "figures" / name)


def test_captions_name_failures(folder: Path) -> None:
    text = "".join(page.read_text("utf-8") for page in (folder / "sections").iterdir())
    assert "raw: 5 of 5 seeds diverged (inf, epochs 1 to 3)." in text


def test_same_run_same_bytes(tmp_path: Path) -> None:
    path = full_run(tmp_path / "a")
    for out in ("a", "b"):
        write_report(path, tmp_path / out)
    pages = ["REPORT.md", "SUMMARY.md", "ERRATA.md", "report.json"]
    for name in [*pages, "sections/example-4-tips.md", *(f"figures/{name}" for name in NAMES)]:
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


def test_a_figure_that_cannot_be_drawn_costs_that_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(run: Run) -> None:
        raise ValueError("no <room> left")

    monkeypatch.setattr(forest, "forest", fails)
    text = write_report(full_run(tmp_path), tmp_path).read_text("utf-8")
    assert "The figure effects.svg could not be drawn (ValueError: no &lt;room&gt; left)." in text
    assert words(tmp_path / "figures" / "effects.svg")[0] == "The figure effects.svg could not be drawn."
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == NAMES


def test_a_run_without_anything_has_no_figure() -> None:
    assert pictures(Run(Path("run"), HEADER)) == []
    record = experiment("deep", ["a"])
    assert pictures(Run(Path("run"), HEADER, {"deep": record}, {("deep", "a"): []})) == []
    assert pictures(Run(Path("run"), HEADER, {"deep": record}, {("deep", "a"): [Trial("a", 0)]})) == []


def test_figures_stand_in_the_order_of_the_lecture(tmp_path: Path) -> None:
    run = read_run(full_run(tmp_path))
    later = {name: replace(one, order=-place) for place, (name, one) in enumerate(run.experiments.items())}
    run.experiments = later
    assert [picture.heading for picture in pictures(run)] == ["", "l1-sweep", "raw-data", "deep-dropout"]


def test_the_evidence_has_about_fifteen_figures_that_all_can_be_drawn() -> None:
    found = pictures(evidence())
    names = [picture.name for picture in found]
    assert len(set(names)) == len(names) < 30
    assert names[:2] == ["effects.svg", "effects-by-seeds.svg"]
    assert {"rate-sweep.svg", "more-data.svg", "example-1.svg", "example-2-surface.svg", "example-4.svg"} <= {*names}
    for picture in found:
        assert "could not be drawn" not in picture.caption
        assert len(picture.content) < 100_000
        text = words_of(picture.content)
        assert any("seeds" in word for word in text), picture.name
        assert 30 < len(picture.alt) <= 300


def test_every_seed_is_in_the_band() -> None:
    trials = [trial("a", seed, 0.9) for seed in range(8)]
    broken = Trial("a", 9, {}, {"loss": (1.0, None, None)}, Divergence("nan", 2, 1))
    found = curve_of("a", [*trials, broken], "loss")
    assert found is not None
    curves = np.array([t.history["loss"] for t in trials], float)
    np.testing.assert_allclose(found.mean, curves.mean(0))
    np.testing.assert_allclose(found.low, curves.min(0))
    np.testing.assert_allclose(found.high, curves.max(0))
    assert (found.seeds.size, found.failed.size) == (0, 0)


def test_few_seeds_are_drawn_one_by_one() -> None:
    trials = [trial("a", seed, 0.9) for seed in SEEDS]
    found = curve_of("a", trials, "loss")
    assert found is not None
    np.testing.assert_allclose(found.seeds, [t.history["loss"] for t in trials])


def test_failed_seeds_are_drawn_up_to_their_last_number_if_none_trained() -> None:
    found = curve_of("raw", [diverged("raw", seed, finite=2 if seed else 0) for seed in SEEDS], "loss")
    assert found is not None
    assert found.mean.size == 0
    assert np.isfinite(found.failed).sum(axis=1).tolist() == [0, 2, 2, 2, 2]


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        ((), ""),
        (("nan", "inf"), "2 of 5 diverged"),
        (("stuck at chance",), "1 of 5 collapsed"),
        (("stuck at chance", "blow-up"), "2 of 5 collapsed or diverged"),
    ],
)
def test_failures_in_words(kinds: tuple[DivergenceKind, ...], said: str) -> None:
    trials = [Trial("a", seed, {}, {}, Divergence(kind, 1)) for seed, kind in enumerate(kinds)]
    assert failures([*trials, *(Trial("a", seed) for seed in range(len(kinds), 5))]) == said


def panels(monkeypatch: pytest.MonkeyPatch, run: Run, id: str) -> list[Axes]:
    """The panels of an experiment's learning curves."""
    kept: list[Axes] = []
    monkeypatch.setattr(curves, "svg", keeping(kept))
    trials = {name: of for (experiment, name), of in run.trials.items() if experiment == id}
    assert curves.picture(run, run.experiments[id], trials) is not None
    return kept


def curves_run(trials: dict[str, list[Trial]], **changes: object) -> Run:
    record = experiment("e", list(trials), **changes)
    return Run(Path("run"), HEADER, {"e": record}, {("e", name): of for name, of in trials.items()})


def test_no_failed_variant_stretches_an_axis(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = [
        Trial("s", s, {}, {"val_accuracy": (0.1,) * 5, "loss": (2.3,) * 5}, Divergence("stuck at chance", 1))
        for s in SEEDS
    ]
    lost = [diverged("x", s, epochs=5) for s in SEEDS]
    run = curves_run({"a": [trial("a", s, 0.9) for s in SEEDS], "s": stuck, "x": lost})
    accuracy, loss = panels(monkeypatch, run, "e")
    assert accuracy.get_ylim()[0] > 0.5
    assert loss.get_ylim()[1] < 2
    texts = {text.get_text() for axes in (accuracy, loss) for text in axes.texts}
    assert {"a", "s (× 5 of 5 collapsed)", "x (× 5 of 5 diverged)"} == texts


def test_the_slides_figure_of_a_failed_variant_stretches_no_axis(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = {"a": [trial("a", s, 0.9) for s in SEEDS], "x": [diverged("x", s, epochs=5) for s in SEEDS]}
    run = curves_run(trials, accuracy=False, printed={"x": {"loss": (4.9e11, 5.4e32)}})
    run.claims["c"] = made("c", "SUPPORTED", experiment="e", published=(published("x", "4.9e11", "loss"),))
    [loss] = panels(monkeypatch, run, "e")
    assert loss.get_ylim()[1] < 2
    assert "slide: 4.9e11" in {text.get_text() for text in loss.texts}


def test_if_every_variant_failed_the_axis_is_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    [loss] = panels(monkeypatch, curves_run({"x": [diverged("x", s) for s in SEEDS]}, accuracy=False), "e")
    low, high = loss.get_ylim()
    assert low < 4.9e11
    assert high > 2e32


def test_the_slides_own_curve_and_figure_are_marked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    run = curves_run(
        {name: [trial(name, s, 0.9) for s in SEEDS] for name in ("a", "b")},
        printed={name: {"val_accuracy": (0.7, None, 0.8, 0.85, 0.89), "loss": (1.0,) * 5} for name in ("a", "b")},
    )
    figures = tuple(published(name, "0.8947") for name in ("a", "b"))
    run.claims["c"] = made("c", "SUPPORTED", experiment="e", published=figures)
    accuracy, loss = panels(monkeypatch, run, "e")
    assert [text.get_text() for text in accuracy.texts].count("slide: 0.8947") == 1
    assert [text.get_text() for text in loss.texts].count("slide's curve") == 1


def test_many_variants_are_shown_without_their_spread() -> None:
    run = curves_run({f"v{i}": [trial(f"v{i}", s, 0.9 + i / 100) for s in SEEDS] for i in range(9)})
    [drawn] = pictures(run)
    assert "without their spread" in drawn.caption
    assert {f"v{i}" for i in range(9)} <= set(words_of(drawn.content))


def test_one_epoch_is_no_curve() -> None:
    assert pictures(curves_run({"a": [trial("a", s, 0.9, epochs=1) for s in SEEDS]}, size=Size(1, 8))) == []


def test_which_curves_are_shown() -> None:
    assert shown(experiment("e", ["a"])) == ("val_accuracy", "loss")
    assert shown(experiment("e", ["a"], accuracy=False)) == ("loss",)
    assert shown(experiment("e", ["a"], printed={"a": {"val_loss": (0.5,)}})) == ("loss",)
    assert shown(experiment("e", ["a"], printed={"a": {"val_accuracy": (0.5,)}})) == ("val_accuracy", "loss")


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


def test_effects_stand_by_section_in_the_order_of_the_lecture() -> None:
    places = [
        "Example 4, 5 hidden layers",
        "4. Overfitting, Regularization",
        "3. Overfitting (cont.), Dropout",
        "4. Overfitting",
    ]
    claims = {
        str(i): made(f"c{i}", "SUPPORTED", [effect("a − b", 0.01, 0.005, 0.015)], slide=slide, order=i)
        for i, slide in enumerate(places)
    }
    picture = forest.forest(Run(Path("run"), HEADER, claims=claims))
    assert picture is not None
    said = [word for word in words_of(picture.content) if word in {"3. Overfitting", "4. Overfitting", "Example 4"}]
    assert said == ["3. Overfitting", "4. Overfitting", "Example 4"]
    statements = [word for word in words_of(picture.content) if word.startswith("Statement")]
    assert statements == ["Statement of c2.", "Statement of c1.", "Statement of c3.", "Statement of c0."]


def test_a_comparison_with_a_constant_is_no_effect_of_a_variant() -> None:
    guard = made("c", "SUPPORTED", [effect("normalised − 0.8947", 0.08, 0.07, 0.09, kind="mean")])
    assert forest.forest(Run(Path("run"), HEADER, claims={"c": guard})) is None


def test_loss_of_a_metric_that_is_no_fraction_is_no_effect_on_accuracy() -> None:
    one = made("c", "SUPPORTED", [effect("a − b", 0.01, 0.0, 0.02, metric=LOSS.name, unit="nats")])
    assert forest.forest(Run(Path("run"), HEADER, claims={"c": one})) is None
