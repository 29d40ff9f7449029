"""Ctrl-C and kill -9 during a training lose no finished trial; the live line of a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import pytest

from harness.record.run import read_run
from harness.record.run_file import latest_run
from tests.suite.command import ROOT, Finished, arguments, environment

pytestmark = pytest.mark.slow

LONG = ("--backend", "jax", "--seeds", "60", "-k", "raw-data or tips-softmax")
"""Options for claims on Example 2, which is tiny, and on the MNIST softmax layer, which trains for minutes."""
COLUMNS = 40


def wait_for_trials(folder: Path, process: subprocess.Popen[bytes], count: int = 1) -> None:
    """Waits until the long training has finished that many trials and trains the next."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, "the run ended by itself"
        for path in (folder / "report" / "runs").glob("*.jsonl"):
            if path.read_text("utf-8").count('"kind":"trial","experiment":"example-4-softmax"') >= count:
                return
        time.sleep(0.05)
    raise AssertionError("no trial was finished in two minutes")


# A shell without job control starts its background jobs with SIGINT ignored, and children inherit that, as under CI.
HEARS_CTRL_C = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
)


def begin(folder: Path, out: int, error: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", HEARS_CTRL_C, *arguments(folder, *LONG)]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=error
    )  # fmt: skip


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run that got Ctrl-C while the softmax layer trained."""
    folder = tmp_path_factory.mktemp("interrupted")
    with begin(folder, subprocess.PIPE, subprocess.STDOUT) as process:
        try:
            wait_for_trials(folder, process)
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    return Finished(process.returncode, output.decode(), folder)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run that was killed at the same place. It wrote to a terminal of 40 columns."""
    folder = tmp_path_factory.mktemp("killed")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    written = bytearray()

    def read() -> None:
        with contextlib.suppress(OSError):
            while part := os.read(ours, 4096):
                written.extend(part)

    with begin(folder, theirs, theirs) as process:
        os.close(theirs)
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            wait_for_trials(folder, process)
        finally:
            process.kill()
        process.wait()
        reader.join(10)
    os.close(ours)
    return Finished(process.returncode, written.decode(), folder)


def test_ctrl_c_exits_2_and_shows_no_traceback(interrupted: Finished) -> None:
    assert interrupted.code == 2
    assert "KeyboardInterrupt" in interrupted.output
    assert "Traceback" not in interrupted.output


def test_ctrl_c_keeps_every_finished_trial(interrupted: Finished) -> None:
    run = interrupted.record
    assert len(run.trials["example-2", "raw"]) == 60
    assert 1 <= len(run.trials["example-4-softmax", "as printed"]) < 60
    assert run.end is not None
    assert run.end.interrupted is True
    assert run.end.exit_status == 2


def test_ctrl_c_decides_what_can_be_decided(interrupted: Finished) -> None:
    assert interrupted.verdicts == {"raw-data-diverges": "SUPPORTED"}
    assert "⚪ Interrupted, 1 of 2 claims decided. Nothing moved so far" in interrupted.output
    assert interrupted.output.splitlines()[-2:] == [
        f"every finished trial is in {interrupted.record.path}",
        "to go on: the same command with --resume",
    ]
    assert "1 case: 1 supported (1 in every seed)." in interrupted.output


def test_the_report_says_that_it_is_partial(interrupted: Finished) -> None:
    path = interrupted.folder / "report" / "REPORT.md"
    assert f"report: {path}" in interrupted.output
    assert "partial" in path.read_text("utf-8").lower()
    assert interrupted.report["partial"] is True
    assert [claim["key"] for claim in interrupted.report["claims"]] == ["raw-data-diverges"]


def test_a_killed_run_can_be_read(killed: Finished) -> None:
    assert killed.code == -signal.SIGKILL
    run = killed.record
    assert run.end is None
    assert len(run.trials["example-2", "raw"]) == 60
    assert len(run.trials["example-4-softmax", "as printed"]) >= 1


def test_a_torn_last_line_is_left_out(killed: Finished, tmp_path: Path) -> None:
    text = latest_run(killed.folder / "report" / "runs").read_bytes()
    whole = text[: text.rindex(b"\n") + 1]
    last = whole.splitlines()[-1]
    assert json.loads(last)["kind"] == "trial"
    (tmp_path / "torn.jsonl").write_bytes(whole[:-5])
    (tmp_path / "whole.jsonl").write_bytes(whole)
    torn, complete = (sum(map(len, read_run(tmp_path / f"{name}.jsonl").trials.values())) for name in ("torn", "whole"))
    assert torn == complete - 1


def test_a_killed_run_can_be_reported(killed: Finished) -> None:
    command = [sys.executable, "-m", "reports", "--out", str(killed.folder / "report")]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    text = (killed.folder / "report" / "REPORT.md").read_text("utf-8")
    assert "partial" in text.lower()
    assert killed.report["partial"] is True


LIVE = re.compile(r"\r?\n\x1b\[K(.*?)\x1b\[A\x1b\[\d+G", re.DOTALL)


def test_a_terminal_gets_a_live_line(killed: Finished) -> None:
    texts = LIVE.findall(killed.output)
    assert any(text.startswith("[1/3] exam") for text in texts)
    assert any(text.startswith("[2/3] exam") for text in texts)
    assert len(texts) > 5


def test_the_live_line_is_cut_to_the_terminal(killed: Finished) -> None:
    assert COLUMNS / 2 < max(map(len, LIVE.findall(killed.output))) < COLUMNS
