"""A run with everything that a report must handle."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from harness.model import Divergence, Seconds, Size, Trial
from harness.record.outcomes import ClaimState, TimeComparison, TimeState, TrainingState, VerdictState
from harness.verdict import Basis, Verdict
from tests.make import NEW, timed
from tests.reports.synthetic import (
    LONG,
    LOSS,
    SEEDS,
    Recorder,
    claim,
    compared,
    decision,
    diverged,
    effect,
    erratum,
    experiment,
    here,
    published,
    red,
    trial,
)


def full_run(folder: Path, **changes: Any) -> Path:
    """Everything a report has to cope with, in one run."""
    run = Recorder(folder, **changes)
    deep(run)
    raw_data(run)
    softmax(run)
    rates(run)
    exact(run)
    return run.end()


def deep(run: Recorder) -> None:
    """Five hidden layers: a claim that holds, one that is refuted, a slide's curve, a training that moved."""
    names = {"no dropout": 0.9580, "dropout 0.2": 0.9642, "dropout 0.1": 0.9627, "dropout 0.3": 0.9610}
    printed = {"dropout 0.2": {"val_accuracy": (0.72, 0.905, 0.941, 0.954, 0.966), "loss": (1.3, 0.5, 0.3, 0.12, 0.1)}}
    record = experiment("deep-dropout", list(names), printed=printed)
    for name, end in names.items():
        state = TrainingState.MOVED if name == "dropout 0.3" else TrainingState.IDENTICAL
        run.train(record, [trial(name, seed, end) for seed in SEEDS], "val_accuracy", state)
    helps = [effect("dropout 0.2 − no dropout", 0.0062, 0.0051, 0.0073, p=0.03)]
    run.append(
        claim(
            "tips-dropout-helps",
            "SUPPORTED",
            helps,
            slide="Example 4, 5 hidden layers | dropout",
            statement="Dropout 0.2 improves | the five-hidden-layer network (드롭아웃).",
            experiment="deep-dropout",
            published=(published("no dropout", "0.9798"), published("dropout 0.2", "0.9840")),
            variants={name: run.means[name] for name in ("no dropout", "dropout 0.2")},
            comparison=compared("SUPPORTED", "SUPPORTED"),
            here=here(verdict=Verdict.REFUTED, own=Verdict.SUPPORTED),
            deviations=("Seeds: five instead of one.", "fewer images"),
            notes=("적절한 값의 선택이 필요",),
        )
    )
    rivals = [
        effect(f"dropout 0.2 − dropout {x}", d, d - 0.001, d + 0.001) for x, d in (("0.1", 0.0015), ("0.3", 0.003))
    ]
    parts = [decision("SUPPORTED", [one], "above") for one in rivals]
    run.append(
        claim(
            "tips-dropout-rate",
            decision("SUPPORTED", rivals, parts=parts),
            rule="dropout 0.2 is the best of dropout 0.1, dropout 0.2, dropout 0.3 (val_accuracy)",
            experiment="deep-dropout",
            published=(published("dropout 0.1", "0.9803"), published("dropout 0.3", "0.9819")),
            variants={name: run.means[name] for name in ("dropout 0.1", "dropout 0.2", "dropout 0.3")},
            rules=("a ≈ b ± 0.001",),
            alongside=(decision("INCONCLUSIVE", [rivals[0]], "too wide"),),
            comparison=red(VerdictState.FLIPPED, "REFUTED", "REFUTED here, of 10 seeds; the evidence says SUPPORTED."),
            deviations=("fewer images",),
        )
    )


def raw_data(run: Recorder) -> None:
    """Example 2 unscaled: every seed diverges, one of them at once; nothing has a mean."""
    printed = {"raw": {"loss": (4.9e11, 5.4e32, math.nan, math.nan, math.nan, math.nan)}}
    record = experiment(
        "raw-data",
        ["raw", "scaled"],
        metrics=(LOSS,),
        accuracy=False,
        size=Size(epochs=10, batch_size=8),
        printed=printed,
    )
    raw = [diverged("raw", seed, finite=0 if seed == 4 else 2) for seed in SEEDS]
    run.train(record, raw, "loss", TrainingState.REPRODUCED)
    curve = [tuple(1.55 * 0.93**e * (1 + 0.02 * s) for e in range(10)) for s in SEEDS]
    scaled = [Trial("scaled", s, {"loss": curve[s][-1]}, {"loss": curve[s]}, None, Seconds(0.1)) for s in SEEDS]
    run.train(record, scaled, "loss", TrainingState.MISSING)
    share = effect("raw: seeds that diverge", 1.0, 0.549, 1.0, metric="divergence", unit="share of seeds")
    run.append(
        claim(
            "raw-data-diverges",
            "SUPPORTED",
            [share],
            slide="2.2, Example 2",
            rule="raw diverges",
            experiment="raw-data",
            published=(published("raw", "4.9e11", "loss"),),
            variants={"raw": run.means["raw"]},
            comparison=compared("SUPPORTED", "INCONCLUSIVE"),
        )
    )
    unknown = {"details": {"detectable_effect": 0.3}, "chances": {100: 0.12, 300: 0.31}}
    notes = ("2 censored", "log scale")
    steps = effect("scaled / raw", 0.38, 0.31, 0.46, metric="steps", unit="ratio", notes=notes, **unknown)
    unsure = here(ClaimState.NOT_CONFIRMED, verdict=Verdict.INCONCLUSIVE)
    run.append(claim("scale-gap-hurts", "INCONCLUSIVE", [steps], here=unsure))


def softmax(run: Recorder) -> None:
    """Zero variance, a seed stuck at chance, one epoch only, no evidence."""
    record = experiment("softmax", ["softmax only", "stuck"], size=Size(epochs=1, batch_size=512))
    same = [trial("softmax only", s, 0.9, epochs=1, noise=0) for s in SEEDS]
    run.train(record, same, "val_accuracy", TrainingState.NEW)
    stuck = [trial("stuck", s, 0.1, epochs=1) for s in SEEDS[:4]]
    lost = Trial("stuck", 4, {}, {"val_accuracy": (0.098,), "loss": (2.3,)}, Divergence("stuck at chance", 1))
    run.train(record, [*stuck, lost], "val_accuracy", TrainingState.NOT_COMPARABLE)
    more = effect(
        "softmax only, one more run",
        0.6550,
        0.6550,
        0.6550,
        p=None,
        details={"published": 0.8947, "percentile": 100.0},
        notes=("zero variance: the runs' value ± rounding and a relative 1e-06",),
    )
    run.append(
        claim(
            "tips-figures-reproduce",
            decision("REFUTED", [more], "0.8947 lies outside the 99 % prediction interval"),
            case="softmax",
            experiment="softmax",
            rule="softmax only reproduces 0.8947",
            published=(published("softmax only", "0.8947"),),
            variants={"softmax only": run.means["softmax only"]},
        )
    )


def rates(run: Recorder) -> None:
    """More variants than a panel holds, and long curves."""
    names = [f"l1 = 1e-{k}" for k in range(1, 11)] + ["없음 (no $regulariser$)"]
    record = experiment("l1-sweep", names, size=Size(epochs=200, batch_size=8))
    for k, name in enumerate(names):
        run.train(record, [trial(name, s, 0.90 + 0.007 * k, epochs=200) for s in SEEDS], "val_accuracy")
    verdicts = ["SUPPORTED"] * 8 + ["REFUTED", "INCONCLUSIVE"]
    effects = [
        effect(f"{names[4]} − {n}", 0.02 - 0.01 * k, 0.012 - 0.01 * k, 0.028 - 0.01 * k) for k, n in enumerate(names)
    ]
    parts = [decision(v, [e], "see the effect") for v, e in zip(verdicts, effects, strict=False)]
    run.append(
        claim(
            "activity-l1-value",
            decision("REFUTED", effects, "l1 = 1e-9 exceeds l1 = 1e-5", parts=parts),
            statement="적절한 값의 선택이 필요: an appropriate value has to be chosen.",
            experiment="l1-sweep",
            variants={name: run.means[name] for name in names},
            published=tuple(published(name, "0.9815") for name in names),
        )
    )


def exact(run: Recorder) -> None:
    """Claims that train nothing, one that could not run, and two errata."""
    error: dict[str, Any] = {"metric": "error", "unit": "absolute error", "p": None, "n": 1}
    formulas = [
        effect("mean", 1.2e-7, None, None, details={"tolerance": 1e-6}, **error),
        effect("Normalization", 3e-7, None, None, details={"tolerance": 1e-5}, **error),
    ]
    rule = "equals an independent reference"
    run.append(claim("zscore-formula", "SUPPORTED", formulas, exact=True, slide="2.1", rule=rule))
    shapes = [effect("printed <b>digits</b>", None, None, None, details={"tolerance": 0.0}, **error)]
    differs = decision("REFUTED", shapes, "shape (8, 5) against (8, 4)", basis=Basis.COMPUTED)
    run.append(claim("minmax-table", differs, exact=True))
    run.append(claim("early-stopping-stops", decision("NOT_RUN", reason="no such file"), exact=True))
    run.append(erratum("lr"), LONG)


def timing(run: Recorder) -> None:
    """Two pieces of work and two engines: a time that is new, within, slower, and compared in epochs of fit."""
    slower = TimeComparison(TimeState.SLOWER, "1.20 × slower than the 5 stored repeats.", 1.2, 1.1, repeats=5)
    of_fit = TimeComparison(TimeState.WITHIN, "Stored on another machine.", 1.02, 1.5, repeats=3, of_fit=True)
    tiny, softmax = "example-1/rate 0.1", "example-4/softmax"
    for work, engine, epoch, comparison in (
        (tiny, "fit", 0.09, NEW),
        (tiny, "compiled", 1.8e-5, of_fit),
        (softmax, "fit", 1.2, NEW),
        (softmax, "compiled", 0.08, slower),
    ):
        rounds, images = [epoch * factor for factor in (0.98, 1.0, 1.03) * 2], 8 if work == tiny else 60000
        more = {"images": images, "first_training": 20 * epoch + 1.5, "training": 9.0}
        run.append(timed(work, rounds, engine, comparison, comparison is slower, **more))


def timed_run(folder: Path) -> Path:
    run = Recorder(folder, command="pytest suite/ -m timing --backend tensorflow")
    timing(run)
    return run.end()
