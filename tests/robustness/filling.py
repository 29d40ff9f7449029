"""Pushes a run to a database on a full disk, and again after making room: python -m tests.robustness.filling FOLDER.

FOLDER is a small file system of its own; the run's file is elsewhere. Prints the message of each push.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path

from harness.record.address import Address
from harness.record.database import Database, StoreError, push_all
from tests.record.made import END, done, written


def main(small: Path, runs: Path) -> None:
    address = Address(f"sqlite:///{small}/store.sqlite")
    written(runs, *map(done, range(3)), END, id="2026-01")
    print(*push_all(address, runs))
    path = written(runs, *map(done, range(1000)), END, id="2026-02")
    try:
        print(*push_all(address, runs))
    except StoreError as error:
        print(error)
    with contextlib.closing(Database(address)) as database:
        assert database.runs() == ["2026-01"]
        subprocess.run(["mount", "-o", "remount,size=10m", str(small)], check=True)
        print(*push_all(address, runs))
        assert database.content(path.stem) == path.read_bytes()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(sys.argv[1]), Path(folder))
