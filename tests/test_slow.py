"""Which slow tests run today."""

import subprocess
import sys

import pytest

from tests.conftest import DAY, todays
from tests.test_repository import ROOT

MODULES = [f"tests/test_{name}.py" for name in "abcdefg"]


@pytest.mark.parametrize("every", [1, 2, 3, 10])
def test_every_module_has_its_day(every):
    days = [todays(MODULES, day, every) for day in range(739_000, 739_000 + every)]
    assert set.union(*days) == set(MODULES)
    assert sum(map(len, days)) == len(MODULES)


def collected(*arguments, day):
    command = [sys.executable, "-m", "pytest", "tests/benchmarks", "--collect-only", "-q", *arguments]
    environment = {"PATH": "/usr/bin:/bin", DAY: str(day)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, {line for line in done.stdout.splitlines() if "::" in line}


@pytest.mark.slow
def test_two_days_make_the_whole():
    _, whole = collected("-m", "slow", day=739_000)
    (_, first), (_, second) = (collected("-m", "slow", "--every", "2", day=day) for day in (739_000, 739_001))
    assert first | second == whole
    assert not first & second
    assert first
    assert second


def test_no_part_of_nothing():
    code, items = collected("--every", "0", day=739_000)
    assert (code, items) == (pytest.ExitCode.USAGE_ERROR, set())
