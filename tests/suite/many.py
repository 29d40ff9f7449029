"""Many runs of the suite that end before they train, each in a process forked from one that has imported it.

``python -m tests.suite.many`` reads a JSON line for each: arguments, environment, and a file for what it prints. It
prints their exit codes.
"""

from __future__ import annotations

import json
import os
import sys

import pytest

import suite.catalogue
import suite.session.start  # noqa: F401 # what every run imports


def run(arguments: list[str], environment: dict[str, str], output: str) -> int:
    os.environ.clear()
    os.environ.update(environment)
    file = os.open(output, os.O_WRONLY | os.O_CREAT)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(file, stream.fileno())
    code = pytest.main(arguments)
    sys.stdout.flush()
    return code


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if not child:
            os._exit(run(*json.loads(line)))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
