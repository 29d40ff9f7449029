"""Exact checks can fail: if a formula, a number or a training is broken, each is REFUTED."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from cases.examples import normalization
from harness.rules import Exact
from tests.cases.mutations import CLAIM, WITH_KERAS, WITHOUT_KERAS, verdict
from tests.training.conftest import ROOT, environment

UNBROKEN = {"none": "SUPPORTED", "today": "OUTDATED"}


def pairs(mutations):
    return [(key, name) for key, names in mutations.items() for name in names]


@pytest.fixture(scope="module")
def with_keras(tmp_path_factory):
    """Verdicts of the checks that use Keras, from one process."""
    path = tmp_path_factory.mktemp("mutations") / "verdicts.json"
    command = [sys.executable, "-m", "tests.cases.mutations", str(path)]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize(("key", "mutation"), pairs(WITH_KERAS))
def test_checks_with_keras(with_keras, key, mutation):
    assert with_keras[key][mutation] == UNBROKEN.get(mutation.partition(",")[0], "REFUTED")


@pytest.mark.parametrize(("key", "mutation"), pairs(WITHOUT_KERAS))
def test_checks_without_keras(key, mutation):
    assert verdict(key, WITHOUT_KERAS[key][mutation]) == UNBROKEN.get(mutation, "REFUTED")


def test_every_exact_claim_is_broken_here_and_so_is_what_the_printed_release_did():
    assert {key for key, claim in CLAIM.items() if isinstance(claim.rule, Exact)} == {*WITH_KERAS, *WITHOUT_KERAS}
    broken = {key for key, names in WITH_KERAS.items() if any(name.endswith(" then") for name in names)}
    assert broken == {key for key, claim in CLAIM.items() if claim.then is not None}


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
