"""Any values of options in any combination: they are accepted as written, or one short line names the option."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import SuiteError
from harness.training.backend import PRECISIONS
from harness.training.backends import NAMES
from suite.cli.options import ENGINE_NAMES, LAST_SEED, MOST_SEEDS, MOST_WORKERS, Options
from tests.suite.test_options import checked

WORDS = st.text(max_size=12) | st.sampled_from(["", " ", "\n", "\0", "\udcff", "0", "-1", "1e3", "٣", "9" * 5000])
EDGES = [0, 1, MOST_SEEDS, MOST_SEEDS + 1, LAST_SEED - MOST_SEEDS, LAST_SEED - MOST_SEEDS + 1, LAST_SEED, LAST_SEED + 1]
NUMBERS = (
    WORDS
    | st.integers(-3, 2**33).map(str)
    | st.sampled_from(EDGES).map(str)
    | st.integers(0, 9).map(lambda n: "0" * n + "1")
)


def name_of(known: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.sampled_from(known) | WORDS


ANYTHING: dict[str, st.SearchStrategy[Any]] = {
    "full": st.booleans(),
    "seeds": st.none() | NUMBERS,
    "first_seed": NUMBERS,
    "backend": st.none() | name_of(NAMES),
    "engine": name_of(ENGINE_NAMES),
    "precision": name_of(PRECISIONS),
    "update_baselines": st.none() | WORDS,
    "baseline_dir": WORDS | st.just(__file__) | st.just(os.path.dirname(__file__)),
    "report_dir": WORDS | st.just(__file__) | st.just(os.path.join(__file__, "below")),
    "require_baselines": st.booleans(),
    "require_gpu": st.booleans(),
    "reuse": st.booleans(),
    "dry_run": st.booleans(),
    "gate_timing": st.booleans(),
    "workers": st.none() | NUMBERS,
    "cluster": WORDS,
}
COMBINATIONS = st.sets(st.sampled_from(sorted(ANYTHING)), max_size=4).flatmap(
    lambda names: st.fixed_dictionaries({name: ANYTHING[name] for name in names})
)
ENVIRONMENTS = st.dictionaries(st.just("KERAS_BACKEND"), name_of(NAMES))


def outcome(environ: dict[str, str], given_: dict[str, Any]) -> Options | str:
    """The options, or the text of their error; any other exception is a failure."""
    try:
        return checked(environ, **given_)
    except SuiteError as error:
        said = str(error)
        assert len(said) < 500
        assert "\n" not in said
        assert any(f"--{name.replace('_', '-')}" in said for name in given_) or "KERAS_BACKEND" in said
        return said


@settings(max_examples=300, deadline=None)
@given(NUMBERS)
def test_any_first_seed_is_a_number_or_one_short_message(text: str) -> None:
    found = outcome({}, {"first_seed": text})
    if isinstance(found, str):
        assert "Invalid --first-seed" in found
    else:
        assert found.first_seed == int(text)
        assert 0 <= found.first_seed <= found.first_seed + MOST_SEEDS <= LAST_SEED


@settings(max_examples=1000, deadline=None)
@given(ENVIRONMENTS, COMBINATIONS)
def test_any_combination(environ: dict[str, str], given_: dict[str, Any]) -> None:
    found = outcome(environ, given_)
    if isinstance(found, Options):
        assert found.full or not (found.seeds or found.more_seeds or found.first_seed or found.reuse)
        assert found.backend in NAMES
        assert found.engine in ENGINE_NAMES
        assert found.seeds is None or 1 <= found.seeds <= MOST_SEEDS
        assert found.workers is None or (1 <= found.workers <= MOST_WORKERS and not found.cluster)
        assert not (found.update is not None and found.first_seed)  # they contradict each other
        assert not (found.reuse and (found.update is not None or found.require_baselines or found.strict))


@settings(max_examples=200, deadline=None)
@given(st.fixed_dictionaries({
    "seeds": st.none() | st.integers(1, MOST_SEEDS).map(str),
    "first_seed": st.integers(0, LAST_SEED - MOST_SEEDS).map(str), "backend": st.none() | st.sampled_from(NAMES),
    "engine": st.sampled_from(ENGINE_NAMES), "reuse": st.booleans(),
}))  # fmt: skip
def test_what_is_valid_is_taken_as_written(given_: dict[str, Any]) -> None:
    found = outcome({}, given_)
    assert isinstance(found, Options), found
    assert (found.full, found.reuse) == (True, given_["reuse"])
    assert (found.engine, str(found.first_seed)) == (given_["engine"], given_["first_seed"])
    assert found.seeds == (None if given_["seeds"] is None else int(given_["seeds"]))
    assert found.backend == (given_["backend"] or "tensorflow")
