"""The end of a run: the summary, the new baselines, the report, the push to the database, and the exit code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from msgspec.structs import replace

from harness.domain.model import Experiment, Seconds
from harness.domain.verdict import Decision
from harness.environment import gpu
from harness.errors import SuiteError
from harness.record.outcomes import TrainingOutcome, TrainingState
from harness.record.run import Run, RunEnded, TrainingCompared
from harness.record.trials import Training
from reports.folders import runs_folder
from suite.catalogue import CLAIMS, EXPERIMENTS, TRAINING_CLAIMS, training_name
from suite.session import summary, timing
from suite.session.screen import Line
from suite.session.session import Session
from suite.session.work import reason_of

REWRITTEN = 6
"""Exit code of a run that stored new baselines. It is never 0, so that no pipeline passes by rewriting baselines."""


def finish(session: Session, exit_status: int, seconds: float) -> tuple[int, list[Line]]:
    """Ends a run: stores new baselines if asked, writes the report, and pushes the run to the database.

    Args:
        session: the run.
        exit_status: pytest's.
        seconds: the duration of the run.

    Returns:
        The exit code and the lines to print, of a quiet run only those that it needs. An error is one of the lines.
    """
    run, options = session.run, session.options
    interrupted = exit_status == pytest.ExitCode.INTERRUPTED
    failed = exit_status in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERNAL_ERROR)
    lines, notes = list[Line](), list[Line]()
    try:
        if interrupted:
            decide_trained(session)
        note_missing(session)
        storing = options.update is not None
        lines.append(summary.status_line(run, storing=storing, interrupted=interrupted, failed=failed))
        lines += summary.moved_lines(run)
        lines += map(Line, timing.lines(session, session.progress.columns))
        if not session.progress.quiet:
            notes += [*summary.finding_lines(run), *summary.count_lines(run)]
        notes += summary.evidence_lines(run, session.stored, storing)
        exit_status = exit_code(run, exit_status)
        if storing:
            if interrupted:
                notes.append(Line("baselines: nothing is stored of an interrupted run"))
            else:
                exit_status = REWRITTEN
                stored = ["baselines stored:", *update_baselines(session), *timing.update(session)]
                notes += [Line(line) for text in stored for line in text.splitlines()]
    except SuiteError as error:
        lines.append(_error(str(error)))
        exit_status = pytest.ExitCode.INTERNAL_ERROR
    try:
        session.trials.close()
        session.progress.note("the report")
        end = RunEnded(
            exit_status=int(exit_status),
            seconds=seconds,
            interrupted=interrupted,
            gpu=gpu.facts(session.device.kind, session.device.model),
        )
        session.file.append(end)
        from reports.page.page import PAGE
        from reports.write import write_report

        written = write_report(run.path, options.reports)
        notes += [Line(f"report: {written}", whole=True), Line(f"page: {written.with_name(PAGE)}", whole=True)]
        session.file.append(replace(end, reported=True))
    except Exception as error:
        reason = f"the report could not be written: {reason_of(error)} The run's record is {run.path}."
        lines.append(_error(reason))
        if exit_status == pytest.ExitCode.OK:
            exit_status = pytest.ExitCode.INTERNAL_ERROR
    session.file.close()
    session.progress.close()
    try:
        notes += push(session)
    except SuiteError as error:
        lines.append(_error(str(error)))
        if exit_status == pytest.ExitCode.OK:
            exit_status = pytest.ExitCode.INTERNAL_ERROR
    if interrupted or not session.progress.quiet:
        notes += summary.more_lines(run, interrupted)
    return int(exit_status), [*lines, *notes]


def _error(reason: str) -> Line:
    return Line(f"ERROR: {reason}", "red")


def exit_code(run: Run, status: int) -> int:
    """pytest's exit code, but 1 where a training is missing, and 3 where every red item could not be run or read."""
    missing = any(one.outcome.state is TrainingState.MISSING for one in run.trainings.values())
    if missing and status == pytest.ExitCode.OK:
        return pytest.ExitCode.TESTS_FAILED
    if status == pytest.ExitCode.TESTS_FAILED and not run.moved:
        return pytest.ExitCode.INTERNAL_ERROR
    return status


def note_missing(session: Session) -> None:
    """Records as missing the variants that have evidence and are no longer declared, of the experiments that ran."""
    for name in dict.fromkeys(experiment for experiment, _ in session.run.trainings):
        for variant in session.stored.vanished(EXPERIMENTS[name]):
            reason = "It has evidence and is no longer declared."
            session.file.append(
                TrainingCompared(
                    experiment=name,
                    variant=variant,
                    engine=str(session.header.fingerprint["engine"]),
                    backend=session.header.backend,
                    device=session.device.kind,
                    device_model=session.device.model,
                    precision=session.device.precision,
                    seeds=(),
                    seconds=Seconds(total=0.0),
                    images_per_second=None,
                    metric=EXPERIMENTS[name].metrics[0].name,
                    mean=None,
                    std=None,
                    n=0,
                    diverged=0,
                    outcome=TrainingOutcome(TrainingState.MISSING, reason),
                    red=True,
                )
            )


def decide_trained(session: Session) -> None:
    """Decides the planned claims whose trials are all finished, although the run was interrupted before their tests."""
    for claim in (TRAINING_CLAIMS[key] for key in session.header.planned if key in TRAINING_CLAIMS):
        if claim.key not in session.run.claims and session.complete(claim):
            session.claim(claim, further=False)


def update_baselines(session: Session) -> Iterator[str]:
    """Adds the results of the run to the evidence; describes the changes of each file. SuiteError if one fails."""
    for experiment in EXPERIMENTS.values():
        keys = [key for key in session.trials.keys if key[0] == experiment.id]
        if keys:
            for key in keys:
                session.progress.note(f"{training_name(*key)}: first steps and perturbed trials")
            measured = session.trials.measured(keys)
            yield _added(session, experiment, {key[1]: one for key, one in measured.items()})
    exact = {claim.key: claim.decision for claim in session.run.claims.values() if claim.experiment is None}
    if exact:
        yield _added(session, None, {}, exact)


def _added(
    session: Session,
    experiment: Experiment | None,
    measured: Mapping[str, Training],
    exact: Mapping[str, Decision] | None = None,
) -> str:
    return session.stored.add(
        experiment,
        measured,
        session.options.update or "",
        session.header.fingerprint,
        session.header.commit or "unknown",
        CLAIMS,
        exact,
    )


def push(session: Session) -> list[Line]:
    """Pushes the finished runs of the report folder to the database; the lines to print. Without --store, none.

    SuiteError if a run cannot be pushed.
    """
    address = session.options.store
    if address is None:
        return []
    from harness.record.database import push_all

    folder = runs_folder(session.options.reports)
    try:
        return [Line(text) for text in push_all(address, folder)]
    except SuiteError as error:
        later = f"python -m reports --push --store URL --out {session.options.reports}"
        raise SuiteError(f"not pushed: {error} The run is kept in {folder}. Push it later: {later}") from error
