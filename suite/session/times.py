"""Timing runs: they measure each piece of work with all engines in alternation, and compare it with stored times."""

from __future__ import annotations

import datetime
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace

from harness.check import timings as files
from harness.check.slowdown import CHANGED, compare_times, confirmed
from harness.domain.experiment import Experiment
from harness.environment.fingerprint import cores
from harness.record.outcomes import TimeComparison, TimeState
from harness.record.run import PeakMeasured, Timed
from harness.record.timings import Provenance, Repeat, Timings
from harness.timing.alternation import EngineTimes, WorkTimes, alternate, sized
from harness.timing.peak import Peak, measure_again, measure_peak
from harness.timing.ratio import Ratio, ratio
from harness.timing.stability import drifted_peak, held_up, loaded, unsteady_rounds
from harness.training.configuration import variant_digest
from harness.training.devices import check_on_gpu
from harness.training.engines import ENGINES
from suite.catalogue import COURSE, EXPERIMENTS, training_name
from suite.session.session import Session
from suite.session.timed import WorkTimed

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


def measured(run: Session, work: str) -> WorkTimed:
    """The times of a work. The first call for a work measures and records them; further calls return the same."""
    for timed in run.timed:
        if timed.work == work:
            return timed
    stored = files.read(files.path_of(run.stored.root, run.stored.stack))
    before = run.timed[-1].after if run.timed else _peak(run, "before", None)
    name, _, epochs = WORK[work]
    experiment = sized(EXPERIMENTS[name], epochs)
    times, repeats, comparisons = _series(run, work, experiment, stored)
    if any(comparison.state in CHANGED for comparison in comparisons.values()):
        time.sleep(PAUSE)
        first = comparisons
        times, repeats, comparisons = _series(run, work, experiment, stored, ", again to confirm a change")
        comparisons = {engine: confirmed(first[engine], second) for engine, second in comparisons.items()}
    if run.options.require_gpu:
        check_on_gpu(one.device for one in times.engines)
    after = _peak(run, f"after {work}", run.timed[0].before if run.timed else before)
    ratios = tuple(_ratios(times, whole=epochs == EXPERIMENTS[name].size.epochs))
    doubts = (
        *(doubt for one in times.engines for doubt in unsteady_rounds(one.engine, one.steady)),
        *drifted_peak(before, after),
        *held_up(times.contention),
        *loaded(times.load, cores()),
    )
    timed = WorkTimed(work, times, before, after, repeats, comparisons, ratios, doubts, {})
    records = {one.engine: _record(run, timed, one) for one in times.engines}
    for record in records.values():
        run.file.append(record)
    timed = replace(timed, records=records)
    run.timed.append(timed)
    return timed


def _series(
    run: Session, work: str, experiment: Experiment, stored: Timings | None, why: str = ""
) -> tuple[WorkTimes, dict[str, Repeat], dict[str, TimeComparison]]:
    """Measures a work once with all its engines, and compares each engine with its stored times."""
    engines, variant = engines_of(run), WORK[work][1]
    run.progress.note(f"{work}: {' and '.join(engines)} in alternation{why}")
    times = alternate(experiment, variant, engines, run.device)
    repeats = {one.engine: _repeat(run, experiment, variant, times, one) for one in times.engines}
    cases = {engine: stored.cases.get(case(work, engine), ()) if stored else () for engine in engines}
    compared = len(WORK) * len(engines)
    comparisons = {engine: compare_times(repeats[engine], cases[engine], compared) for engine in engines}
    return times, repeats, comparisons


def case(work: str, engine: str) -> str:
    """The name of a case in the stored timings."""
    return f"{work}/{engine}"


def _peak(run: Session, when: str, first: Peak | None) -> Peak:
    """Measures and records the machine's peak; with ``first``, only with the matrix product that was best in it."""
    peak = measure_again(run.device, first) if first else measure_peak(run.device)
    run.file.append(PeakMeasured(when=when, peak=peak))
    return peak


def _repeat(run: Session, experiment: Experiment, variant: str, times: WorkTimes, one: EngineTimes) -> Repeat:
    # The engine is in the name of the case.
    fingerprint = {key: value for key, value in run.header.fingerprint.items() if key != "engine"}
    return Repeat(
        rounds=tuple(one.steady),
        epochs=times.epochs,
        compile=one.compile,
        first_epoch=one.first_epoch,
        definition=variant_digest(experiment, variant),
        provenance=Provenance(
            commit=run.header.commit or "unknown",
            date=datetime.date.today().isoformat(),
            reason=run.options.update or "a run without --update-baselines",
            fingerprint=fingerprint,
        ),
        reference=times.reference,
        contention=times.contention,
    )


def _ratios(times: WorkTimes, whole: bool) -> Iterator[Ratio]:
    """The ratios of the reference to each other engine. ``whole``: whether a round trains all epochs of a training."""
    reference, *others = times.engines
    for other in others:
        yield ratio("steady epoch", (reference.engine, reference.steady), (other.engine, other.steady))
        if whole:
            name = "training, compilation counted"
            firsts = (other.engine, other.first_trainings)
            yield ratio(name, (reference.engine, reference.first_trainings), firsts)
            name = "training of a further seed"
            yield ratio(name, (reference.engine, reference.trainings), (other.engine, other.trainings))


def _record(run: Session, timed: WorkTimed, one: EngineTimes) -> Timed:
    """The record of one engine. Only the record of the reference has the ratios."""
    times, peak = timed.times, max(timed.before.gflops, timed.after.gflops)
    gflops = None if times.flops is None else times.flops / one.median / 1e9
    comparison = timed.comparisons[one.engine]
    gated = run.device.kind == "gpu" or run.options.gate_timing
    unknown = comparison.state is TimeState.NEW and run.options.require_baselines
    red = run.options.update is None and ((comparison.state is TimeState.SLOWER and gated) or unknown)
    experiment, variant, _ = WORK[timed.work]
    return Timed(
        work=timed.work,
        experiment=experiment,
        variant=variant,
        engine=one.engine,
        backend=run.options.backend,
        device=run.device.kind,
        device_model=run.device.model,
        trained_on=one.device,
        precision=run.device.precision,
        epochs=times.epochs,
        images=times.images,
        turns=times.turns,
        rounds=tuple(one.steady),
        steady_epoch=one.median,
        compile=one.compile,
        first_epoch=one.first_epoch,
        first_training=statistics.median(one.first_trainings),
        training=statistics.median(one.trainings),
        images_per_second=times.images / one.median,
        gflops=gflops,
        share_of_peak=None if gflops is None else gflops / peak,
        best_share_of_peak=None if gflops is None else gflops / peak * one.median / min(one.steady),
        peak=peak,
        products_epoch=times.products,
        share_of_products=None if times.products is None else times.products / one.median,
        memory_peak=one.memory_peak,
        load=tuple(load for load in times.load if load is not None),
        contention=times.contention,
        reference=dict(times.reference),
        comparison=comparison,
        red=red,
        ratios=timed.ratios if one is times.engines[0] else (),
        doubts=timed.doubts,
    )
