"""The end of a run: the summary, the new baselines, the report, the push to the database, and the exit code."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from harness.environment import gpu
from harness.errors import SuiteError
from harness.record.outcomes import TrainingState
from harness.record.run import Run, RunEnded
from harness.record.timings import Provenance
from reports.folders import runs_folder
from suite.catalogue import CLAIMS, EXPERIMENTS, training_name
from suite.session import messages, timing
from suite.session.session import Session
from suite.session.task import reason_of
from suite.session.terminal import Line

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
    lines, notes, status = list[Line](), list[Line](), exit_status

    def fault(reason: str, otherwise: int = pytest.ExitCode.OK) -> None:
        """An error makes a run that is green red, and is told among the first lines."""
        nonlocal status
        lines.append(Line(f"ERROR: {reason}", "red"))
        if status in (pytest.ExitCode.OK, otherwise):
            status = pytest.ExitCode.INTERNAL_ERROR

    try:
        if interrupted:
            session.interrupted()
        session.missing()
        storing = options.update is not None
        lines.append(messages.status_line(run, storing=storing, interrupted=interrupted, failed=failed))
        lines += messages.moved_lines(run)
        lines += map(Line, timing.lines(session, session.progress.columns))
        if not session.progress.quiet:
            notes += [*messages.finding_lines(run), *messages.count_lines(run)]
        notes += messages.evidence_lines(run, session.stored, storing)
        status = exit_code(run, status)
        if storing and interrupted:
            notes.append(Line("baselines: nothing is stored of an interrupted run"))
        elif storing:
            status = REWRITTEN
            stored = ["baselines stored:", *update_baselines(session), *timing.update(session)]
            notes += [Line(line) for text in stored for line in text.splitlines()]
    except SuiteError as error:
        fault(str(error), status)
    try:
        session.trials.close()
        session.progress.note("the report")
        end = RunEnded(
            exit_status=int(status),
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
        fault(f"the report could not be written: {reason_of(error)} The run's record is {run.path}.")
    session.file.close()
    session.progress.close()
    folder = runs_folder(options.reports)
    try:
        notes += map(Line, options.store.push_all(folder) if options.store else ())
    except SuiteError as error:
        later = f"python -m reports --push --store URL --out {options.reports}"
        fault(f"not pushed: {error} The run is kept in {folder}. Push it later: {later}")
    if interrupted or not session.progress.quiet:
        notes += messages.more_lines(run, interrupted)
    return int(status), [*lines, *notes]


def exit_code(run: Run, status: int) -> int:
    """pytest's exit code, but 1 where a training is missing, and 3 where every red item could not be run or read."""
    missing = any(training.outcome.state is TrainingState.MISSING for training in run.trainings.values())
    if missing and status == pytest.ExitCode.OK:
        return pytest.ExitCode.TESTS_FAILED
    if status == pytest.ExitCode.TESTS_FAILED and not run.moved:
        return pytest.ExitCode.INTERNAL_ERROR
    return status


def update_baselines(session: Session) -> Iterator[str]:
    """Adds the results of the run to the evidence; describes the changes of each file. SuiteError if one fails."""
    origin = Provenance(
        commit=session.header.commit or "unknown",
        date=datetime.date.today().isoformat(),
        reason=session.options.update or "",
        fingerprint=session.header.fingerprint,
    )
    for experiment in EXPERIMENTS.values():
        keys = [key for key in session.trials.keys if key[0] == experiment.id]
        if keys:
            for key in keys:
                session.progress.note(f"{training_name(*key)}: short and perturbed trials")
            measured = session.trials.measured(keys)
            trainings = {key[1]: training for key, training in measured.items()}
            yield session.stored.add(experiment, trainings, origin, CLAIMS)
    exact = {claim.key: claim.decision for claim in session.run.claims.values() if claim.experiment is None}
    if exact:
        yield session.stored.add(None, {}, origin, CLAIMS, exact)
