"""The figures of a report: what they say and show, small, the same every time, with no text cut off or covered."""

from __future__ import annotations

import dataclasses
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
from harness.claim import Finding
from harness.course import course
from harness.errors import SuiteError
from harness.model import Divergence, Experiment, Metric, Seconds, Size, Trial, Variant
from harness.plots import Landscape, Plots, Surface, Sweep, TurningPoint
from harness.record.run import Run, TrialDone, read_run
from harness.rules import All, Exceeds, NotBetter
from reports import charts_of_run
from reports.charts import DARK, Picture, fitting, svg, value_axis
from reports.charts_data import (
    Curve,
    Turn,
    band,
    curve_of,
    datasets,
    failures,
    numbers,
    spaced,
    thinned,
    turning_points,
)
from reports.charts_of_effects import _drawable, _row, claims_less
from reports.charts_of_run import early, engines, finding, parts, pictures, shown, slide_and_seeds
from reports.write import write_report
from tests.make import timed
from tests.reports.full import full_run
from tests.reports.runs import evidence
from tests.reports.synthetic import (
    EXPERIMENTS,
    HEADER,
    LOSS,
    SEEDS,
    Recorder,
    claim,
    compared,
    decision,
    diverged,
    effect,
    experiment,
    published,
    trial,
)

NAMES = ["deep-dropout.svg", "effects.svg", "l1-sweep.svg", "raw-data.svg"]
"""Softmax has one epoch, which is no curve."""
ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).with_name("figures.txt")
RENEW = "SUITE_RENEW_PICTURES"
SWEEP = Sweep(over="learning rate", metric="loss", title="The loss, by rate.", y_scale="log")
LINEAR = replace(SWEEP, y_scale="linear")
POINTS = tuple(Variant(f"{name} {at}", at=at, series=name) for name in ("a", "b") for at in (0.1, 1.0, 10.0))
STUCK = Divergence("stuck at chance", 1)


@pytest.fixture(scope="module")
def of_evidence() -> list[Picture]:
    return pictures(evidence())


def words_of(content: bytes) -> list[str]:
    """Every text of an SVG; raises where it is not well-formed."""
    texts = ET.fromstring(content).iter("{http://www.w3.org/2000/svg}text")
    return [line for text in texts for line in text.itertext()]


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
    trials = {name: [Trial(name, s, {"val_accuracy": 0.98 + 0.001 * rng.standard_normal()}) for s in range(seeds)]
              for name in names}  # fmt: skip
    trials["c"] = [Trial("c", s, {"val_accuracy": 0.1}, {}, STUCK) for s in range(seeds)]
    claims = {n: claim(f"f-{n}", verdict, experiment="deep", published=(published(n, "0.9815"),)) for n in names}
    return run_of(experiment("deep", names), trials, **claims)


def lost() -> Run:
    """Curves of a variant that trained, of a stuck and of a diverged one, whose figures the slide prints."""
    of_stuck = {"val_accuracy": (0.1,) * 5, "loss": (2.3,) * 5}
    trials = {"a": [trial("a", s, 0.9) for s in SEEDS], "s": [Trial("s", s, {}, of_stuck, STUCK) for s in SEEDS],
              "x": [diverged("x", s, epochs=5) for s in SEEDS]}  # fmt: skip
    run = curves_run(trials, printed={"x": {"val_accuracy": (0.1,), "loss": (4.9e11, 5.4e32)}})
    run.claims["c"] = claim("c", "SUPPORTED", experiment="e", published=(published("x", "4.9e11", "loss"),))
    return run


def many_variants() -> Run:
    return curves_run({f"v{i}": [trial(f"v{i}", s, 0.9 + i / 100) for s in SEEDS] for i in range(9)})


def of_slides() -> Run:
    """Claims whose variants have figures on the slide, or not, and one with a margin."""
    both, other = (effect(f"a − {name}", 0.001, -0.001, 0.003, margin=of) for name, of in (("b", 0.002), ("c", None)))
    figures = (published("a", "0.9840"), published("b", "0.9798"), published("c", "0.4", "val_loss"))
    claims = {
        "figures": claim("figures", "REFUTED", [], experiment="deep", published=figures),
        "alike": claim("alike", "SUPPORTED", [both], experiment="deep"),
        "helps": claim("helps", "INCONCLUSIVE", [other], experiment="deep"),
    }
    return run_of(experiment("deep", ["a", "b"]), {}, **claims)


def by_section() -> Run:
    """Effects whose claims do not come in the order of the sections of the lecture."""
    places = (
        "Example 4, 5 hidden layers",
        "4. Overfitting, Regularization",
        "3. Overfitting (cont.), Dropout",
        "4. Overfitting",
        "1.2 Large rate: overshooting",
        "Example 5. Tips | dropout",
        "(untitled)",
        ", x",
    )
    claims = {str(i): claim(f"c{i}", "SUPPORTED", [effect("a − b", 0.01, 0.005, 0.015)], slide=slide)
              for i, slide in enumerate(places)}  # fmt: skip
    return Run(Path("run"), HEADER, claims=claims)


def golden(folder: Path) -> str:
    """Name, alternative text, caption and every text of the figures of some runs."""
    full = read_run(full_run(folder))
    full.trials = dict(reversed(full.trials.items()))  # figures stand in the order of the lecture nevertheless
    flat = Surface("Flat.", "x", "y", (Landscape("flat", 1.0, 0.0, (0.0,) * 3, None),))
    seeds = turning()  # without the variants that turn, as of a run that adds seeds to another one
    seeds.trials = {key: of for key, of in seeds.trials.items() if key[1] == "penalty"}
    two = (LOSS, dataclasses.replace(LOSS, name="initial_gradient_norm"))
    runs = [full, turning(), seeds, slides(), slides(1024), lost(), many_variants(),
            run_of(swept(metrics=(LOSS,)), of_sweep()), run_of(swept(metrics=two, id="deep-gradients"), of_sweep()),
            run_of(SHARES, {"raw": [Trial("raw", 0)]}),
            run_of(experiment("x", [], surface=lambda: flat), {"a": [Trial("a", 0)]}),
            curves_run({"x": [diverged("x", s) for s in SEEDS]}, accuracy=False), run_of(*blown(LINEAR)),
            of_slides(), by_section()]  # fmt: skip
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
        assert words_of((folder / "figures" / name).read_bytes())
        embedded = rf"!\[(.*)\]\((?:\.\./)?figures/{re.escape(name)}\)"
        [alt] = {alt for page in pages for alt in re.findall(embedded, page)}
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


def test_same_run_same_bytes_in_every_process(folder: Path, tmp_path: Path) -> None:
    """Under another hash seed, time zone and locale as well, and with the fonts that the library brings along."""
    [path] = (folder / "runs").glob("*.jsonl")
    code = MADE_UP + f"full_run(Path({str(tmp_path / 'declared')!r}))\n"
    code += f"write_report(Path({str(path)!r}), Path({str(tmp_path / 'again')!r}))"
    other = {"PYTHONHASHSEED": "7", "TZ": "Asia/Seoul", "LC_ALL": "POSIX"}
    subprocess.run([sys.executable, "-c", code], env=os.environ | other, check=True, cwd=ROOT)
    written = {file.relative_to(tmp_path / "again"): file for file in (tmp_path / "again").rglob("*.*")}
    assert {f"figures/{name}" for name in NAMES} < {name.as_posix() for name in written}
    assert all((folder / name).read_bytes() == file.read_bytes() for name, file in written.items())


def test_interrupted_training_still_has_its_curves(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    experiment("deep", ["a", "b"])
    run.append(TrialDone(experiment="deep", definition="made up", trial=trial("a", 0, 0.95)))
    assert "`deep/a` (1 trial)" in write_report(run.close(), tmp_path).read_text(encoding="utf-8")
    assert (tmp_path / "figures" / "deep.svg").exists()


def test_a_figure_that_cannot_be_drawn_costs_that_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures of an earlier report go, and a reader's own stay."""

    def fails(run: Run) -> None:
        raise ValueError("no <room> left")

    monkeypatch.setattr(charts_of_run, "effects", fails)
    text, figures = write_report(full_run(tmp_path), tmp_path).read_text("utf-8"), tmp_path / "figures"
    assert "The figure effects.svg could not be drawn (ValueError: no &lt;room&gt; left)." in text
    [first, _] = words_of((figures / "effects.svg").read_bytes())
    assert first == "The figure effects.svg could not be drawn."
    assert sorted(path.name for path in figures.iterdir()) == NAMES
    (figures / "my-own.svg").write_text("<svg/>")
    monkeypatch.undo()
    write_report(Recorder(tmp_path, id="20261125T000000").end(), tmp_path)
    assert [path.name for path in figures.iterdir()] == ["my-own.svg"]


def test_a_run_without_anything_has_no_figure() -> None:
    assert pictures(Run(Path("run"), HEADER)) == []
    nothing: list[Trial] = []
    for trials in (nothing, [Trial("a", 0)], [trial("a", s, 0.9, epochs=1) for s in SEEDS]):
        assert pictures(curves_run({"a": trials})) == []
    assert pictures(run_of(swept(), {"a 1.0": [Trial("a 1.0", 0, {"loss": 1.0})]})) == []  # a sweep of one point


def test_the_evidence_has_about_fifteen_figures_that_all_can_be_drawn(of_evidence: list[Any]) -> None:
    names = [picture.name for picture in of_evidence]
    assert len(set(names)) == len(names) < 30
    assert names[0] == "effects.svg"
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
    assert "rate 1e6 (× 30 of 30 diverged)" in words_of(picture.content)


# ---------- curves ----------


def test_the_band_of_some_and_of_many() -> None:
    trials = [trial("a", seed, 0.9) for seed in range(8)]
    broken = Trial("a", 9, {}, {"loss": (1.0, None, None)}, Divergence("nan", 2, 1))
    curve = curve_of("a", [*trials, broken], "loss")
    assert curve is not None
    assert curve.band is not None
    curves = np.array([of.history["loss"] for of in trials], float)
    np.testing.assert_allclose(curve.band, [curves.mean(0), curves.min(0), curves.max(0)])
    assert (curve.count, len(curve.seeds)) == (8, 5)
    rows = datasets([curve], {"a": (0.5, np.nan, 0.25)})
    assert [len(of) for of in rows.values()] == [1, 5, 1]
    assert rows["slides"] == [{"variant": "a", "epoch": [1, 3], "value": [0.5, 0.25]}]
    mean = datasets([curve], {}, spread=False, seeds=False)
    assert (mean["bands"][0]["low"], mean["seeds"]) == (mean["bands"][0]["mean"], [])
    assert [edge[0] for edge in band(np.arange(1001.0)[:, None])] == [25, 975]
    assert [edge[0] for edge in band(np.arange(100.0)[:, None])] == [0, 99]


def test_failed_seeds_are_drawn_up_to_their_last_number_if_none_trained() -> None:
    curve = curve_of("raw", [diverged("raw", seed, finite=2 if seed else 0) for seed in SEEDS], "loss")
    assert curve is not None
    assert curve.band is None
    stuck, blown = (Trial("a", 0, {}, {}, Divergence(kind, 1)) for kind in ("stuck at chance", "blow-up"))
    assert failures([stuck, blown, Trial("a", 2)]) == "2 of 3 collapsed or diverged"
    rows = datasets([curve], {}, seeds=False)
    assert [len([value for value in row["value"] if value is not None]) for row in rows["seeds"]] == [0, 2, 2, 2, 2]


@pytest.mark.parametrize(
    ("declared", "curves"),
    [
        ({}, ("val_accuracy", "loss")),
        ({"accuracy": False}, ("loss",)),
        ({"printed": {"a": {"val_loss": (0.5,)}}}, ("loss",)),
        ({"printed": {"a": {"val_accuracy": (0.5,)}}}, ("val_accuracy", "loss")),
    ],
)
def test_which_curves_are_shown(declared: dict[str, Any], curves: tuple[str, ...]) -> None:
    assert shown(experiment("e", ["a"], **declared)) == curves


@pytest.mark.parametrize("count", [1, 5, 40, 41, 200, 1000, 100_000])
def test_spaced_keeps_both_ends(count: int) -> None:
    kept = spaced(count, 40)
    assert (kept[0], kept[-1]) == (0, count - 1)
    assert len(kept) == len(set(kept)) <= 40


def test_more_than_100_seeds_are_100_quantiles_and_numbers_are_short() -> None:
    assert thinned([float(seed) for seed in range(100)])[3] == 3
    many = thinned([None, *(float(seed) for seed in range(1001))])
    assert (len(many), many[0], many[-1]) == (100, 5, 995)
    assert thinned([None] * 200) == []
    assert numbers([0.9821734, 123456.7, 1.234567e30, 5.0, None, np.inf]) == [0.98217, 123460, 1.2346e30, 5, None, None]


@pytest.mark.parametrize(
    ("values", "log", "domain"),
    [
        ([1e-3, 1.0], "log", [1e-3 / 1.15, 1.15]),
        ([1e-9, 1.0], "log", [1e-6 / 1.15, 1.15]),
        ([0.5, 1.0], "linear", [0.5, 1]),
        ([-1.0, 100.0], "linear", [-1, 100]),
        ([2.0], "linear", [1.98, 2.02]),
        ([np.nan], "linear", [0, 1]),
    ],
)
def test_an_axis_follows_its_values(values: list[float], log: str, domain: list[float]) -> None:
    scale = value_axis(np.array(values))["scale"].to_dict()
    assert scale.get("type", "linear") == log
    assert scale["domain"] == pytest.approx(domain)


def test_turning_points() -> None:
    trials = {
        "none": [losses("none", 0, 0.9, 0.4, 0.5, 0.6), losses("none", 1, 0.9, 0.5, 0.4, 0.6)],
        "falls": [losses("falls", s, 0.9, 0.7, 0.5, 0.4) for s in SEEDS],
        "broken": [losses("broken", 0, 0.9, 0.7, lost=Divergence("nan", 1, 1))],
        "without": [measured("without", 0, 0.1)],
    }
    turns = turning_points(trials, "val_loss")
    assert turns == {"none": Turn(2, "2 (2 to 3)", True), "falls": Turn(4, "4 (4)", False)}


# ---------- sweeps and surfaces ----------


def blown(sweep: Sweep) -> tuple[Experiment, dict[str, list[Trial]]]:
    """A seed at zero, and one whose loss is finite but blew up."""
    lost = [measured("a 1.0", 0, 1e26, Divergence("blow-up", 1, 3))]
    return swept(sweep), {"a 0.1": [measured("a 0.1", 0, 0.0), measured("a 0.1", 1, 2.0)], "a 1.0": lost}


def test_a_finite_blow_up_is_no_value_and_a_logarithmic_axis_leaves_out_zero() -> None:
    first, second = charts_of_run.swept(*blown(SWEEP), "loss")
    assert (first["low"], second["mean"], second["failed"]) == (2.0, None, "1 of 1 diverged")
    assert charts_of_run.swept(*blown(LINEAR), "loss")[0]["low"] == 0.0


@pytest.mark.parametrize(("x_scale", "first", "joined"), [("symlog", 0.0, 2), ("linear", 0.0, 3), ("log", 1e-5, 3)])
def test_the_break_between_zero_and_the_next_value(x_scale: str, first: float, joined: int) -> None:
    points = [Variant(f"a {at}", at=to) for at, to in ((0.1, first), (1.0, 1.0), (10.0, 10.0))]
    declared = replace(SWEEP, x_scale=x_scale)
    rows = charts_of_run.swept(swept(declared, points), of_sweep(), "loss")
    layers = charts_of_run._swept(declared, "loss", rows, True).to_dict()["layer"]
    assert len(layers[1]["data"]["values"]) == joined
    assert "legend" not in {of for of, value in layers[0]["encoding"]["color"].items() if value}  # one line, no name


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


def test_contours_are_where_the_loss_has_risen_by_equal_steps_of_its_root() -> None:
    of = Landscape("oval", 1.0, 0.5, (2.0, 0.5, 1.0), 3.0)
    for row in charts_of_run._contours(of, "x", "y").to_dict()["layer"][0]["data"]["values"]:
        x, y = np.array(row["x"]), np.array(row["y"])
        roots = np.sqrt(of.above(x, y) / (of.most - of.least)) * 10
        np.testing.assert_allclose(roots[np.maximum(abs(x), abs(y)) < 2], row["step"], rtol=2e-3)


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
    assert slide_and_seeds(run, record, {name: trials[name] for name in "ab"}) is None
    assert slide_and_seeds(run, record, dict.fromkeys("abc", trials["c"])) is None


def test_the_axis_of_accuracies_is_split_at_a_wide_gap_only() -> None:
    assert parts([[0.98, 0.99], [0.90, 0.91]]) == [(0.90, 0.91), (0.98, 0.99)]
    assert parts([[0.98, 0.90], [0.91]]) == [(0.90, 0.98)]  # no gap between the figures of one network
    assert parts([np.linspace(0.9, 0.99, 5).tolist()]) == [(0.9, 0.99)]
    assert parts([[0.9, 0.9]]) == [(0.9, 0.9)]


@pytest.mark.parametrize(
    "no_effect",
    [
        effect("normalised − 0.8947", 0.08, 0.07, 0.09, kind="mean"),
        effect("a − b", 0.01, 0.0, 0.02, metric="loss", unit="nats"),
    ],
)
def test_a_comparison_with_a_constant_or_of_losses_is_no_effect_on_accuracy(no_effect: Any) -> None:
    assert pictures(Run(Path("run"), HEADER, claims={"c": claim("c", "SUPPORTED", [no_effect])})) == []


def test_the_slides_difference_and_the_margin() -> None:
    run = of_slides()
    rows = [_row(run, run.claims[key], run.claims[key].decision.effects[0]) for key in ("alike", "helps")]
    assert [(row["slide"], row["within"], row["without"]) for row in rows] == [(0.42, 0.2, -0.2), (None, None, None)]


@pytest.mark.parametrize(
    ("verdict", "parts", "negated", "drawn"),
    [
        ("SUPPORTED", ("SUPPORTED", "SUPPORTED"), False, 0),
        ("REFUTED", ("INCONCLUSIVE", "REFUTED"), False, 1),
        ("INCONCLUSIVE", ("SUPPORTED", "INCONCLUSIVE"), False, 1),
        ("INCONCLUSIVE", ("SUPPORTED", "REFUTED"), False, 1),
        ("SUPPORTED", ("INCONCLUSIVE", "REFUTED"), True, 1),
    ],
)
def test_of_parts_the_one_that_decides_is_drawn(
    verdict: str, parts: tuple[str, str], negated: bool, drawn: int
) -> None:
    """No clear effect is marked as undecided, because another part is."""
    effects = [effect(f"{name} − c", 0.01, 0.005, 0.015) for name in "ab"]
    made = decision(verdict, parts=[decision(of, [shown]) for of, shown in zip(parts, effects, strict=True)])
    assert _drawable(claim("c", replace(made, negated=negated))) is effects[drawn]


def test_right_is_what_the_claim_says() -> None:
    """Of a claim that a has less than b, the picture shows b − a, with its interval and the slide's difference."""
    effects = [effect("a − b", -0.001, -0.003, 0.002)]
    run = Run(Path("run"), HEADER, claims={"c": claim("c", "INCONCLUSIVE", effects, slide="3. Overfitting")})
    less = All((Exceeds("c", "b"), NotBetter("a", "b", 0.0)))
    assert [claims_less(rule, effects[0]) for rule in (less, Exceeds("a", "b"))] == [True, False]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reports.charts_of_effects.claims_less", lambda *_: True)
        row = _row(run, run.claims["c"], effects[0])
    assert (row["estimate"], row["low"], row["high"]) == (0.1, -0.2, 0.3)
    assert row["label"][1] == "b − a"
    assert row["text"][1] == "+0.10 [−0.20, +0.30]"


@pytest.mark.parametrize(
    ("means", "log"),
    [
        ([np.r_[1.0, np.full(199, 0.1)]], True),
        ([np.linspace(1, 0, 200)], False),
        ([np.full(200, 0.5)], False),
        ([np.r_[1.0, np.full(59, 0.1)]], False),
        ([np.r_[1.0, np.full(199, 0.1)], np.linspace(1, 0, 200), np.full(200, 0.5)], True),
        ([np.r_[1.0, np.full(199, 0.1)], np.linspace(1, 0, 200), np.linspace(1, 0, 200)], False),
    ],
)
def test_epochs_are_logarithmic_where_half_of_a_long_training_happens_at_once(means: list[Any], log: bool) -> None:
    curves = [Curve("a", "loss", np.arange(len(mean)) + 1, 5, {}, np.stack([mean] * 3)) for mean in means]
    assert early(curves) == log


@pytest.mark.parametrize(
    ("verdicts", "title"),
    [
        (("REFUTED", "SUPPORTED"), "The rate is 1e-4"),
        (("REFUTED", "INCONCLUSIVE"), "“Statement of a” is refuted"),
        (("SUPPORTED", "INCONCLUSIVE"), "Statement of a"),
    ],
)
def test_a_title_is_what_was_found_while_all_its_claims_are_decided_as_stored_else_how_a_claim_stands(
    verdicts: tuple[str, str], title: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = dataclasses.replace(course(), findings=(Finding("The rate is 1e-4", ("a", "b")),))
    monkeypatch.setattr("reports.charts_of_run.course", lambda: known)
    made = experiment("curves", ("a",))
    claims = {
        key: claim(key, verdict, experiment="curves", comparison=compared(verdict, verdict))
        for key, verdict in zip("ab", verdicts, strict=True)
    }
    run = Run(Path("run"), HEADER, claims=claims)
    assert finding(run, made, "loss") == f"Example 4: {title}"
    assert finding(run, experiment("other", ("a",)), "loss") == "other: loss"
    for changes in ({"red": True}, {"comparison": compared("REFUTED", "SUPPORTED")}):
        run.claims["a"] = replace(claims["a"], **changes)
        assert finding(run, made, "loss") != f"Example 4: {title}"


@pytest.mark.parametrize(
    ("fit", "title"),
    [
        ([0.2] * 6, "An epoch of fit takes 10 to 20 × as long as one of compiled"),
        ([0.01, 0.02, 0.04] * 2, "Seconds per epoch, by engine"),
    ],
)
def test_the_figure_of_times_says_what_it_shows(fit: list[float], title: str) -> None:
    """Which engine is faster is its title only where every interval says so."""
    records = [
        timed(work, [value * slower for value in seconds], engine)
        for work, slower in (("example-4/softmax", 1.0), ("example-4/5 relu xavier", 2.0))
        for engine, seconds in (("fit", fit), ("compiled", [0.02 / slower] * 6))
    ]
    drawn = engines(Run(Path("run"), HEADER, timings={(of.work, of.engine): of for of in records}))
    assert drawn is not None
    assert drawn.title == title
    assert "; example-4: five hidden layers: fit " in drawn.alt
    assert b"example-4: softmax only" in svg(drawn)
    assert engines(Run(Path("run"), HEADER)) is None


def test_a_dark_screen_sees_every_colour_of_ours_otherwise(of_evidence: list[Picture]) -> None:
    for made in of_evidence:
        style, _, drawn = made.content.decode().partition("</style>")
        assert "prefers-color-scheme: dark" in style, made.name
        assert set(re.findall(r'(?:fill|stroke)="(#\w+|white)"', drawn)) <= DARK.keys(), made.name


def test_alt_text_is_short_and_says_what_it_leaves_out() -> None:
    long = fitting("Effects", [f"claim-number-{i} 0.0123 supported" for i in range(40)])
    assert len(long) <= 280
    assert long.count("claim-number") + int(long.rsplit("; ", 1)[1].split()[0]) == 40
    assert fitting("Effects", ["a", "b"]) == "Effects: a; b."
    assert fitting("Effects", []) == "Effects."
