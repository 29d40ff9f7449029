"""The report of timing runs: alone, alongside claims, and from a damaged record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cases.lecture import TITLE
from harness.errors import SuiteError
from harness.record.outcomes import TimeComparison, TimeState
from reports.text import escape
from reports.times import speed
from reports.words import duration, factor
from reports.write import write_report
from tests.make import timed
from tests.reports.full import deep
from tests.reports.markdown import headings, section, tables
from tests.reports.synthetic import Recorder

TINY, SOFTMAX = "example-1/rate 0.1", "example-4/softmax"


def record(run: Recorder) -> Recorder:
    slower = TimeComparison(TimeState.SLOWER, "1.20 × slower than the 5 stored repeats.", 1.2, 1.1, repeats=5)
    of_fit = TimeComparison(TimeState.WITHIN, "Stored on another machine.", 1.02, 1.5, repeats=3, of_fit=True)
    rounds = [0.98, 1.0, 1.03] * 2
    epochs = {(TINY, "fit"): 0.09, (TINY, "compiled"): 1.8e-5, (SOFTMAX, "fit"): 1.2, (SOFTMAX, "compiled"): 0.08}
    comparisons = {
        (TINY, "compiled"): {"comparison": of_fit},
        (SOFTMAX, "compiled"): {"comparison": slower, "red": True},
    }
    for (work, engine), epoch in epochs.items():
        images = 8 if work == TINY else 60000
        seconds = [epoch * factor for factor in rounds]
        more = comparisons.get((work, engine), {})
        run.append(timed(work, seconds, engine, images=images, first_training=20 * epoch + 1.5, training=9.0, **more))
    return run


@pytest.fixture
def alone(tmp_path: Path) -> str:
    write_report(record(Recorder(tmp_path, command="pytest suite/ -m timing --backend tensorflow")).end(), tmp_path)
    return (tmp_path / "REPORT.md").read_text("utf-8")


def test_a_pure_timing_run_says_nothing_of_claims(alone: str, tmp_path: Path) -> None:
    assert alone.startswith("# Times on TensorFlow, 2026-11-24\n\n**❌ 1 time slower.**\n")
    assert headings(alone) == ["What moved", "In numbers", "Timing runs", "Environment"]
    assert "laim" not in alone.replace("no claim was decided", "")
    assert "- 2 pieces of work timed, 2 engines (compiled, fit)\n- Timed in 212 s on AMD EPYC 7B13" in alone
    [moved] = tables(section(alone, "What moved"))[0]
    assert moved["before → now"] == "1.20 × the stored seconds"
    assert "```sh\npytest suite/ -m timing --backend tensorflow\n```" in alone
    report = json.loads((tmp_path / "report.json").read_bytes())
    assert [case["engine"] for case in report["timings"]] == ["fit", "compiled"] * 2
    assert report["figures"] == []


def test_the_tables(alone: str) -> None:
    text = section(alone, "Timing runs")
    times, ratios = tables(text)
    assert [row["work, engine"] for row in times] == [
        f"`{work}`, {engine}" for work in (TINY, SOFTMAX) for engine in ("fit", "compiled")
    ]
    assert [row["state"] for row in times] == ["new", "within", "new", "⚠ **slower**"]
    assert (times[1]["per epoch"], times[3]["per epoch"]) == ("18 µs<br>6 rounds", "80 ms<br>6 rounds")
    assert times[3]["images/s"] == "750,000<br>compile 1.50 s"
    stored = [row["against stored"] for row in times]
    assert stored == ["–", "1.02 × (limit 1.50, 3 stored, in epochs of fit)", "–", "1.20 × (limit 1.10, 5 stored)"]
    assert [row["seconds of"] for row in ratios[:3]] == [
        "steady epoch: fit / compiled",
        "first training of 2 epochs, with compilation: fit / compiled",
        "further training of 2 epochs: fit / compiled",
    ]
    assert (ratios[0]["times as long"], ratios[0]["95 % interval"]) == ("5,000", "4,854 to 5,150")
    assert (ratios[1]["times as long"], ratios[1]["95 % interval"]) == ("2.2", "–")
    assert "**slower**: 1.20 × slower than the 5 stored repeats. (`example-4/softmax/compiled`)" in text
    assert "**within**: Stored on another machine. (`example-1/rate 0.1/compiled`)" in text


def test_words() -> None:
    values = {None: "–", 0.0: "0 s", 7.42e-6: "7.42 µs", 0.0801: "80.1 ms", 0.114: "0.11 s", 125.4: "125 s"}
    assert {value: duration(value) for value in values} == values
    factors = {0.98: "0.98", 15.26: "15.3", 13042.4: "13,042"}
    assert {value: factor(value) for value in factors} == factors
    assert speed("fit", "compiled", 0.6875) == "compiled 1.45 × slower than fit"
    assert speed("fit", "compiled", 13042.4) == "compiled 13,042 × as fast as fit"


def test_beside_claims_it_is_a_section_after_the_times(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    deep(run)
    write_report(record(run).end(), tmp_path)
    text = (tmp_path / "REPORT.md").read_text("utf-8")
    names = headings(text)
    assert names.index("Timing runs") == names.index("Time") + 1
    assert text.startswith(f"# {escape(TITLE)}: claims on TensorFlow")


def test_a_killed_timing_run_is_partial(tmp_path: Path) -> None:
    write_report(record(Recorder(tmp_path)).close(), tmp_path)
    assert "**Partial run.**" in (tmp_path / "REPORT.md").read_text("utf-8")


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    run.append(timed("a", (0.25,)))
    path = run.end()
    path.write_bytes(path.read_bytes().replace(b'"rounds":[0.25]', b'"rounds":["quick"]'))
    with pytest.raises(SuiteError, match=r"line 2 of .*\$\.measured\.rounds\[0\]"):
        write_report(path, tmp_path)
