"""A disk that fills during a write: one message, existing files stay intact, and no partial file is left.

The limits are real. A process may not write files beyond a size (RLIMIT_FSIZE), and, if this process may mount one,
there is a file system of a few kilobytes.

``python -m tests.robustness.test_full_disk ACTION PATH`` is a process that has such a limit.
"""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from harness.check.evidence import path_of, read, update, write
from harness.errors import SuiteError
from harness.record.database import Database
from harness.record.run import read_run
from harness.record.run_file import latest_run
from tests.record import made as records
from tests.reports.full import full_run
from tests.reports.synthetic import Recorder
from tests.robustness.made import NAMES, evidence, variant
from tests.suite.command import JAX, ROOT, TINY, Finished, arguments, environment

resource = pytest.importorskip("resource")
LIMITED = "import os, resource, sys; n = int(sys.argv[1]); resource.setrlimit(resource.RLIMIT_FSIZE, (n, n)); "
EXEC = LIMITED + "os.execv(sys.argv[2], sys.argv[2:])"
LARGER = evidence(relu=variant([0.5 + i / 7919 for i in range(800)]))


def stored(path: Path) -> None:
    write(path, evidence())


def replace(path: Path) -> None:
    """Prints the error, and ends with status 9, if there is no room."""
    try:
        update(path, lambda old: LARGER)
    except SuiteError as error:
        print(error)
        assert read(path) == evidence()
        assert list(path.parent.iterdir()) == [path]
        sys.exit(9)


def push(small: Path) -> None:
    """Pushes a run to a database on a full file system, and again after making room; prints what each push says."""
    database = Database(f"sqlite:///{small}/store.sqlite")
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        records.written(runs, *map(records.done, range(3)), records.END, id="2026-01")
        print(*database.push_all(runs))
        path = records.written(runs, *map(records.done, range(1000)), records.END, id="2026-02")
        try:
            print(*database.push_all(runs))
        except SuiteError as error:
            print(error)
        assert database.runs() == ["2026-01"]
        subprocess.run(["mount", "-o", "remount,size=10m", str(small)], check=True)
        print(*database.push_all(runs))
        assert database.read(path.stem) == (path.stem, path.read_bytes())


def limited(size: int, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Runs Python so that no file can grow beyond ``size`` bytes; what it says on either stream in ``stdout``.

    Without bytecode: Python 3.11 does not notice that it could write only the beginning of a ``.pyc`` file, and every
    later import of that module would end in EOFError.
    """
    return subprocess.run(
        [sys.executable, "-c", EXEC, str(size), sys.executable, *command],
        cwd=ROOT,
        env=environment() | {"PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=300,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = path_of(tmp_path, *reversed(NAMES))
    write(place, evidence())
    return place


def check_update(path: Path, said: str, reason: str) -> None:
    assert said.startswith(f"Cannot write evidence {path}: {reason}. The old file, if any, is unchanged. ")
    assert said.count("\n") == 1
    assert "disk not full" in said


OWN = ("-m", "tests.robustness.test_full_disk")


@pytest.mark.parametrize("size", [0, 1, 10_000])
def test_evidence(path: Path, size: int) -> None:
    done = limited(size, [*OWN, "replace", str(path)])
    assert done.returncode == 9, done.stdout
    check_update(path, done.stdout, "File too large")
    assert limited(1_000_000, [*OWN, "replace", str(path)]).returncode == 0
    assert read(path) == LARGER


def on_a_small_disk(folder: Path, kilobytes: int, script: str, *arguments: str) -> str:
    """What a shell script prints that has a file system of its own, which goes with its process. ``$1``: Python."""
    folder.mkdir()
    mount = f'mount -t tmpfs -o size={kilobytes}k none "{folder}" || exit 77\n'
    command = ["unshare", "-m", "sh", "-c", mount + script, "sh", sys.executable, *arguments]
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, encoding="utf-8", timeout=60)
    except FileNotFoundError:
        pytest.skip("no unshare on this system")
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"this user may not mount a file system: {done.stderr.strip()}")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_evidence_on_a_full_file_system(tmp_path: Path) -> None:
    """Sixteen kilobytes: the old evidence fits, the new does not."""
    path = path_of(tmp_path / "small", *reversed(NAMES))
    own = f'"$1" {" ".join(OWN)}'
    script = f'mkdir -p "$(dirname "$2")" && {own} store "$2"; {own} replace "$2"; test $? = 9'
    check_update(path, on_a_small_disk(tmp_path / "small", 16, script, str(path)), "No space left on device")


@pytest.mark.slow
def test_a_report(tmp_path: Path) -> None:
    """Of a second run, into the folder of a first one."""
    out = tmp_path / "out"
    assert limited(10_000_000, ["-m", "reports", "--run", str(Recorder(tmp_path / "1").end()), "--out", str(out)]
                   ).returncode == 0  # fmt: skip
    old = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    assert set(old) == {"REPORT.md", "SUMMARY.md", "index.html", "report.json"}
    run = full_run(tmp_path / "2")
    for size in (1000, 20_000):
        done = limited(size, ["-m", "reports", "--run", str(run), "--out", str(out)])
        assert done.returncode == 2, done.stdout
        assert done.stdout.startswith(f"reports: Cannot write the report to {out}")
        assert "File too large" in done.stdout
        assert done.stdout.count("\n") == 1
        assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == old
        assert not list(out.rglob(".*"))


@pytest.mark.slow
def test_the_record_of_a_run(plain: Finished, copied: Callable[[str], Path]) -> None:
    """Room for the header and some trials: the run ends with one message, and those trials can be read."""
    lines = latest_run(plain.folder / "report" / "runs").read_bytes().splitlines(keepends=True)
    whole = [index for index, line in enumerate(lines) if b'"kind":"trial"' in line][2]
    room = sum(map(len, lines[: whole + 1])) + len(lines[whole]) // 2
    folder = copied("full")
    done = limited(room, arguments(folder, "--backend", "jax", "--seeds", "5", "-k", "raw-data")[1:])
    assert done.returncode == 3, done.stdout
    for word in ("Traceback", "INTERNALERROR", "PASSED"):
        assert word not in done.stdout
    said = [line for line in done.stdout.splitlines() if "Cannot write the run's record" in line]
    assert said, done.stdout
    assert "File too large" in said[0]
    record = read_run(latest_run(folder / "report" / "runs"))
    assert [trial.seed for trial in record.trials["example-2", "raw"]] == [0, 1, 2]
    assert record.end is None
    assert not [path for path in folder.rglob(".*") if path.is_file()]


@pytest.mark.slow
def test_the_database(tmp_path: Path) -> None:
    """Room for the run's file and the report, but not for the database: the run is whole, and is pushed later."""
    store = tmp_path / "store.sqlite"
    with contextlib.closing(sqlite3.connect(store)) as connection:
        connection.execute("CREATE TABLE filled AS SELECT zeroblob(3995000)")
    done = limited(4_000_000, arguments(tmp_path, *JAX, "-k", TINY, "--store", f"sqlite:///{store}")[1:])
    assert done.returncode == 3, done.stdout
    assert f"ERROR: not pushed: The database sqlite:///{store} cannot be used: " in done.stdout
    for word in ("Traceback", "INTERNALERROR", "FAILED"):
        assert word not in done.stdout
    run = Finished(done.returncode, done.stdout, tmp_path)
    assert run.report["partial"] is False
    database = Database(f"sqlite:///{store}")
    (said,) = database.push_all(run.record.path.parent)
    assert said.startswith(f"pushed to {database}: ")
    assert database.read() == (run.record.path.stem, run.record.path.read_bytes())


def test_the_database_on_a_full_file_system(tmp_path: Path) -> None:
    """A hundred kilobytes, and then ten thousand: all of a run is pushed, or nothing."""
    folder = tmp_path / "small"
    script = f'exec "$1" {" ".join(OWN)} push "$2"'
    first, full, then = on_a_small_disk(folder, 100, script, str(folder)).splitlines()
    assert first == f"pushed to sqlite:///{folder}/store.sqlite: 5 records of the run 2026-01"
    assert "database or disk is full" in full or "disk I/O error" in full
    assert then == f"pushed to sqlite:///{folder}/store.sqlite: 1002 records of the run 2026-02"


if __name__ == "__main__":
    {"store": stored, "replace": replace, "push": push}[sys.argv[1]](Path(sys.argv[2]))
