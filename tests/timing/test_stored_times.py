"""Files of stored times: read strictly, written completely, and one sentence for each kind of damage."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.errors import SuiteError
from harness.record.timings import KEPT, Timings, dumps, parse, path_of, read, update
from tests.make import measurement

STORED = Path(__file__).parents[2] / "baselines"
CASE = "example-4/dropout 0.2/compiled"
EMPTY = Timings(stack="jax-cpu", cases={})
HELD = Timings(
    stack="jax-cpu",
    cases={
        CASE: (measurement([0.1, 1 / 3, 5e-324]), measurement([0.2], compile=None, fit=1 / 3, contention=1 / 7)),
        "한/b/fit": (measurement([1]),),
    },
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = path_of(tmp_path, "jax-cpu")
    update(place, lambda old: HELD)
    return place


def test_what_is_written_is_read_back_bit_for_bit_and_has_a_line_for_each_measurement(path: Path) -> None:
    assert read(path) == HELD
    assert [p.name for p in path.parent.iterdir()] == ["jax-cpu.json"]
    assert read(path.with_name("torch-cpu.json")) is None
    assert parse(dumps(EMPTY)) == EMPTY
    before, after = (dumps(held).splitlines() for held in (HELD, HELD.added(CASE, measurement([0.3]), replaces=False)))
    assert len(after) == len(before) + 1


def test_the_last_ten_are_kept() -> None:
    held = EMPTY
    for number in range(KEPT + 3):
        held = held.added(CASE, measurement([1.0 + number]), replaces=False)
    assert [stored.median for stored in held.cases[CASE]] == [4.0 + n for n in range(KEPT)]
    assert held.added(CASE, measurement([9.0]), replaces=True).cases[CASE] == (measurement([9.0]),)
    assert held.without({CASE}).cases == {}


@pytest.mark.parametrize("stack", ["jax-cpu", "tensorflow-cpu"])
def test_the_stored_times_are_written_back_byte_for_byte(stack: str) -> None:
    text = path_of(STORED, stack).read_text("utf-8")
    stored = parse(text)
    assert dumps(stored) == text
    for case, measurements in stored.cases.items():
        work, _, engine = case.rpartition("/")
        expected = [None if engine == "fit" else fit.fastest for fit in stored.cases[f"{work}/fit"]]
        assert [each.fit for each in measurements] == expected, "the repeats of a process stand in the same order"


def change(path: Path, *keys: Any, value: Any) -> None:
    record = held = json.loads(path.read_text("utf-8"))
    for key in keys[:-1]:
        held = held[key]
    held[keys[-1]] = value
    path.write_text(json.dumps(record), encoding="utf-8")


def test_a_field_that_is_no_longer_measured_is_left_out(path: Path) -> None:
    change(path, "cases", CASE, 0, "reference", value={"copy": 0.001})
    assert read(path) == HELD


@pytest.mark.parametrize(
    ("keys", "value", "said"),
    [
        (("schema",), "1", "`int` at `$.schema`"),
        (("stack",), "jax-gpu", "the timings of jax-cpu"),
        (("cases", CASE), [], "`array` of length >= 1 at `$.cases[...]`."),
        (("cases", CASE), [msgspec.to_builtins(measurement([1.0]))] * 11, "`array` of length <= 10 at"),
        (("cases", CASE, 0), None, "`object`"),
        (("cases", CASE, 0, "contention"), "1", "`float | null` at `$.cases[...][0].contention`. Received: `str`"),
        (("cases", CASE, 0, "rounds"), [-1.0], "`float` > 0.0 at"),
        (("cases", CASE, 0, "rounds"), [10**400], "Number out of range"),
        (("cases", CASE, 0, "epochs"), True, "`int` at"),
        (("cases", CASE, 0, "definition"), "xyz", "regex '^[0-9a-f]{16}$' at"),
        ((), b"[" * 100_000, "`object`"),
    ],
)
def test_each_fault_is_named_with_its_remedy_and_nothing_is_written(
    path: Path, keys: tuple[Any, ...], value: Any, said: str
) -> None:
    if keys:
        change(path, *keys, value=value)
    else:
        path.write_bytes(value)
    before = path.read_bytes()
    doings: tuple[Callable[[], object], ...] = (lambda: read(path), lambda: update(path, lambda old: HELD))
    for doing in doings:
        with pytest.raises(SuiteError) as caught:
            doing()
        text = str(caught.value)
        assert text.startswith(f"Invalid timings {path}. Expected: ")
        assert said in text
        assert "git checkout -- " in text
        assert '-m timing --update-baselines "reason"' in text
    assert path.read_bytes() == before


def test_a_file_of_another_version_is_not_to_be_restored(path: Path) -> None:
    change(path, "schema", value=2)
    with pytest.raises(SuiteError, match="a newer version of the suite: update the suite") as caught:
        read(path)
    assert "git checkout" not in str(caught.value)


def test_a_failed_update_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("harness.record.files.os.replace", full)
    with pytest.raises(SuiteError, match=r"Cannot write timings .*: No space left on device\. The old file"):
        update(path, lambda old: EMPTY)
    with pytest.raises(SuiteError, match="Cannot write timings"):
        update(path, lambda old: HELD.added(CASE, measurement([float("nan")]), replaces=True))
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["jax-cpu.json"]
