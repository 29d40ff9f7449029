"""The catalogue has all of the lecture's errata, and each is red if its statement is no longer true."""

import ast
import json
import subprocess
import sys

import pytest

from cases import CLAIMS
from cases.errata import ERRATA
from harness.domain.erratum import Differs, Fails, Warns
from harness.domain.snippet import When
from tests.suite.command import ROOT, environment

BY_ID = {erratum.id: erratum for erratum in ERRATA}

ITEMS = {
    "lr=": ("lr", "sgd-as-listed", "rmsprop-as-listed", "adagrad-as-listed", "adadelta-as-listed", "adam-as-listed"),
    "decay=": ("decay",),
    "W_regularizer=": ("w-regularizer",),
    "keras.utils.np_utils": ("np-utils",),
    "loss='softmax'": ("loss-softmax", "loss-from-logits"),
    "Adam(momentum=…, nesterov=…)": ("adam-momentum",),
    "epsilon=None": (
        "epsilon-none-rmsprop",
        "epsilon-none-adagrad",
        "epsilon-none-adadelta",
        "epsilon-none-adam",
    ),
    ".hdf5": ("hdf5-checkpoint",),
    "acc/val_acc": ("history-acc",),
    "input_dim=": ("input-dim",),
    "Adagrad's rate and initial accumulator": ("adagrad-defaults",),
    "Adadelta's rate": ("adadelta-rate",),
    "epsilons": ("rmsprop-as-listed", "adagrad-as-listed", "adadelta-as-listed", "adam-as-listed"),
    "LSTM's recurrent activation": ("lstm-recurrent-activation",),
    "clipnorm together with clipvalue": ("clipnorm-with-clipvalue",),
    "clipnorm global or per variable": ("clipnorm-per-variable",),
    "X_val and X_validation": ("x-validation-unprepared", "evaluate-unprepared", "predict-unprepared"),
    "sequential()": ("sequential-in-lower-case",),
    "odel.evaluate": ("odel-evaluate",),
    "missing pd import": ("pandas-import",),
    "a missing parenthesis": ("fit-parenthesis",),
    "MinMaxScaler before its definition": ("scaler-before-definition",),
    "randint(0, N − 1)": ("randint-last-image",),
    "argmax without axis": ("argmax-axis",),
    "float64 inputs": ("float64-inputs",),
    "activity regulariser summed or averaged": ("activity-per-image",),
    "L1 on a softmax output": ("activity-on-softmax",),
    "W* = ArgMin ∂Loss/∂W": ("argmin-of-the-gradient",),
    "progress bars": ("progress-bar",),
    "history columns": ("history-columns",),
}
FOUND = {
    "sgd-by-name",
    "usage-imports",
    "model-undefined",
    "cnn-flatten",
    "no-imports",
    "saved-name",
    "one-hidden-layer",
    "dropout-import",
    "pixel-range",
    "activity-accuracy",
    "as-cited",
}
"""What trying each listing has brought alongside them."""


@pytest.mark.parametrize("item", ITEMS)
def test_item_is_there(item):
    assert set(ITEMS[item]) <= set(BY_ID)


def test_there_is_no_other():
    assert set(BY_ID) == FOUND.union(*ITEMS.values())


@pytest.mark.parametrize("erratum", ERRATA, ids=lambda erratum: erratum.id)
def test_it_reads_like_a_note_to_the_lecturer(erratum):
    assert erratum.statement.endswith(".")
    assert isinstance(erratum.outcome, Fails | Warns | Differs)
    if isinstance(erratum.outcome, Fails) and erratum.outcome.when is When.FIT:
        assert erratum.outcome.steps is not None


def test_a_whole_epoch_is_trained_before_the_unprepared_images_fail():
    outcome = BY_ID["x-validation-unprepared"].outcome
    assert (outcome.when, outcome.steps) == (When.FIT, 2)  # 8 images in batches of 4


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """State of each erratum, by erratum and mutation, from one process."""
    path = tmp_path_factory.mktemp("errata") / "states.json"
    command = [sys.executable, "-m", "tests.cases.errata_mutations", str(path)]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mutation", "state"), [("none", "holds"), ("printed runs", "changed"), ("another model", "broken")]
)
def test_each_is_red_when_it_is_no_longer_so(states, mutation, state):
    """Where the printed form only warns, another model is not that of the printed form either."""
    warns = {erratum.id for erratum in ERRATA if isinstance(erratum.outcome, Warns)}
    expected = {name: "changed" if name in warns and mutation == "another model" else state for name in BY_ID}
    assert {name: found[mutation] for name, found in states.items()} == expected


def arguments(code: str) -> set[str]:
    """Name and value of every argument of an optimizer in the code."""
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    made = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr[0].isupper()]
    return {ast.unparse(keyword) for call in made for keyword in call.keywords}


@pytest.mark.parametrize("erratum", [one for one in ERRATA if one.within], ids=lambda one: one.id)
def test_the_replacement_that_an_erratum_is_within_mends_it_too(erratum):
    outer = BY_ID[erratum.within]
    assert arguments(erratum.modern) <= arguments(outer.modern)
    assert "epsilon=None" in outer.printed or "epsilon" not in erratum.printed
    assert not {name.partition("=")[0] for name in arguments(erratum.printed) - arguments(erratum.modern)} & {
        name.partition("=")[0] for name in arguments(outer.modern)
    }
    assert erratum.slide == outer.slide


@pytest.mark.parametrize("erratum", [one for one in ERRATA if one.despite], ids=lambda one: one.id)
def test_the_claim_that_holds_despite_an_erratum_exists(erratum):
    assert erratum.despite in {claim.key for claim in CLAIMS}
