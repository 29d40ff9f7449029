"""The figures of a report: what they say and show, small, the same every time, with no text cut off or covered."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser

from cases.examples.normalization import SHARES, landscape, min_max, raw
from cases.lecture import BY_SEEDS
from harness.domain.model import Divergence, DivergenceKind, Experiment, Metric, Seconds, Size, Trial, Variant
from harness.domain.plots import Landscape, Plots, Surface, Sweep, TurningPoint
from harness.errors import SuiteError
from harness.record.run import Run, TrialDone, read_run
from reports import charts_data, charts_of_run
from reports.charts import Span, fitting, spread_out
from reports.charts_data import Turn, band, band_text, curve_of, failures, spaced, thinned, turning_points
from reports.charts_of_run import Growth, growth_of, margin, pictures, section, shown, slide_difference
from reports.effects import effects_by_relevance
from reports.stored import stored_run
from reports.write import write_report
from tests.reports.full import full_run
from tests.reports.synthetic import (
    EXPERIMENTS,
    HEADER,
    LOSS,
    SEEDS,
    Recorder,
    claim,
    diverged,
    effect,
    experiment,
    published,
    trial,
)

NAMES = ["deep-dropout.svg", "effects.svg", "l1-sweep.svg", "raw-data.svg"]
"""Softmax has one epoch, which is no curve."""
BASELINES = Path(__file__).resolve().parents[2] / "baselines"
GOLDEN = Path(__file__).with_name("figures.txt")
RENEW = "SUITE_RENEW_PICTURES"
SWEEP = Sweep(over="learning rate", metric="loss", title="The loss, by rate.", y_scale="log")
POINTS = tuple(Variant(f"{name} {at}", at=at, series=name) for name in ("a", "b") for at in (0.1, 1.0, 10.0))


@functools.cache
def evidence() -> Run:
    """The evidence of the reference stack."""
    return stored_run(BASELINES, "tensorflow-cpu")


@pytest.fixture(scope="module")
def of_evidence() -> list[charts_of_run.Picture]:
    return pictures(evidence())


def words_of(content: bytes) -> list[str]:
    """Every text of an SVG; raises where it is not well-formed."""
    texts = ET.fromstring(content).iter("{http://www.w3.org/2000/svg}text")
    return [line for text in texts for line in text.itertext()]


def words(path: Path) -> list[str]:
    return words_of(path.read_bytes())


def measured(variant: str, seed: int, loss: float | None, lost: Divergence | None = None, **history: Any) -> Trial:
    return Trial(variant, seed, {"loss": loss}, {"loss": (2.0, loss), **history}, lost, Seconds(0.1), "compiled")


def swept(sweep: Sweep = SWEEP, points: Sequence[Variant] = POINTS, **changes: Any) -> Experiment:
    return experiment(changes.pop("id", "rates"), points, sweep=sweep, **changes)


def of_sweep() -> dict[str, list[Trial]]:
    """Series b: the largest rate diverged with three of five seeds; a stuck one, and one without a value."""
    trials = {f"a {at}": [measured(f"a {at}", s, at * (1 + 0.1 * s)) for s in SEEDS] for at in (0.1, 1.0, 10.0)}
    trials |= {f"b {at}": [measured(f"b {at}", s, at * 3) for s in SEEDS] for at in (0.1, 1.0)}
    inf = Divergence("inf", 2, 9)
    trials["b 10.0"] = [measured("b 10.0", s, None, inf) if s < 3 else measured("b 10.0", s, 20.0) for s in SEEDS]
    trials["b 1.0"][0] = measured("b 1.0", 0, 2.3, Divergence("stuck at chance", 2))
    trials["b 0.1"][0] = measured("b 0.1", 0, None)
    return trials


def run_of(record: Experiment, trials: dict[str, list[Trial]], **claims: Any) -> Run:
    return Run(Path("run"), HEADER, {(record.id, v): of for v, of in trials.items()}, claims=claims)


def curves_run(trials: dict[str, list[Trial]], **changes: Any) -> Run:
    return run_of(experiment("e", list(trials), **changes), trials)


def losses(variant: str, seed: int, *values: float, lost: Divergence | None = None) -> Trial:
    falling = tuple(0.5 / (1 + epoch) for epoch in range(len(values)))
    return measured(variant, seed, 0.1, lost, train_loss=falling, val_loss=values, val_accuracy=(0.5,) * len(values))


def turning() -> Run:
    of = {"none": (0.9, 0.4, 0.6), "falls": (0.9, 0.5, 0.3), "penalty": (9.0, 5.0, 6.0)}
    trials = {name: [losses(name, s, *(v + 0.001 * s for v in values)) for s in SEEDS] for name, values in of.items()}
    return run_of(experiment("overfitting", [*of], turning_point=TurningPoint(("none", "falls"))), trials)


def slides(seeds: int = 5, verdict: str = "SUPPORTED") -> Run:
    """Three networks with a figure on the slide; all seeds of the last one collapsed."""
    names, rng = ["a", "b", "c"], np.random.default_rng(0)
    stuck = Divergence("stuck at chance", 1)
    trials = {name: [Trial(name, s, {"val_accuracy": 0.98 + 0.001 * rng.standard_normal()}) for s in range(seeds)]
              for name in names}  # fmt: skip
    trials["c"] = [Trial("c", s, {"val_accuracy": 0.1}, {}, stuck) for s in range(seeds)]
    claims = {n: claim(f"f-{n}", verdict, experiment="deep", published=(published(n, "0.9815"),)) for n in names}
    return run_of(experiment("deep", names), trials, **claims)


def golden(folder: Path) -> str:
    """Name, alternative text, caption and every text of the figures of some runs."""
    shares = run_of(SHARES, {"raw": [Trial("raw", 0)]})
    of_rates = run_of(swept(metrics=(LOSS,)), of_sweep())
    runs = [read_run(full_run(folder)), turning(), slides(), slides(1024), of_rates, shares]
    return "\n\n".join(
        f"{picture.name}\n  {picture.alt}\n  {picture.caption}\n  {' | '.join(words_of(picture.content))}"
        for run in runs for picture in pictures(run)
    )  # fmt: skip


def test_what_figures_say(tmp_path: Path) -> None:
    text = golden(tmp_path) + "\n"
    if os.environ.get(RENEW):
        GOLDEN.write_text(text, "utf-8")
    assert text == GOLDEN.read_text("utf-8"), f"see the difference, and with {RENEW}=1 it is written anew"


def test_figures_are_small_and_embedded(folder: Path) -> None:
    assert sorted(path.name for path in (folder / "figures").iterdir()) == NAMES
    pages = [page.read_text("utf-8") for page in folder.rglob("*.md")]
    for name in NAMES:
        assert words(folder / "figures" / name)
        [alt] = {
            alt for page in pages for alt in re.findall(rf"!\[(.*)\]\((?:\.\./)?figures/{re.escape(name)}\)", page)
        }
        assert 30 < len(alt) <= 310
    assert "raw: 5 of 5 seeds diverged (inf, epochs 1 to 3)." in "".join(pages)


MADE_UP = """
from pathlib import Path
from harness import course
from reports.write import write_report
from tests.reports.full import full_run
from tests.reports.synthetic import MadeUp
read = course.read
course.read = lambda folder: MadeUp.of(read(folder))
"""
"""A process with the made-up course."""


def test_same_run_same_bytes_in_every_process(tmp_path: Path) -> None:
    """Under another hash seed, time zone and locale as well, and with the fonts that the library brings along."""
    path = full_run(tmp_path / "a")
    write_report(path, tmp_path / "a")
    code = MADE_UP + f"full_run(Path({str(tmp_path / 'c')!r}))\n"  # what it declares
    code += f"write_report(Path({str(path)!r}), Path({str(tmp_path / 'b')!r}))"
    other = {"PYTHONHASHSEED": "7", "TZ": "Asia/Seoul", "LC_ALL": "POSIX"}
    subprocess.run([sys.executable, "-c", code], env=os.environ | other, check=True, cwd=BASELINES.parent)
    written = {file.relative_to(tmp_path / "b"): file.read_bytes() for file in (tmp_path / "b").rglob("*.*")}
    assert {f"figures/{name}" for name in NAMES} < {name.as_posix() for name in written}
    assert all((tmp_path / "a" / name).read_bytes() == content for name, content in written.items())


def test_figures_of_an_earlier_report_go_and_a_readers_own_stay(tmp_path: Path) -> None:
    write_report(full_run(tmp_path), tmp_path)
    own = tmp_path / "figures" / "my-own.svg"
    own.write_text("<svg/>")
    write_report(Recorder(tmp_path, id="20261125T000000").end(), tmp_path)
    assert list((tmp_path / "figures").iterdir()) == [own]


def test_interrupted_training_still_has_its_curves(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    experiment("deep", ["a", "b"])
    run.append(TrialDone(experiment="deep", definition="made up", trial=trial("a", 0, 0.95)))
    assert "`deep/a` (1 trial)" in write_report(run.close(), tmp_path).read_text(encoding="utf-8")
    assert (tmp_path / "figures" / "deep.svg").exists()


def test_a_figure_that_cannot_be_drawn_costs_that_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(run: Run) -> None:
        raise ValueError("no <room> left")

    monkeypatch.setattr(charts_of_run, "effects", fails)
    text = write_report(full_run(tmp_path), tmp_path).read_text("utf-8")
    assert "The figure effects.svg could not be drawn (ValueError: no &lt;room&gt; left)." in text
    assert words(tmp_path / "figures" / "effects.svg")[0] == "The figure effects.svg could not be drawn."
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == NAMES


def test_a_run_without_anything_has_no_figure() -> None:
    assert pictures(Run(Path("run"), HEADER)) == []
    nothing: list[Trial] = []
    for trials in (nothing, [Trial("a", 0)], [trial("a", s, 0.9, epochs=1) for s in SEEDS]):
        assert pictures(curves_run({"a": trials})) == []
    assert pictures(run_of(swept(), {"a 1.0": [Trial("a 1.0", 0, {"loss": 1.0})]})) == []  # a sweep of one point


def test_figures_stand_in_the_order_of_the_lecture(tmp_path: Path) -> None:
    run = read_run(full_run(tmp_path))
    run.trials = dict(reversed(run.trials.items()))
    assert [picture.heading for picture in pictures(run)] == ["", "deep-dropout", "raw-data", "l1-sweep"]


def test_the_evidence_has_about_fifteen_figures_that_all_can_be_drawn(of_evidence: list[Any]) -> None:
    names = [picture.name for picture in of_evidence]
    assert len(set(names)) == len(names) < 30
    assert names[:2] == ["effects.svg", "effects-by-seeds.svg"]
    assert {"rate-sweep.svg", "more-data.svg", "example-1.svg", "example-2-surface.svg", "example-4.svg"} <= {*names}
    for picture in of_evidence:
        assert "could not be drawn" not in picture.caption
        assert len(picture.content) < 100_000
        assert any("seeds" in word for word in words_of(picture.content)), picture.name
        assert 30 < len(picture.alt) <= 300


def test_no_text_of_a_figure_is_cut_off_or_covers_another(
    of_evidence: list[Any], browser: Browser, tmp_path: Path
) -> None:
    """In a browser, with the evidence and with labels as long as they come."""
    long = [
        dataclasses.replace(point, series=f"sigmoid, badly scaled, batch normalization {point.series}")
        for point in POINTS
    ]
    drawn = [*of_evidence, *pictures(read_run(full_run(tmp_path))), *pictures(run_of(swept(points=long), of_sweep()))]
    page = browser.new_page()
    for picture in drawn:
        page.set_content(picture.content.decode())
        (_, left, top, right, bottom), *texts = page.evaluate(
            "[...document.querySelectorAll('svg, text')].map((of) => [of.textContent, of.getBoundingClientRect()])"
            ".filter(([, box]) => box.width).map(([text, box]) => [text, box.left, box.top, box.right, box.bottom])"
        )
        assert right - left <= 960, picture.name  # on a phone of 400 pixels a text of 11 is 5 pixels high
        outside = [text for text, *of in texts if of[0] < left or of[1] < top or of[2] > right or of[3] > bottom]
        covered = [
            (text, other)
            for (text, *a), (other, *b) in itertools.combinations(texts, 2)
            if min(a[2], b[2]) - max(a[0], b[0]) > 2 and min(a[3], b[3]) - max(a[1], b[1]) > 3
        ]
        assert (picture.name, outside, covered) == (picture.name, [], [])
    page.close()


def test_many_diverged_seeds_next_to_finite_ones_stay_a_small_file() -> None:
    trials = {}
    for name, end in (("rate 1e6", 200), ("rate 1e38", 150)):
        curves = [[1e6 * (1 + (s + e) % 7) if e < end else None for e in range(200)] for s in range(30)]
        trials[name] = [Trial(name, s, {"loss": None}, {"loss": tuple(of)}, Divergence("blow-up", 2))
                        for s, of in enumerate(curves)]  # fmt: skip
    trials |= {name: [trial(name, s, 0.9, epochs=200) for s in range(30)] for name in ("rate 0.1", "rate 10")}
    [picture] = pictures(curves_run(trials))
    assert len(picture.content) < 100_000
    assert "Variants without a trained seed do not stretch the axes" in picture.caption
    assert "rate 1e6 (× 30 of 30 diverged)" in words_of(picture.content)


# ---------- curves ----------


def test_the_band_of_some_and_of_many() -> None:
    trials = [trial("a", seed, 0.9) for seed in range(8)]
    broken = Trial("a", 9, {}, {"loss": (1.0, None, None)}, Divergence("nan", 2, 1))
    curve = curve_of("a", [*trials, broken], "loss")
    assert curve is not None
    curves = np.array([of.history["loss"] for of in trials], float)
    for values, expected in ((curve.mean, curves.mean(0)), (curve.low, curves.min(0)), (curve.high, curves.max(0))):
        np.testing.assert_allclose(values, expected)
    bands, lines = curve.rows()
    assert (len(bands), lines, "low" in bands[0]) == (5, [], True)
    few = curve_of("a", trials[:5], "loss")
    assert few is not None
    bands, lines = few.rows()
    assert ("low" in bands[0], len(lines)) == (False, 25)  # thin lines in place of a band
    assert [edge[0] for edge in band(np.arange(1001.0)[:, None])] == [25, 975]
    assert [edge[0] for edge in band(np.arange(100.0)[:, None])] == [0, 99]
    assert [band_text(n).split(":")[0] for n in (5, 100)] == ["thin lines", "band"]
    assert "middle 95 %" in band_text(101)


def test_failed_seeds_are_drawn_up_to_their_last_number_if_none_trained() -> None:
    curve = curve_of("raw", [diverged("raw", seed, finite=2 if seed else 0) for seed in SEEDS], "loss")
    assert curve is not None
    assert not curve.trained
    assert [int(np.isfinite(of).sum()) for of in curve.seeds.values()] == [0, 2, 2, 2, 2]
    assert len(curve.rows(spread=False)[1]) == 8


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


def heights(monkeypatch: pytest.MonkeyPatch, run: Run) -> list[Span]:
    """The vertical axes of the panels of the run's learning curves or sweep."""
    kept: list[Span] = []
    original = Span.of

    def keep(values: np.ndarray, log: bool | None = None) -> Span:
        kept.append(original(values, log))
        return kept[-1]

    monkeypatch.setattr(Span, "of", keep)
    assert [picture.caption for picture in pictures(run) if "could not be drawn" in picture.caption] == []
    return kept


def test_no_failed_variant_stretches_an_axis_nor_does_its_slides_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = {"val_accuracy": (0.1,) * 5, "loss": (2.3,) * 5}
    stuck = [Trial("s", s, {}, lost, Divergence("stuck at chance", 1)) for s in SEEDS]
    trials = {"a": [trial("a", s, 0.9) for s in SEEDS], "s": stuck, "x": [diverged("x", s, epochs=5) for s in SEEDS]}
    run = curves_run(trials, printed={"x": {"val_accuracy": (0.1,), "loss": (4.9e11, 5.4e32)}})
    run.claims["c"] = claim("c", "SUPPORTED", experiment="e", published=(published("x", "4.9e11", "loss"),))
    accuracy, loss = heights(monkeypatch, run)
    assert accuracy.low > 0.5
    assert loss.high < 2
    said = words_of(pictures(run)[0].content)
    assert {"a", "s (× 5 of 5 collapsed)", "x (× 5 of 5 diverged)", "slide: 4.9e11"} <= {*said}


def test_if_every_variant_failed_the_axis_is_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    [loss] = heights(monkeypatch, curves_run({"x": [diverged("x", s) for s in SEEDS]}, accuracy=False))
    assert loss.low < 4.9e11 < 2e32 < loss.high


def test_the_slides_own_curve_and_figure_are_marked_once() -> None:
    run = curves_run(
        {name: [trial(name, s, 0.9) for s in SEEDS] for name in ("a", "b")},
        printed={name: {"val_accuracy": (0.7, np.nan, 0.8, 0.85, 0.89), "loss": (1.0,) * 5} for name in ("a", "b")},
    )
    figures = tuple(published(name, "0.8947") for name in ("a", "b"))
    run.claims["c"] = claim("c", "SUPPORTED", experiment="e", published=figures)
    said = words_of(pictures(run)[0].content)
    assert (said.count("slide: 0.8947"), said.count("slide's curve")) == (1, 1)


def test_many_variants_are_shown_without_their_spread() -> None:
    [drawn] = pictures(curves_run({f"v{i}": [trial(f"v{i}", s, 0.9 + i / 100) for s in SEEDS] for i in range(9)}))
    assert "without their spread" in drawn.caption
    assert {f"v{i}" for i in range(9)} <= set(words_of(drawn.content))


def test_which_curves_are_shown() -> None:
    assert shown(experiment("e", ["a"])) == ("val_accuracy", "loss")
    assert shown(experiment("e", ["a"], accuracy=False)) == ("loss",)
    assert shown(experiment("e", ["a"], printed={"a": {"val_loss": (0.5,)}})) == ("loss",)
    assert shown(experiment("e", ["a"], printed={"a": {"val_accuracy": (0.5,)}})) == ("val_accuracy", "loss")


@pytest.mark.parametrize("count", [1, 5, 40, 41, 200, 1000, 100_000])
def test_spaced_keeps_both_ends(count: int) -> None:
    kept = spaced(count, 40)
    assert (kept[0], kept[-1]) == (0, count - 1)
    assert len(kept) == len(set(kept)) <= 40


def test_more_than_100_seeds_are_100_quantiles() -> None:
    assert thinned([float(seed) for seed in range(100)])[3] == 3
    many = thinned([float(seed) for seed in range(1001)])
    assert (len(many), many[0], many[-1]) == (100, 5, 995)
    assert charts_data.quantiles([1.0]) == [1.0] * 5


@pytest.mark.parametrize("positions", [[0.5], [0.5, 0.5, 0.5], [0.99, 0.98, 0.97], [0.1, 0.9, 0.12]])
def test_labels_are_apart_and_in_order(positions: list[float]) -> None:
    placed = spread_out(positions, gap=0.08)
    assert max(placed) <= 1
    assert [placed.index(x) for x in sorted(placed)] == sorted(range(len(positions)), key=lambda i: positions[i])
    assert all(b - a >= 0.08 - 1e-12 for a, b in itertools.pairwise(sorted(placed)))


@pytest.mark.parametrize(
    ("values", "log"), [([1e-3, 1.0], True), ([0.5, 1.0], False), ([-1.0, 100.0], False), ([np.nan], False)]
)
def test_an_axis_follows_its_values(values: list[float], log: bool) -> None:
    span = Span.of(np.array(values))
    assert span.log is log
    for value in (1.0, span.low, span.high):
        assert span.value(span.fraction(value)) == pytest.approx(min(max(value, span.low), span.high))
    assert span.fraction(None) == span.fraction(np.inf) == 1


def test_turning_points() -> None:
    trials = {
        "none": [losses("none", 0, 0.9, 0.4, 0.5, 0.6), losses("none", 1, 0.9, 0.5, 0.4, 0.6)],
        "falls": [losses("falls", s, 0.9, 0.7, 0.5, 0.4) for s in SEEDS],
        "broken": [losses("broken", 0, 0.9, 0.7, lost=Divergence("nan", 1, 1))],
        "without": [measured("without", 0, 0.1)],
    }
    turns = turning_points(trials, "val_loss")
    assert turns == {"none": Turn(2, (2, 3), 4), "falls": Turn(4, (4,) * 5, 4)}
    assert [(turn.turned, turn.text) for turn in turns.values()] == [(True, "2 (2 to 3)"), (False, "4 (4)")]


def test_a_run_without_the_variants_that_turn_has_its_curves() -> None:
    """As one that adds seeds to another variant: the stored trials of these are in no record."""
    run = turning()
    run.trials = {key: of for key, of in run.trials.items() if key[1] == "penalty"}
    assert "penalty" in words_of(pictures(run)[0].content)


# ---------- sweeps and surfaces ----------


def test_points_of_a_sweep() -> None:
    lines = charts_of_run.swept(swept(), of_sweep(), "loss")
    assert [point.at for point in lines["a"]] == [0.1, 1.0, 10.0]
    assert lines["a"][1].mean == pytest.approx(1.2)
    of_b = {point.at: (len(point.values), point.failed) for point in lines["b"]}
    assert of_b == {0.1: (4, ""), 1.0: (4, "1 of 5 collapsed"), 10.0: (2, "3 of 5 diverged")}


def test_a_finite_blow_up_is_no_value_and_a_logarithmic_axis_leaves_out_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = [measured("a 1.0", 0, 1e26, Divergence("blow-up", 1, 3))]
    trials = {"a 0.1": [measured("a 0.1", 0, 0.0), measured("a 0.1", 1, 2.0)], "a 1.0": lost}
    (log,) = charts_of_run.swept(swept(), trials, "loss").values()
    assert [(point.values, point.failed) for point in log] == [((2.0,), ""), ((), "1 of 1 diverged")]
    linear = swept(replace(SWEEP, y_scale="linear"))
    assert charts_of_run.swept(linear, trials, "loss")["a"][0].values == (0.0, 2.0)
    assert heights(monkeypatch, run_of(linear, trials))[-1].high < 3


@pytest.mark.parametrize(
    ("x_scale", "first", "broken", "ticks"),
    [("symlog", 0.0, True, {"0", "1", "10"}), ("linear", 0.0, False, {"0", "10"}),
     ("log", 1e-5, False, {"1e−5", "1", "10"})],
)  # fmt: skip
def test_scales_and_the_break_between_zero_and_the_next_value(
    x_scale: str, first: float, broken: bool, ticks: set[str]
) -> None:
    """No line crosses the break."""
    points = [Variant(f"a {at}", at=to) for at, to in ((0.1, first), (1.0, 1.0), (10.0, 10.0))]
    record = swept(replace(SWEEP, x_scale=x_scale), points)
    [drawn] = pictures(run_of(record, of_sweep()))
    assert ticks <= set(words_of(drawn.content))
    assert "a" not in words_of(drawn.content)  # one line without a name has no label
    assert charts_of_run._across(record.plots.sweep, [first, 1.0, 10.0])[1] is broken


def test_the_gradients_have_a_second_panel_of_their_norm() -> None:
    metrics = (LOSS, dataclasses.replace(LOSS, name="initial_gradient_norm"))
    [drawn] = pictures(run_of(swept(metrics=metrics, id="deep-gradients"), of_sweep()))
    assert {"loss", "initial gradient norm"} <= set(words_of(drawn.content))


@pytest.mark.parametrize("data", [raw, min_max])
def test_the_landscape_is_the_models_loss(data: Any) -> None:
    """Against the loss written out, and the condition number against another way to it."""
    surface, arrays = landscape("x", data()), data()
    design = np.column_stack([arrays.x, np.ones(len(arrays.x))])
    weights = np.linalg.lstsq(design, arrays.y[:, 0], rcond=None)[0]
    for x, y in ((0, 0), (1, 1), (-0.7, 0.4)):
        loss = np.mean((design @ (weights + np.array([x, 0, y, 0, 0][: len(weights)])) - arrays.y[:, 0]) ** 2)
        assert surface.least + surface.above(x, y) == pytest.approx(loss, rel=2e-5)  # six digits are kept
        assert loss <= surface.most * (1 + 1e-5)
    assert surface.condition == pytest.approx(np.linalg.cond(design) ** 2, rel=1e-6)


def test_scaling_rounds_the_valley() -> None:
    assert SHARES.plots.surface is not None
    before, after = SHARES.plots.surface().landscapes
    assert before.condition > 1e16 > 1e4 > after.condition > 1e3  # type: ignore[operator]


def test_contours_are_where_the_loss_has_risen_by_equal_steps_of_its_root() -> None:
    of = Landscape("oval", 1.0, 0.5, (2.0, 0.5, 1.0), 3.0)
    lines = charts_of_run._contours(of, "x", "y").to_dict()["layer"][0]["data"]["values"]
    inside = [row for row in lines if max(abs(row["x"]), abs(row["y"])) < 2]
    roots = [np.sqrt(of.above(row["x"], row["y"]) / (of.most - of.least)) * 10 for row in inside]
    np.testing.assert_allclose(roots, [row["step"] for row in inside], rtol=2e-3)


FLAT = Surface("Flat.", "x", "y", (Landscape("flat", 1.0, 0.0, (0.0,) * 3, None),))


def test_a_flat_surface_is_drawn() -> None:
    record = experiment("x", [], surface=lambda: FLAT)
    assert "flat: condition number –" in words_of(pictures(run_of(record, {"a": [Trial("a", 0)]}))[0].content)


@pytest.mark.parametrize(
    ("turn", "match"),
    [(TurningPoint(), r"turning_point of experiment 'depth'\. Expected: `inference`"),
     (TurningPoint(("deap",), training="loss"), r"Received: 'deap'\. Did you mean 'deep'\?")],
)  # fmt: skip
def test_a_turning_point_of_curves_or_variants_that_are_not_there(turn: TurningPoint, match: str) -> None:
    with pytest.raises(SuiteError, match=match):
        Experiment(
            id="depth", data=object, model=object, optimizer=object, loss="mse", size=Size(epochs=2, batch_size=8),
            variants=(Variant("shallow"), Variant("deep")), plots=Plots(turning_point=turn),
            metrics=(Metric("val_loss", better="lower", unit="nats", smallest_effect=0.002),),
        )  # fmt: skip


# ---------- accuracies and effects ----------


@pytest.mark.parametrize(("verdict", "colour"), [("SUPPORTED", "#0072B2"), ("REFUTED", "#D55E00")])
def test_the_slides_figure_has_the_colour_of_its_verdict(verdict: str, colour: str) -> None:
    assert colour in pictures(slides(verdict=verdict))[0].content.decode()


def test_fewer_than_three_figures_or_no_trained_network_make_no_picture_of_seeds() -> None:
    run = slides()
    record, trials = EXPERIMENTS["deep"], {name: of for (_, name), of in run.trials.items()}
    assert charts_of_run.slide_and_seeds(run, record, {name: trials[name] for name in "ab"}) is None
    assert charts_of_run.slide_and_seeds(run, record, dict.fromkeys("abc", trials["c"])) is None


def test_the_axis_of_accuracies_is_split_at_a_wide_gap_only() -> None:
    parts = charts_of_run.parts
    assert parts([[0.98, 0.99], [0.90, 0.91]]) == [(0.90, 0.91), (0.98, 0.99)]
    assert parts([[0.98, 0.90], [0.91]]) == [(0.90, 0.98)]  # no gap between the figures of one network
    assert parts([np.linspace(0.9, 0.99, 5).tolist()]) == [(0.9, 0.99)]
    assert parts([[0.9, 0.9]]) == [(0.9, 0.9)]


def test_effects_stand_by_section_in_the_order_of_the_lecture() -> None:
    places = ["Example 4, 5 hidden layers", "4. Overfitting, Regularization", "3. Overfitting (cont.), Dropout",
              "4. Overfitting"]  # fmt: skip
    claims = {str(i): claim(f"c{i}", "SUPPORTED", [effect("a − b", 0.01, 0.005, 0.015)], slide=slide)
              for i, slide in enumerate(places)}  # fmt: skip
    [picture] = pictures(Run(Path("run"), HEADER, claims=claims))
    said = [word for word in words_of(picture.content) if word.startswith(("3. ", "4. ", "Example 4", "Statement"))]
    assert [word for word in said if "Statement" not in word] == ["3. Overfitting", "4. Overfitting", "Example 4"]
    assert [word for word in said if "Statement" in word] == [f"Statement of c{i}." for i in (2, 1, 3, 0)]


@pytest.mark.parametrize(
    "no_effect",
    [
        effect("normalised − 0.8947", 0.08, 0.07, 0.09, kind="mean"),
        effect("a − b", 0.01, 0.0, 0.02, metric="loss", unit="nats"),
    ],
)
def test_a_comparison_with_a_constant_or_of_losses_is_no_effect_on_accuracy(no_effect: Any) -> None:
    assert pictures(Run(Path("run"), HEADER, claims={"c": claim("c", "SUPPORTED", [no_effect])})) == []


def test_slides_difference_and_margin() -> None:
    both, other = (effect(f"a − {name}", 0.001, -0.001, 0.003, margin=of) for name, of in (("b", 0.002), ("c", None)))
    figures = (published("a", "0.9840"), published("b", "0.9798"), published("c", "0.4", "val_loss"))
    alike = claim("alike", "SUPPORTED", [both], experiment="deep")
    helps = claim("helps", "INCONCLUSIVE", [other], experiment="deep")
    claims = {"figures": claim("figures", "REFUTED", [], experiment="deep", published=figures), "a": alike, "h": helps}
    run = run_of(experiment("deep", ["a", "b"]), {}, **claims)
    assert slide_difference(run, alike, both) == pytest.approx(0.0042)
    assert slide_difference(run, helps, other) is None
    assert (margin(alike), margin(helps)) == (0.002, None)
    [picture] = pictures(run)
    assert words_of(picture.content).count("+0.10 [−0.10, +0.30]") == 2
    assert "Grey stroke" in picture.caption
    assert "Grey bar" in picture.caption


@pytest.mark.parametrize(
    ("slide", "of"),
    [
        ("4. Overfitting (cont.), Dropout", "4. Overfitting"),
        ("1.2 Large learning rate: overshooting", "1.2 Large learning rate"),
        ("Example 4. Tips | dropout", "Example 4. Tips"),
        ("(untitled)", "(untitled)"),
        (", x", ", x"),
    ],
)
def test_the_section_of_a_slide(slide: str, of: str) -> None:
    assert section(slide) == of


def test_alt_text_is_short_and_says_what_it_leaves_out() -> None:
    long = fitting("Effects", [f"claim-number-{i} 0.0123 supported" for i in range(40)])
    assert len(long) <= 280
    assert long.count("claim-number") + int(long.rsplit("; ", 1)[1].split()[0]) == 40
    assert fitting("Effects", ["a", "b"]) == "Effects: a; b."
    assert fitting("Effects", []) == "Effects."


def of_differences(differences: list[float], evidence: bool = False) -> Run:
    """A run whose claim rests on a − b; the seeds of b are all 0.9."""
    trials = {
        "a": [Trial("a", seed, {"val_accuracy": 0.9 + by}) for seed, by in enumerate(differences)],
        "b": [Trial("b", seed, {"val_accuracy": 0.9}) for seed in range(len(differences))],
    }
    of_claim = claim(BY_SEEDS[0], "SUPPORTED", [effect("a − b", 0.01, 0.0, 0.02)], experiment="deep")
    run = run_of(experiment("deep", ["a", "b"]), trials, **{BY_SEEDS[0]: of_claim})
    run.header = replace(HEADER, evidence=evidence)
    return run


@pytest.mark.parametrize("key", BY_SEEDS)
def test_the_last_interval_is_the_one_that_decides(key: str) -> None:
    of_claim = evidence().claims[key]
    growth = growth_of(evidence(), of_claim)
    assert growth is not None
    decides = effects_by_relevance(of_claim)[0]
    assert growth.seeds[-1] == decides.n
    last = [growth.value[-1], growth.low[-1], growth.high[-1]]
    np.testing.assert_allclose(last, [decides.estimate, decides.low, decides.high], atol=1e-9)
    assert (growth.closed is not None) is of_claim.verdict.decided
    widths = [growth.high[-1] - growth.low[-1], *(high - low for _, low, high in growth.later)]
    assert [size for size, _, _ in growth.later] == [100, 300, 1000]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(
    ("low", "later", "text"),
    [
        ([-1, 0.1, 0.1, 0.1], (), "excludes 0 from 6 seeds on"),
        ([0.1, -1, 0.1, 0.1], (), "excludes 0 from 7 seeds on"),
        ([0.1] * 4, (), "excludes 0 from 5 seeds on"),
        ([-1] * 4, (), "contains 0"),
        ([-1] * 4, ((100, -0.1, 1.0), (300, 0.1, 0.9)), "would exclude 0 at 300 seeds"),
    ],
)
def test_when_an_interval_closes(low: list[float], later: Any, text: str) -> None:
    growth = Growth(claim("c", "SUPPORTED"), None, np.arange(5, 9), np.zeros(4), np.array(low), np.full(4, 1.0), later)
    assert growth.text == text


def test_which_seeds_an_effect_grows_with() -> None:
    spread = [0.01, 0.02, 0.01, 0.03, 0.02, 0.01, 0.02]
    for few in (spread[:5], [0.01] * 10):  # too few; no spread, no interval
        assert charts_of_run.by_seeds(of_differences(few)) is None
    run, strict = (of_differences(spread, evidence) for evidence in (False, True))
    plain, tight = (growth_of(of, of.claims[BY_SEEDS[0]]) for of in (run, strict))
    assert plain is not None
    assert tight is not None
    assert plain.later == ()
    assert (plain.high - plain.low < tight.high - tight.low).all()
    drawn = charts_of_run.by_seeds(run)
    assert drawn is not None
    assert "further look" not in drawn.caption
    run.trials["deep", "a"][0] = Trial("a", 0, {"val_accuracy": 0.1}, {}, Divergence("stuck at chance", 1))
    growth = growth_of(run, run.claims[BY_SEEDS[0]])
    assert growth is not None  # failed seeds are left out
    assert growth.seeds[-1] == 6
    assert growth.low.min() > -0.5
