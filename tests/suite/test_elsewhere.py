"""A copy of the suite with a damaged MNIST file, run from another folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cases.data.mnist import PATH, load
from harness.errors import SuiteError
from tests.suite.command import Finished, checkout_in, suite

NEEDS_MNIST = {"mnist-facts", "mnist-preparation", "mnist-softmax-curve"}
SELECTED = "mnist-facts or mnist-preparation or mnist-softmax-curve or raw-data or minmax-table"


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run of a copy of the code below a path with spaces and Korean letters. Its mnist.npz is truncated."""
    base = tmp_path_factory.mktemp("elsewhere")
    copy = base / "딥러닝 강의 2" / "my copy"
    checkout_in(copy)
    (copy / "cases" / "data" / "mnist.npz").write_bytes(PATH.read_bytes()[:5_000_000])
    away = base / "away"
    away.mkdir()
    return suite(
        base / "결과 폴더", "--backend", "jax", "--seeds", "5", "-k", SELECTED, cwd=away, target=str(copy / "suite")
    )  # fmt: skip


@pytest.mark.slow
def test_the_claims_that_need_the_file_are_not_run_and_red(damaged: Finished) -> None:
    assert damaged.code == 3  # nothing has moved: it could not be run
    assert {key for key, verdict in damaged.verdicts.items() if verdict == "NOT_RUN"} == NEEDS_MNIST
    red = {line.split("[")[1].split("]")[0] for line in damaged.output.splitlines() if line.startswith("FAILED ")}
    assert red == {*NEEDS_MNIST, "example-3/softmax"}


@pytest.mark.slow
def test_the_message_names_the_file_and_the_remedy(damaged: Finished) -> None:
    lines = [line for line in damaged.output.splitlines() if "Invalid MNIST file" in line]
    assert len(lines) > len(NEEDS_MNIST)
    for line in lines:
        assert "my copy/cases/data/mnist.npz" in line
        assert "git checkout -- cases/data/mnist.npz" in line
    assert "3 without a result" in damaged.output


@pytest.mark.slow
def test_the_others_run(damaged: Finished) -> None:
    assert damaged.verdicts["raw-data-diverges"] == "SUPPORTED"
    assert damaged.verdicts["minmax-table"] == "SUPPORTED"
    assert damaged.states == {"example-2/raw": "new"}


@pytest.mark.slow
def test_the_report_lies_where_it_was_asked_for(damaged: Finished) -> None:
    path = damaged.folder / "report" / "REPORT.md"
    assert f"report: {path}" in damaged.output
    assert "결과 폴더" in str(path)
    assert "NOT_RUN" in damaged.verdicts.values()
    # pytest-benchmark makes its own folder wherever it is started
    assert {path.name for path in (damaged.folder.parent / "away").iterdir()} <= {".benchmarks"}


@pytest.mark.parametrize("content", [b"", b"P", PATH.read_bytes()[:1000], b"not an archive"])
def test_a_truncated_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mnist.npz"
    path.write_bytes(content)
    with pytest.raises(SuiteError, match=r"Invalid MNIST file .*git checkout"):
        load(path)


def test_an_altered_file(tmp_path: Path) -> None:
    """The archive is valid, but one label is changed."""
    arrays = load()
    arrays["y_test"] = np.where(np.arange(10000) == 7, 0, arrays["y_test"]).astype("uint8")
    np.savez(tmp_path / "mnist.npz", **arrays)
    with pytest.raises(SuiteError, match=r"array 'y_test' was altered.*git checkout"):
        load(tmp_path / "mnist.npz")
