"""What is drawn where: no text is cut off or covers another, and files stay small."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from msgspec.structs import replace

from harness.domain.trial import Divergence, Trial
from harness.record.run import Run, TrialDone, read_run
from reports.figures import (
    by_seeds,
    closed_form,
    curves,
    forest,
    overfitting,
    slide_and_seeds,
    surface,
    sweep,
)
from reports.figures import timing_runs as timing_figure
from reports.figures.forest import margin, section, slide_difference
from reports.figures.pictures import pictures
from reports.figures.style import fitting, smaller, styled
from reports.write import write_report
from tests.reports.full import full_run
from tests.reports.synthetic import HEADER, Recorder, claim, effect, experiment, published, trial
from tests.reports.test_figures import evidence, words_of
from tests.reports.test_sweep import POINTS, of_sweep, swept
from tests.reports.test_timing import record as timed

MODULES = (by_seeds, closed_form, curves, forest, overfitting, slide_and_seeds, surface, sweep, timing_figure)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[Figure]:
    """Every figure of the evidence, and some with labels as long as they come."""
    kept: list[Figure] = []
    out = tmp_path_factory.mktemp("layout")

    def keep(figure: Figure) -> bytes:
        figure.draw_without_rendering()
        kept.append(figure)
        return b""

    with pytest.MonkeyPatch.context() as patch:
        for module in MODULES:
            patch.setattr(module, "svg", keep)
        pictures(evidence())
        pictures(read_run(full_run(out)))
        pictures(read_run(timed(Recorder(out / "timed")).end()))
        long = "sigmoid, badly scaled, batch normalization"
        points = [replace(point, series=f"{long} {point.series}") for point in POINTS]
        sweep.picture(Run(Path("run"), HEADER), swept(points=points), of_sweep())
    return kept


def of_layout(figure: Figure) -> list[Text]:
    """Every text that is not a tick's."""
    found = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    ticks = {text for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for text in axis.get_ticklabels()}
    return [text for text in found if text not in ticks]


def test_no_text_of_a_figure_is_cut_off(drawn: list[Figure]) -> None:
    assert len(drawn) >= 20
    for figure in drawn:
        whole = figure.bbox.padded(1)
        with styled():
            bounds = [(text.get_text(), text.get_window_extent()) for text in of_layout(figure)]
            bounds += [("panel", box) for axes in figure.axes if (box := axes.get_tightbbox(for_layout_only=True))]
        for name, box in bounds:
            assert whole.contains(box.x0, box.y0), name
            assert whole.contains(box.x1, box.y1), name


def test_no_text_of_a_figure_covers_another(drawn: list[Figure]) -> None:
    for figure in drawn:
        with styled():
            boxes = [(text.get_text(), text.get_window_extent().padded(-1)) for text in of_layout(figure)]
        for (first, box), (second, other) in itertools.combinations(boxes, 2):
            assert not box.overlaps(other), (first, second)


def test_no_figure_is_too_wide_for_a_phone(drawn: list[Figure]) -> None:
    """At 400 pixels a figure of 8 inches shows a text of 8.5 points 6 pixels high."""
    assert max(figure.get_figwidth() for figure in drawn) <= 8


def test_many_diverged_seeds_next_to_finite_ones_stay_a_small_file(tmp_path: Path) -> None:
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
    write_report(run.end(), tmp_path)
    text = (tmp_path / "sections" / "elsewhere.md").read_text("utf-8")
    path = tmp_path / "figures" / "rates.svg"
    assert path.stat().st_size < 100_000
    assert "Variants without a trained seed do not stretch the axes" in text
    assert "rate 1e6 (× 30 of 30 diverged)" in ET.parse(path).getroot().itertext()


def test_slides_difference_and_margin(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    run.append(experiment("deep", ["a", "b"]))
    both = effect("a − b", 0.001, -0.001, 0.003, margin=0.002)
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
    said = words_of(picture.content)
    assert said.count("+0.10 [−0.10, +0.30]") == 2
    assert "✔ SUPPORTED" in said
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


def test_clip_paths_are_numbered() -> None:
    """Their ids in Matplotlib's file depend on the last bits of the layout."""
    one, other = (f'<g clip-path="url(#p{hash}aaad)"/><clipPath id="p{hash}aaad">' for hash in ("6c2c75", "28e9bd"))
    assert smaller(one) == smaller(other)
    assert re.fullmatch(r'<g clip-path="url\(#(c[0-9a-f]{8}-1)\)"/><clipPath id="\1">', smaller(one))
    assert smaller(one)[20:30] != smaller(one + "<g/> ")[20:30]


def test_times_far_from_all_others_do_not_stretch_the_axis() -> None:
    assert timing_figure.visible([1.8e-5, 0.08, 0.09, 1.2]) == pytest.approx((0.08, 1.2))
    assert timing_figure.visible([0.08, 0.09, 1.2, 5e4]) == pytest.approx((0.08, 1.2))
    assert timing_figure.visible([1e-3, 1e-2, 0.1, 1.0, 10.0]) == pytest.approx((1e-3, 10.0))
    assert timing_figure.visible([2.0]) == pytest.approx((2.0, 2.0))


def test_the_axis_of_accuracies_is_split_at_a_wide_gap_only() -> None:
    assert slide_and_seeds.parts([[0.98, 0.99], [0.90, 0.91]]) == [(0.90, 0.91), (0.98, 0.99)]
    assert slide_and_seeds.parts([[0.98, 0.90], [0.91]]) == [(0.90, 0.98)]  # no gap between the figures of one network
    assert slide_and_seeds.parts([np.linspace(0.9, 0.99, 5).tolist()]) == [(0.9, 0.99)]
    assert slide_and_seeds.parts([[0.9, 0.9]]) == [(0.9, 0.9)]
