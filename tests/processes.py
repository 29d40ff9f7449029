"""Runs of the suite as processes to be interrupted or killed, and the processes that they leave."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import psutil

from harness.record.run import Run
from tests.suite.command import PLAIN, ROOT, Finished, arguments, environment, lines

ACTING = (*PLAIN, "-p", "tests.suite.acting")
# A shell without job control starts its background jobs with SIGINT ignored, and children inherit that, as under CI.
HEARS_CTRL_C = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition has come true within so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def alive(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """The processes that still run after some seconds; it returns early if none does. A zombie counts as ended."""

    def running() -> list[psutil.Process]:
        return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]

    processes = list(processes)
    wait_until(lambda: not running(), seconds)
    return running()


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def is_worker(process: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.Error:
        return False


@contextlib.contextmanager
def begun(folder: Path, *options: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Starts a run in a process group of its own. The group is killed after the test."""
    command = [sys.executable, "-c", HEARS_CTRL_C, *arguments(folder, *options, plugins=ACTING)]
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(**variables), stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def finished(process: subprocess.Popen[str], folder: Path, seconds: float = 240) -> Finished:
    code = process.wait(timeout=seconds)
    return Finished(code, (folder / "output").read_text("utf-8"), folder)


def wait_for_trials(folder: Path, process: subprocess.Popen[str], count: int) -> None:
    """Waits until the run has recorded so many trials."""

    def enough() -> bool:
        assert process.poll() is None, (folder / "output").read_text("utf-8")
        texts = (path.read_text("utf-8") for path in (folder / "report" / "runs").glob("*.jsonl"))
        return any(text.count('"kind":"trial"') >= count for text in texts)

    assert wait_until(enough, 120), "too few trials were finished in two minutes"


def seeds_of(run: Run) -> dict[str, list[int]]:
    """The seeds of each line of a trial, by variant."""
    seeds: dict[str, list[int]] = {}
    for line in lines(run):
        if line["kind"] == "trial":
            seeds.setdefault(line["trial"]["variant"], []).append(line["trial"]["seed"])
    return {variant: sorted(each) for variant, each in seeds.items()}
