"""A process with two workers, to be interrupted or killed: ``python -m tests.execution.controller <action> <action>``.

Each of two tasks reports an event, then performs its action ("sleep 60" or "hold"). The process prints every message,
and "closed" at its end.
"""

from __future__ import annotations

import sys

from harness.execution.workers import Workers
from tests.execution.work import WORK, Job


def main() -> None:
    print("starting", flush=True)
    place = Workers(WORK, lambda message: print(message, flush=True), 2)
    try:
        for name, action in (("a", sys.argv[1]), ("b", sys.argv[2])):
            word, *seconds = action.split()
            place.submit(Job(name, (("report", 1), (word, *map(float, seconds)))))
        place.wait()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    finally:
        place.close()
    print("closed", flush=True)


if __name__ == "__main__":
    main()
