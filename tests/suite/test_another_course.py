"""`--catalogue FOLDER` runs somebody else's course: the examples in `examples/`, and courses that are refused."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from cases.lecture import AUTHOR, SLIDES, TITLE
from harness.course import read
from harness.errors import SuiteError
from reports.write import write_report
from tests.suite.command import CHECK, ROOT, arguments, environment, forked, suite
from tests.suite.labs import LABS, PAGE, stored_values, written
from tests.suite.tutorial import made_as_told

WINE = ROOT / "examples" / "wine"
CLAIMS = ["standardised-columns", "standardise-first", "raw-diverges", "larger-rate-is-faster", "hidden-layer-helps"]
KNOWN = {"identical", "reproduced", "start reproduced"}


@pytest.mark.slow
def test_a_check_of_the_example(tmp_path: Path) -> None:
    """It is green, and its reports name the course and nothing of the lecture."""
    shutil.copytree(WINE / "baselines", tmp_path / "baselines")
    run = suite(tmp_path, CHECK, "--catalogue", "examples/wine", "-k", " or ".join(CLAIMS))
    assert run.code == 0, run.output
    assert run.verdicts.keys() == set(CLAIMS)
    assert set(run.states.values()) <= KNOWN, run.states
    assert (run.verdicts["raw-diverges"], run.verdicts["standardise-first"]) == ("REFUTED", "SUPPORTED")
    assert "course: Three growers of wine" in run.output
    report = tmp_path / "report"
    texts = {path.name: path.read_text("utf-8") for path in report.rglob("*") if path.suffix in (".md", ".html")}
    for name in ("REPORT.md", "SUMMARY.md", "index.html"):
        assert "Three growers of wine" in texts[name]
    for name, text in texts.items():
        for word in (TITLE, TITLE.replace("&", "&amp;"), *AUTHOR.split(", "), *SLIDES, "MNIST", "cases/"):
            assert word not in text, f"{name} names {word}"
    assert "wine/__init__.py" in texts["index.html"]
    assert "pytest suite/ --catalogue examples/wine -k hidden-layer-helps" in texts["index.html"]
    out = tmp_path / "out"
    with pytest.raises(SuiteError, match=r"is not of 'cases'\. It is of the course 'wine': name its folder with --cat"):
        write_report(run.record.path, out)
    assert not out.exists()


@pytest.mark.slow
def test_a_check_of_the_labs_is_green(tmp_path: Path) -> None:
    """It trains one network to the end, and the first steps of the others."""
    shutil.copytree(LABS / "baselines", tmp_path / "baselines")
    ids = sorted({claim.id for claim in read(LABS).claims})
    run = suite(tmp_path, CHECK, "--catalogue", "examples/zero_to_all", "-k", " or ".join(ids))
    assert run.code == 0, run.output
    assert run.verdicts.keys() == {claim.key for claim in read(LABS).claims}
    assert run.states["softmax/softmax"] in KNOWN - {"start reproduced"}
    assert set(run.states.values()) <= KNOWN, run.states


def test_the_page_of_the_labs_has_every_figure_and_the_verdicts_of_the_evidence() -> None:
    """`python -m tests.suite.labs` writes them.

    Five networks print two costs and an accuracy; two print a loss and an accuracy at three epochs.
    """
    assert len([claim for claim in read(LABS).claims if claim.figures]) == 5 * 3 + 2 * 3 * 2
    assert written(PAGE.read_text("utf-8")) == PAGE.read_text("utf-8")


@pytest.mark.slow
def test_the_second_opinion_gives_a_first_cost_like_ours() -> None:
    """The trainings of the suite and those of TensorFlow 1's API are of one network."""
    command = [sys.executable, str(LABS / "tensorflow1.py"), "256", "256", "--epochs", "1"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    ours = stored_values("networks", "two layers", "first_loss")
    cost, accuracy = map(float, done.stdout.split())
    assert abs(cost - statistics.mean(ours)) < 4 * statistics.stdev(ours)
    assert 0.8 < accuracy < 0.95


def test_no_test_of_what_it_has_none_of_is_run(tmp_path: Path) -> None:
    run = suite(tmp_path, "--catalogue", "examples/wine", "--collect-only", "-q")
    assert run.code == 0
    assert "test_claims[hidden-layer-helps]" in run.output
    for text in ("NOTSET", "test_errata", "tips-dropout-helps"):
        assert text not in run.output


@pytest.mark.slow
def test_workers_train_its_experiments(tmp_path: Path) -> None:
    run = suite(tmp_path, "--catalogue", str(WINE), "-k", "hidden-layer-helps", "--seeds", "5", "--workers", "2")
    assert run.code == 0, run.output
    assert {"wine-training/hidden layer", "wine-training/rate 0.1"} == run.states.keys()


@pytest.mark.slow
def test_the_tutorial_gives_the_verdicts_that_it_names(tmp_path: Path) -> None:
    run = suite(tmp_path, "--catalogue", str(made_as_told(tmp_path)), "-m", "training")
    assert run.code == 0, run.output
    assert run.verdicts == {"standardise-first": "SUPPORTED", "raw-diverges": "REFUTED"}
    text = (tmp_path / "report" / "REPORT.md").read_text("utf-8")
    assert text.startswith("# my_wine: claims on TensorFlow")
    assert "## [1\\. The data]" in text


def test_its_evidence_is_reported_without_training(tmp_path: Path) -> None:
    wine = ("--catalogue", "examples/wine", "--evidence", "tensorflow-cpu")
    done = forked(["reports", *wine, "--out", str(tmp_path)], tmp_path)
    assert done.code == 0, done.output
    assert (tmp_path / "REPORT.md").read_text("utf-8").startswith("# Three growers of wine: claims on TensorFlow")


BAD = {
    "no folder": (None, "Received: no folder."),
    "no package": ({}, "Received: a folder without __init__.py."),
    "no COURSE": ({"__init__.py": ""}, "Expected: a Course. Received: none."),
    "a mistake": ({"__init__.py": "x = 1 / 0"}, "another/__init__.py:1"),
    "an import of the lecture": ({"__init__.py": "import cases"}, "a course that imports no other course"),
}


@pytest.mark.parametrize(("files", "said"), BAD.values(), ids=list(BAD))
def test_a_bad_course_ends_the_run_with_one_message(tmp_path: Path, files: dict[str, str] | None, said: str) -> None:
    folder = tmp_path / "another"
    if files is not None:
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
    run = forked(arguments(tmp_path, "--catalogue", str(folder))[3:], tmp_path)
    assert run.code == 4
    [message] = [line for line in run.output.splitlines() if line.startswith("ERROR: ")]
    assert said in message
    assert not (tmp_path / "report").exists()


def test_a_bad_course_is_named_by_python_m_reports(tmp_path: Path) -> None:
    done = forked(["reports", "--catalogue", str(tmp_path / "none")], tmp_path)
    assert done.code == 2
    assert done.output.startswith(f"reports: Invalid catalogue {tmp_path / 'none'}. Expected: a package with a COURSE.")
