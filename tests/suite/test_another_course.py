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
from tests.suite.command import CHECK, ROOT, Finished, arguments, environment, forked, suite
from tests.suite.labs import LABS, PAGE, stored_values, written
from tests.suite.tutorial import made_as_told

WINE = ROOT / "examples" / "wine"
CLAIMS = ["standardised-columns", "standardise-first", "raw-diverges", "larger-rate-is-faster", "hidden-layer-helps"]


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A check of the example's claims against its own evidence."""
    folder = tmp_path_factory.mktemp("wine")
    shutil.copytree(WINE / "baselines", folder / "baselines")
    return suite(folder, CHECK, "--catalogue", "examples/wine", "-k", " or ".join(CLAIMS))


@pytest.mark.slow
def test_a_check_of_the_example_is_green(checked: Finished) -> None:
    assert checked.code == 0, checked.output
    assert checked.verdicts.keys() == set(CLAIMS)
    assert set(checked.states.values()) <= {"identical", "reproduced", "start reproduced"}, checked.states


@pytest.mark.slow
def test_its_evidence_refutes_one_claim_and_decides_another(checked: Finished) -> None:
    assert checked.verdicts["raw-diverges"] == "REFUTED"
    assert checked.verdicts["standardise-first"] == "SUPPORTED"


@pytest.mark.slow
def test_its_reports_name_it_and_nothing_of_the_lecture(checked: Finished) -> None:
    report = checked.folder / "report"
    texts = {path.name: path.read_text("utf-8") for path in report.rglob("*") if path.suffix in (".md", ".html")}
    assert {"REPORT.md", "SUMMARY.md", "index.html"} <= texts.keys()
    for name in ("REPORT.md", "SUMMARY.md", "index.html"):
        assert "Three growers of wine" in texts[name]
    for name, text in texts.items():
        for word in (TITLE, TITLE.replace("&", "&amp;"), *AUTHOR.split(", "), *SLIDES, "MNIST", "cases/"):
            assert word not in text, f"{name} names {word}"
    assert "course: Three growers of wine" in checked.output


@pytest.mark.slow
def test_its_page_shows_its_code_and_its_commands(checked: Finished) -> None:
    page = (checked.folder / "report" / "index.html").read_text("utf-8")
    assert "wine/__init__.py" in page
    assert "pytest suite/ --catalogue examples/wine -k hidden-layer-helps" in page


@pytest.mark.slow
def test_a_check_of_the_labs_is_green(tmp_path: Path) -> None:
    """It trains one network to the end, and the first steps of the others."""
    shutil.copytree(LABS / "baselines", tmp_path / "baselines")
    ids = sorted({claim.id for claim in read(LABS).claims})
    run = suite(tmp_path, CHECK, "--catalogue", "examples/zero_to_all", "-k", " or ".join(ids))
    assert run.code == 0, run.output
    assert run.verdicts.keys() == {claim.key for claim in read(LABS).claims}
    assert run.states["softmax/softmax"] in {"identical", "reproduced"}
    assert set(run.states.values()) <= {"identical", "reproduced", "start reproduced"}, run.states


def test_every_figure_that_the_labs_print_is_a_claim() -> None:
    """Five networks print two costs and an accuracy; two print a loss and an accuracy at three epochs."""
    assert len([claim for claim in read(LABS).claims if claim.figures]) == 5 * 3 + 2 * 3 * 2


def test_the_page_of_the_labs_has_the_verdicts_of_the_evidence() -> None:
    """`python -m tests.suite.labs` writes them."""
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
    assert "NOTSET" not in run.output
    assert "test_errata" not in run.output
    assert "tips-dropout-helps" not in run.output


@pytest.mark.slow
def test_workers_train_its_experiments(tmp_path: Path) -> None:
    run = suite(tmp_path, "--catalogue", str(WINE), "-k", "hidden-layer-helps", "--seeds", "5", "--workers", "2")
    assert run.code == 0, run.output
    assert {"wine-training/hidden layer", "wine-training/rate 0.1"} == run.states.keys()


@pytest.mark.slow
def test_the_tutorial_gives_the_verdicts_that_it_names(tmp_path: Path) -> None:
    folder = made_as_told(tmp_path)
    run = suite(tmp_path, "--catalogue", str(folder), "-m", "training")
    assert run.code == 0, run.output
    assert run.verdicts == {"standardise-first": "SUPPORTED", "raw-diverges": "REFUTED"}
    assert (tmp_path / "report" / "REPORT.md").read_text("utf-8").startswith("# my_wine: claims on TensorFlow")
    assert "## [1\\. The data]" in (tmp_path / "report" / "REPORT.md").read_text("utf-8")


def test_its_evidence_is_reported_without_training(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reports", "--catalogue", "examples/wine", "--evidence", "tensorflow-cpu"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path)], cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "REPORT.md").read_text("utf-8").startswith("# Three growers of wine: claims on TensorFlow")


@pytest.mark.slow
def test_a_run_is_not_reported_as_one_of_another_course(checked: Finished, tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"is not of 'cases'\. It is of the course 'wine': name its folder with --cat"):
        write_report(checked.record.path, tmp_path)
    assert not list(tmp_path.iterdir())


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
    run = forked(arguments(tmp_path, "--catalogue", str(folder)), environment(), tmp_path)
    assert run.code == 4
    [message] = [line for line in run.output.splitlines() if line.startswith("ERROR: ")]
    assert said in message
    assert not (tmp_path / "report").exists()


def test_a_bad_course_is_named_by_python_m_reports(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reports", "--catalogue", str(tmp_path / "none")]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"reports: Invalid catalogue {tmp_path / 'none'}. Expected: a package with a COURSE.")
