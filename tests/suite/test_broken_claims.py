"""A claim module with a mistake: it fails by name and with the fix, other sections run, the exit code is 1."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.suite.command import ROOT, Finished, suite

JAX = ("--backend", "jax", "--seeds", "5")
RACE = "cases/optimizers/race.py"
TIPS = "cases/examples/mnist_tips.py"
CHANGES = (
    (RACE, 'id="adam-converges-fastest"', 'id="adam_converges_fastest"'),
    (TIPS, "metrics=(", "metrics=(("),  # a syntax error in an experiment
)
EVERY = "optimizers or mnist_tips or zscore or minmax or raw-data"
"""Selects everything that is broken here, and tiny claims of other sections."""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code with mistakes in two claim modules."""
    copy = tmp_path_factory.mktemp("broken") / "checkout"
    for name in ("baselines", "cases", "harness", "reports", "suite"):
        ignored = shutil.ignore_patterns("__pycache__", "out", "published", "*.json", "mnist.npz")
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    for name in ("conftest.py", "tox.ini", "pyproject.toml"):
        shutil.copy(ROOT / name, copy / name)
    for name, old, new in CHANGES:
        text = (copy / name).read_text("utf-8")
        assert old in text
        (copy / name).write_text(text.replace(old, new, 1), "utf-8")
    return copy


@pytest.fixture(scope="module")
def run(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("run")
    return suite(folder, *JAX, "-k", EVERY, "--junitxml", str(folder / "junit.xml"), root=checkout)


def names(red: set[str]) -> set[str]:
    """The names of the failed items, without the place of the mistake."""
    return {name.partition(", ")[0] for name in red}


BROKEN = {"cases.optimizers.race", "cases.examples.mnist_tips"}


def test_broken_modules_are_red_by_name_and_the_other_sections_run(run: Finished) -> None:
    assert run.code == 1
    assert names(run.red) == BROKEN
    assert {"raw-data-diverges", "minmax-fixes-divergence", "minmax-table", "minmax-formula"} < set(run.verdicts)
    assert set(run.verdicts.values()) <= {"SUPPORTED", "INCONCLUSIVE"}


@pytest.mark.parametrize(
    "text",
    [
        f"cases.optimizers.race ({RACE}:",
        "Invalid id of claim 'adam_converges_fastest/printed rates'. Expected: kebab-case, e.g. 'relu-beats-linear'.",
        "Sections left out because of it: optimizers.",
        f"cases.examples.mnist_tips ({TIPS}:",
        "Expected: one that runs. Received: SyntaxError:",
        "Sections left out because of it: examples.mnist_tips.",
    ],
)
def test_the_messages_of_a_broken_module(run: Finished, text: str) -> None:
    assert text in run.output


def test_the_line_is_that_of_the_claim(run: Finished, checkout: Path) -> None:
    (line,) = set(re.findall(rf"{RACE}:(\d+)", run.output))
    lines = (checkout / RACE).read_text("utf-8").splitlines()
    assert "Claim(" in lines[int(line) - 1]


def test_a_line_each_in_the_summary_and_the_report(run: Finished) -> None:
    broken = re.findall(r"^  could not be read: (\S+) \(", run.output, re.MULTILINE)
    assert set(broken) == BROKEN
    markdown = (run.folder / "report" / "REPORT.md").read_text("utf-8")
    assert "> **2 mistakes in the catalogue.**" in markdown
    assert all(markdown.count(f"> - `{name}`") == 1 for name in BROKEN)
    assert {broken.name for broken in run.report.run.broken} == BROKEN
    assert "adam_converges_fastest" in (run.folder / "junit.xml").read_text("utf-8")


def test_a_claim_of_a_broken_module_is_asked_for(checkout: Path, tmp_path: Path) -> None:
    found = suite(tmp_path, *JAX, "-k", "tips-xavier-helps", "--collect-only", "-q", root=checkout)
    assert found.code == 4
    assert "no claim or test 'tips'" in found.output or "no claim or test 'tips-xavier-helps'" in found.output
    assert f"cases.examples.mnist_tips ({TIPS}:" in found.output


def test_a_section_that_is_left_out_is_found_by_its_name(checkout: Path, tmp_path: Path) -> None:
    found = suite(tmp_path, *JAX, "-k", "mnist_tips", "--collect-only", "-q", root=checkout)
    assert found.output.count("::test_catalogue[") == 1
    assert found.code == 2  # as for pytest's own errors during collection


@pytest.mark.parametrize("word", ["minmax-table", pytest.param("minmax-formula", marks=pytest.mark.slow)])
def test_another_claim_alone_is_green(word: str, checkout: Path, tmp_path: Path) -> None:
    found = suite(tmp_path, *JAX, "-k", word, root=checkout)
    assert found.code == 0
    assert set(found.verdicts) == {word}
    assert "mistake" not in (tmp_path / "report" / "REPORT.md").read_text("utf-8")


def test_dry_run(checkout: Path, tmp_path: Path) -> None:
    found = suite(tmp_path, *JAX, "--dry-run", "-k", EVERY, root=checkout)
    assert found.code == 1
    assert set(re.findall(r"^BROKEN: (\S+) \(", found.output, re.MULTILINE)) == BROKEN
    assert "example-2/raw" in found.output
    assert "dry run: nothing was trained, and nothing written" in found.output
    assert not list(tmp_path.rglob("*.jsonl"))


def test_each_kind_selects_them_but_times(checkout: Path, tmp_path: Path) -> None:
    exact = suite(tmp_path / "exact", *JAX, "-m", "exact", "--collect-only", "-q", root=checkout)
    assert exact.output.count("::test_catalogue[") == 2
    assert exact.code == 2
    timing = suite(tmp_path / "timing", *JAX, "-m", "timing", "--collect-only", "-q", root=checkout)
    assert "::test_catalogue[" not in timing.output
    assert timing.code == 0


def test_no_baseline_is_stored_of_half_a_catalogue(checkout: Path, tmp_path: Path) -> None:
    found = suite(tmp_path, *JAX, "-k", "minmax-table", "--update-baselines", "x", root=checkout)
    assert found.code == 4
    (error,) = [line for line in found.output.splitlines() if line.startswith("ERROR: ")]
    assert "--update-baselines needs the whole catalogue" in error
    assert "cases." in error
    assert found.files() == {}


@pytest.mark.parametrize("fault", ["", "\n1 / 0\n", "\nimport nothing_of_that_name\n"])
def test_a_mistake_in_what_all_use(
    fault: str, checkout: Path, tmp_path: Path, copied_networks: Callable[[str], Path]
) -> None:
    """No claim can be read. The run reports file and line; for the self-checks, which use it too, pytest does."""
    ours = ("--ignore-glob", "*selfcheck*")
    found = suite(tmp_path, *JAX, *ours, "--collect-only", "-q", root=copied_networks(fault))
    assert (found.code, "BROKEN: cases.networks (cases/networks.py:" in found.output) == (
        (2, True) if fault else (0, False)
    )


@pytest.fixture
def copied_networks(checkout: Path, tmp_path: Path) -> Callable[[str], Path]:
    def copy(fault: str) -> Path:
        root = tmp_path / "checkout"
        shutil.copytree(checkout, root, ignore=shutil.ignore_patterns("__pycache__", "out"))
        for name, _, _ in CHANGES:
            shutil.copy(ROOT / name, root / name)
        with (root / "cases" / "networks.py").open("a", encoding="utf-8") as file:
            file.write(fault)
        return root

    return copy
