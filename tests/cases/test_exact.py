"""Exact checks can fail: if a formula, a number or a training is broken, each is REFUTED."""

import dataclasses
import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from cases import CLAIMS, preprocessing
from cases.data.mnist import load
from cases.examples import mnist_softmax, normalization
from cases.examples.mnist_callbacks import EARLY, SLIDE_RUN, Outcome
from harness.domain.model import Dataset
from harness.rules import Exact
from tests.cases.mutations import MUTATIONS
from tests.training.conftest import ROOT, environment

CLAIM = {claim.key: claim for claim in CLAIMS}


@pytest.fixture(scope="module")
def with_keras(tmp_path_factory):
    """Verdicts of the checks that use Keras, from one process."""
    path = tmp_path_factory.mktemp("mutations") / "verdicts.json"
    command = [sys.executable, "-m", "tests.cases.mutations", str(path)]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize(("key", "mutation"), [(key, name) for key, names in MUTATIONS.items() for name in names])
def test_checks_with_keras(with_keras, key, mutation):
    unbroken = {"none": "SUPPORTED", "today": "OUTDATED"}
    assert with_keras[key][mutation] == unbroken.get(mutation.partition(",")[0], "REFUTED")


def test_what_the_printed_release_did_is_broken_here():
    broken = {key for key, names in MUTATIONS.items() if "today" in names and any("then" in name for name in names)}
    assert broken == {key for key, claim in CLAIM.items() if claim.then is not None}


def flat(data: Dataset) -> np.ndarray:
    """The curvatures of columns that are all of one length."""
    return CURVATURES(Dataset(data.x / np.linalg.norm(data.x, axis=0), data.y))


def with_digit(row: int, column: int, text: str) -> tuple[tuple[str, ...], ...]:
    table = [list(numbers) for numbers in normalization.EXAMPLE_2_SCALED]
    table[row][column] = text
    return tuple(map(tuple, table))


CURVATURES, XY, LOSSES = preprocessing.curvatures, normalization.EXAMPLE_2_XY, normalization.PRINTED
BROKEN: dict[str, list[tuple[Any, str, Any]]] = {
    "minmax-formula": [
        (preprocessing, "min_max", lambda x: (x - x.min(axis=0)) / (np.ptp(x, axis=0) + 1e-5)),
        (preprocessing, "min_max", preprocessing.centre),
        (preprocessing, "EXAMPLE_2_XY", XY * 0.5),  # the printed 0.99999948
    ],
    "column-scales-condition": [
        (preprocessing, "curvatures", flat),
        (preprocessing, "min_max", lambda columns: columns),
    ],
    "minmax-table": [
        (normalization, "EXAMPLE_2_SCALED", with_digit(0, 0, "0.99999949")),
        (normalization, "EXAMPLE_2_SCALED", with_digit(7, 4, "0.0")),
        (normalization, "EXAMPLE_2_SCALED", with_digit(4, 3, "0.5850478")),
        (normalization, "slide_scaler", preprocessing.min_max),  # without the slide's epsilon
    ],
    "minmax-losses-reproduce": [
        (normalization, "PRINTED", (*LOSSES[:4], LOSSES[4] + 4e-4, *LOSSES[5:])),
        (normalization, "PRINTED", LOSSES[::-1]),
        (normalization, "RATE", 0.0098),
        (normalization, "RATE", 0.0102),
        (normalization, "OTHER_RATES", (0.01001,)),
        (normalization, "slide_scaler", lambda data: data / data.max(axis=0)),
    ],
    "raw-losses-closed-form": [
        (normalization, "PRINTED_RAW", (488792391680.0, 537026667766010684231828476264448.0 * (1 + 2e-6))),
        (normalization, "RATE", 0.0100001),
        (normalization, "OTHER_RATES", (0.01001,)),
        (normalization, "EXAMPLE_2_XY", XY * [1, 1, 0.01, 1, 1]),
    ],
}


def verdict(key: str) -> str:
    return str(CLAIM[key].rule.decide(CLAIM[key].check()).verdict)


@pytest.mark.parametrize(("key", "number"), [(key, n) for key, changes in BROKEN.items() for n in range(len(changes))])
def test_checks_without_keras(monkeypatch, key, number):
    assert verdict(key) == "SUPPORTED"
    monkeypatch.setattr(*BROKEN[key][number])
    assert verdict(key) == "REFUTED"


def test_the_score_of_the_best_model(monkeypatch):
    """Refuted as printed; supported with the row of the table's least validation loss."""
    assert verdict("best-model-score") == "REFUTED"
    monkeypatch.setattr(mnist_softmax, "PRINTED_SCORE", (0.261196, 0.9279))
    assert verdict("best-model-score") == "SUPPORTED"


def test_every_exact_claim_is_broken_here():
    here = {"mnist-facts", "best-model-score", *SPOILT, *BROKEN, *MUTATIONS}
    assert {key for key, claim in CLAIM.items() if isinstance(claim.rule, Exact)} == here


def test_the_closed_form_is_gradient_descent():
    """Ten steps in NumPy from known weights: the losses are among those that the fit can give, to ten digits."""
    data = normalization.min_max()
    design = np.column_stack([data.x, np.ones(8)])
    weights, losses = np.random.default_rng(0).standard_normal((5, 1)), []
    for _ in range(10):
        error = design @ weights - data.y
        losses.append(float(np.mean(error**2)))
        weights = weights - 0.01 * 2 / 8 * design.T @ error
    fitted = normalization.closest_losses(data, 0.01, np.array(losses))
    assert fitted == pytest.approx(losses, abs=1e-8)
    assert normalization.closest_losses(data, 0.0098, np.array(losses)) != pytest.approx(losses, abs=1e-5)


def with_pixel(images):
    changed = images.copy()
    changed[0, 6, 8] = 31
    return changed


@pytest.mark.parametrize(
    "change",
    [
        lambda x, y, test: {},
        lambda x, y, test: {"x_train": with_pixel(x)},
        lambda x, y, test: {"y_train": np.where(np.arange(60000) == 0, 3, y)},  # a label
        lambda x, y, test: {"y_train": np.minimum(y, 8)},  # nine digits
        lambda x, y, test: {"x_test": test[1:]},  # an image less
    ],
)
def test_mnist_facts(monkeypatch, change):
    arrays = load()
    changed = change(arrays["x_train"], arrays["y_train"], arrays["x_test"])
    monkeypatch.setattr(mnist_softmax.mnist_file, "load", lambda: arrays | changed)
    assert verdict("mnist-facts") == ("REFUTED" if changed else "SUPPORTED")


def outcome(spec):
    """What Keras should do: best at epoch 3 of the run, files of the epochs that improved, three images, one wrong."""
    epochs = min(3 + spec.patience, spec.epochs)
    losses = [0.9, 0.7, 0.5, *(0.6 + 0.01 * e for e in range(epochs - 3))]
    predictions = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.3, 0.3, 0.4]], "float32")
    return Outcome(
        history={"val_loss": losses, "val_accuracy": [0.1, 0.2, 2 / 3, *(0.3,) * (epochs - 3)]},
        saved=tuple((e, f"mnist-{e:02d}-{losses[e - 1]:.4f}.keras") for e in (1, 2, 3)),
        loaded=(0.5, 2 / 3),
        predictions=np.pad(predictions, ((0, 0), (0, 7))),
        labels=np.array([0, 1, 1]),
        final=(np.zeros((784, 10)), np.zeros(10)),
    )


def longer(by):
    def change(run):
        return {"history": {name: [*c, *(c[-1:] * by)][: len(c) + by] for name, c in run.history.items()}}

    return change


def negative(run):
    predictions = run.predictions.copy()
    predictions[0, 8:] = (0.25, -0.25)
    return {"predictions": predictions}


SPOILT = {
    "checkpoint-restores-best": [
        lambda run: {"loaded": (run.history["val_loss"][-1], run.history["val_accuracy"][-1])},
        lambda run: {"saved": tuple((e, f"{e}") for e in range(1, len(run.history["val_loss"]) + 1))},
        lambda run: {"saved": run.saved[:-1]},
    ],
    "early-stopping-stops": [longer(1), longer(-1)],
    "prediction-is-argmax": [
        lambda run: {"predictions": run.predictions * 1.01},
        negative,
        lambda run: {"predictions": run.predictions[:, :9]},
        lambda run: {"labels": run.labels[::-1]},
    ],
}


@pytest.mark.parametrize("key", SPOILT)
def test_callbacks(monkeypatch, key):
    """Another epoch's model, every epoch saved, the best not saved; an epoch more or less; no probabilities."""
    for change in (None, *SPOILT[key]):

        def trained(spec, change=change):
            run = outcome(spec)
            return dataclasses.replace(run, **(change(run) if change else {}))

        monkeypatch.setattr(mnist_softmax, "trained", trained)
        assert verdict(key) == ("REFUTED" if change else "SUPPORTED")


def test_early_stopping_that_never_fires(monkeypatch):
    """Still improving at the last epoch: nothing of the claim has been seen."""

    def never(spec):
        losses = [1 / (e + 1) for e in range(spec.epochs)]
        return dataclasses.replace(outcome(spec), history={"val_loss": losses})

    monkeypatch.setattr(mnist_softmax, "trained", never)
    assert verdict("early-stopping-stops") == "REFUTED"
    assert (SLIDE_RUN.epochs, SLIDE_RUN.patience, EARLY.patience) == (32, 10, 10)
