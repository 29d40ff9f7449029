"""The file of a run: it has one writer, every line is on disk at once, and a kill or a full disk damages little."""

from __future__ import annotations

import datetime
import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from harness.errors import SuiteError
from harness.model import Seconds
from harness.record.run import RunEnded, read_run
from harness.record.run_file import LENGTH, STAMP, RecordError, RunFile, latest_run, locked, new_id
from tests.record.made import END, HEADER, done, trial
from tests.robustness.weak import AS_ANYBODY, NEEDS_WEAK
from tests.suite.command import ROOT

BEGIN = """
import sys
from pathlib import Path
from harness.record.run_file import RecordError, RunFile
from tests.record.made import HEADER
from harness.errors import SuiteError
try:
    RunFile.begin(Path(sys.argv[1]), HEADER)
except SuiteError as error:
    print(error)
"""


@pytest.fixture
def file(tmp_path: Path) -> Iterator[RunFile]:
    made = RunFile.begin(tmp_path / "runs", HEADER)
    yield made
    made.close()


def test_a_line_is_on_disk_at_once(file: RunFile) -> None:
    for count in range(3):
        assert file.path.read_bytes().count(b"\n") == 1 + count
        file.append(done(count))
        assert read_run(file.path) == file.run
    assert [each.seed for each in file.run.trials["e", "plain"]] == [0, 1, 2]


def test_a_run_is_never_overwritten(file: RunFile) -> None:
    file.append(done(0))
    file.close()
    before = file.path.read_bytes()
    with pytest.raises(RecordError, match="File exists"):
        RunFile.begin(file.path.parent, HEADER)
    assert file.path.read_bytes() == before
    assert [path.name for path in file.path.parent.iterdir()] == [file.path.name]  # no lock is left


def test_a_run_has_one_writer(file: RunFile) -> None:
    for try_again in (lambda: RunFile.begin(file.path.parent, HEADER), lambda: locked(file.path)):
        with pytest.raises(SuiteError, match=rf"The run {HEADER.id} is still going on: another process has its lock"):
            try_again()
    file.close()
    file.close()
    assert [path.name for path in file.path.parent.iterdir()] == [file.path.name]
    locked(file.path).release()


def test_a_record_that_cannot_be_read_back_is_not_written(file: RunFile) -> None:
    before = file.path.read_bytes()
    with pytest.raises(ValueError, match="Expected `float`, got `null`"):
        file.append(
            done(0).__class__(experiment="e", definition="d", trial=replace(trial(0), seconds=Seconds(float("nan"))))
        )
    assert file.path.read_bytes() == before
    file.append(END)
    assert read_run(file.path).end == END


@pytest.mark.parametrize("room", [0, 1, 100])
def test_a_disk_that_fills_costs_only_the_last_record(
    file: RunFile, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written after a torn line, even if the disk has room again."""
    file.append(done(0))
    before = file.path.read_bytes()
    write, left = os.write, [room]

    def full(descriptor: int, line: bytes) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        count = write(descriptor, line[: left[0]])
        left[0] -= count
        return count

    monkeypatch.setattr(os, "write", full)
    for _ in range(2):
        with pytest.raises(RecordError, match=r"Cannot write .+: No space left on device\. What it holds so far stays"):
            file.append(done(1))
        monkeypatch.undo()
    assert file.path.read_bytes()[: -room or None] == before
    assert read_run(file.path).trials == {("e", "plain"): [trial(0)]} == file.run.trials


def test_a_line_that_is_written_in_pieces_is_whole(file: RunFile, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, line: write(descriptor, line[:7]))
    file.append(done(0))
    assert read_run(file.path) == file.run


def begun_elsewhere(folder: Path, *prefix: str) -> str:
    command = [*prefix, sys.executable, "-c", BEGIN, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    return done.stdout


@NEEDS_WEAK
def test_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    printed = begun_elsewhere(tmp_path, *AS_ANYBODY)
    assert printed.startswith("Cannot make the lock ")
    assert printed.endswith(": Permission denied. Make its folder writable.\n")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SuiteError, match=r"Cannot make the lock .+: Not a directory\. Make its folder writable"):
        RunFile.begin(tmp_path / "file" / "runs", HEADER)


NOW = datetime.datetime(2026, 11, 24, 2, 0, 29, 897121, tzinfo=datetime.UTC)


def test_an_id_begins_with_the_time(tmp_path: Path) -> None:
    assert new_id(tmp_path, NOW, 7) == "2026-11-24T02-00-29-897121-7"
    assert len(f"{NOW:{STAMP}}") == LENGTH


@given(st.lists(st.datetimes(datetime.datetime(1971, 1, 1), datetime.datetime(9999, 12, 31)), max_size=6), st.data())
def test_ids_sort_by_start_even_if_the_clock_went_back(
    tmp_path_factory: pytest.TempPathFactory, clock: list[datetime.datetime], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    for name in data.draw(st.lists(st.sampled_from(["copied", "2026", "9999-12-31T23-59-59-999999-1", "2026-13"]))):
        (folder / f"{name}.jsonl").write_bytes(b"x")
    begun = sorted(path.stem for path in folder.iterdir())
    for now in clock:
        begun.append(new_id(folder, now, 7))
        (folder / f"{begun[-1]}.jsonl").write_bytes(b"x")
        assert latest_run(folder).stem == begun[-1]
    assert begun == sorted(set(begun))


def test_the_latest_run(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"No run is recorded in .+ Run `pytest suite/` first"):
        latest_run(tmp_path)
    for name, content in {"2026-02": b"x", "2025-12": b"x", "2026-03": b""}.items():
        (tmp_path / f"{name}.jsonl").write_bytes(content)
    (tmp_path / "2026-04.txt").write_bytes(b"x")
    assert latest_run(tmp_path).stem == "2026-02"


def test_closing_hands_the_file_to_the_disk_even_without_fsync(file: RunFile, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def no_fsync(descriptor: int) -> None:
        asked.append(descriptor)
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", no_fsync)
    file.append(RunEnded(exit_status=0, seconds=None))
    file.close()
    assert len(asked) == 1
    assert read_run(file.path).end is not None
