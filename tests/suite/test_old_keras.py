"""A Keras that lacks what an experiment needs: that experiment is named with what it lacks, and the others run."""

from __future__ import annotations

import pytest

from harness.domain.erratum import ErratumState
from harness.domain.verdict import Verdict
from tests.suite.command import CHECK, suite

PLUGIN = ("-p", "tests.suite.old_keras", "--backend", "jax")


def test_exact_claims_and_errata_that_need_what_is_missing_are_not_run(tmp_path):
    selected = "early-stopping-stops or minmax-table or lstm-recurrent-activation or adadelta-rate"
    run = suite(tmp_path, CHECK, *PLUGIN, "-m", "exact or errata", "-k", selected)
    assert run.code == 3, run.output
    claims, errata = run.record.claims, run.record.errata
    assert claims["early-stopping-stops"].verdict is Verdict.NOT_RUN
    assert "has no attribute 'EarlyStopping'" in claims["early-stopping-stops"].decision.reason
    assert errata["lstm-recurrent-activation"].state is ErratumState.NOT_RUN
    assert "cannot import name 'LSTM'" in errata["lstm-recurrent-activation"].reason
    assert claims["minmax-table"].verdict is Verdict.SUPPORTED
    assert errata["adadelta-rate"].state is ErratumState.HOLDS
    assert "Traceback" not in run.output


@pytest.mark.slow
def test_a_training_that_needs_what_is_missing_is_named_and_the_others_train(tmp_path):
    run = suite(tmp_path, CHECK, *PLUGIN, "-k", "batch-normalization-examples")
    assert run.code == 3, run.output
    assert "batch-normalization-examples/rnn could not be trained: ImportError: cannot import name 'LSTM'" in run.output
    assert {variant for _, variant in run.record.trainings} == {"mlp", "cnn"}
    assert "Traceback" not in run.output
