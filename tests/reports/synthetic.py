"""Run files made up for the tests: written by the real RunLog, with values as a real run would have them."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

from harness.store import RunLog
from harness.trial import Divergence, Seconds, Trial

ACCURACY = {
    "name": "val_accuracy",
    "better": "higher",
    "unit": "fraction",
    "smallest_effect": 0.0005,
    "scale": "linear",
}
LOSS = {"name": "loss", "better": "lower", "unit": "nats", "smallest_effect": 0.01, "scale": "linear"}
SEEDS = (0, 1, 2, 3, 4)

HEADER: dict[str, Any] = {
    "id": "20261124T101500-quick-tensorflow",
    "started": "2026-11-24T10:15:00+00:00",
    "command": "pytest suite/ --setting quick --seeds 5",
    "setting": "quick",
    "seeds": 5,
    "backend": "tensorflow",
    "engine": "auto",
    "fingerprint": {
        "python": "3.11",
        "keras": "3.12.0",
        "backend": "tensorflow",
        "backend_version": "2.20.0",
        "jaxlib": None,
        "numpy": "2.3.4",
        "device": "cpu",
        "device_model": "AMD EPYC 7B13",
        "instruction_set": "avx2",
        "threads": 2,
        "precision": "float32",
        "system": "Linux x86_64",
    },
    "commit": "a03a743",
    "stack": "tensorflow-cpu",
}


def experiment(id: str, variants: list[str], **changes: Any) -> dict[str, Any]:
    return {
        "id": id,
        "size": {"epochs": 5, "batch_size": 512, "train": 10000, "seeds": 5},
        "variants": variants,
        "metrics": [ACCURACY],
        "accuracy": True,
        "printed": {},
        **changes,
    }


def trial(variant: str, seed: int, end: float, epochs: int = 5, noise: float = 0.0008) -> Trial:
    """A classifier whose validation accuracy approaches ``end``."""
    rng = random.Random(f"{variant}/{seed}")
    shift = rng.gauss(0, noise)
    accuracy = [end + shift - (end - 0.55) * math.exp(-1.1 * e) * 0.7 + rng.gauss(0, noise / 2) for e in range(epochs)]
    loss = [0.05 + 1.2 * math.exp(-0.9 * e) * (1 + shift * 50) for e in range(epochs)]
    history = {
        "val_accuracy": tuple(accuracy),
        "loss": tuple(loss),
        "accuracy": tuple(a + 0.004 for a in accuracy),
        "val_loss": tuple(v + 0.03 + 0.004 * e for e, v in enumerate(loss)),
    }
    return Trial(variant, seed, {"val_accuracy": accuracy[-1]}, history, None, Seconds(3.1, 1.9, 0.4, 0.25), "compiled")


def diverged(variant: str, seed: int, finite: int = 2, epochs: int = 10, kind: str = "inf") -> Trial:
    """Example 2 without scaling: the loss explodes, then is not finite any more."""
    loss = [4.9e11 * (1 + seed) * 1e20**e if e < finite else None for e in range(epochs)]
    how = Divergence(kind, finite + 1, 3)
    return Trial(variant, seed, {"loss": None}, {"loss": tuple(loss)}, how, Seconds(0.2, 0.1, 0.01, 0.01), "compiled")


def effect(of: str, estimate: float | None, low: float | None, high: float | None, **changes: Any) -> dict[str, Any]:
    return {
        "of": of,
        "metric": "val_accuracy",
        "unit": "fraction",
        "estimate": estimate,
        "low": low,
        "high": high,
        "p": 0.003,
        "p_adjusted": 0.04,
        "n": 5,
        "details": {"sign_flip_p": 0.0625, "detectable_effect": 0.0011, "seeds_needed": 14},
        "notes": [],
        **changes,
    }


def claim(id: str, verdict: str, effects: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    case = changes.get("case", "")
    return {
        "key": f"{id}/{case}" if case else id,
        "id": id,
        "case": case,
        "marker": "training",
        "slide": "Example 4",
        "statement": f"Statement of {id}.",
        "rule": "a > b (val_accuracy)",
        "setting": "quick",
        "verdict": verdict,
        "expected_verdict": None,
        "adjusted_verdict": None,
        "reason": "the interval lies above 0",
        "effects": effects,
        "beside": [],
        "parts": [],
        "published": [],
        "variants": {},
        "experiment": None,
        "baseline": {"state": "identical", "reason": "bit for bit"},
        "deviations": [],
        "notes": [],
        "seconds": 0.01,
        "lecture_verdict": None,
        **changes,
    }


def published(variant: str, printed: str, metric: str = "val_accuracy") -> dict[str, Any]:
    return {"variant": variant, "metric": metric, "printed": printed, "value": float(printed), "rounding": 0.00005}


def spread(trials: list[Trial], metric: str) -> dict[str, Any]:
    """Metric, mean, std, n and values of a variant's trials, as the suite records them."""
    values = [t.metrics.get(metric) for t in trials]
    finite = [v for v in values if v is not None]
    whole = len(finite) == len(values)
    mean = sum(finite) / len(finite) if whole else None
    std = math.sqrt(sum((v - mean) ** 2 for v in finite) / (len(finite) - 1)) if mean is not None else None
    return {"metric": metric, "mean": mean, "std": std, "n": len(values), "values": values}


def training(id: str, trials: list[Trial], metric: str, state: str | None = "identical") -> dict[str, Any]:
    summary = spread(trials, metric)
    summary.pop("values")
    return {
        "experiment": id,
        "variant": trials[0].variant,
        "engine": trials[0].engine,
        "backend": "tensorflow",
        "device": "cpu",
        "device_model": "AMD EPYC 7B13",
        "precision": "float32",
        "seeds": [t.seed for t in trials],
        "seconds": {"total": 15.512, "compile": 1.9, "first_epoch": 0.4, "steady_epoch": 0.2512},
        "images_per_second": 39808.9,
        **summary,
        "diverged": sum(t.divergence is not None for t in trials),
        "baseline": {"state": state, "reason": "made up", "baseline_mean": 0.98, "difference": 0.0, "p": 1.0},
    }


class Recorder:
    """Writes a run file record by record."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.log = RunLog(folder / "runs", HEADER | changes)
        self.path = self.log.path
        self.means: dict[str, dict[str, Any]] = {}

    def train(self, record: dict[str, Any], trials: list[Trial], metric: str, state: str | None = "identical") -> None:
        for one in trials:
            self.log.append("trial", {"experiment": record["id"], **one.to_json()})
        self.log.append("training", training(record["id"], trials, metric, state))
        self.means[trials[0].variant] = spread(trials, metric)

    def end(self, **changes: Any) -> Path:
        self.log.append("end", {"exit_status": 0, "seconds": 212.4, "interrupted": False, **changes})
        return self.close()

    def close(self) -> Path:
        self.log.close()
        return self.path


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
    """Five hidden layers: a claim that holds, one that is refuted, a slide's curve, a drifted baseline."""
    names = {"no dropout": 0.9580, "dropout 0.2": 0.9642, "dropout 0.1": 0.9627, "dropout 0.3": 0.9610}
    printed = {"dropout 0.2": {"val_accuracy": [0.72, 0.905, 0.941, 0.954, 0.966], "loss": [1.3, 0.5, 0.3, 0.12, 0.1]}}
    record = experiment("deep-dropout", list(names), printed=printed)
    run.log.append("experiment", record)
    for name, end in names.items():
        state = "drifted" if name == "dropout 0.3" else "identical"
        run.train(record, [trial(name, seed, end) for seed in SEEDS], "val_accuracy", state)
    run.log.append(
        "claim",
        claim(
            "tips-dropout-helps",
            "SUPPORTED",
            [effect("dropout 0.2 − no dropout", 0.0062, 0.0051, 0.0073)],
            slide="Example 4, 5 hidden layers | dropout",
            statement="Dropout 0.2 improves | the five-hidden-layer network (드롭아웃).",
            experiment="deep-dropout",
            published=[published("no dropout", "0.9798"), published("dropout 0.2", "0.9840")],
            variants={name: run.means[name] for name in ("no dropout", "dropout 0.2")},
            adjusted_verdict="INCONCLUSIVE",
            expected_verdict="SUPPORTED",
            lecture_verdict="REFUTED",
            deviations=["Seeds: five instead of one.", "fewer images"],
            notes=["적절한 값의 선택이 필요"],
        ),
    )
    rivals = [
        effect(f"dropout 0.2 − dropout {x}", d, d - 0.001, d + 0.001) for x, d in (("0.1", 0.0015), ("0.3", 0.003))
    ]
    part = {"reason": "above", "parts": [], "verdict": "SUPPORTED"}
    run.log.append(
        "claim",
        claim(
            "tips-dropout-rate",
            "SUPPORTED",
            rivals,
            rule="dropout 0.2 is the best of dropout 0.1, dropout 0.2, dropout 0.3 (val_accuracy)",
            experiment="deep-dropout",
            published=[published("dropout 0.1", "0.9803"), published("dropout 0.3", "0.9819")],
            variants={name: run.means[name] for name in ("dropout 0.1", "dropout 0.2", "dropout 0.3")},
            parts=[part | {"effects": [one]} for one in rivals],
            beside=[{"rule": "a ≈ b ± 0.001", "verdict": "INCONCLUSIVE", "reason": "too wide", "effects": [rivals[0]]}],
            baseline={"state": "drifted", "reason": "dropout 0.3 drifted"},
            deviations=["fewer images"],
        ),
    )


def raw_data(run: Recorder) -> None:
    """Example 2 unscaled: every seed diverges, one of them at once; nothing has a mean."""
    record = experiment("raw-data", ["raw", "scaled"], metrics=[LOSS], accuracy=False)
    record["size"] = {"epochs": 10, "batch_size": 8, "train": None, "seeds": 5}
    record["printed"] = {"raw": {"loss": [4.9e11, 5.4e32, None, None, None, None]}}
    run.log.append("experiment", record)
    raw = [diverged("raw", seed, finite=0 if seed == 4 else 2) for seed in SEEDS]
    run.train(record, raw, "loss", "within")
    curve = [tuple(1.55 * 0.93**e * (1 + 0.02 * s) for e in range(10)) for s in SEEDS]
    scaled = [Trial("scaled", s, {"loss": curve[s][-1]}, {"loss": curve[s]}, None, Seconds(0.1)) for s in SEEDS]
    run.train(record, scaled, "loss", "missing")
    run.log.append(
        "claim",
        claim(
            "raw-data-diverges",
            "SUPPORTED",
            [effect("share of seeds of raw that diverge", 1.0, 0.549, 1.0, metric="divergence", unit="share of seeds")],
            slide="2.2, Example 2",
            rule="raw diverges",
            experiment="raw-data",
            published=[published("raw", "4.9e11", "loss")],
            variants={"raw": run.means["raw"]},
            expected_verdict="INCONCLUSIVE",
        ),
    )
    steps = effect("scaled / raw", 0.38, 0.31, 0.46, metric="steps", unit="ratio", notes=["2 censored", "log scale"])
    run.log.append(
        "claim", claim("scale-gap-hurts", "INCONCLUSIVE", [steps], baseline={"state": "new", "reason": None})
    )


def softmax(run: Recorder) -> None:
    """Zero variance, a seed stuck at chance, one epoch only, no baseline."""
    record = experiment("softmax", ["softmax only", "stuck"])
    record["size"] = {"epochs": 1, "batch_size": 512, "train": None, "seeds": 5}
    run.log.append("experiment", record)
    run.train(record, [trial("softmax only", s, 0.9, epochs=1, noise=0) for s in SEEDS], "val_accuracy", None)
    stuck = [trial("stuck", s, 0.1, epochs=1) for s in SEEDS[:4]]
    lost = Trial("stuck", 4, {}, {"val_accuracy": (0.098,), "loss": (2.3,)}, Divergence("stuck at chance", 1))
    run.train(record, [*stuck, lost], "val_accuracy", "not comparable")
    figure = published("softmax only", "0.8947")
    run.log.append(
        "claim",
        claim(
            "tips-figures-reproduce",
            "REFUTED",
            [
                effect(
                    "softmax only, one more run",
                    0.6550,
                    0.6550,
                    0.6550,
                    p=None,
                    details={"published": 0.8947, "percentile": 100.0},
                    notes=["zero variance: the runs' value ± rounding and a relative 1e-06"],
                )
            ],
            case="softmax",
            experiment="softmax",
            rule="softmax only reproduces 0.8947",
            published=[figure],
            variants={"softmax only": run.means["softmax only"]},
            reason="0.8947 lies outside the 99 % prediction interval",
            baseline={"state": None, "reason": "no baseline for this stack"},
        ),
    )


def rates(run: Recorder) -> None:
    """More variants than a panel holds, and long curves."""
    names = [f"l1 = 1e-{k}" for k in range(1, 11)] + ["없음 (no $regulariser$)"]
    record = experiment("l1-sweep", names)
    record["size"] = {"epochs": 200, "batch_size": 8, "train": None, "seeds": 5}
    run.log.append("experiment", record)
    for k, name in enumerate(names):
        run.train(record, [trial(name, s, 0.90 + 0.007 * k, epochs=200) for s in SEEDS], "val_accuracy")
    verdicts = ["SUPPORTED"] * 8 + ["REFUTED", "INCONCLUSIVE"]
    effects = [
        effect(f"{names[4]} − {n}", 0.02 - 0.01 * k, 0.012 - 0.01 * k, 0.028 - 0.01 * k) for k, n in enumerate(names)
    ]
    parts = [
        {"verdict": v, "reason": "see the effect", "effects": [e], "parts": []}
        for v, e in zip(verdicts, effects, strict=False)
    ]
    run.log.append(
        "claim",
        claim(
            "activity-l1-value",
            "REFUTED",
            effects,
            statement="적절한 값의 선택이 필요: an appropriate value has to be chosen.",
            experiment="l1-sweep",
            variants={name: run.means[name] for name in names},
            published=[published(name, "0.9815") for name in names],
            parts=parts,
            reason="l1 = 1e-9 exceeds l1 = 1e-5",
        ),
    )


def exact(run: Recorder) -> None:
    """Claims that train nothing, an erratum, and one that could not run."""
    error = {"metric": "error", "unit": "absolute error", "p": None, "p_adjusted": None, "n": 1}
    run.log.append(
        "claim",
        claim(
            "zscore-formula",
            "SUPPORTED",
            [
                effect("mean", 1.2e-7, None, None, details={"tolerance": 1e-6}, **error),
                effect("Normalization", 3e-7, None, None, details={"tolerance": 1e-5}, **error),
            ],
            marker="exact",
            slide="2.1",
            rule="equals an independent reference",
            baseline={"state": None, "reason": "exact claims have none"},
        ),
    )
    run.log.append(
        "claim",
        claim(
            "minmax-table",
            "REFUTED",
            [effect("printed <b>digits</b>", None, None, None, details={"tolerance": 0.0}, **error)],
            marker="exact",
            reason="shape (8, 5) against (8, 4)",
        ),
    )
    run.log.append("claim", claim("early-stopping-stops", "NOT_RUN", [], marker="exact", reason="no such file"))
    run.log.append("claim", claim("errata", "SUPPORTED", [], case="lr", marker="errata", reason="`lr=` raises"))
