"""Files of stored timings: read strictly, written completely, and one sentence for each kind of damage."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.check.timings import dumps, parse, path_of, read, update
from harness.check.validation import FormatError
from harness.errors import SuiteError
from harness.record.timings import KEPT, Repeat, Timings
from tests.timing.make import repeat

STORED = Path(__file__).parents[2] / "baselines"
CASE = "example-4/dropout 0.2/compiled"
HELD = Timings(
    stack="jax-cpu",
    cases={
        CASE: (repeat([0.1, 1 / 3, 5e-324]), repeat([0.2], compile=None, reference={"copy": 1 / 3}, contention=1 / 7)),
        "한/b/fit": (repeat([1]),),
    },
)


def timings(cases: dict[str, tuple[Repeat, ...]]) -> Timings:
    return Timings(stack="jax-cpu", cases=cases)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = path_of(tmp_path, "jax-cpu")
    update(place, lambda old: HELD)
    return place


def test_what_is_written_is_read_back_bit_for_bit(path: Path) -> None:
    assert path.parent.name == "timing"
    assert read(path) == HELD
    assert [p.name for p in path.parent.iterdir()] == ["jax-cpu.json"]


def test_a_file_of_before_there_was_a_reference_is_read_and_written_as_it_was() -> None:
    old = timings({CASE: (repeat([0.1]),)})
    assert "reference" not in dumps(old)
    assert "contention" not in dumps(old)
    assert parse(dumps(old)) == old


def test_each_repeat_has_a_line_of_its_own() -> None:
    before = dumps(HELD).splitlines()
    after = dumps(HELD.with_repeat(CASE, repeat([0.3]), replaces=False)).splitlines()
    assert len(after) == len(before) + 1
    assert json.loads(dumps(HELD)) == msgspec.json.decode(msgspec.json.encode(HELD))
    assert parse(dumps(timings({}))) == timings({})


def test_the_last_ten_repeats_are_kept() -> None:
    held = timings({})
    for number in range(KEPT + 3):
        held = held.with_repeat(CASE, repeat([1.0 + number]), replaces=False)
    assert [one.median for one in held.cases[CASE]] == [4.0 + n for n in range(KEPT)]
    assert held.with_repeat(CASE, repeat([9.0]), replaces=True).cases[CASE] == (repeat([9.0]),)
    assert held.without({CASE}).cases == {}


@pytest.mark.parametrize("stack", ["jax-cpu", "tensorflow-cpu"])
def test_the_stored_times_are_written_back_byte_for_byte(stack: str) -> None:
    text = path_of(STORED, stack).read_text("utf-8")
    assert dumps(parse(text)) == text


def test_an_absent_file_is_none(tmp_path: Path) -> None:
    assert read(path_of(tmp_path, "jax-cpu")) is None


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
        (set_at("schema", value="1"), "schema 1. Received: '1'"),
        (set_at("stack", value="jax-gpu"), "the timings of jax-cpu"),
        (set_at("more.cases", value=1), "known fields only at the top level. Received: an unknown 'more.cases'"),
        (set_at("cases", value=[]), "`object` at cases. Received: []"),
        (set_at("cases", value={"": []}), "keys that are `str`"),
        (repeats("contention", value="1"), f"`float | null` at cases/{CASE}/0/contention. Received: '1'"),
        (repeats("reference", value=[1.0]), "`object` at"),
        (
            repeats("reference", value={"sum": 1, "copy": 0}),
            f"`float` > 0.0 at cases/{CASE}/0/reference/copy. Received: 0.",
        ),
        (repeats("reference", value={"copy": "1"}), "`float` at"),
        (set_at("cases", CASE, value=[]), f"`array` of length >= 1 at cases/{CASE}. Received: []"),
        (set_at("cases", CASE, value=[msgspec.to_builtins(repeat([1.0]))] * 11), "`array` of length <= 10 at"),
        (repeats("rounds", value=[]), f"`array` of length >= 1 at cases/{CASE}/0/rounds. Received: []"),
        (repeats("rounds", value=[0.1, None]), f"`float` at cases/{CASE}/0/rounds/1. Received: None"),
        (set_at("cases", "한/b/fit", 0, "rounds", value=[0.0]), "at cases/한/b/fit/0/rounds/0. Received: 0.0"),
        (repeats("rounds", value=[-1.0]), "`float` > 0.0 at"),
        (repeats("rounds", value=[True]), "`float` at"),
        (repeats("rounds", value=[10**400]), "a number that a float can hold at"),
        (repeats("epochs", value=0), f"`int` >= 1 at cases/{CASE}/0/epochs. Received: 0"),
        (repeats("epochs", value=True), "`int` at"),
        (repeats("compile", value="1"), "`float | null` at"),
        (repeats("first_epoch", value=-1), "`float` >= 0.0 at"),
        (repeats("definition", value="xyz"), "regex '^[0-9a-f]{16}$' at"),
        (repeats("provenance", "date", value="yesterday"), f"an ISO 8601 date at cases/{CASE}/0/provenance/date. "),
        (repeats("provenance", "reason", value=" "), "provenance/reason. Received: ' '"),
        (repeats("provenance", "fingerprint", value=[]), "`object` at"),
        (repeats("provenance", "fingerprint", "threads", value=[2]), "fingerprint/threads. Received: [2]"),
        (repeats("more", value=1), f"known fields only at cases/{CASE}/0. Received: an unknown 'more'"),
        (repeats("more - at `$.cases[...][7].rounds", value=1), "Received: an unknown 'more"),
        (set_at("more - at `$.cases[...][7].rounds", value=1), "Received: an unknown 'more"),
        (
            repeats("provenance", "fingerprint", value={"a": 1, "/": {}}),
            "provenance/fingerprint//. Received: an object",
        ),
        (lambda record: record["cases"][CASE][0].pop("epochs"), f"a field 'epochs' at cases/{CASE}/0. Received: "),
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


@pytest.mark.parametrize(
    ("schema", "said"),
    [(2, "a newer version of the suite: update the suite"), (0, "an earlier version of the suite: make the timings")],
)
def test_a_file_of_another_version_is_not_to_be_restored(path: Path, schema: int, said: str) -> None:
    record = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**record, "schema": schema}), encoding="utf-8")
    with pytest.raises(SuiteError, match=rf"Expected: schema 1. Received: schema {schema}, .*{said}") as caught:
        read(path)
    assert "git checkout" not in str(caught.value)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    place = path_of(tmp_path, "jax-cpu")
    place.mkdir(parents=True)
    refused(place, "a readable file. Received: Is a directory")


def refused(path: Path, said: str) -> None:
    with pytest.raises(SuiteError) as caught:
        read(path)
    text = str(caught.value)
    assert text.startswith(f"Invalid timings {path}. Expected: ")
    assert said in text
    assert "git checkout -- " in text
    assert '-m timing --update-baselines "reason"' in text
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(SuiteError):
        update(path, lambda old: HELD)
    assert before == (path.read_bytes() if path.is_file() else b"")


def test_a_failed_update_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("harness.record.atomic.os.replace", full)
    with pytest.raises(SuiteError, match=r"Cannot write timings .*: No space left on device\. The old file"):
        update(path, lambda old: timings({}))
    with pytest.raises(SuiteError, match="Cannot write timings"):
        update(path, lambda old: timings({CASE: (repeat([float("nan")]),)}))
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
        parse(json.dumps(record))


def test_a_number_that_no_float_can_hold_is_refused_where_it_is(path: Path) -> None:
    text = path.read_text("utf-8")
    path.write_text(text.replace('"copy": 0.3333333333333333', '"copy": 1e400'), encoding="utf-8")
    refused(path, f"a number that a float can hold at cases/{CASE}/1/reference/copy. Received: inf")
