"""Times the engines of a backend on the same work, in alternation. Runs only with ``-m timing``.

The first item of a piece of work measures all its engines; each item reports one of them. An item fails if its engine
is slower than the stored times, on a CPU only with --gate-timing.
"""

from __future__ import annotations

import pytest

from harness.training.engines import ENGINES
from suite.session.messages import plain_errors
from suite.session.session import Session
from suite.session.timing import TIMED, WORK, engines_of, measured, replay

pytestmark = pytest.mark.timing

REPORTED = ("epochs", "images", "trained_on", "compile", "first_epoch", "first_training", "training", "contention")
"""Fields in pytest-benchmark's JSON and --junitxml, alongside the rounds and the comparison with stored times."""


@pytest.mark.parametrize("engine", TIMED)
@pytest.mark.parametrize("work", WORK)
def test_timing(work: str, engine: str, suite_run: Session, request: pytest.FixtureRequest) -> None:
    backend, device = suite_run.options.backend, suite_run.device
    if backend not in ENGINES[engine].backends:
        pytest.skip(f"engine {engine!r} runs on {' and '.join(ENGINES[engine].backends)}, not on {backend}")
    if engine not in engines_of(suite_run):
        pytest.skip(f"--engine {suite_run.options.engine} leaves {engine!r} out")
    with plain_errors():
        record = measured(suite_run, work)[engine]
    where = {"device": device.kind, "device_model": device.model, "precision": device.precision}
    reported = {"engine": engine, "backend": backend, **where, "baseline": record.comparison.state}
    reported |= {name: getattr(record.measured, name) for name in REPORTED}
    request.node.user_properties += [(name, str(value)) for name, value in reported.items() if value is not None]
    replay(request, f"{work}, seconds per epoch", record.measured.rounds, reported)
    if record.red:
        pytest.fail(f"{record.case} {record.comparison.state}: {record.comparison.reason}", pytrace=False)
