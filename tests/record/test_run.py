"""The records of a run: they are read back as written, and damage is reported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from harness.erratum import ErratumChecked, ErratumState
from harness.errors import SuiteError
from harness.model import Divergence
from harness.record import run as run_module
from harness.record.outcomes import Movement
from harness.record.run import (
    SCHEMA,
    AnyRecord,
    ClaimDecided,
    Run,
    RunEnded,
    ShortTrialDone,
    decode,
    encode,
    parse_run,
    read_run,
)
from harness.record.trials import ShortTrial, shortest
from tests.make import self_check, timed
from tests.record.made import END, HEADER, KINDS, TEXT, done, finished, structs, trial, values, written
from tests.reports.synthetic import training

ANYWHERE = Path("run.jsonl")


def folded(*records: AnyRecord) -> Run:
    return parse_run([encode(each) for each in (HEADER, *records)], ANYWHERE)


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_of_every_kind_comes_back_bit_for_bit(kind: type[msgspec.Struct]) -> None:
    @settings(max_examples=10, deadline=None)
    @given(structs(kind))
    def check(record: Any) -> None:
        line = encode(record)
        assert b"\n" not in line
        back = decode(line)
        assert back == record
        assert repr(back) == repr(record)  # the sign of 0 too

    check()


@given(values(Movement), st.sampled_from(["nan", "inf", "-inf"]))
def test_infinities_and_nan_come_back_where_a_number_may_be_one(movement: Movement, number: Any) -> None:
    moved = replace(movement, size=number, before=number)
    assert msgspec.json.decode(msgspec.json.encode(moved), type=Movement) == moved
    short = ShortTrial(seed=0, engine="steps", losses=(1.0, number), curves={"val_loss": (number,)})
    done = ShortTrialDone(experiment="e", variant="v", trial=short)
    assert decode(encode(done)) == done


def test_a_trial_has_all_its_digits_and_its_divergence() -> None:
    known = done(0, loss=0.1 + 0.2)
    known = replace(known, trial=replace(known.trial, divergence=Divergence("nan", 2, 3)))
    assert run_module.decode(run_module.encode(known)) == known
    assert known.trial.metrics["loss"] == 0.30000000000000004


def test_numpy_scalars_are_numbers() -> None:
    typed: Any = {"exit_status": np.int64(3), "seconds": np.float64(0.1), "interrupted": np.bool_(True)}
    assert decode(encode(RunEnded(**typed))) == RunEnded(exit_status=3, seconds=0.1, interrupted=True)
    with pytest.raises(TypeError, match="object has no place in a record"):
        encode(replace(END, gpu={"a": object()}))


@given(st.text(st.characters(categories=["Cs"]), min_size=1, max_size=3), TEXT)
def test_lone_surrogates_are_written_in_other_letters(surrogates: str, other: str) -> None:
    back = decode(encode(self_check(surrogates + other, other or "x")))
    assert isinstance(back, ClaimDecided)
    assert back.key == "".join(f"\\u{ord(letter):04x}" for letter in surrogates) + other
    assert back.decision.reason == (other or "x")


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 4), st.floats(0, 1), st.sampled_from(["", "x"]))))
def test_each_seed_of_a_variant_has_its_last_trial(trained: list[tuple[str, int, float, str]]) -> None:
    run = folded(*(done(seed, reused, loss=loss, variant=variant) for variant, seed, loss, reused in trained))
    last = {(variant, seed): (loss, reused) for variant, seed, loss, reused in trained}
    result = {(name, each.seed): each.metrics["loss"] for (_, name), trials in run.trials.items() for each in trials}
    assert result == {key: loss for key, (loss, _) in last.items()}
    assert sum(map(len, run.trials.values())) == len(last)
    assert all(seeds == sorted(seeds) for seeds in ([each.seed for each in trials] for trials in run.trials.values()))
    assert sum(run.reused.values()) == sum(bool(reused) for _, reused in last.values())
    assert 0 not in run.reused.values()


def test_a_shortened_trial_that_was_trained_again_counts_once() -> None:
    """A trial with another perturbation, or of the canonical trace, is a different trial."""

    def short(loss: float, **changes: Any) -> ShortTrialDone:
        first = ShortTrial(seed=0, engine="steps", losses=(loss,))
        return ShortTrialDone(experiment="e", variant="v", trial=replace(first, **changes))

    kinds = [short(4.0, seed=1), short(3.0, canonical=True), short(1.0), short(2.0, perturbed=1)]
    run = folded(done(0), *kinds, short(5.0))
    assert [each.losses for each in run.short["e", "v"]] == [(5.0,), (2.0,), (3.0,), (4.0,)]
    assert [each.seed for each in run.trials["e", "plain"]] == [0]


CHECK, WRONG = self_check("a"), self_check("a", "wrong")
THRICE: dict[str, tuple[Any, ...]] = {
    "trainings": tuple(
        training(of, trials, "loss") for of, trials in (("e", [trial(0)]), ("e", [trial(1)]), ("f", [trial(0)]))
    ),
    "claims": tuple(
        ClaimDecided(key=key, decision=of.decision, comparison=of.comparison)
        for key, of in (("a", CHECK), ("a", WRONG), ("b", CHECK))
    ),
    "self_checks": (CHECK, WRONG, self_check("b")),
    "errata": tuple(ErratumChecked(id, ErratumState.HOLDS, why) for id, why in (("a", "x"), ("a", "y"), ("b", "x"))),
    "timings": (timed("a", [1.0]), timed("a", [2.0]), timed("b", [1.0])),
}
"""Two records of one thing, and one of another."""


@pytest.mark.parametrize("name", THRICE)
def test_of_several_records_of_one_thing_the_last_counts(name: str) -> None:
    first, last, other = THRICE[name]
    known = getattr(folded(first, other, last), name)
    assert list(known.values()) == [last, other]


def test_a_run_is_open_until_its_report_is_written() -> None:
    written_down = replace(END, reported=False)
    states = {
        (): (True, True),
        (written_down,): (True, False),
        (written_down, END): (False, False),
        (replace(END, interrupted=True),): (True, True),
        (replace(END, exit_status=3),): (True, False),
        (replace(END, exit_status=1),): (False, False),
    }
    for records, expected in states.items():
        run = folded(*records)
        assert (run.open, run.partial) == expected, records


def test_what_is_read_back(tmp_path: Path) -> None:
    path = written(tmp_path, done(4), END)
    run = read_run(path)
    assert (run.path, run.header, run.end) == (path, HEADER, END)
    assert run.trials == {("e", "plain"): [trial(4)]}
    assert not run.moved


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, done(0))
    whole = path.read_bytes()
    longer = written(tmp_path, done(0), done(1)).read_bytes()
    for length in range(len(whole), len(longer)):
        path.write_bytes(longer[:length])
        assert read_run(path).trials == {("e", "plain"): [trial(0)]}


def test_a_damaged_line_is_named_by_its_number(tmp_path: Path) -> None:
    """``tests/robustness/test_fuzz_files.py`` damages them in every other way."""
    path = finished(tmp_path)
    lines = path.read_text("utf-8").split("\n")
    for damage in ("{not json", "[" * 100_000, '{"kind":"end","exit_status":0,"seconds":1,"new":1}'):
        path.write_text("\n".join([*lines[:2], damage, *lines[3:]]), "utf-8")
        with pytest.raises(SuiteError, match=r"^Invalid line 3 of .+\. Expected: a record\. Received: ") as refused:
            read_run(path)
        assert len(str(refused.value)) < 600


def test_a_run_begins_once(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="Expected: one record of kind 'run', the first"):
        read_run(written(tmp_path, HEADER))
    path = tmp_path / "headless.jsonl"
    path.write_bytes(encode(END) + b"\n")
    with pytest.raises(SuiteError, match=r"Expected: a first line of kind 'run'\. Received: RunEnded\."):
        read_run(path)


@pytest.mark.parametrize(
    ("schema", "age"),
    [
        (SCHEMA + 1, "a newer"),
        (SCHEMA - 1, "an earlier"),
        ("2", "an earlier"),
        (None, "an earlier"),
        (2.5, "an earlier"),
    ],
)
def test_a_run_of_another_version_is_reported_and_kept(tmp_path: Path, schema: object, age: str) -> None:
    path = tmp_path / "run.jsonl"
    content = json.dumps({"kind": "run", "schema": schema, "id": "x"}).encode() + b"\n"
    path.write_bytes(content)
    with pytest.raises(
        SuiteError, match=rf"Expected: schema {SCHEMA}\. Received: schema .+ by {age} version"
    ) as refused:
        read_run(path)
    assert "Run `pytest suite/` for a new one." in str(refused.value)
    assert path.read_bytes() == content


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "run.jsonl", tmp_path):
        with pytest.raises(SuiteError, match="Cannot read the run's record"):
            read_run(path)


@given(st.lists(st.floats(width=32), max_size=20))
def test_a_float32_is_the_shortest_decimal_that_reads_back_as_it(numbers: list[float]) -> None:
    decimals = shortest(numbers)
    assert np.array_equal(np.array(decimals, "float32"), np.array(numbers, "float32"), equal_nan=True)
    assert all(type(decimal) is float for decimal in decimals)
    assert shortest([float(np.float32(0.1)), float(np.float32(0.98125)), 1e39]) == [0.1, 0.98125, float("inf")]
