"""Run files made up for the tests: written by the real RunLog, with values as a real run would have them."""

from __future__ import annotations

import math
import random
import statistics
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
    "id": "20261124T101500-full-tensorflow",
    "started": "2026-11-24T10:15:00+00:00",
    "command": "pytest suite/ --full --seeds 5",
    "full": True,
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
        "size": {"epochs": 5, "batch_size": 512, "train": 10000},
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
        **changes,
    }


def here(state: str = "confirmed", **changes: Any) -> dict[str, Any]:
    """What a claim's record says of the evidence."""
    return {
        "state": state,
        "text": "a: 10 seeds to the end.",
        "stack": "tensorflow-cpu",
        "seeds": 30,
        "verdict": "SUPPORTED",
        "needed": None,
        "own": "",
        **changes,
    }


def erratum(id: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": id,
        "slide": "4. Optimizers | usage",
        "statement": "lr is called learning_rate.",
        "given": "from keras import optimizers",
        "printed": "sgd = optimizers.SGD(lr=0.1)",
        "modern": "sgd = optimizers.SGD(learning_rate=0.1)",
        "check": "float(sgd.learning_rate)",
        "expected": "ValueError saying 'lr', at construction",
        "outcome": "fails",
        "when": "at construction",
        "error": "ValueError: Argument(s) not recognized: {'lr': 0.1}",
        "warning": "",
        "values": {"slide": None, "today": None, "modern": 0.1},
        "state": "holds",
        "reason": "ValueError saying 'lr', at construction",
        "seconds": 0.01,
        **changes,
    }


LONG = erratum(
    "long",
    printed="\n".join(["for a in x | y:", *(f"    f(a, {i})" for i in range(8))]),
    modern="g(" + ", ".join(f"argument_{i}=`{i}`" for i in range(20)) + ")",
    outcome="differs",
    when="",
    error="",
    warning="Do not | pass <this>.",
    values={"slide": [1, "a|b"], "today": None, "modern": [1, "a|b"]},
    state="broken",
    reason="modern form: expected a | b",
)
"""An erratum with all that could break a table."""


def published(variant: str, printed: str, metric: str = "val_accuracy") -> dict[str, Any]:
    return {"variant": variant, "metric": metric, "printed": printed, "value": float(printed), "rounding": 0.00005}


def spread(trials: list[Trial], metric: str) -> dict[str, Any]:
    """Metric, mean, std, n and values of a variant's trials, as the suite records them."""
    values = [t.metrics.get(metric) for t in trials]
    known = [v for v in values if v is not None]
    mean = statistics.fmean(known) if len(known) == len(values) else None
    std = statistics.stdev(known) if mean is not None and len(known) > 1 else None
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
        "baseline": {"state": state, "reason": "made up", "steps": 0, "compared": 5, "to_the_end": True},
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
