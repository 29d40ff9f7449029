"""Changes of stored evidence: what another version, another course or a fault would have left there."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.check.evidence import path_of
from tests.make import edit

Content = dict[str, Any]
Change = Callable[[Content], object]


def changed(**changes: Change) -> Callable[[Path], None]:
    """Changes the files of these experiments in a folder; their names with "_" for "-"."""

    def change(folder: Path) -> None:
        for name, each in changes.items():
            edit(path_of(folder / "baselines", "jax-cpu", name.replace("_", "-")), each)

    return change


def of_variant(change: Change, experiment: str = "more-data", variant: str = "500 images") -> Callable[[Path], None]:
    return changed(**{experiment: lambda content: change(content["variants"][variant])})


def written(text: str, name: str) -> Callable[[Path], None]:
    """Puts a text in place of a file of evidence."""

    def write(folder: Path) -> None:
        path_of(folder / "baselines", "jax-cpu", name).write_text(text, "utf-8")

    return write


def together(*changes: Callable[[Path], object]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        for each in changes:
            each(folder)

    return change


def scaled(variant: Content, factor: float) -> None:
    """Multiplies every metric by about ``factor``; the factor differs between seeds."""
    variant["metrics"] = {
        name: [None if value is None else value * (factor + seed / 10) for seed, value in enumerate(column)]
        for name, column in variant["metrics"].items()
    }


def moved_losses(variant: Content, change: Callable[[float], float], perturbed: bool = False) -> None:
    """Changes every finite loss in the traces."""
    for trace in variant["traces"]:
        if perturbed or not trace.get("perturbed"):
            trace["losses"] = [loss if isinstance(loss, str) else change(loss) for loss in trace["losses"]]


def last_bits(variant: Content) -> None:
    moved_losses(variant, lambda loss: math.nextafter(loss, math.inf), perturbed=True)


def thousandth(variant: Content) -> None:
    moved_losses(variant, lambda loss: loss * 1.001)


def other_session(variant: Content, **fingerprint: str) -> None:
    for session in variant["sessions"]:
        session["fingerprint"] |= fingerprint


def dense_of(variant: Content) -> Content:
    """The configuration of the first dense layer of a variant."""
    layers = variant["configuration"]["model"]["layers"]
    return next(layer for layer in layers if layer["class_name"] == "Dense")["config"]


def example_2(content: Content) -> None:
    scaled(content["variants"]["min-max"], 3)
    content["variants"]["min-max"]["curves"] = {}  # from which the metrics would be computed again
    content["variants"]["standardised"]["configuration"]["batch_size"] = 33
    content["expected"]["raw-data-diverges"]["verdict"] = "REFUTED"


def scale_gap(content: Content) -> None:
    metrics = content["variants"]["raw"]["metrics"]
    metrics["no_such_metric"] = metrics.pop("condition_number")
    last_bits(content["variants"]["min-max"])


def centring(content: Content) -> None:
    thousandth(content["variants"]["in [0, 1]"])
    dense_of(content["variants"]["centred"])["use_bias"] = "perhaps"


def other_versions(content: Content) -> None:
    """Changes three variants: another configuration by another Keras, fewer steps, and other random numbers."""
    raw, min_max, standardised = (content["variants"][name] for name in ("raw", "min-max", "standardised"))
    other_session(raw, keras="3.0")
    dense_of(raw)["old_argument"] = 7
    min_max["steps"] = 3
    other_session(standardised, numpy="1.0")
    standardised["hashes"]["initial"] = "0" * 16
    thousandth(standardised)
    content["variants"]["gone"] = raw
    claim = content["expected"]["zscore-fixes-divergence"]
    claim["verdict"] = "INCONCLUSIVE" if claim["verdict"] == "SUPPORTED" else "SUPPORTED"


def later_inf(content: Content) -> None:
    content["variants"]["raw"]["metrics"]["first_inf_epoch"] = [4.0] * 30
    content["expected"]["raw-data-diverges"]["verdict"] = "REFUTED"


def refuted(content: Content) -> None:
    for expected in content["expected"].values():
        expected["verdict"] = "REFUTED"


def as_reference(folder: Path) -> None:
    """Turns the evidence of this stack into evidence of the reference stack."""

    def of_tensorflow(content: Content) -> None:
        content["stack"] = "tensorflow-cpu"
        for variant in content["variants"].values():
            other_session(variant, backend="tensorflow")

    (folder / "baselines" / "jax-cpu").rename(folder / "baselines" / "tensorflow-cpu")
    for path in (folder / "baselines" / "tensorflow-cpu").iterdir():
        edit(path, of_tensorflow)


def other_seeds(variant: Content) -> None:
    """As if the seeds had drawn other numbers then: the stored first steps are those of other seeds."""
    other_session(variant, numpy="1.0")
    variant["hashes"]["initial"] = "0" * 16
    for trace in variant["traces"]:
        trace["seed"] = trace["seed"] if trace.get("canonical") else (trace["seed"] + 1) % 5


def steps(variant: Content, count: int, states: int = 1) -> None:
    """Compares so many steps from the first ``states`` states."""
    variant["steps"] = count
    for state in variant["states"][:states]:
        state["steps"] = count


def moved_canonical(variant: Content) -> None:
    for trace in variant["traces"]:
        trace["losses"] = [loss * (1.001 if trace.get("canonical") else 1) for loss in trace["losses"]]


def far(content: Content) -> None:
    anchor = content["variants"]["2,000 images"]
    anchor["metrics"]["val_accuracy"], anchor["curves"] = [0.3, 0.301, 0.302, 0.303], {}
