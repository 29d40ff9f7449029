"""The results of runs: each run's own file on disk, and the store, a database of all of them.

``journal`` writes a run file, one line for everything that finishes; ``run`` reads it back. ``database`` holds the
lines of many runs in one table, ``follower`` copies them there as they are written and catches up where the database
was away, ``address`` reads the store's URL and keeps its password out of every text, ``sqlite`` puts a damaged file
aside. SQLAlchemy is imported by ``database`` and with the first URL, not before: collecting needs neither.
"""

from harness.store.journal import SCHEMA, RecordError, RunLog, new_id
from harness.store.run import Run, latest_run, read_run

__all__ = ["SCHEMA", "RecordError", "Run", "RunLog", "latest_run", "new_id", "read_run"]
