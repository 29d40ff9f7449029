"""The record of a run: nothing that finished is lost, and damage is told."""

import json
import math
import os

import pytest
from harness.store import SCHEMA, RunLog, latest_run, read_run
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.domain.trial import Divergence, Seconds, Trial, finite, thin
from harness.errors import SuiteError

FINITE = st.floats(allow_nan=False, allow_infinity=False)
ANY = st.one_of(st.none(), st.floats())
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
TRIALS = st.builds(
    Trial,
    variant=TEXT,
    seed=st.integers(0, 2**40),
    metrics=st.dictionaries(TEXT, ANY, max_size=3),
    history=st.dictionaries(TEXT, st.lists(ANY, max_size=5), max_size=3),
    divergence=st.one_of(
        st.none(),
        st.builds(
            Divergence,
            st.sampled_from(["nan", "inf", "blow-up", "stuck at chance"]),
            st.integers(1, 100),
            st.one_of(st.none(), st.integers(1, 10**6)),
        ),
    ),
    seconds=st.builds(Seconds, FINITE, FINITE, FINITE, FINITE),
    engine=st.sampled_from(["fit", "compiled"]),
)


@pytest.fixture
def log(tmp_path):
    made = RunLog(tmp_path / "runs", {"id": "2026-01-01T00-00-00", "full": False})
    yield made
    made.close()


def trial(seed=0, **changes):
    arguments = {"metrics": {"loss": 0.5}, "history": {"loss": (1.0, 0.5)}, **changes}
    return Trial("plain", seed, **arguments)


def record(one):
    return {"experiment": "e", **one.to_json()}


def test_what_a_resumed_run_records_again_counts(log):
    for verdict in ("INCONCLUSIVE", "SUPPORTED"):
        for key in ("b", "a"):
            log.append("claim", {"key": key, "verdict": verdict})
            log.append("training", {"experiment": "e", "variant": key, "verdict": verdict})
            log.append("erratum", {"id": key, "verdict": verdict})
        log.append("end", {"interrupted": True})
        run = read_run(log.path)
        assert run.end["interrupted"] is True
        for records in (run.claims, run.trainings, run.errata):
            assert [(one.get("key") or one.get("variant") or one["id"], one["verdict"]) for one in records] == [
                ("b", verdict), ("a", verdict),
            ]  # fmt: skip
        log.append("resumed", {"started": "now"})
        assert read_run(log.path).end is None


def test_a_line_is_on_disk_at_once(log):
    for count in range(3):
        assert log.path.read_bytes().count(b"\n") == 1 + count
        log.append("trial", record(trial(count)))
    assert [one.seed for one in read_run(log.path).trials["e", "plain"]] == [0, 1, 2]


def test_what_is_read_back(log):
    log.append("experiment", {"id": "e", "size": 3})
    log.append("trial", record(trial(4)))
    log.append("training", {"experiment": "e", "state": "new"})
    log.append("claim", {"key": "a", "verdict": "SUPPORTED"})
    log.append("claim", {"key": "b", "verdict": "REFUTED"})
    log.append("claim", {"key": "a", "verdict": "SUPPORTED", "p_adjusted": 0.1})
    assert read_run(log.path).end is None
    log.append("end", {"exit_status": 0})
    run = read_run(log.path)
    assert (run.header["schema"], run.header["full"]) == (SCHEMA, False)
    assert run.experiments["e"]["size"] == 3
    assert run.trials == {("e", "plain"): (trial(4),)}
    assert run.trainings[0]["state"] == "new"
    assert [(one["key"], one.get("p_adjusted")) for one in run.claims] == [("a", 0.1), ("b", None)]
    assert run.end["exit_status"] == 0


@settings(max_examples=200, deadline=None)
@given(TRIALS)
def test_trials_come_back_bit_for_bit(tmp_path_factory, one):
    log = RunLog(tmp_path_factory.mktemp("run"), {"id": "x"})
    log.append("trial", record(one))
    log.close()
    (back,) = read_run(log.path).trials["e", one.variant]
    assert back == one
    assert repr(back) == repr(one)  # the sign of 0 too
    assert Trial.from_json(one.to_json()) == one


@pytest.mark.parametrize("text", ["a\u2028b\u2029c", "line\nbreak\r\n", "적절한 값", "\x85\x1c", '"quoted" \\'])
def test_any_text_is_one_line(log, text):
    log.append("trial", record(trial(history={text: (1.0,)})))
    log.append("claim", {"key": text})
    assert log.path.read_bytes().count(b"\n") == 3
    run = read_run(log.path)
    assert list(run.trials["e", "plain"][0].history) == [text]
    assert run.claims[0]["key"] == text


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nan_and_inf_are_refused(log, value):
    before = log.path.read_bytes()
    with pytest.raises(ValueError, match="not JSON compliant"):
        log.append("claim", {"estimate": value})
    assert log.path.read_bytes() == before


def test_a_torn_last_line_is_left_out(log):
    log.append("trial", record(trial(0)))
    whole = log.path.read_bytes()
    log.append("trial", record(trial(1)))
    longer = log.path.read_bytes()
    for length in range(len(whole), len(longer)):
        log.path.write_bytes(longer[:length])
        assert [one.seed for one in read_run(log.path).trials["e", "plain"]] == [0]


@pytest.mark.parametrize("damage", ["{not json", "[1, 2]", '"text"', "{}", "", "null", "3"])
def test_a_damaged_line_is_named(log, damage):
    for seed in (0, 1, 2):
        log.append("trial", record(trial(seed)))
    lines = log.path.read_text(encoding="utf-8").split("\n")
    log.path.write_text("\n".join([*lines[:2], damage, *lines[3:]]), encoding="utf-8")
    with pytest.raises(SuiteError, match=r"^Invalid line 3 of .+\. Expected: a JSON record with a kind\. Received: "):
        read_run(log.path)


@pytest.mark.parametrize(
    "first",
    [
        '{"kind": "run", "schema": 2}',
        '{"kind": "run"}',
        '{"kind": "trial", "schema": 1}',
        '{"kind": "run", "schema": "1"}',
    ],
)
def test_wrong_schema(tmp_path, first):
    path = tmp_path / "run.jsonl"
    path.write_text(first + "\n", encoding="utf-8")
    with pytest.raises(SuiteError, match=r"^Invalid run record .+ Expected: a first line of kind 'run', schema 1\."):
        read_run(path)


@pytest.mark.parametrize(
    "content", [b"", b'{"kind": "run", "schema": 1', b"\n", b"\xff\xfe\x00\n", b"\x00" * 10 + b"\n"]
)
def test_no_record_at_all(tmp_path, content):
    path = tmp_path / "run.jsonl"
    path.write_bytes(content)
    with pytest.raises(SuiteError, match=r"run\.jsonl"):
        read_run(path)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(SuiteError, match="Cannot read the run's record"):
        read_run(tmp_path / "run.jsonl")
    with pytest.raises(SuiteError, match="Cannot read the run's record"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    "field", ["variant", "seed", "metrics", "history", "divergence", "seconds", "engine", "experiment"]
)
def test_a_trial_without_a_field(log, field):
    log.append("trial", {key: value for key, value in record(trial()).items() if key != field})
    with pytest.raises(SuiteError, match=rf"^Invalid trial in .+ Received: KeyError\('{field}'\)"):
        read_run(log.path)


@pytest.mark.parametrize(
    "change", [{"metrics": [1]}, {"history": {"loss": 1}}, {"seconds": {"hours": 1}}, {"divergence": 3}]
)
def test_a_trial_of_wrong_types(log, change):
    log.append("trial", record(trial()) | change)
    with pytest.raises(SuiteError, match=r"^Invalid trial in .+ Expected: the fields of a trial\."):
        read_run(log.path)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(SuiteError, match=r"Cannot write the run's record .+ Make the folder writable"):
        RunLog(tmp_path / "file" / "runs", {"id": "x"})


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_an_unwritable_folder(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(SuiteError, match=r"Cannot write the run's record .+ Permission denied"):
        RunLog(tmp_path, {"id": "x"})


def test_a_run_is_never_overwritten(log):
    with pytest.raises(SuiteError, match="File exists"):
        RunLog(log.path.parent, {"id": log.path.stem})


def test_latest_run(tmp_path):
    with pytest.raises(SuiteError, match=r"No run is recorded in .+ Run `pytest suite/` first"):
        latest_run(tmp_path)
    for name in ("2026-02-01.jsonl", "2025-12-31.jsonl", "2026-03-01.txt"):
        (tmp_path / name).write_text(json.dumps({}), encoding="utf-8")
    assert latest_run(tmp_path).name == "2026-02-01.jsonl"


def test_what_is_not_finite_is_none():
    made = trial(metrics={"a": math.nan, "b": 1}, history={"loss": [1.0, math.inf, None]})
    assert dict(made.metrics) == {"a": None, "b": 1.0}
    assert made.history["loss"] == (1.0, None, None)
    assert finite(-math.inf) is finite(None) is None
    with pytest.raises(TypeError):
        made.metrics["a"] = 1.0


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 200, 1000])
def test_thinned_curves_keep_their_ends(length):
    curve = tuple(float(i) for i in range(length))
    short = thin(curve, 32)
    assert len(short) == min(length, 32)
    assert short[:1] == curve[:1]
    assert short[-1:] == curve[-1:]
    assert sorted(set(short)) == list(short)
