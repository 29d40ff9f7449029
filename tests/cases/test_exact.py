"""Exact checks can fail: if a formula, a number or a training is broken, each is REFUTED."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from cases import CLAIMS, preprocessing
from cases.data.mnist import load
from cases.examples import mnist_softmax, normalization
from cases.examples.mnist_callbacks import EARLY, SLIDE_RUN, Outcome
from harness.domain.experiment import Dataset
from harness.rules import Exact
from tests.cases.mutations import MUTATIONS
from tests.training.conftest import ROOT, environment

CLAIM = {claim.key: claim for claim in CLAIMS}


def verdict(key):
    return str(CLAIM[key].rule.decide(CLAIM[key].check()).verdict)


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


def with_epsilon(columns):
    return (columns - columns.min(axis=0)) / (np.ptp(columns, axis=0) + 1e-5)


def shifted(columns):
    return preprocessing.centre(columns)


@pytest.mark.parametrize("formula", [with_epsilon, shifted])
def test_minmax_formula(monkeypatch, formula):
    assert verdict("minmax-formula") == "SUPPORTED"
    monkeypatch.setattr(preprocessing, "min_max", formula)
    assert verdict("minmax-formula") == "REFUTED"


def test_minmax_formula_with_other_data(monkeypatch):
    monkeypatch.setattr(preprocessing, "EXAMPLE_2_XY", normalization.EXAMPLE_2_XY * 0.5)
    assert verdict("minmax-formula") == "REFUTED"  # the printed 0.99999948


def flat(data):
    """A Hessian whose columns are all of one length."""
    columns = data.x / np.linalg.norm(data.x, axis=0)
    return curvatures(Dataset(columns, data.y))


curvatures = preprocessing.curvatures


@pytest.mark.parametrize(("name", "value"), [("curvatures", flat), ("min_max", lambda columns: columns)])
def test_the_condition_of_uneven_columns(monkeypatch, name, value):
    assert verdict("column-scales-condition") == "SUPPORTED"
    monkeypatch.setattr(preprocessing, name, value)
    assert verdict("column-scales-condition") == "REFUTED"


@pytest.mark.parametrize(("row", "column", "text"), [(0, 0, "0.99999949"), (7, 4, "0.0"), (4, 3, "0.5850478")])
def test_minmax_table_to_the_digit(monkeypatch, row, column, text):
    assert verdict("minmax-table") == "SUPPORTED"
    table = [list(numbers) for numbers in normalization.EXAMPLE_2_SCALED]
    table[row][column] = text
    monkeypatch.setattr(normalization, "EXAMPLE_2_SCALED", tuple(map(tuple, table)))
    assert verdict("minmax-table") == "REFUTED"


def test_minmax_table_needs_the_slides_epsilon(monkeypatch):
    monkeypatch.setattr(normalization, "slide_scaler", preprocessing.min_max)
    assert verdict("minmax-table") == "REFUTED"


def one_digit_off(losses):
    """A printed loss off by four of its last digits."""
    return (*losses[:4], losses[4] + 4e-4, *losses[5:])


def scaled_by_the_maximum(data):
    return data / data.max(axis=0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PRINTED", one_digit_off(normalization.PRINTED)),
        ("PRINTED", normalization.PRINTED[::-1]),
        ("RATE", 0.0098),
        ("RATE", 0.0102),
        ("OTHER_RATES", (0.01001,)),
        ("slide_scaler", scaled_by_the_maximum),
    ],
)
def test_minmax_losses(monkeypatch, name, value):
    assert verdict("minmax-losses-reproduce") == "SUPPORTED"
    monkeypatch.setattr(normalization, name, value)
    assert verdict("minmax-losses-reproduce") == "REFUTED"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PRINTED_RAW", (488792391680.0, 537026667766010684231828476264448.0 * (1 + 2e-6))),
        ("RATE", 0.0100001),
        ("OTHER_RATES", (0.01001,)),
        ("EXAMPLE_2_XY", normalization.EXAMPLE_2_XY * [1, 1, 0.01, 1, 1]),
    ],
)
def test_raw_losses(monkeypatch, name, value):
    assert verdict("raw-losses-closed-form") == "SUPPORTED"
    monkeypatch.setattr(normalization, name, value)
    assert verdict("raw-losses-closed-form") == "REFUTED"


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


@pytest.fixture(scope="module")
def arrays():
    return load()


def pixel(arrays):
    arrays["x_train"] = arrays["x_train"].copy()
    arrays["x_train"][0, 6, 8] = 31


def label(arrays):
    arrays["y_train"] = np.where(np.arange(60000) == 0, 3, arrays["y_train"])


def nine_digits(arrays):
    arrays["y_train"] = np.minimum(arrays["y_train"], 8)


def one_image_less(arrays):
    arrays["x_test"] = arrays["x_test"][1:]


@pytest.mark.parametrize("change", [None, pixel, label, nine_digits, one_image_less])
def test_mnist_facts(monkeypatch, arrays, change):
    changed = dict(arrays)
    if change:
        change(changed)
    monkeypatch.setattr(mnist_softmax.mnist_file, "load", lambda: changed)
    assert verdict("mnist-facts") == ("REFUTED" if change else "SUPPORTED")


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


def last_epochs_model(run):
    history = run.history
    return dataclasses.replace(run, loaded=(history["val_loss"][-1], history["val_accuracy"][-1]))


def every_epoch_saved(run):
    return dataclasses.replace(run, saved=tuple((e, f"{e}") for e in range(1, len(run.history["val_loss"]) + 1)))


def best_not_saved(run):
    return dataclasses.replace(run, saved=run.saved[:-1])


def longer(by):
    def change(run):
        curves = {name: [*curve, *(curve[-1:] * by)][: len(curve) + by] for name, curve in run.history.items()}
        return dataclasses.replace(run, history=curves)

    return change


def not_probabilities(run):
    return dataclasses.replace(run, predictions=run.predictions * 1.01)


def negative(run):
    predictions = run.predictions.copy()
    predictions[0, 8:] = (0.25, -0.25)
    return dataclasses.replace(run, predictions=predictions)


def nine_probabilities(run):
    return dataclasses.replace(run, predictions=run.predictions[:, :9])


def other_labels(run):
    return dataclasses.replace(run, labels=run.labels[::-1])


@pytest.mark.parametrize(
    ("key", "spoil"),
    [
        ("checkpoint-restores-best", None),
        ("checkpoint-restores-best", last_epochs_model),
        ("checkpoint-restores-best", every_epoch_saved),
        ("checkpoint-restores-best", best_not_saved),
        ("early-stopping-stops", None),
        ("early-stopping-stops", longer(1)),
        ("early-stopping-stops", longer(-1)),
        ("prediction-is-argmax", None),
        ("prediction-is-argmax", not_probabilities),
        ("prediction-is-argmax", negative),
        ("prediction-is-argmax", nine_probabilities),
        ("prediction-is-argmax", other_labels),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_callbacks(monkeypatch, key, spoil):
    monkeypatch.setattr(mnist_softmax, "trained", lambda spec: (spoil or (lambda run: run))(outcome(spec)))
    assert verdict(key) == ("REFUTED" if spoil else "SUPPORTED")


def test_the_score_of_the_best_model(monkeypatch):
    """Refuted as printed; supported with the row of the table's least validation loss."""
    assert verdict("best-model-score") == "REFUTED"
    monkeypatch.setattr(mnist_softmax, "PRINTED_SCORE", (0.261196, 0.9279))
    assert verdict("best-model-score") == "SUPPORTED"


def test_early_stopping_that_never_fires(monkeypatch):
    """Still improving at the last epoch: nothing of the claim has been seen."""

    def never(spec):
        losses = [1 / (e + 1) for e in range(spec.epochs)]
        return dataclasses.replace(outcome(spec), history={"val_loss": losses})

    monkeypatch.setattr(mnist_softmax, "trained", never)
    assert verdict("early-stopping-stops") == "REFUTED"
    assert (SLIDE_RUN.epochs, SLIDE_RUN.patience, EARLY.patience) == (32, 10, 10)


def test_every_exact_claim_is_broken_here():
    here = {"minmax-formula", "minmax-table", "mnist-facts", *MUTATIONS}
    here |= {"minmax-losses-reproduce", "raw-losses-closed-form", "column-scales-condition"}
    here |= {"checkpoint-restores-best", "early-stopping-stops", "prediction-is-argmax", "best-model-score"}
    assert {key for key, claim in CLAIM.items() if isinstance(claim.rule, Exact)} == here
