"""Processes that store evidence or run at the same time: nothing stored is lost, and no process waits for ever."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.check.evidence import path_of, read, update, write
from harness.errors import SuiteError
from harness.record import json_file
from harness.record.evidence import EXACT
from harness.record.files import Held
from harness.record.run import read_run
from harness.record.run_file import locked
from tests.robustness.made import NAMES, evidence, variant
from tests.robustness.writer import EXPERIMENT, STACK, VARIANTS, claims_for
from tests.suite.command import ROOT, Finished, environment, suite

ROUNDS = 8


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A writer for each of six variants, all at once on the same files; their folder, and what each of them printed."""
    root = tmp_path_factory.mktemp("writers")
    writers = {
        variant: subprocess.Popen(
            [sys.executable, "-m", "tests.robustness.writer", str(root), variant, str(ROUNDS)],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        for variant in VARIANTS[:6]
    }
    for writer in writers.values():
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers.values():
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    said = {variant: writer.communicate(timeout=120)[0] for variant, writer in writers.items()}
    assert {writer.returncode for writer in writers.values()} == {0}, said
    return path_of(root, STACK, EXPERIMENT).parent, said


def test_nothing_is_lost(written: tuple[Path, dict[str, str]]) -> None:
    folder, said = written
    held, exact = read(folder / f"{EXPERIMENT}.json"), read(folder / f"{EXACT}.json")
    assert held is not None
    assert exact is not None
    reasons = {name: [session.reason for session in each.sessions] for name, each in held.variants.items()}
    assert reasons == {name: [f"{name}, round {number}" for number in range(ROUNDS)] for name in said}
    claims = {key for name in said for key in claims_for(name)}
    assert len(claims) > 5
    assert {key: expected.verdict for key, expected in exact.expected.items()} == dict.fromkeys(claims, "REFUTED")


def test_what_is_printed_is_what_was_replaced(written: tuple[Path, dict[str, str]]) -> None:
    """Against what a writer read when it began, the others' work would be listed as its own."""
    for name, said in written[1].items():
        lines = [line.strip() for line in said.splitlines() if line.startswith("  ")]
        named = [line.rsplit(": ", 1)[0] for line in lines]
        assert sorted(named) == sorted((name, *claims_for(name)) * ROUNDS)
        assert [line.split(": ", 1)[1] for line in lines if line.startswith(f"{name}: ")] == [
            f"{number} → {number + 1} seeds, T = 0" for number in range(ROUNDS)
        ]


def test_no_lock_is_left(written: tuple[Path, dict[str, str]]) -> None:
    assert {path.name for path in written[0].iterdir()} == {f"{EXPERIMENT}.json", f"{EXACT}.json"}


@pytest.mark.slow
def test_two_runs_in_one_folder(tmp_path: Path) -> None:
    """Each has a file of its own, of its own trials; and none can be resumed while it goes on."""

    def run(name: str) -> Finished:
        return suite(tmp_path, "--backend", "jax", "--seeds", "5", "-k", name, anew=True)

    names = ("raw-data-diverges", "zscore-fixes-divergence")
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(run, names))
    assert [each.code for each in runs] == [0, 0]
    folder = tmp_path / "report" / "runs"
    assert len(list(folder.iterdir())) == 2
    found = [read_run(path) for path in folder.iterdir()]
    assert {(*run.claims,) for run in found} == {(name,) for name in names}
    assert not any(run.open for run in found)
    path = found[0].path
    path.write_bytes(path.read_bytes().rpartition(b'{"kind":"end"')[0])
    lock = locked(path)
    (claim,) = found[0].claims
    refused = suite(tmp_path, "--backend", "jax", "--seeds", "5", "-k", claim, "--resume")
    lock.release()
    assert refused.code == 4
    assert f"The run {path.stem} is still going on: another process has its lock." in refused.output


@pytest.mark.slow
def test_two_runs_of_the_suite_at_once(tmp_path: Path) -> None:
    """Each stores its claim on Example 2, in one file that neither found when it began."""

    def run(name: str) -> Finished:
        return suite(
            tmp_path / name, "--backend", "jax", "--seeds", "5", "-k", name, "--update-baselines", name,
            "--baseline-dir", str(tmp_path / "both"), anew=True,
        )  # fmt: skip

    names = ("raw-data-diverges", "zscore-fixes-divergence")  # no variant is trained by both
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(run, names))
    assert [each.code for each in runs] == [6, 6]
    folder = tmp_path / "both" / "jax-cpu"
    assert [path.name for path in folder.iterdir()] == ["example-2.json"]
    content = json.loads((folder / "example-2.json").read_text("utf-8"))
    assert set(content["variants"]) == {"raw", "standardised"}
    assert {key: each["reason"] for key, each in content["expected"].items()} == {name: name for name in names}


def test_a_lock_held_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = path_of(tmp_path, *reversed(NAMES))
    write(path, evidence())
    old = path.read_bytes()
    monkeypatch.setattr(json_file, "PATIENCE", 0.2)
    said = r"another process has held .*deep-dropout\.json\.lock for 0\.2 s.*repeat"
    with (
        Held(path.with_name(f".{path.name}.lock"), "busy", 60),
        pytest.raises(SuiteError, match=said) as refused,
    ):
        update(path, lambda _: evidence(relu=variant([0.5])))
    assert str(refused.value).startswith(f"Cannot write evidence {path}: ")
    assert path.read_bytes() == old
