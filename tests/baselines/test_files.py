import dataclasses
import json
import math
import os
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from baselines.files import dumps, path_of, read, write
from baselines.record import EXACT, Baseline, ExpectedVerdict
from baselines.schema import parse
from baselines.strict import FormatError
from harness.errors import SuiteError
from harness.verdict import Verdict
from tests.baselines.make import PROVENANCE, baseline, stored, trial

REMEDY = "git checkout -- "


@pytest.fixture
def path(tmp_path):
    place = path_of(tmp_path, "quick", "jax-cpu", "deep-dropout")
    write(place, baseline())
    return place


def refusal(path) -> str:
    with pytest.raises(SuiteError) as caught:
        read(path)
    text = str(caught.value)
    assert text.startswith(f"Invalid baseline {path}. Expected: ")
    assert "Received: " in text
    assert f"{REMEDY}{path}" in text
    assert '--update-baselines "reason"' in text
    return text


def test_what_is_written_is_read_back_bit_for_bit(path):
    assert read(path) == baseline()
    values = [t.metrics["val_accuracy"] for t in read(path).variants["relu"].trials]
    assert [v.hex() for v in values] == [v.hex() for v in (0.9812, 0.1 + 0.2, 5e-324, -0.0, 1 / 3)]
    again = path.read_bytes()
    write(path, read(path))
    assert path.read_bytes() == again


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8))
def test_every_float_survives(values):
    held = baseline(relu=stored(values))
    back = parse(dumps(held)).variants["relu"].trials
    assert [t.metrics["val_accuracy"].hex() for t in back] == [v.hex() for v in values]


def test_nan_and_infinity_are_stored_as_null():
    held = baseline(relu=stored([math.nan, math.inf, 0.5]))
    text = dumps(held)
    assert "NaN" not in text
    assert "Infinity" not in text
    assert [t.metrics["val_accuracy"] for t in parse(text).variants["relu"].trials] == [None, None, 0.5]


def test_one_line_for_each_seed_and_a_change_of_one_seed_changes_one_line():
    before = dumps(baseline(relu=stored([0.1, 0.2, 0.3]))).splitlines()
    after = dumps(baseline(relu=stored([0.1, 0.25, 0.3]))).splitlines()
    changed = [a for a, b in zip(after, before, strict=True) if a != b]
    assert len(changed) == 1
    assert json.loads(changed[0].rstrip(","))["seed"] == 1


def test_an_absent_file_is_none(tmp_path):
    assert read(path_of(tmp_path, "quick", "jax-cpu", "deep-dropout")) is None


def test_exact_claims_have_a_file_without_variants(tmp_path):
    place = path_of(tmp_path, "lecture", "tensorflow-cpu", EXACT)
    held = Baseline(
        EXACT, "lecture", "tensorflow-cpu", {}, {"minmax-table": ExpectedVerdict(Verdict.REFUTED, "2026-11-23", "x")}
    )
    write(place, held)
    assert read(place) == held


def test_another_experiments_file_in_its_place_is_refused(path):
    copy = path.with_name("other.json")
    copy.write_bytes(path.read_bytes())
    assert "quick / jax-cpu / other" in refusal(copy)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    refusal(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not json", "complete JSON"),
        (b"\xff\xfe{}", "UTF-8"),
        (b"[]", "a JSON object"),
        (b"null", "a JSON object"),
        (b"{}", "schema 1"),
        (b'{"schema": 1, "schema": 1}', "each key of an object once"),
        (b'{"schema": NaN}', "finite numbers or null"),
        (b"[" * 100_000, "nested too deeply"),
        (b"1" * 5000, "complete JSON"),
    ],
)
def test_other_content(path, content, said):
    path.write_bytes(content)
    assert said in refusal(path)


TRIAL = ("variants", "relu", "trials", 0)
CHANGES = {
    "newer schema": (("schema",), 2, "schema 1"),
    "schema as text": (("schema",), "1", "schema 1"),
    "schema true": (("schema",), True, "schema 1"),
    "unknown setting": (("setting",), "medium", "one of quick, lecture"),
    "extra key": (("extra",), 1, "an unknown 'extra'"),
    "variants as list": (("variants",), [], "an object at variants"),
    "definition": (("variants", "relu", "definition"), "xyz", "16 hex digits"),
    "no trials": (("variants", "relu", "trials"), [], "at least one trial"),
    "number as text": ((*TRIAL, "metrics", "val_accuracy"), "0.98", "a number at variants/relu/trials/0"),
    "number as bool": ((*TRIAL, "metrics", "val_accuracy"), True, "a number"),
    "number too large": ((*TRIAL, "metrics", "val_accuracy"), 10**400, "a finite number"),
    "extra metric on one seed": ((*TRIAL, "metrics", "loss"), 1.0, "on every seed"),
    "curve as number": ((*TRIAL, "history", "loss"), 1.0, "a list of numbers"),
    "curve with a text": ((*TRIAL, "history", "loss"), [1.0, "1"], "a number"),
    "seed as bool": ((*TRIAL, "seed"), True, "a whole number"),
    "seed as float": ((*TRIAL, "seed"), 0.0, "a whole number"),
    "seed twice": ((*TRIAL, "seed"), 1, "each seed once"),
    "another variant's trial": ((*TRIAL, "variant"), "linear", "variant 'relu'"),
    "divergence without step": ((*TRIAL, "divergence"), {"kind": "nan", "epoch": 1}, "no 'step'"),
    "unknown divergence": ((*TRIAL, "divergence"), {"kind": "odd", "epoch": 1, "step": None}, "one of nan, inf"),
    "seconds as text": ((*TRIAL, "seconds", "total"), "1", "a number"),
    "seconds null": ((*TRIAL, "seconds"), None, "an object"),
    "engine null": ((*TRIAL, "engine"), None, "a text"),
    "trial as list": (TRIAL, [], "an object"),
    "date": (("variants", "relu", "provenance", "date"), "yesterday", "ISO 8601"),
    "empty reason": (("variants", "relu", "provenance", "reason"), " ", "a text"),
    "nested fingerprint": (("variants", "relu", "provenance", "fingerprint", "x"), {}, "a text, a number"),
    "unknown verdict": (("verdicts", "tips-relu-beats-linear", "verdict"), "MAYBE", "one of SUPPORTED, REFUTED"),
    "NOT_RUN expected": (("verdicts", "tips-relu-beats-linear", "verdict"), "NOT_RUN", "one of SUPPORTED, REFUTED"),
    "verdict as list": (("verdicts", "tips-relu-beats-linear", "verdict"), [], "one of SUPPORTED, REFUTED"),
    "lone surrogate": (("stack",), "\ud800", "a text"),
}


@pytest.mark.parametrize(("where", "value", "said"), CHANGES.values(), ids=CHANGES)
def test_one_wrong_value(path, where, value, said):
    record = json.loads(path.read_bytes())
    place = record
    for key in where[:-1]:
        place = place[key]
    place[where[-1]] = value
    path.write_text(json.dumps(record))
    assert said in refusal(path)


@pytest.mark.parametrize("key", ["schema", "experiment", "setting", "stack", "variants", "verdicts"])
def test_a_missing_key(path, key):
    record = json.loads(path.read_bytes())
    del record[key]
    path.write_text(json.dumps(record))
    assert key in refusal(path)


def test_a_literal_beyond_floats_is_refused(path):
    path.write_text(path.read_text().replace("0.9812", "1e999"))
    assert "a finite number" in refusal(path)


def test_a_directory_in_its_place(path):
    path.unlink()
    path.mkdir()
    assert "Is a directory" in refusal(path)


def test_a_file_in_the_place_of_its_folder(tmp_path):
    (tmp_path / "quick").write_text("")
    place = path_of(tmp_path, "quick", "jax-cpu", "deep-dropout")
    assert "Not a directory" in refusal(place)
    with pytest.raises(SuiteError, match="Cannot write baseline"):
        write(place, baseline())


def test_permission_denied(path, monkeypatch):
    def denied(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(type(path), "read_bytes", denied)
    assert "Permission denied" in refusal(path)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(path, monkeypatch, step):
    old = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(SuiteError, match=r"No space left on device.*The old file, if any, is unchanged.*disk not full"):
        write(path, baseline(relu=stored([0.5])))
    assert path.read_bytes() == old
    assert os.listdir(path.parent) == [path.name]


def test_an_interrupted_write_leaves_the_old_file_and_nothing_beside_it(path, monkeypatch):
    old = path.read_bytes()

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(path, baseline(relu=stored([0.5])))
    assert path.read_bytes() == old
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize(
    "held",
    [
        dataclasses.replace(baseline(), stack="tensorflow-cpu"),
        baseline(relu=dataclasses.replace(stored([0.5]), definition="")),
        baseline(relu=dataclasses.replace(stored([0.5]), provenance=dataclasses.replace(PROVENANCE, reason="\udcff"))),
        baseline(relu=dataclasses.replace(stored([0.5]), trials=(trial(0, 0.5), trial(0, 0.5)))),
        baseline(relu=dataclasses.replace(stored([0.5]), trials=())),
    ],
    ids=["another place", "no definition", "no utf-8", "a seed twice", "no trials"],
)
def test_what_could_not_be_read_back_is_never_written(path, held):
    old = path.read_bytes()
    with pytest.raises(SuiteError, match="Cannot write baseline"):
        write(path, held)
    assert path.read_bytes() == old


TEXT = dumps(baseline())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def spots(value, at=()):
    """The path of every value in a JSON value, itself included."""
    yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from spots(item, (*at, key))


def parsed_or_refused(text: str):
    try:
        return parse(text)
    except FormatError:
        return None


SPOTS = list(spots(json.loads(TEXT)))


@given(st.sampled_from(SPOTS), JSON)
@example((), 10**5000)
def test_any_value_anywhere_is_read_or_refused(spot, value):
    record = holder = json.loads(TEXT)
    for key in spot[:-1]:
        holder = holder[key]
    if spot:
        holder[spot[-1]] = value
    else:
        record = value
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    text = json.dumps(record)
    sys.set_int_max_str_digits(limit)
    held = parsed_or_refused(text)
    assert held is None or parse(dumps(held)) == held


@given(st.integers(0, len(TEXT)), st.integers(0, 40), st.text(max_size=6))
def test_any_cut_or_insertion_is_read_or_refused(at, cut, put):
    parsed_or_refused(TEXT[:at] + put + TEXT[at + cut :])


@given(content=st.binary(max_size=200))
def test_any_bytes_are_refused(tmp_path_factory, content):
    place = path_of(tmp_path_factory.getbasetemp(), "quick", "jax-cpu", "any")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    refusal(place)


def test_importing_baselines_imports_no_scipy_and_no_backend():
    code = "import sys, baselines.update, baselines.drift, baselines.verdicts, baselines.files; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"scipy", "numpy", "keras", "tensorflow", "jax", "suite", "cases", "reports"} & set(loaded)
