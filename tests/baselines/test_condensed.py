"""Baselines of hundreds of seeds: raw last values, and curves as quantiles."""

import json
import math

import numpy as np
import pytest

from baselines.condensed import FINITE, MANY, POINTS, QUANTILES, condensed
from baselines.drift import State, compare
from baselines.files import dumps, path_of, read, write
from baselines.record import Baseline, VariantBaseline
from baselines.schema import parse
from baselines.strict import FormatError
from baselines.update import renewed
from harness.trial import Divergence, Seconds
from tests.baselines.make import ACCURACY, DEFINITION, PROVENANCE, trial

RNG = np.random.default_rng(0)
VALUES = np.round(0.98 + 0.001 * RNG.standard_normal(1024), 4).tolist()
DIVERGED = (3, 700)


def many(values=VALUES, epochs=40):
    """Trials with curves whose value in epoch e is seed + e; two of them diverged."""
    return [
        trial(
            seed,
            None if seed in DIVERGED else value,
            history={"loss": tuple(float(seed + e) if seed not in DIVERGED or e < 5 else None for e in range(epochs))},
            divergence=Divergence("nan", 5, 17) if seed in DIVERGED else None,
            seconds=Seconds(0.001 * seed, 0.0, 0.1, 0.2),
        )
        for seed, value in enumerate(values)
    ]


def variant(trials):
    kept, curves = condensed(trials)
    return VariantBaseline(kept, DEFINITION, PROVENANCE, curves=curves)


@pytest.fixture(scope="module")
def stored():
    return variant(many())


def of(held):
    return Baseline("deep-dropout", "lecture", "jax-h100", {"relu": held})


def test_every_last_value_is_kept(stored):
    assert [t.metrics["val_accuracy"] for t in stored.trials] == [t.metrics["val_accuracy"] for t in many()]
    assert [t.seed for t in stored.trials if t.divergence] == list(DIVERGED)
    assert {t.history == {} for t in stored.trials} == {True}
    assert stored.trials[0].seconds == Seconds(0.5115, 0.0, 0.1, 0.2)


def test_curves_are_quantiles_over_finite_values(stored):
    curve = stored.curves["loss"]
    assert set(curve) == {*QUANTILES, FINITE}
    assert {len(values) for values in curve.values()} == {POINTS}
    assert (curve[FINITE][0], curve[FINITE][-1]) == (1024, 1022)
    assert curve["median"][0] == pytest.approx(np.median(range(1024)))
    last = [seed + 39 for seed in range(1024) if seed not in DIVERGED]
    assert curve["high"][-1] == pytest.approx(np.quantile(last, 0.975), rel=1e-5)


def test_an_epoch_without_a_finite_value_has_no_quantile():
    diverged = [trial(seed, None, history={"loss": (1.0, None)}) for seed in range(MANY)]
    curve = condensed(diverged)[1]["loss"]
    assert (curve["median"], curve[FINITE]) == ((1.0, None), (MANY, 0))


def test_what_is_written_is_read_back(stored, tmp_path):
    place = path_of(tmp_path, "lecture", "jax-h100", "deep-dropout")
    write(place, of(stored))
    assert read(place) == of(stored)
    text = place.read_text(encoding="utf-8")
    assert parse(dumps(parse(text))) == parse(text)


def test_it_is_small(stored):
    """Of thirteen variants, three metrics and six curves, 1,024 seeds each, it would be half a megabyte."""
    assert len(dumps(of(stored))) < 25_000


def test_a_line_for_each_column(stored):
    lines = dumps(of(stored)).splitlines()
    assert sum('"val_accuracy": [' in line for line in lines) == 1
    assert max(map(len, lines)) < 15_000


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda t: t["metrics"]["val_accuracy"].pop(), "1024 values, one a seed"),
        (lambda t: t["metrics"]["val_accuracy"].__setitem__(0, "x"), "a number"),
        (lambda t: t["seeds"].__setitem__(0, -1), "a whole number"),
        (lambda t: t["seeds"].__setitem__(0, 5), "each seed once"),
        (lambda t: t.__setitem__("seeds", []), "at least one seed"),
        (lambda t: t["divergences"].__setitem__("9999", t["divergences"]["3"]), "of the seeds that are stored"),
        (lambda t: t["divergences"]["3"].__setitem__("kind", "bad"), "one of nan"),
        (lambda t: t["curves"]["loss"].pop("median"), "the keys low"),
        (lambda t: t["curves"]["loss"]["median"].pop(), "lists of one length"),
        (lambda t: t["curves"]["loss"].__setitem__("median", 3), "a list"),
        (lambda t: t.pop("engine"), "the keys seeds"),
        (lambda t: t.__setitem__("seconds", {"total": 1.0}), "the keys total"),
        (lambda t: t.__setitem__("metrics", []), "an object"),
    ],
)
def test_damage_is_named(stored, change, expected):
    record = json.loads(dumps(of(stored)))
    change(record["variants"]["relu"]["trials"])
    with pytest.raises(FormatError, match=expected):
        parse(json.dumps(record))


def test_records_with_curves_are_read_of_any_number(tmp_path):
    """As versions before this one wrote them."""
    held = of(VariantBaseline(tuple(many()), DEFINITION, PROVENANCE))
    assert not held.variants["relu"].condensed
    place = path_of(tmp_path, "lecture", "jax-h100", "deep-dropout")
    write(place, held)
    assert read(place) == held


def compared(trials, stored, **how):
    settings = {"definition": DEFINITION, "same_fingerprint": True, "same_streams": True, "comparisons": 1, **how}
    return compare(trials, stored, (ACCURACY,), **settings)


def test_the_same_last_values_are_identical(stored):
    again = [trial(t.seed, t.metrics["val_accuracy"], divergence=t.divergence) for t in many()]
    comparison = compared(again, stored)
    assert comparison.state is State.IDENTICAL
    assert "no curves are stored" in comparison.reason


def test_other_last_values_are_changed_or_drifted(stored):
    moved = [v + float(d) for v, d in zip(VALUES, 1e-4 * RNG.standard_normal(1024), strict=True)]
    assert compared(many(moved), stored).state is State.CHANGED
    assert compared(many([v - 0.0011 for v in VALUES]), stored).state is State.DRIFTED
    few = [t for t in many([v - 0.01 for v in VALUES]) if t.seed < 10]
    assert compared(few, stored).state is State.DRIFTED


def test_a_run_of_many_seeds_is_condensed_and_one_of_few_is_not():
    def stored_of(trials):
        new = renewed(
            None,
            experiment="e",
            setting="lecture",
            stack="s",
            variants={"relu": DEFINITION},
            claims=(),
            trials={"relu": trials},
            rounding={},
            seeds=len(trials),
            verdicts={},
            provenance=PROVENANCE,
        )
        return new.variants["relu"]

    assert stored_of(many()).condensed
    assert stored_of(many()) == variant(many())
    few = stored_of(many()[: MANY - 1])
    assert not few.condensed
    assert len(few.trials[0].history["loss"]) == POINTS
    assert all(math.isclose(a, b) for a, b in zip(few.trials[0].history["loss"][:2], (0.0, 1.0), strict=True))
