"""Files of stored timings: read strictly, written whole, and one sentence for each fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baselines.strict import FormatError
from baselines.timing_files import dumps_timings, read_timings, timings_path, update_timings
from baselines.timing_record import KEPT, Timings
from baselines.timing_schema import parse_timings
from harness.errors import SuiteError
from tests.timing.make import repeat

CASE = "example-4/dropout 0.2/compiled"
HELD = Timings(
    "jax-cpu",
    {
        CASE: (repeat([0.1, 1 / 3, 5e-324]), repeat([0.2], compile=None, reference={"copy": 1 / 3}, contention=1 / 7)),
        "한/b/fit": (repeat([1]),),
    },
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = timings_path(tmp_path, "jax-cpu")
    update_timings(place, lambda old: HELD)
    return place


def test_what_is_written_is_read_back_bit_for_bit(path: Path) -> None:
    assert path.parent.name == "timing"
    assert read_timings(path) == HELD
    assert [p.name for p in path.parent.iterdir()] == ["jax-cpu.json"]


def test_a_file_of_before_there_was_a_reference_is_read_and_written_as_it_was() -> None:
    old = Timings("jax-cpu", {CASE: (repeat([0.1]),)})
    assert "reference" not in dumps_timings(old)
    assert "contention" not in dumps_timings(old)
    assert parse_timings(dumps_timings(old)) == old


def test_each_repeat_has_a_line_of_its_own() -> None:
    before = dumps_timings(HELD).splitlines()
    after = dumps_timings(HELD.with_repeat(CASE, repeat([0.3]), replaces=False)).splitlines()
    assert len(after) == len(before) + 1
    assert json.loads(dumps_timings(HELD)) == HELD.to_json()
    assert parse_timings(dumps_timings(Timings("jax-cpu"))) == Timings("jax-cpu")


def test_the_last_ten_repeats_are_kept() -> None:
    held = Timings("jax-cpu")
    for number in range(KEPT + 3):
        held = held.with_repeat(CASE, repeat([1.0 + number]), replaces=False)
    assert [one.median for one in held.cases[CASE]] == [4.0 + n for n in range(KEPT)]
    assert held.with_repeat(CASE, repeat([9.0]), replaces=True).cases[CASE] == (repeat([9.0]),)
    assert held.without({CASE}).cases == {}


def test_an_absent_file_is_none(tmp_path: Path) -> None:
    assert read_timings(timings_path(tmp_path, "jax-cpu")) is None


def set_at(*keys: Any, value: Any) -> Callable[[Any], None]:
    def change(record: Any) -> None:
        for key in keys[:-1]:
            record = record[key]
        record[keys[-1]] = value

    return change


def repeats(*keys: Any, value: Any) -> Callable[[Any], None]:
    return set_at("cases", CASE, 0, *keys, value=value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (set_at("schema", value=2), "schema 1"),
        (set_at("stack", value="jax-gpu"), "the timings of jax-cpu"),
        (set_at("more", value=1), "an unknown 'more'"),
        (set_at("cases", value=[]), "an object at cases"),
        (repeats("contention", value="1"), "a number"),
        (repeats("reference", value=[1.0]), "an object at"),
        (repeats("reference", value={"copy": 0}), "seconds above 0"),
        (repeats("reference", value={"copy": "1"}), "a number"),
        (set_at("cases", CASE, value=[]), "1 to 10 repeats"),
        (repeats("rounds", value=[]), "at least one round"),
        (repeats("rounds", value=[0.1, None]), f"a number at cases/{CASE}/0/rounds/1"),
        (repeats("rounds", value=[0.0]), "above 0"),
        (repeats("rounds", value=[-1.0]), "not negative"),
        (repeats("rounds", value=[True]), "a number"),
        (repeats("epochs", value=0), "at least 1"),
        (repeats("epochs", value=True), "at least 1"),
        (repeats("compile", value="1"), "a number"),
        (repeats("first_epoch", value=-1), "not negative"),
        (repeats("definition", value="xyz"), "16 hex digits"),
        (repeats("provenance", "date", value="yesterday"), "ISO 8601"),
        (repeats("provenance", "fingerprint", value=[]), "an object"),
    ],
)
def test_each_fault_is_named_with_its_remedy(path: Path, change: Callable[[Any], None], said: str) -> None:
    record = json.loads(path.read_text("utf-8"))
    change(record)
    path.write_text(json.dumps(record), encoding="utf-8")
    refused(path, said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "complete JSON"),
        (b"[]", "a JSON object"),
        (b"\xff", "UTF-8"),
        (b'{"schema": 1, "schema": 1}', "each key of an object once"),
        (b'{"schema": NaN}', "finite numbers"),
        (b"[" * 100_000, "JSON nested too deeply"),
    ],
)
def test_what_is_no_timings_file_is_refused(path: Path, content: bytes, said: str) -> None:
    path.write_bytes(content)
    refused(path, said)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    place = timings_path(tmp_path, "jax-cpu")
    place.mkdir(parents=True)
    refused(place, "a readable file. Received: Is a directory")


def refused(path: Path, said: str) -> None:
    with pytest.raises(SuiteError) as caught:
        read_timings(path)
    text = str(caught.value)
    assert text.startswith(f"Invalid timings {path}. Expected: ")
    assert said in text
    assert "git checkout -- " in text
    assert '-m timing --update-baselines "reason"' in text
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(SuiteError):
        update_timings(path, lambda old: HELD)
    assert before == (path.read_bytes() if path.is_file() else b"")


def test_a_failed_update_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("harness.atomic.os.replace", full)
    with pytest.raises(SuiteError, match=r"Cannot write timings .*: No space left on device\. The old file"):
        update_timings(path, lambda old: Timings("jax-cpu"))
    with pytest.raises(SuiteError, match="Cannot write timings"):
        update_timings(path, lambda old: Timings("jax-cpu", {CASE: (repeat([float("nan")]),)}))
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["jax-cpu.json"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_no_json_makes_it_stumble(value: Any) -> None:
    record = {"schema": 1, "stack": "jax-cpu", "cases": {CASE: value if isinstance(value, list) else [value]}}
    with pytest.raises(FormatError):
        parse_timings(json.dumps(record))
