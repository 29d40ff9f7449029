"""What a run leaves: its record, its report, times, the JUnit file and a log; of trainings, of errata, and of a GPU."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.pretend_nvml import NAME, UUID
from tests.suite.command import CHECK, JAX, PLAIN, Finished, suite


def test_a_run_without_evidence_is_green_and_says_that_nothing_is_stored(first: Finished) -> None:
    assert first.code == 0
    assert set(first.states.values()) == {"new"}
    said = "nothing is stored on jax-cpu for 2 trainings. Store evidence: --full --seeds 30 --update-baselines"
    assert said in first.output
    assert first.files() == {}
    assert first.verdicts["raw-data-diverges"] == first.verdicts["minmax-table"] == "SUPPORTED"
    assert {key: len(trained) for key, trained in first.record.trials.items()} == {
        ("example-2", "raw"): 5, ("example-2", "min-max"): 5,
    }  # fmt: skip
    assert re.search(r"collected (\d+) items / (\d+) deselected / 7 selected", first.output)
    assert "7 passed" in first.output
    assert re.search(r"^\[1/2\] example-2/raw: 5 seeds of 10 epochs$", first.output, re.MULTILINE)
    assert not {"\x1b", "\r"} & set(first.output)


def test_the_report_is_written_and_its_path_printed(first: Finished) -> None:
    path, report = first.folder / "report" / "REPORT.md", first.report
    written, page, more = first.output.splitlines()[-3:]
    assert (written, page) == (f"report: {path}", f"page: {path.with_name('index.html')}")
    assert more.startswith("one claim with its reason: the same command with -k ")
    assert path.with_name("index.html").exists()
    assert "minmax-fixes-divergence" in path.read_text("utf-8")
    assert (report["schema"], report["partial"], report["end"]["exit_status"]) == (3, False, 0)
    assert report["run"]["fingerprint"]["backend"] == "jax"
    assert {claim["key"] for claim in report["claims"]} == set(first.verdicts)
    for claim in report["claims"]:
        assert claim["decision"]["effects"]
        assert claim["comparison"]["state"] == "new"
        assert all(variant["n"] == 5 for variant in claim["variants"].values())


def test_times_are_in_one_table_and_in_a_file(first: Finished) -> None:
    rows = re.findall(r"^example-2/(\S+) +epoch +\S+ (?:s|ms|µs) +5$", first.output, re.MULTILINE)
    assert rows == ["raw", "min-max"]
    assert first.output.index("example-2/raw  ") < first.output.index("7 passed") < first.output.index("⚪ Nothing to")
    assert "benchmark '" not in first.output
    benchmarks = json.loads((first.folder / "report" / "benchmark.json").read_text("utf-8"))["benchmarks"]
    means = {key: training.summary.mean for key, training in first.record.trainings.items()}
    assert len(benchmarks) == 2
    for benchmark in benchmarks:
        info = benchmark["extra_info"]
        assert (info["engine"], info["backend"], info["device"]) == ("vectorized", "jax", "cpu")
        assert info["mean"] == means[benchmark["params"]["experiment"], benchmark["params"]["variant"]]
        assert benchmark["stats"]["rounds"] == 5


def test_errata_are_recorded_in_full_and_reported_with_their_code(tmp_path: Path) -> None:
    """--require-baselines does not make an erratum red."""
    chosen = ("-m", "errata", "-k", "adagrad-defaults or argmax-axis or np-utils", "--require-baselines", "--strict")
    run = suite(tmp_path, *JAX, *chosen, "--junitxml", str(tmp_path / "junit.xml"))
    assert run.code == 0, run.output
    assert run.files() == {}
    assert "3 of 3 errata hold: code of the slides that has to be updated" in run.output
    errata = run.record.errata
    assert list(errata) == ["adagrad-defaults", "np-utils", "argmax-axis"]
    assert errata["np-utils"].when == "at the import"
    assert errata["np-utils"].error.startswith("ImportError: cannot import name 'np_utils'")
    adagrad = errata["adagrad-defaults"]
    assert (adagrad.today, adagrad.replacement) == ([0.001, 0.1], [0.01, 0.0])
    assert ([erratum["id"] for erratum in run.report["errata"]], run.report["claims"]) == (list(errata), [])
    assert "- 3 errata: all hold" in (tmp_path / "report" / "REPORT.md").read_text("utf-8")
    text = (tmp_path / "report" / "ERRATA.md").read_text("utf-8")
    assert "```python\nfrom keras.utils import np_utils\n" in text
    assert text.count("Replacement:") == 3
    case = properties(tmp_path / "junit.xml")["test_errata[np-utils]"]
    assert (case["state"], case["when"]) == ("holds", "at the import")


def properties(junit: Path) -> dict[str, dict[str, str]]:
    """The properties of each case in a JUnit file."""
    return {
        case.get("name", ""): {each.get("name", ""): each.get("value", "") for each in case.iter("property")}
        for case in ET.parse(junit).getroot().iter("testcase")
    }


@pytest.mark.slow
def test_the_state_of_a_gpu_is_recorded_at_both_ends_and_reported(tmp_path: Path) -> None:
    variables = {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "0"}
    plugins = (*PLAIN, "-p", "tests.suite.pretend_gpu")
    run = suite(tmp_path, CHECK, "-k", "minmax-table", "--backend", "jax", plugins=plugins, env=variables)
    assert run.code == 0
    assert run.record.end is not None
    start, end = run.record.header.gpu, run.record.end.gpu
    assert start is not None
    assert end is not None
    assert (start.name, start.driver, start.power_state, end.power_state) == (NAME, "570.86.15", "P0", "P2")
    text = (tmp_path / "report" / "REPORT.md").read_text("utf-8")
    assert "| power state | P0 | P2 |" in " ".join(text.split())
    assert UUID not in text
