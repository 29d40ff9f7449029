"""Faults of our own rules and files, which a user's run need not detect: some test fails with each of them.

Each run of these tests tries one in eight, another part after eight days. ``python -m tests.faults.test_own`` tries
all, or those named, and lists the faults that no test detects.
"""

import argparse
import os
import subprocess
import sys

import pytest

from harness.course import ROOT
from tests.conftest import DAY
from tests.faults.catalogue import FAULTS

TESTS = {
    "baselines": ("tests/check", "tests/suite/test_stored.py"),
    "cases": ("tests/cases",),
    "harness.domain": ("tests/domain", "tests/reports", "tests/cases/test_metrics.py"),
    "harness.domain.erratum": ("tests/domain/test_erratum.py", "tests/cases/test_errata.py"),
    "harness.record": ("tests/record",),
    "harness.record.outcomes": ("tests/check",),
    "harness.rules": ("tests/rules",),
    "suite": ("tests/suite/test_stored.py", "tests/check"),
}
"""Where the tests of a fault are, by where it is put in; the longest entry counts."""
OWN = {fault.name: fault for fault in FAULTS if fault.breaks == "own"}
PARTS = 8


def tried(name: str) -> tuple[int, str]:
    """The exit status of the fault's tests, up to the first that fails, and what they print."""
    where = max((place for place in TESTS if OWN[name].where.startswith(place)), key=len)
    plugins = ("-p", "tests.faults.plugin", "-p", "no:randomly", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", *plugins, "--fault", name, *TESTS[where]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout[-2000:] + done.stderr[-500:]


def todays() -> list[str]:
    """This module's turn comes every eighth day."""
    part = int(os.environ.get(DAY, "0")) // PARTS % PARTS
    return list(OWN)[part::PARTS]


@pytest.mark.slow
@pytest.mark.parametrize("name", todays())
def test_some_test_fails(name):
    status, said = tried(name)
    assert status == pytest.ExitCode.TESTS_FAILED, said


@pytest.mark.parametrize("name", OWN)
def test_every_fault_has_tests_to_see_it(name):
    where = max((place for place in TESTS if OWN[name].where.startswith(place)), key=len)
    assert all((ROOT / path).exists() for path in TESTS[where])


def test_the_parts_are_the_whole(monkeypatch):
    parts = []
    for part in range(PARTS):
        monkeypatch.setenv(DAY, str(739_000 + part * PARTS))
        parts += todays()
    assert sorted(parts) == sorted(OWN)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.faults.test_own", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="FAULT", help="the faults to try (default: all)")
    for each in parser.parse_args().names or OWN:
        code, text = tried(each)
        seen = code == pytest.ExitCode.TESTS_FAILED
        print(f"{'seen' if seen else f'NOT SEEN ({code})'}: {each}", *([] if code in (0, 1) else [text]), flush=True)
