"""Verdicts from evidence, and replayed metrics, on evidence with known truth."""

import dataclasses

import numpy as np
import pytest

from harness.check.stored import replayed, stored_verdict
from harness.model import Metric, Trial
from harness.record.trials import Training
from harness.rules import Exceeds
from harness.rules.chances import undecided
from harness.verdict import Basis, Decision, Verdict
from tests import make

GAP = Metric("gap", "lower", "nats", 0.001, of=lambda history: history["val_loss"][-1] - history["loss"][-1])
EXPERIMENT = make.experiment("plain", "dropout", metrics=[make.ACCURACY, make.LOSS, GAP], epochs=3)
CLAIM = make.claim(rule=Exceeds("dropout", "plain", "val_accuracy"), experiment=EXPERIMENT)
S, U = Verdict.SUPPORTED, Verdict.INCONCLUSIVE


def evidence(stack, seeds, effect=0.01, spread=0.001, dropout=None):
    generator = np.random.default_rng(0)
    measured = {}
    for name, count, mean in (("plain", seeds, 0.97), ("dropout", dropout or seeds, 0.97 + effect)):
        noise = generator.standard_normal((count, 3))
        trials = tuple(trial(name, s, mean + spread * noise[s]) for s in range(count))
        measured[name] = Training(configuration={"epochs": 3}, trials=trials)
    return make.evidence(EXPERIMENT, measured, stack)


def trial(name, seed, accuracies):
    history = {"loss": (1.0, 0.5, 0.25), "val_loss": (1.1, 0.7, 0.3), "val_accuracy": tuple(map(float, accuracies))}
    metrics = {metric.name: metric.value(history) for metric in EXPERIMENT.metrics}
    return Trial(name, seed, metrics, history)


def by_stack(*given):
    return {each.stack: each for each in given}


@pytest.mark.parametrize(
    ("own", "reference", "dropout", "stack", "seeds", "stored"),
    [
        (30, 100, None, "jax-cpu", 30, 30),
        (29, 30, None, "tensorflow-cpu", 30, 30),
        (99, 0, None, "jax-cpu", 30, 99),
        (100, 0, 31, "jax-cpu", 30, 31),
    ],
    ids=["the own stack", "the reference stack", "seeds of the last look", "every variant counts"],
)
def test_whose_seeds_decide(own, reference, dropout, stack, seeds, stored):
    known = [evidence("jax-cpu", own, dropout=dropout)]
    known += [evidence("tensorflow-cpu", reference)] if reference else []
    result = stored_verdict(CLAIM, "jax-cpu", by_stack(*known))
    assert (result.decision.verdict, result.stack, result.seeds, result.stored) == (
        Verdict.SUPPORTED,
        stack,
        seeds,
        stored,
    )
    assert (result.preliminary, result.decision.effects[0].n) == (None, seeds)
    assert (result.decision.verdict, result.decision.basis) == (S, Basis.SHOWN)
    assert result.decision.reason.startswith(f"{seeds} stored trainings a variant, {stack}: ")


def test_below_30_seeds_everywhere_a_verdict_is_preliminary():
    result = stored_verdict(CLAIM, "jax-cpu", by_stack(evidence("jax-cpu", 10), evidence("tensorflow-cpu", 6)))
    assert (result.decision.verdict, result.decision.basis, result.stack, result.seeds) == (U, None, "jax-cpu", 10)
    assert (result.preliminary.verdict, result.preliminary.basis) == (S, Basis.SHOWN)
    assert "nothing is decided below 30; preliminary, at the plain level: SUPPORTED" in result.decision.reason


def test_without_evidence_a_claim_is_undecided():
    result = stored_verdict(CLAIM, "torch-cpu", {})
    assert (result.stack, result.decision) == ("", Decision(U, "No evidence is stored."))


def test_an_undecided_claim_gives_the_chance_of_the_looks_that_follow():
    result = stored_verdict(
        CLAIM, "tensorflow-cpu", by_stack(evidence("tensorflow-cpu", 30, effect=0.0002, spread=0.0006))
    )  # fmt: skip
    assert result.decision.verdict is U
    (effect,) = undecided(result.decision)
    known = effect.chances
    assert (effect.of, list(known)) == ("dropout − plain", [100, 300, 1000])
    assert 0 < known[100] < known[1000] <= 1
    assert "seeds would" not in result.decision.reason


def test_evidence_without_a_metric_that_the_claim_reads_is_no_evidence_of_it():
    other = dataclasses.replace(EXPERIMENT, metrics=(*EXPERIMENT.metrics, Metric("speed", "higher", "steps", 1.0)))
    claim = dataclasses.replace(CLAIM, experiment=other, rule=Exceeds("dropout", "plain", "speed"))
    assert stored_verdict(claim, "tensorflow-cpu", by_stack(evidence("tensorflow-cpu", 30))).seeds == 0


def test_the_same_metrics_replay_to_the_stored_values():
    assert [replayed(EXPERIMENT.metrics, of) for of in evidence("tensorflow-cpu", 8).variants.values()] == ["", ""]


@pytest.mark.parametrize(
    "of",
    [lambda h: h["val_loss"][-1] - h["loss"][-1] * 1.00001, lambda h: None, lambda h: h["loss"][-1]],
    ids=["slightly", "no value", "another"],
)
def test_a_metric_whose_function_changed_is_found_by_replay(of):
    changed = dataclasses.replace(EXPERIMENT, metrics=(*EXPERIMENT.metrics[:2], dataclasses.replace(GAP, of=of)))
    for name, training in evidence("tensorflow-cpu", 8).variants.items():
        assert replayed(changed.metrics, training).startswith(f"gap of {name}, seed 0: stored 0.05, now ")


def test_curves_that_are_stored_in_part_are_not_replayed():
    curves = {"loss": (1.0,) * 500, "val_loss": (1.0,) * 500}
    long = Trial("plain", 0, {"val_accuracy": 0.5, "val_loss": 0.2, "gap": 9.0}, curves)
    assert replayed(EXPERIMENT.metrics, Training(configuration={"epochs": 500}, trials=(long,))) == ""
