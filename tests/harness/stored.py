"""Run files to be stored, and whether a store has them."""

from __future__ import annotations

import datetime
from pathlib import Path

from harness.store import RunLog
from harness.store.follower import whole_lines

from harness.record.database import Database

NOW = datetime.datetime(2026, 11, 25, 1, 2, 3, tzinfo=datetime.UTC)


def record(seed: int, **changes: object) -> dict[str, object]:
    return {"experiment": "e", "definition": "d", "variant": "적절", "seed": seed, **changes}


def run(tmp_path: Path, seeds: int = 3, name: str = "2026-01") -> Path:
    log = RunLog(tmp_path / "runs", {"id": name})
    for seed in range(seeds):
        log.append("trial", record(seed))
    log.close()
    return log.path


def same(database: Database, path: Path) -> bool:
    return [line.encode() for line in database.lines(path.stem)] == whole_lines(path)
