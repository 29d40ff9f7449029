import dataclasses

import pytest

from baselines.record import Baseline, Provenance
from baselines.update import difference, incomplete, renewed
from harness.errors import SuiteError
from harness.trial import Seconds
from harness.verdict import Verdict
from tests.baselines.make import DEFINITION, PROVENANCE, baseline, stored, trials

LATER = Provenance(PROVENANCE.fingerprint, "b0b0b0b", "2026-12-01", "Keras 3.13")
OLD = baseline(relu=stored([0.1, 0.2, 0.3]), linear=stored([0.4, 0.5, 0.6], variant="linear"))
KEYS = tuple(OLD.verdicts)
MOVED = [0.1, 0.2, 0.9]


def renew(old: Baseline | None = OLD, **changes) -> Baseline:
    """Renews ``old`` by a run of which nothing is known but ``changes``."""
    given = {
        "experiment": "deep-dropout",
        "setting": "quick",
        "stack": "jax-cpu",
        "variants": {"relu": DEFINITION, "linear": DEFINITION},
        "claims": KEYS,
        "trials": {},
        "seeds": 3,
        "verdicts": {},
        "provenance": LATER,
    }
    return renewed(old, **({"rounding": {}} | given | changes))


def test_nothing_ran_nothing_changes():
    assert renew() == OLD
    assert difference(OLD, OLD) == "deep-dropout (quick, jax-cpu): nothing changes"


def test_only_what_ran_is_renewed():
    new = renew(trials={"relu": trials(MOVED)}, verdicts={KEYS[0]: Verdict.REFUTED})
    assert new.variants["relu"].trials == trials(MOVED)
    assert new.variants["relu"].provenance == LATER
    assert new.variants["linear"] == OLD.variants["linear"]
    assert new.verdicts[KEYS[0]].reason == "Keras 3.13"
    assert new.verdicts[KEYS[1]] == OLD.verdicts[KEYS[1]]
    text = difference(OLD, new)
    assert "  relu: renewed, val_accuracy 0.2 (n = 3) → val_accuracy 0.4 (n = 3)" in text
    assert f"  {KEYS[0]}: SUPPORTED → REFUTED" in text
    assert "  linear" not in text
    assert KEYS[1] not in text


def test_a_first_baseline():
    new = renew(None, trials={"relu": trials(MOVED)}, verdicts={KEYS[0]: Verdict.SUPPORTED})
    assert list(new.variants) == ["relu"]
    assert "relu: new, val_accuracy 0.4 (n = 3)" in difference(None, new)
    assert f"{KEYS[0]}: new → SUPPORTED" in difference(None, new)


def test_the_same_bits_keep_their_provenance_and_their_times():
    ran = [dataclasses.replace(t, seconds=Seconds(9.0)) for t in reversed(trials([0.1, 0.2, 0.3]))]
    assert renew(trials={"relu": ran}, verdicts={KEYS[0]: Verdict.SUPPORTED}) == OLD


@pytest.mark.parametrize(
    "change",
    [
        {"variants": {"relu": "f" * 16, "linear": DEFINITION}},
        {"provenance": dataclasses.replace(LATER, fingerprint={"backend": "jax"})},
        {"trials": {"relu": [dataclasses.replace(t, engine="fit") for t in trials([0.1, 0.2, 0.3])]}},
        {"trials": {"relu": trials([0.1, 0.2, 0.3], first=1)}},
        {"trials": {"relu": trials([0.1, 0.2, 0.3, 0.4])}},
    ],
    ids=["definition", "fingerprint", "engine", "seeds", "more seeds"],
)
def test_anything_else_renews_the_provenance(change):
    new = renew(**({"trials": {"relu": trials([0.1, 0.2, 0.3])}} | change))
    assert new.variants["relu"].provenance.reason == "Keras 3.13"
    assert difference(OLD, new).count("\n") == 1


def test_a_changed_definition_is_said():
    new = renew(trials={"relu": trials([0.1, 0.2, 0.3])}, variants={"relu": "f" * 16, "linear": DEFINITION})
    assert "relu: redefined, " in difference(OLD, new)


def test_what_is_no_longer_declared_is_removed_and_said():
    new = renew(variants={"linear": DEFINITION}, claims=KEYS[:1])
    assert list(new.variants) == ["linear"]
    assert list(new.verdicts) == [KEYS[0]]
    assert "relu: removed (val_accuracy 0.2 (n = 3)), the experiment no longer declares it" in difference(OLD, new)
    assert f"{KEYS[1]}: INCONCLUSIVE → removed" in difference(OLD, new)


def test_interrupted_variants_and_claims_that_did_not_run_keep_what_is_stored():
    ran = {"relu": trials(MOVED[:2]), "linear": ()}
    assert incomplete(ran, 3) == ("relu", "linear")
    assert renew(trials=ran, verdicts={KEYS[0]: Verdict.NOT_RUN}) == OLD
    assert renew(None, trials=ran, verdicts={KEYS[0]: Verdict.NOT_RUN}).verdicts == {}
    assert renew(None, trials=ran).variants == {}


def test_variants_keep_the_experiments_order_and_seeds_their_own():
    ran = {"linear": trials(MOVED, variant="linear"), "relu": tuple(reversed(trials(MOVED)))}
    new = renew(trials=ran, variants={"linear": DEFINITION, "relu": DEFINITION})
    assert list(new.variants) == ["linear", "relu"]
    assert [t.seed for t in new.variants["relu"].trials] == [0, 1, 2]


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_reason_is_needed(reason):
    with pytest.raises(SuiteError, match="reason"):
        renew(provenance=dataclasses.replace(LATER, reason=reason))


def test_diverged_trials_are_counted_in_the_difference():
    new = renew(trials={"relu": trials([None, 0.2, None]), "linear": trials([None] * 3, variant="linear")})
    assert "val_accuracy 0.2 (n = 1 of 3)" in difference(OLD, new)
    assert "val_accuracy without a value (n = 0 of 3)" in difference(OLD, new)
