"""A run to the end without evidence: its verdicts, summary, report and times, and the hint that nothing is stored."""

from __future__ import annotations

import json
import re

from tests.suite.command import Finished


def test_it_is_green_and_says_that_nothing_is_stored(first: Finished) -> None:
    assert first.code == 0
    assert set(first.states.values()) == {"new"}
    assert (
        "nothing is stored on jax-cpu for 2 trainings. Store evidence: --full --seeds 30 --update-baselines"
        in first.output
    )
    assert first.files() == {}
    assert first.verdicts["raw-data-diverges"] == first.verdicts["minmax-table"] == "SUPPORTED"


def test_a_claim_pulls_in_the_trainings_it_needs(first: Finished) -> None:
    assert set(first.record.trials) == {("example-2", "raw"), ("example-2", "min-max")}
    assert all(len(trained) == 5 for trained in first.record.trials.values())
    assert re.search(r"collected (\d+) items / (\d+) deselected / 7 selected", first.output)
    assert "7 passed" in first.output


def test_the_report_is_written_and_its_path_printed(first: Finished) -> None:
    path = first.folder / "report" / "REPORT.md"
    assert first.output.splitlines()[-3] == f"report: {path}"
    assert first.output.splitlines()[-2] == f"page: {path.with_name('index.html')}"
    assert path.with_name("index.html").exists()
    assert first.output.splitlines()[-1].startswith("one claim with its reason: the same command with -k ")
    assert "minmax-fixes-divergence" in path.read_text("utf-8")


def test_report_json_has_what_was_found(first: Finished) -> None:
    report = first.report
    assert report["schema"] == 3
    assert {claim["key"] for claim in report["claims"]} == set(first.verdicts)
    for claim in report["claims"]:
        assert claim["decision"]["effects"]
        assert claim["comparison"]["state"] == "new"
        for variant in claim["variants"].values():
            assert variant["n"] == len(variant["values"]) == 5
    assert report["partial"] is False
    assert report["end"]["exit_status"] == 0
    assert report["run"]["fingerprint"]["backend"] == "jax"
    assert {training["variant"] for training in report["trainings"]} == {"raw", "min-max"}


def test_times_are_in_one_table_and_in_a_file(first: Finished) -> None:
    rows = re.findall(r"^example-2/(\S+) +epoch +\S+ (?:s|ms|µs) +5$", first.output, re.MULTILINE)
    assert rows == ["raw", "min-max"]
    assert first.output.index("example-2/raw  ") < first.output.index("7 passed") < first.output.index("⚪ Nothing to")
    assert "benchmark '" not in first.output
    benchmarks = json.loads((first.folder / "report" / "benchmark.json").read_text("utf-8"))["benchmarks"]
    assert len(benchmarks) == 2
    means = {key: training.mean for key, training in first.record.trainings.items()}
    for benchmark in benchmarks:
        info = benchmark["extra_info"]
        assert (info["engine"], info["backend"], info["device"]) == ("vectorized", "jax", "cpu")
        assert info["mean"] == means[benchmark["params"]["experiment"], benchmark["params"]["variant"]]
        assert benchmark["stats"]["rounds"] == 5


def test_a_log_gets_plain_lines(first: Finished) -> None:
    assert re.search(r"^\[1/2\] example-2/raw: 5 seeds of 10 epochs$", first.output, re.MULTILINE)
    assert "\x1b" not in first.output
    assert "\r" not in first.output
