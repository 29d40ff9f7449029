"""Sweeps, loss surfaces and turning points: what is declared is recorded, drawn and described."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from matplotlib.figure import Figure

from cases.examples.loss_surface import landscape
from cases.examples.normalization import SHARES, min_max, raw
from cases.learning_rate.descent import SWEEP as RATE_SWEEP
from cases.overfitting.regularization import REGULARIZATION
from harness.domain.experiment import Experiment, Size, Variant
from harness.domain.metric import Metric
from harness.domain.plots import Landscape, Plots, Surface, Sweep, TurningPoint
from harness.domain.trial import Divergence, Seconds, Trial
from harness.errors import SuiteError
from harness.record.declared import experiment_declared
from harness.record.run import ExperimentDeclared, Point, Run, encode, read_run
from reports.figures import surface, sweep
from reports.figures.overfitting import Turn, turning_points
from reports.write import write_report
from tests.reports.synthetic import HEADER, LOSS, SEEDS, Recorder, experiment, trial

SECONDS = Seconds(0.1, 0.0, 0.0, 0.0)
RUN = Run(Path("run"), HEADER)
SWEEP = Sweep(over="learning rate", metric="loss", title="The loss, by rate.", y_scale="log")
POINTS = tuple(Point(variant=f"{name} {at}", at=at, series=name) for name in ("a", "b") for at in (0.1, 1.0, 10.0))


def measured(
    variant: str, seed: int, loss: float | None, divergence: Divergence | None = None, **history: Any
) -> Trial:
    curves = {"loss": (2.0, loss), **history}
    return Trial(variant, seed, {"loss": loss}, curves, divergence, SECONDS, "compiled")


def swept(sweep: Sweep = SWEEP, points: Sequence[Point] = POINTS, **changes: Any) -> ExperimentDeclared:
    return experiment("rates", [point.variant for point in points], sweep=sweep, points=tuple(points), **changes)


def of_sweep() -> dict[str, list[Trial]]:
    """Series b: the largest rate diverged with three of five seeds; a stuck one, and one without a value."""
    trials = {f"a {at}": [measured(f"a {at}", s, at * (1 + 0.1 * s)) for s in SEEDS] for at in (0.1, 1.0, 10.0)}
    trials |= {f"b {at}": [measured(f"b {at}", s, at * 3) for s in SEEDS] for at in (0.1, 1.0)}
    inf = Divergence("inf", 2, 9)
    trials["b 10.0"] = [measured("b 10.0", s, None, inf) if s < 3 else measured("b 10.0", s, 20.0) for s in SEEDS]
    trials["b 1.0"][0] = measured("b 1.0", 0, 2.3, Divergence("stuck at chance", 2))
    trials["b 0.1"][0] = measured("b 0.1", 0, None)
    return trials


def svg_words(content: bytes) -> list[str]:
    return [element.text or "" for element in ET.fromstring(content).iter("{http://www.w3.org/2000/svg}text")]


def test_points_of_a_sweep() -> None:
    lines = sweep.series("loss", POINTS, of_sweep())
    assert list(lines) == ["a", "b"]
    assert [point.at for point in lines["a"]] == [0.1, 1.0, 10.0]
    assert lines["a"][1].values == tuple(1 + 0.1 * s for s in SEEDS)
    assert lines["a"][1].mean == pytest.approx(1.2)
    found = {point.at: (len(point.values), point.failed) for point in lines["b"]}
    assert found == {0.1: (4, ""), 1.0: (4, "1 of 5 collapsed"), 10.0: (2, "3 of 5 diverged")}


def test_a_finite_blow_up_is_no_value() -> None:
    """It would stretch the axis over all that is to be seen."""
    trials = {"a 0.1": [measured("a 0.1", 0, 1.0)], "a 1.0": [measured("a 1.0", 0, 1e26, Divergence("blow-up", 1, 3))]}
    (line,) = sweep.series("loss", POINTS, trials).values()
    assert [(point.mean, point.failed) for point in line] == [(1.0, ""), (None, "1 of 1 diverged")]


def test_a_logarithmic_axis_leaves_out_zero() -> None:
    trials = {"a 0.1": [measured("a 0.1", 0, 0.0), measured("a 0.1", 1, 2.0)]}
    assert [line[0].values for line in sweep.series("loss", POINTS, trials).values()] == [(0.0, 2.0)]
    assert [line[0].values for line in sweep.series("loss", POINTS, trials, positive=True).values()] == [(2.0,)]


def test_a_sweep_as_a_picture() -> None:
    drawn = sweep.picture(RUN, swept(metrics=(LOSS,)), of_sweep())
    assert drawn is not None
    assert drawn.name == "rates.svg"
    assert drawn.heading == "rates"
    words = svg_words(drawn.content)
    assert {"The loss, by rate", "learning rate", "loss", "a", "b", "0.1", "1", "10"} <= set(words)
    assert "TensorFlow 2.20.0, cpu · n = 5 seeds · 5 epochs of 10,000 examples, batch 512" in words
    assert "Mark: mean over the seeds that trained" in drawn.caption
    assert "b 10.0: 3 of 5 seeds diverged (inf, epoch 2)." in drawn.caption
    assert "b 1.0: 1 of 5 seeds collapsed (stuck at chance, epoch 2)." in drawn.caption
    assert "Cross at the edge: seeds failed, and are left out." in drawn.caption
    assert "Seeds that never had a value: b 0.1 (1)." in drawn.caption
    assert "a 1.0: 1.2" in drawn.alt


def test_crosses_only_where_seeds_failed() -> None:
    calm = {name: of for name, of in of_sweep().items() if name.startswith("a")}
    drawn = sweep.picture(RUN, swept(), calm)
    assert drawn is not None
    assert "ross" not in drawn.caption
    lost = {name: [measured(name, s, None, Divergence("nan", 1, 1)) for s in SEEDS] for name in calm}
    drawn = sweep.picture(RUN, swept(), lost)
    assert drawn is not None
    assert "no seed has a value" in drawn.alt


def test_no_sweep_without_two_points() -> None:
    one = {"a 1.0": of_sweep()["a 1.0"]}
    assert sweep.picture(RUN, swept(), one) is None
    assert sweep.picture(RUN, experiment("rates", []), of_sweep()) is None


def keeping(kept: list[Any]) -> Callable[[Figure], bytes]:
    """In place of ``svg``: keeps the panels of a figure."""

    def keep(figure: Figure) -> bytes:
        kept.extend(figure.axes)
        return b""

    return keep


def drawn_axes(monkeypatch: pytest.MonkeyPatch, record: ExperimentDeclared, trials: dict[str, list[Trial]]) -> Any:
    """The panel of a sweep."""
    kept: list[Any] = []
    monkeypatch.setattr(sweep, "svg", keeping(kept))
    assert sweep.picture(RUN, record, trials) is not None
    return kept[0]


def lines_of(axes: Any) -> list[list[float]]:
    """The y values of each line that joins points; marks and the thin lines to labels are none."""
    joins = [line for line in axes.lines if line.get_linestyle() != "None" and line.get_linewidth() > 1]
    return [list(line.get_ydata()) for line in joins if len(line.get_xdata()) == 3]


def test_no_line_leads_to_a_variant_that_failed_nor_does_it_stretch_the_axis(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = {name: of for name, of in of_sweep().items() if name.startswith("a")}
    trials["a 10.0"] = [measured("a 10.0", s, 1e9, Divergence("blow-up", 1, 1)) for s in SEEDS]
    axes = drawn_axes(monkeypatch, swept(msgspec.structs.replace(SWEEP, y_scale="linear"), POINTS[:3]), trials)
    [joined] = lines_of(axes)
    assert np.isnan(joined).tolist() == [False, False, True]
    assert axes.get_ylim()[1] < 2


def test_no_line_crosses_the_break_between_zero_and_the_next_value(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [Point(variant=f"a {at}", at=to, series="") for at, to in ((0.1, 0.0), (1.0, 1.0), (10.0, 10.0))]
    trials = {name: of for name, of in of_sweep().items() if name.startswith("a")}
    for x_scale, missing in (("symlog", [True, False, False]), ("linear", [False] * 3)):
        record = swept(msgspec.structs.replace(SWEEP, x_scale=x_scale), points)
        [joined] = lines_of(drawn_axes(monkeypatch, record, trials))
        assert np.isnan(joined).tolist() == missing


def test_the_gradients_have_a_second_panel_of_their_norm() -> None:
    metrics = (LOSS, msgspec.structs.replace(LOSS, name="initial_gradient_norm"))
    record = msgspec.structs.replace(swept(metrics=metrics), id="deep-gradients")
    drawn = sweep.picture(RUN, record, of_sweep())
    assert drawn is not None
    assert {"loss", "initial gradient norm"} <= set(svg_words(drawn.content))


@pytest.mark.parametrize(
    ("x_scale", "first", "ticks"),
    [("symlog", 0.0, {"0", "1", "10"}), ("linear", 0.0, {"0", "1", "10"}), ("log", 1e-5, {"1e−5", "1", "10"})],
)
@pytest.mark.parametrize("y_scale", ["log", "linear"])
def test_scales(x_scale: str, first: float, ticks: set[str], y_scale: str) -> None:
    points = [Point(variant=f"a {at}", at=to, series="") for at, to in ((0.1, first), (1.0, 1.0), (10.0, 10.0))]
    scaled = msgspec.structs.replace(SWEEP, x_scale=x_scale, y_scale=y_scale)
    drawn = sweep.picture(RUN, swept(scaled, points), of_sweep())
    assert drawn is not None
    assert ticks <= set(svg_words(drawn.content))
    assert ("Logarithmic axis." in drawn.caption) is (y_scale == "log")
    assert "a" not in svg_words(drawn.content)  # one line without a name has no label


@pytest.mark.parametrize("of", [RATE_SWEEP, SHARES, REGULARIZATION], ids=lambda of: of.id)
def test_what_an_experiment_declares_is_recorded(of: Any) -> None:
    record = experiment_declared(of, 0)
    assert msgspec.json.decode(encode(record), type=ExperimentDeclared) == record
    assert [name for name in ("sweep", "surface", "turning_point") if getattr(record, name)] == {
        "rate-sweep": ["sweep"], "example-2": ["surface"], "regularization": ["sweep", "turning_point"],
    }[of.id]  # fmt: skip
    assert bool(record.points) is (record.sweep is not None)
    assert len(encode(record)) < 50_000


def test_where_the_variants_lie() -> None:
    points = experiment_declared(REGULARIZATION, 0).points
    assert [(point.variant, point.at) for point in points] == [("none", 0.0), ("l2 0.001", 0.001), ("l2 1", 1.0)]


@pytest.mark.parametrize("data", [raw, min_max])
def test_the_landscape_is_the_models_loss(data: Any) -> None:
    """Against the loss written out, and the condition number against another way to it."""
    found, arrays = landscape("x", data()), data()
    design = np.column_stack([arrays.x, np.ones(len(arrays.x))])
    weights = np.linalg.lstsq(design, arrays.y[:, 0], rcond=None)[0]
    for i, j in ((0, 0), (16, 16), (3, 30)):
        moved = weights.copy()
        moved[0] += found.x[i]
        moved[2] += found.y[j]
        loss = np.mean((design @ moved - arrays.y[:, 0]) ** 2)
        assert found.loss[j][i] == pytest.approx(loss, rel=1e-5)  # six digits are kept
    assert min(value for row in found.loss for value in row if value is not None) == found.loss[16][16]
    assert found.condition == pytest.approx(np.linalg.cond(design) ** 2, rel=1e-6)


def test_scaling_rounds_the_valley() -> None:
    assert SHARES.plots.surface is not None
    before, after = SHARES.plots.surface().landscapes
    assert (before.name, after.name) == ("raw", "min-max")
    assert before.condition is not None
    assert after.condition is not None
    assert before.condition > 1e16
    assert 1e3 < after.condition < 1e4


def test_a_surface_as_a_picture() -> None:
    record = experiment_declared(SHARES, 0)
    assert surface.picture(RUN, record, {}) is None
    assert surface.picture(RUN, experiment("x", []), {"raw": []}) is None
    drawn = surface.picture(RUN, record, {"raw": []})
    assert drawn is not None
    assert drawn.name == "example-2-surface.svg"
    words = svg_words(drawn.content)
    assert {"raw: condition number 6.599e16", "min-max: condition number 4897"} <= set(words)
    assert "raw: condition number of the Hessian 6.599e16, loss from 1.343 to 1.659e12 here" in drawn.caption
    assert "the others at their optimum" in drawn.caption
    assert len(drawn.content) < 100_000


@pytest.mark.parametrize("hole", [None, 0.0])
def test_a_flat_surface_or_one_with_a_hole_is_drawn(hole: float | None) -> None:
    along = (0.0, 1.0, 2.0)
    flat = Landscape("flat", along, along, ((0.0,) * 3, (0.0, hole, 0.0), (0.0,) * 3), condition=None)
    record = experiment("x", [], surface=Surface("Flat.", "x", "y", (flat,)))
    drawn = surface.picture(RUN, record, {"a": []})
    assert drawn is not None
    assert "flat: condition number –" in svg_words(drawn.content)


def losses(variant: str, seed: int, *values: float, divergence: Divergence | None = None) -> Trial:
    falling = tuple(0.5 / (1 + epoch) for epoch in range(len(values)))
    history = {"train_loss": falling, "val_loss": values, "val_accuracy": (0.5,) * len(values)}
    return measured(variant, seed, 0.1, divergence, **history)


def test_turning_points() -> None:
    trials = {
        "none": [losses("none", 0, 0.9, 0.4, 0.5, 0.6), losses("none", 1, 0.9, 0.5, 0.4, 0.6)],
        "falls": [losses("falls", s, 0.9, 0.7, 0.5, 0.4) for s in SEEDS],
        "broken": [losses("broken", 0, 0.9, 0.7, divergence=Divergence("nan", 1, 1))],
        "without": [measured("without", 0, 0.1)],
    }
    found = turning_points(trials, "val_loss")
    assert found == {"none": Turn(2, (2, 3), 4), "falls": Turn(4, (4,) * 5, 4)}
    assert [turn.turned for turn in found.values()] == [True, False]
    assert [turn.text for turn in found.values()] == ["2 (2 to 3)", "4 (4)"]


def test_turning_points_in_the_report(tmp_path: Path) -> None:
    declared = TurningPoint(("none", "falls"))
    run = Recorder(tmp_path)
    record = experiment("overfitting", ["none", "falls", "penalty"], turning_point=declared)
    run.append(record)
    for name, values in {"none": (0.9, 0.4, 0.6), "falls": (0.9, 0.5, 0.3), "penalty": (9.0, 5.0, 6.0)}.items():
        run.train(record, [losses(name, s, *(v + 0.001 * s for v in values)) for s in SEEDS], "loss")
    write_report(run.end(), tmp_path)
    text = (tmp_path / "sections" / "elsewhere.md").read_text("utf-8")
    assert "Ring: the epoch of the least mean validation loss, in brackets those of the seeds: none 2 (2)." in text
    assert "Least at the last epoch, so without a ring: falls." in text
    words = svg_words((tmp_path / "figures" / "overfitting.svg").read_bytes())
    assert {"none: validation", "none: training", "falls: validation", "falls: training"} <= set(words)
    assert not [word for word in words if "penalty" in word]


def test_a_run_without_the_variants_that_turn_has_a_report(tmp_path: Path) -> None:
    """As one that adds seeds to another variant: the stored trials of these are in no record."""
    declared = TurningPoint(("none", "falls"))
    run = Recorder(tmp_path)
    record = experiment("overfitting", ["none", "falls", "penalty"], turning_point=declared)
    run.append(record)
    run.train(record, [losses("penalty", s, 9.0, 5.0, 6.0) for s in SEEDS], "loss")
    write_report(run.end(), tmp_path)
    assert "penalty" in (tmp_path / "sections" / "elsewhere.md").read_text("utf-8")
    assert "penalty" in svg_words((tmp_path / "figures" / "overfitting.svg").read_bytes())


def test_sweeps_stand_with_their_experiment(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    first = swept(metrics=(LOSS,), accuracy=False)
    run.append(first)
    for trials in of_sweep().values():
        run.train(first, trials, "loss")
    second = experiment("later", ["a"])
    run.append(second)
    run.train(second, [trial("a", s, 0.9) for s in SEEDS], "val_accuracy")
    path = run.end()
    assert read_run(path).experiments["rates"] == first
    write_report(path, tmp_path)
    text = (tmp_path / "sections" / "elsewhere.md").read_text("utf-8")
    assert re.findall(r"\(\.\./figures/(.*)\)$", text, re.MULTILINE) == ["rates.svg", "later.svg"]


@pytest.mark.parametrize(
    ("where", "value"),
    [("sweep", {"over": "rate"}), ("points", [{"variant": "a"}]), ("surface", 3), ("turning_point", {"training": 1})],
)
def test_a_damaged_record_is_named(where: str, value: Any, tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    run.append(experiment("x", ["a"]))
    path = run.end()
    header, line, end = path.read_bytes().splitlines()
    damaged = json.dumps({**json.loads(line), where: value}).encode()
    path.write_bytes(b"\n".join([header, damaged, end, b""]))
    with pytest.raises(SuiteError, match=rf"line 2 of .*\$\.{where}"):
        read_run(path)


def declared_experiment(turning_point: TurningPoint) -> Experiment:
    return Experiment(
        id="depth",
        data=object,
        model=object,
        optimizer=object,
        loss="mse",
        size=Size(epochs=2, batch_size=8),
        variants=(Variant("shallow"), Variant("deep")),
        metrics=(Metric("val_loss", better="lower", unit="nats", smallest_effect=0.002),),
        plots=Plots(turning_point=turning_point),
    )


def test_a_turning_point_of_curves_or_variants_that_are_not_there() -> None:
    with pytest.raises(SuiteError, match=r"turning_point of experiment 'depth'\. Expected: `inference`"):
        declared_experiment(turning_point=TurningPoint())
    with pytest.raises(SuiteError, match=r"Received: 'deap'\. Did you mean 'deep'\?"):
        declared_experiment(turning_point=TurningPoint(("deap",), training="loss"))
    assert declared_experiment(turning_point=TurningPoint(("deep",), training="loss")).plots.turning_point is not None
