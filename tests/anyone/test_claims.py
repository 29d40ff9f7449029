"""Claims on functions of a seed: what is stored, what is red, and bad input."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from harness.anyone.claims import OwnClaim, check
from harness.anyone.stored import id_of
from harness.errors import SuiteError
from harness.model import Metric
from harness.rules import Exceeds
from harness.verdict import Verdict

MORE = "Invalid result of a(3). Expected: the keys of seed 0: score. Received: more, score"


def scores(centre, stream=0):
    return lambda seed: {"score": centre + random.Random(seed + stream).gauss(0, 0.01), "other": float(seed)}


def function(given, stream):
    return given if callable(given) else scores(given, stream)


def claim(a=0.9, b=0.88, sizes=(10,), **more) -> OwnClaim:
    functions = {"a": function(a, 0), "b": function(b, 1000)}
    metric = Metric("score", "higher", "", 0.001)
    return OwnClaim(id="test-it", rule=Exceeds("a", "b", "score"), functions=functions, metric=metric, sizes=sizes,
                    **more)  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test_net.training" / "claims" / "test-it.json"


@pytest.fixture
def stored(path: Path) -> Path:
    assert not check(claim(), path, update=False)[0]
    return path


def test_the_first_run_stores_and_does_not_pass_and_the_second_passes(path):
    passes, text, _ = check(claim(), path, update=False)
    assert not passes
    assert "SUPPORTED, a − b is +0.0" in text
    assert check(claim(), path, update=False)[:2] == (True, "test-it: a > b (score)")


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (claim(0.86, 0.9), ("a moved: score", "verdict flipped: SUPPORTED was stored")),
        (claim(0.96, 0.94), ("a moved: score", "b moved: score", "--training-update")),
        (claim(verdict=Verdict.REFUTED), ('stored: SUPPORTED', 'The test asks for REFUTED; verdict="SUPPORTED"')),
        (claim(sizes=(10, 20)), ("not comparable, another claim", "seeds[1] None then, 20 now", "Nothing was run")),
    ],
)  # fmt: skip
def test_what_is_red_and_leaves_the_file(now, said, stored):
    before = stored.read_bytes()
    passes, text, _ = check(now, stored, update=False)
    assert not passes
    for part in said:
        assert part in text
    assert stored.read_bytes() == before


def test_other_bits_are_not_red(stored):
    functions = {
        name: lambda seed, f=f: {k: v + 1e-7 for k, v in f(seed).items()} for name, f in claim().functions.items()
    }
    assert check(replace(claim(), functions=functions), stored, update=False)[0]


def test_an_update_says_what_was_before(stored):
    passes, text, _ = check(claim(0.92, verdict=Verdict.SUPPORTED), stored, update=True)
    assert passes
    assert "before: SUPPORTED, a − b is +0.03" in text
    assert not check(claim(0.86, 0.9), stored, update=True)[0]  # it stores REFUTED, and the test asks for SUPPORTED


def test_looks_end_with_the_first_that_decides(path):
    calls = []

    def a(seed):
        calls.append(seed)
        return scores(0.9)(seed)

    _, text, _ = check(claim(a, sizes=(5, 10, 20)), path, update=False)
    assert "decided after 5 of at most 20 seeds" in text
    assert calls == list(range(5))


@pytest.mark.parametrize(
    ("a", "said"),
    [
        (lambda seed: float("nan"), "Expected: a finite number, or numbers by name. Received: nan"),
        (lambda seed: {"score": float("inf")}, "Invalid result of a(0)['score']"),
        (lambda seed: "0.9", "Received: '0.9'"),
        (lambda seed: None, "Received: nothing"),
        (lambda seed: [1.0, 2.0], "Received: [1.0, 2.0]"),
        (lambda seed: {}, "Expected: a number named 'score'. Received: no numbers"),
        (lambda seed: {"scores": 1.0}, "Did you mean 'scores'?"),
        (lambda seed: {"score": 1.0 * seed, **({"more": 1.0} if seed == 3 else {})}, MORE),
        (lambda seed: {"score": 0.5}, "a returned the same numbers for all of 10 seeds (score 0.5)"),
    ],
)  # fmt: skip
def test_bad_results_are_a_sentence_and_store_nothing(a, said, path):
    with pytest.raises(SuiteError) as error:
        check(claim(a), path, update=True)
    assert said in str(error.value)
    assert not path.exists()


@pytest.mark.parametrize("sizes", [(4,), (), (10, 5), (True,), (5.5,)])
def test_bad_numbers_of_seeds(sizes):
    with pytest.raises(SuiteError, match="Invalid seeds of test-it"):
        claim(sizes=sizes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text[:200], "Expected: complete JSON"),
        (lambda text: text.replace('"schema": 4', '"schema": 5'), "written by a newer version"),
        (lambda text: text.replace("0.9", "0.8"), "it was edited or merged by hand"),
        (lambda text: text.replace('"experiment": "test-it"', '"experiment": "test-other"'), "edited"),
        (lambda text: "", "complete JSON"),
    ],
)
def test_a_damaged_file_is_a_sentence_and_stays_even_with_an_update(change, said, stored):
    stored.write_text(change(stored.read_text("utf-8")), "utf-8")
    before = stored.read_bytes()
    for update in (False, True):
        with pytest.raises(SuiteError) as error:
            check(claim(), stored, update)
        assert said in str(error.value)
        assert stored.read_bytes() == before


def test_a_file_of_another_test_is_refused(stored):
    other = stored.with_name("test-other.json")
    other.write_bytes(stored.read_bytes())
    with pytest.raises(SuiteError, match="test-other"):
        check(replace(claim(), id="test-other"), other, update=True)


def test_ids_differ_where_names_do():
    names = ["test_a_b", "test_a__b", "test_A_b", "test_a[1-x/y]", "test_a[1-x:y]", "Test_test_a", "exact", "x" * 300]
    assert len({id_of(name) for name in names}) == len(names)
    assert id_of("test_dropout_helps") == "test-dropout-helps"
    assert all(len(id_of(name)) < 100 for name in names)
