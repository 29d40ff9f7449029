"""A run with a broken optimizer: it is red, says what moved, and accuses the lecture of nothing."""

from __future__ import annotations

import shutil

import pytest

from tests.suite.command import CHECK, ROOT, Finished, suite

FAULT = "learning rate × 0.99"
"""Every optimizer's rate is 1 % off (``benchmarks.faults``)."""
SELECTED = "sgd-update-rule or zscore-formula or minmax-formula or l2-loss-formula"


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("broken")
    stack = folder / "baselines" / "tensorflow-cpu"
    stack.mkdir(parents=True)
    shutil.copy(ROOT / "baselines" / "tensorflow-cpu" / "exact.json", stack)
    return suite(folder, CHECK, "-k", SELECTED, "-p", "benchmarks.faults.plugin", "--fault", FAULT, anew=True)


@pytest.mark.slow
def test_it_is_red_and_says_what_moved(broken: Finished) -> None:
    assert broken.code == 1, broken.output
    assert broken.red == {"sgd-update-rule"}
    assert "verdict flipped: sgd-update-rule: ✔ SUPPORTED → ✘ REFUTED." in broken.output


@pytest.mark.slow
def test_it_accuses_nobody(broken: Finished) -> None:
    said = "The slide holds; this machine computes otherwise"
    report = broken.folder / "report"
    for name in ("REPORT.md", "index.html"):
        assert said in (report / name).read_text("utf-8"), name
    assert "Say instead" not in (report / "REPORT.md").read_text("utf-8")
    assert "4 cases: 3 supported (3 computed), 1 not judged, as its test fails." in broken.output
    assert "Not supported" not in broken.output
