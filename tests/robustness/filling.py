"""Writes a run whose store's disk fills, and then has room again: python -m tests.robustness.filling FOLDER.

FOLDER is a small file system of its own; the run's file lies elsewhere. Prints what the follower says.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from harness.store import RunLog
from harness.store.follower import Follower, whole_lines
from suite.recording import FILE

from harness.record.address import sqlite_address
from harness.record.database import Database


def main(small: Path, runs: Path) -> None:
    database = Database(sqlite_address(small / FILE))
    database.prepare()
    path = runs / "2026-01.jsonl"
    follower = Follower(database, path, print)
    log = RunLog(runs, {"id": path.stem}, follower)
    for seed in range(300):
        log.append("trial", {"experiment": "e", "definition": "d", "variant": "v", "seed": seed, "curve": "x" * 400})
    assert follower.settle()
    subprocess.run(["mount", "-o", "remount,size=10m", str(small)], check=True)
    assert not follower.settle()
    assert [line.encode() for line in database.lines(path.stem)] == whole_lines(path)
    database.check()
    database.close()
    log.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(sys.argv[1]), Path(folder))
