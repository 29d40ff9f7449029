"""Timing runs: they measure each piece of work with all engines in alternation, and compare it with stored times."""

from __future__ import annotations

import datetime
import time

from harness.domain.experiment import Experiment
from harness.record.outcomes import TimeComparison, TimeState
from harness.record.run import Timed
from harness.record.timings import Measurement, Provenance, Timings
from harness.timing import stored_times
from harness.timing.measure import measure, sized
from harness.timing.slower import CHANGED, conditions, confirmed, slower
from harness.training.devices import check_on_gpu
from harness.training.engines import ENGINES
from suite.catalogue import COURSE, EXPERIMENTS, training_name
from suite.session.session import Session

WORK: dict[str, tuple[str, str, int]] = {
    training_name(experiment, variant): (experiment, variant, epochs) for experiment, variant, epochs in COURSE.timed
}
"""Experiment, variant and epochs of a round, at the course's own size."""
TIMED = tuple(name for name, entry in ENGINES.items() if not entry.batched)
"""The engines that train one seed after another. The benchmarks on a GPU measure those that train many at once."""
PAUSE = 5.0
"""Seconds between a series that shows a change and the series that has to confirm it."""


def engines_of(run: Session) -> list[str]:
    """The engines to time: all that the backend has, or the one of --engine. The reference comes first."""
    asked = run.options.engine
    return [e for e in TIMED if run.options.backend in ENGINES[e].backends and asked in ("auto", e)]


def measured(run: Session, work: str) -> dict[str, Timed]:
    """A work's times by engine. The first call for a work measures and records them; further calls return the same."""
    engines = engines_of(run)
    if (work, engines[0]) not in run.timed:
        stored = stored_times.read(stored_times.path_of(run.stored.root, run.stored.stack))
        name, variant, epochs = WORK[work]
        experiment = sized(EXPERIMENTS[name], epochs)
        measurements, comparisons = _series(run, work, experiment, stored)
        if any(comparison.state in CHANGED for comparison in comparisons.values()):
            time.sleep(PAUSE)
            first = comparisons
            measurements, comparisons = _series(run, work, experiment, stored, ", again to confirm a change")
            comparisons = {engine: confirmed(first[engine], second) for engine, second in comparisons.items()}
        if run.options.require_gpu:
            check_on_gpu(measurement.trained_on for measurement in measurements.values())
        for engine in engines:
            record = Timed(
                work=work,
                experiment=name,
                variant=variant,
                engine=engine,
                measured=measurements[engine],
                comparison=comparisons[engine],
                red=_red(run, comparisons[engine]),
            )
            run.file.append(record)
            run.timed[work, engine] = record
    return {engine: run.timed[work, engine] for engine in engines}


def _red(run: Session, comparison: TimeComparison) -> bool:
    """Slower in seconds is red on a GPU, and on a CPU with --gate-timing; no time is red in a run that stores it."""
    gated = run.device.kind == "gpu" or run.options.gate_timing
    slow = comparison.state is TimeState.SLOWER and not comparison.of_fit
    unknown = comparison.state is TimeState.NEW and run.options.require_baselines
    return run.options.update is None and ((slow and gated) or unknown)


def _series(
    run: Session, work: str, experiment: Experiment, stored: Timings | None, why: str = ""
) -> tuple[dict[str, Measurement], dict[str, TimeComparison]]:
    """Measures a work once with all its engines, and compares each engine with its stored times."""
    engines = engines_of(run)
    run.progress.note(f"{work}: {' and '.join(engines)} in alternation{why}")
    provenance = Provenance(
        commit=run.header.commit or "unknown",
        date=datetime.date.today().isoformat(),
        reason=run.options.update or "a run without --update-baselines",
        fingerprint={key: value for key, value in run.header.fingerprint.items() if key != "engine"},
    )
    measurements = measure(experiment, WORK[work][1], engines, provenance)
    comparisons = {
        engine: slower(
            measurement,
            stored.cases.get(f"{work}/{engine}", ()) if stored else (),
            len(WORK) * len(engines),
            conditions(engine, provenance.fingerprint),
        )
        for engine, measurement in measurements.items()
    }
    return measurements, comparisons
