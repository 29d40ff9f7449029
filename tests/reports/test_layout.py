"""Which panels a figure has, with and without diverged variants, and that no legend is cut off."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text
from msgspec.structs import replace
from reports.figures.curve_data import Arm, arm, best, mixed
from reports.figures.experiments import figures
from reports.figures.layout import LETTER, columns, legend_columns

from cases.examples.normalization import SHARES
from harness.domain.trial import Divergence, DivergenceKind, Trial
from harness.record.declared import experiment_declared
from harness.record.run import TrialDone, read_run
from reports.figures import curves, forest, surface, sweep
from reports.figures import timing_runs as timing_figure
from reports.figures.curves import PER_PANEL, rows
from reports.figures.forest import margin, slide_difference
from reports.figures.style import fitting, smaller, styled
from reports.write import write_report
from tests.reports.full import full_run
from tests.reports.synthetic import SEEDS, Recorder, claim, diverged, effect, experiment, published, trial
from tests.reports.test_sweep import POINTS, of_sweep, swept
from tests.reports.test_timing import record as timed


def lost(curve: str) -> Arm:
    found = arm("raw", [diverged("raw", seed) for seed in SEEDS], "loss")
    assert found is not None
    return found


def whole(variant: str, curve: str) -> Arm:
    found = arm(variant, [trial(variant, seed, 0.9) for seed in SEEDS], curve)
    assert found is not None
    return found


def test_variants_that_stayed_finite_have_a_panel_of_their_own() -> None:
    marks = {"loss": {"raw": ("4.9e11", 4.9e11), "a": ("0.8204", 0.8204)}}
    both, finite = columns({"loss": [lost("loss"), whole("a", "loss")]}, marks)
    assert both.variants == ("raw", "a")
    assert list(both.slides) == ["raw"]
    assert finite.variants == ("a",)
    assert list(finite.slides) == ["a"]
    assert finite.note == ", without the diverged"


@pytest.mark.parametrize("arms", [[lost("loss")], [whole("a", "loss"), whole("b", "loss")]])
def test_one_panel_where_all_or_none_diverged(arms: list[Arm]) -> None:
    assert not mixed(arms)
    assert len(columns({"loss": arms}, {"loss": {}})) == 1


def test_a_row_of_panels_for_each_series_and_no_more_variants_in_it_than_colours() -> None:
    names = ["a", "a, tuned", "b", "b, tuned"]
    series = {name: "tuned" if "tuned" in name else "printed" for name in names}
    assert rows(names, series) == [["a", "b"], ["a, tuned", "b, tuned"]]
    assert rows(names, {}) == [names]
    many = [str(i) for i in range(PER_PANEL + 2)]
    assert rows(many, {}) == rows(many, dict.fromkeys(many, "one")) == [many[:PER_PANEL], many[PER_PANEL:]]


def test_accuracies_leave_lost_variants_out_and_give_their_place_to_the_loss() -> None:
    arms = {"val_accuracy": [lost("x"), whole("a", "val_accuracy")], "loss": [lost("loss"), whole("a", "loss")]}
    placed = columns(arms, {"val_accuracy": {}, "loss": {}})
    assert [(c.curve, c.variants) for c in placed] == [
        ("val_accuracy", ("a",)),
        ("loss", ("raw", "a")),
        ("loss", ("a",)),
    ]
    calm = columns({curve: [whole("a", curve)] for curve in arms}, {"val_accuracy": {}, "loss": {}})
    assert [(c.curve, len(c.variants)) for c in calm] == [("val_accuracy", 1), ("val_accuracy", 0), ("loss", 1)]


@pytest.mark.parametrize(("kind", "gone"), [("blow-up", True), ("stuck at chance", False)])
def test_finite_curves_of_diverged_seeds_are_a_band(kind: DivergenceKind, gone: bool) -> None:
    how = Divergence(kind, 2)
    found = arm("a", [Trial("a", seed, {}, {"loss": (1.0, 1e6 + seed)}, how) for seed in SEEDS], "loss")
    assert found is not None
    assert (found.lost, found.failed, found.broken) == (gone, 5, ())
    np.testing.assert_allclose(found.high, [1.0, 1e6 + 4])


@pytest.mark.parametrize("width", [6.0, 9.5, 12.7])
def test_legend_fits(width: float) -> None:
    labels = ["raw (× 30 of 30 diverged)", "min-max", "standardised", "slide's own curve"]
    count = legend_columns(labels, width)
    assert 1 <= count <= 4
    assert count == 1 or count * (0.75 + LETTER * len(labels[0])) <= width


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[Figure]:
    """One figure of each kind, with labels as long as they come."""
    kept: list[Figure] = []
    out = tmp_path_factory.mktemp("layout")

    def keep(figure: Figure) -> bytes:
        FigureCanvasAgg(figure)
        figure.draw_without_rendering()
        kept.append(figure)
        return b""

    with pytest.MonkeyPatch.context() as patch, styled():
        for module in (curves, forest, surface, sweep, timing_figure):
            patch.setattr(module, "svg", keep)
        run = read_run(full_run(out))
        figures(run)
        forest.forest(run)
        timing_figure.timing_figure(read_run(timed(Recorder(out / "timed"), ()).end()))
        long = "sigmoid, badly scaled, batch normalization"
        points = [replace(point, series=f"{long} {point.series}") for point in POINTS]
        sweep.picture(swept(points=points), of_sweep())
        surface.picture(experiment_declared(SHARES, 0), {"raw": []})
    return kept


def of_layout(figure: Figure) -> list[Text]:
    """Every text that is not a tick's."""
    found = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    ticks = {text for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for text in axis.get_ticklabels()}
    return [text for text in found if text not in ticks]


def test_no_text_of_a_figure_is_cut_off(drawn: list[Figure]) -> None:
    assert len(drawn) >= 8
    for figure in drawn:
        whole = figure.bbox.padded(1)
        bounds = [(text.get_text(), text.get_window_extent()) for text in of_layout(figure)]
        bounds += [("panel", box) for axes in figure.axes if (box := axes.get_tightbbox(for_layout_only=True))]
        for name, box in bounds:
            assert whole.contains(box.x0, box.y0), name
            assert whole.contains(box.x1, box.y1), name


def test_no_text_of_a_figure_covers_another_nor_a_legend(drawn: list[Figure]) -> None:
    for figure in drawn:
        legends = figure.findobj(Legend)
        inside = {text for legend in legends for text in legend.get_texts()}
        shown: list[tuple[str, Artist]] = [("legend", legend) for legend in legends]
        shown += [(text.get_text(), text) for text in of_layout(figure) if text not in inside]
        boxes = [(name, artist.get_window_extent().padded(-1)) for name, artist in shown]
        for (first, box), (second, other) in itertools.combinations(boxes, 2):
            assert not box.overlaps(other), (first, second)


def test_many_diverged_seeds_beside_finite_ones_stay_a_small_file(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    names = ["rate 1e6", "rate 1e38", "rate 0.1", "rate 10"]
    record = experiment("rates", names)
    run.append(record)
    for name, end in ((names[0], 200), (names[1], 150)):
        for seed in range(30):
            curve = [1e6 * (1 + (seed + epoch) % 7) if epoch < end else None for epoch in range(200)]
            broken = Trial(name, seed, {"loss": None}, {"loss": tuple(curve)}, Divergence("blow-up", 2))
            run.append(TrialDone(experiment="rates", definition="made up", trial=broken))
    for name in names[2:]:
        run.train(record, [trial(name, seed, 0.9, epochs=200) for seed in range(30)], "val_accuracy")
    text = write_report(run.end(), tmp_path).read_text(encoding="utf-8")
    path = tmp_path / "figures" / "rates.svg"
    assert path.stat().st_size < 100_000
    assert "Variants of which every seed diverged are in the panel of all variants only." in text
    assert "rate 1e6 (× 30 of 30 diverged)" in ET.parse(path).getroot().itertext()


def test_best_epochs() -> None:
    trials = [Trial("a", s, {"best_epoch": 20.0 + s, "best_val_loss": 0.26}, {"val_loss": (0.3,)}) for s in (0, 1)]
    found = best("val_loss", trials, {"best_epoch": 25.0})
    assert found is not None
    assert (found.ours, found.slide) == ((20.0, 21.0), 25.0)
    assert best("loss", trials, {"best_epoch": 25.0}) is None


def test_slides_difference_and_margin(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    run.append(experiment("deep", ["a", "b"]))
    both = effect("a − b", 0.001, -0.001, 0.003)
    other = effect("a − c", 0.001, -0.001, 0.003)
    run.append(claim("alike", "SUPPORTED", [both], experiment="deep", rule="a = b ± 0.002 (val_accuracy)"))
    run.append(claim("helps", "INCONCLUSIVE", [other], experiment="deep"))
    figures = (published("a", "0.9840"), published("b", "0.9798"), published("c", "0.4", "val_loss"))
    run.append(claim("figures", "REFUTED", [], experiment="deep", published=figures))
    loaded = read_run(run.end())
    alike, helps, _ = loaded.claims.values()
    assert slide_difference(loaded, alike, both) == pytest.approx(0.0042)
    assert slide_difference(loaded, helps, other) is None
    assert (margin(alike), margin(helps)) == (0.002, None)
    picture = forest.forest(loaded)
    assert picture is not None
    shown = [element.text for element in ET.fromstring(picture.content).iter("{http://www.w3.org/2000/svg}text")]
    assert shown.count("+0.0042") == 1
    assert "✔ SUPPORTED" in shown
    assert "Grey stroke" in picture.caption
    assert "Grey bar" in picture.caption


def test_alt_text_is_short_and_says_what_it_leaves_out() -> None:
    long = fitting("Effects", [f"claim-number-{i} 0.0123 supported" for i in range(40)])
    assert len(long) <= 280
    left = int(long.rsplit("; ", 1)[1].split()[0])
    assert long.count("claim-number") + left == 40
    assert fitting("Effects", ["a", "b"]) == "Effects: a; b."
    assert fitting("Effects", []) == "Effects."


def test_smaller_keeps_the_drawing() -> None:
    drawn = (
        '<g id="line2d_1">\n <use xlink:href="#m1" x="10.123" y="2" style="fill: #fff; stroke: #000"/>\n'
        ' <use xlink:href="#m1" x="11.5" y="2" style="fill: #fff; stroke: #000"/>\n</g>\n'
        '<path id="m1" d="M 0 0 \nL 0 3.55 \n"/>\n<text x="1.99" transform="rotate(-0 1 2)">0.12345</text>\n'
    )
    found = smaller(drawn)
    assert found == (
        '<g>\n<g style="fill:#fff;stroke:#000">\n<use xlink:href="#m1" x="10.1" y="2"/>\n'
        '<use xlink:href="#m1" x="11.5" y="2"/>\n</g>\n</g>\n'
        '<path id="m1" d="M 0 0 L 0 3.5 "/>\n<text x="1.9">0.12345</text>\n'
    )
