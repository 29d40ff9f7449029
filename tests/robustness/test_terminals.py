"""Terminals that are narrow, plain or ASCII only: nothing is garbled, and no letter makes a run fail."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from suite.session.terminal import width
from tests.suite.command import JAX, ROOT, Finished, arguments, environment, trials

pty = pytest.importorskip("pty")
fcntl = pytest.importorskip("fcntl")
pytestmark = pytest.mark.slow

COLUMNS = 40
LIVE = re.compile(r"\n\x1b\[K(.*?)\x1b\[A\x1b\[\d+G")
CURSOR = re.compile(r"\x1b(?:[78]|\[[0-9;]*[A-HJKSTfsu])")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(folder: Path, *options: str, **changes: str) -> Finished:
    """A run that writes to a terminal of 40 columns; all it wrote there in ``output``."""
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    written = bytearray()

    def read() -> None:
        with contextlib.suppress(OSError):
            while data := os.read(ours, 65536):
                written.extend(data)

    reader = threading.Thread(target=read)
    command = arguments(folder, *JAX, *options)
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(**changes), stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        reader.start()
        try:
            code = process.wait(timeout=300)
        finally:
            process.kill()
    reader.join()
    os.close(ours)
    return Finished(code, written.decode("utf-8").replace("\r\n", "\n"), folder)


def check_result(run: Finished, plain: Finished) -> None:
    assert run.code == 0, run.output
    for word in ("Traceback", "INTERNALERROR", "UnicodeEncodeError", "warnings summary"):
        assert word not in run.output
    assert run.states["example-2/raw"] == "identical"
    assert trials(run.record)["example-2/raw"] == trials(plain.record)["example-2/raw"]


def test_forty_columns(copied: Callable[[str], Path], plain: Finished) -> None:
    """Neither the live line nor the summary is wider."""
    run = on_terminal(copied("narrow"), "-k", "raw-data or minmax")
    check_result(run, plain)
    live = LIVE.findall(run.output)
    assert sum(map(bool, live)) >= 2
    assert max(map(len, live)) < COLUMNS
    assert live[-1] == ""
    without = LIVE.sub("", run.output)
    assert not CURSOR.search(without)
    assert COLOUR.search(without)
    text = COLOUR.sub("", without)
    lines = text[text.index("✅ Nothing moved: ") :].splitlines()
    assert " ".join(lines[:2]).startswith("✅ Nothing moved: 2 trainings reproduced   to the end")
    assert max(width(line) for line in lines if not line.startswith(("report: ", "page: "))) <= COLUMNS
    assert " ".join(lines[-2:]).startswith("one claim with its reason: the same")


def test_a_terminal_that_understands_no_escapes(copied: Callable[[str], Path], plain: Finished) -> None:
    """A cursor that cannot be moved would leave every version of the live line behind, though colours are asked for.

    The report goes to a folder that is no UTF-8: Python holds such a name with a lone surrogate, which no file can.
    """
    folder = copied("dumb")
    odd = folder / os.fsdecode(b"odd \xff")
    try:
        odd.mkdir()
    except OSError:
        odd = folder / "odd"
    run = on_terminal(folder, "-k", "raw-data", "--color=yes", "--report-dir", str(odd), TERM="dumb")
    check_result(Finished(run.code, run.output, _with_report(folder, odd)), plain)
    assert COLOUR.search(run.output)
    assert not CURSOR.search(run.output)
    assert "\n[1/1] example-2/raw: 5 seeds of 10 epochs" in run.output
    assert "odd" in run.report["run"]["command"]
    assert (odd / "REPORT.md").exists()


def test_ascii_without_colours(copied: Callable[[str], Path], plain: Finished, tmp_path: Path) -> None:
    """In the C locale, with a report folder in Korean and a refuted claim's true minus sign."""
    folder = copied("ascii")
    report = tmp_path / "결과 폴더"
    changes = {"NO_COLOR": "1", "LC_ALL": "C", "LANG": "C", "PYTHONIOENCODING": "ascii"}
    run = on_terminal(folder, "-k", "raw-data", "--report-dir", str(report), **changes)
    check_result(Finished(run.code, run.output, _with_report(folder, report)), plain)
    assert run.output.isascii()
    assert "\x1b" not in run.output
    assert re.search(r"^\[OK\] Nothing moved: 1 training\s+reproduced ", run.output, re.MULTILINE)
    assert re.fullmatch(r"report: .*/\?\? \?\?/REPORT\.md", run.output.splitlines()[-2])
    assert re.fullmatch(r"page: .*/\?\? \?\?/index\.html", run.output.splitlines()[-1])
    assert "결과" in (report / "report.json").read_text("utf-8")

    again = subprocess.run(
        [sys.executable, "-m", "reports", "--out", str(report)],
        cwd=ROOT, env=environment(**changes), capture_output=True, check=False,
    )  # fmt: skip
    assert (again.returncode, again.stderr) == (0, b"")
    assert again.stdout.startswith(b"Report of ")
    assert again.stdout.isascii()


def _with_report(folder: Path, report: Path) -> Path:
    """The folder, with a link where the report is looked for."""
    (folder / "report").symlink_to(report)
    return folder
