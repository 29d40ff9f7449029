"""Pushes a run to a database on a full disk, and again after making room: python -m tests.robustness.filling FOLDER.

FOLDER is a small file system of its own; the run's file is elsewhere. Prints the message of each push.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from harness.errors import SuiteError
from harness.record.database import Database
from tests.record.made import END, done, written


def main(small: Path, runs: Path) -> None:
    database = Database(f"sqlite:///{small}/store.sqlite")
    written(runs, *map(done, range(3)), END, id="2026-01")
    print(*database.push_all(runs))
    path = written(runs, *map(done, range(1000)), END, id="2026-02")
    try:
        print(*database.push_all(runs))
    except SuiteError as error:
        print(error)
    assert database.runs() == ["2026-01"]
    subprocess.run(["mount", "-o", "remount,size=10m", str(small)], check=True)
    print(*database.push_all(runs))
    assert database.read(path.stem) == (path.stem, path.read_bytes())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(sys.argv[1]), Path(folder))
