"""A process with two workers, to be interrupted or killed: ``python -m tests.execution.controller ACTION FOLDER``.

Two tasks perform the action, of which each first makes a file in the folder. Prints "closed" at its end.
"""

from __future__ import annotations

import sys
from concurrent.futures import wait

from harness.execution.local import Workers
from tests.execution.work import perform


def main() -> None:
    print("starting", flush=True)
    workers = Workers(2)
    try:
        wait([workers.submit(perform, sys.argv[1], f"{sys.argv[2]}/{name}") for name in "ab"])
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    finally:
        workers.shutdown()
    print("closed", flush=True)


if __name__ == "__main__":
    main()
