"""The ends of a task, and tasks in this process."""

from __future__ import annotations

import pytest

from harness.errors import SuiteError
from harness.execution.here import InProcess
from harness.execution.task import Done, Failed, Reported
from tests.execution.work import WORK, Job


@pytest.fixture
def messages():
    return []


@pytest.fixture
def here(messages):
    return InProcess(WORK, messages.append)


def test_tasks_run_in_order_and_their_events_come_before_their_ends(here, messages):
    for name in ("a", "b"):
        here.submit(Job(name, (("reports", 2), ("return", name.upper()))))
    here.wait()
    first, second = ([Reported(name, 0), Reported(name, 1), Done(name, name.upper())] for name in ("a", "b"))
    assert messages == first + second


def test_nothing_runs_before_it_is_waited_for(here, messages):
    for name in ("a", "b", "c"):
        here.submit(Job(name))
    assert messages == []
    here.wait("b")
    assert messages == [Done("a", None), Done("b", None)]
    here.wait("a")
    assert len(messages) == 2
    here.wait()
    assert messages[2:] == [Done("c", None)]


def test_a_suite_error_is_shown_as_it_is(here, messages):
    here.submit(Job("a", (("refuse", "Invalid seed."),)))
    here.submit(Job("b"))
    here.wait()
    assert messages == [Failed("a", "Invalid seed."), Done("b", None)]


@pytest.mark.parametrize(
    ("step", "reason"), [(("break", "by\nzero"), "ZeroDivisionError: by zero"), (("exit",), "SystemExit: 3")]
)
def test_any_other_error_keeps_its_traceback(here, messages, step, reason):
    here.submit(Job("a", (step,)))
    here.wait()
    (failed,) = messages
    assert failed.reason == reason
    assert failed.details.startswith("Traceback")
    assert "in perform" in failed.details


def test_an_error_in_the_handler_of_an_event_is_no_failure_of_the_task():
    def handle(message):
        raise OSError("disk full")

    here = InProcess(WORK, handle)
    here.submit(Job("a", (("report", 1),)))
    with pytest.raises(OSError, match="disk full"):
        here.wait()


def test_two_tasks_cannot_have_one_name(here):
    here.submit(Job("a"))
    with pytest.raises(SuiteError, match="'a' was submitted before"):
        here.submit(Job("a"))


def test_a_task_that_nobody_submitted_is_not_waited_for(here):
    with pytest.raises(SuiteError, match="'b': it was never submitted"):
        here.wait("b")


def test_a_task_that_nobody_waits_for_does_not_run(here, messages):
    here.submit(Job("a"))
    here.close()
    here.close()
    assert messages == []
