"""Whatever is in a file of evidence or of a run: reading it gives its content, or one SuiteError that names the file.

And `python -m reports` gives a report, or one line.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from harness.check.evidence import dumps, path_of, read, write
from harness.errors import SuiteError
from harness.record import json_file
from harness.record.evidence import Evidence
from harness.record.run import Run, read_run
from reports import __main__ as command
from tests.reports.full import full_run
from tests.robustness.made import NAMES, evidence
from tests.robustness.mutations import JSON, spoilt, text_of, torn
from tests.robustness.weak import AS_ANYBODY, NEEDS_WEAK
from tests.suite.command import ROOT, environment

TEXT = dumps(evidence())
THOROUGH = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = path_of(tmp_path, *reversed(NAMES))
    place.parent.mkdir(parents=True)
    return place


def outcome(path: Path, content: bytes) -> Evidence | str:
    """What ``read`` makes of a file with this content: evidence, which is the same once it is written and read again,
    or the text of its error. Any other exception is a failure."""
    path.write_bytes(content)
    try:
        evidence = read(path)
    except SuiteError as error:
        text = str(error)
        assert text.startswith(f"Invalid evidence {path}. Expected: ")
        assert "Received: " in text
        assert len(text) < 2000 + 3 * len(str(path))
        assert "\n" not in text
        text.encode()
        return text
    assert evidence is not None
    write(path, evidence)
    assert read(path) == evidence
    return evidence


@settings(THOROUGH, max_examples=600)
@given(st.data())
def test_damaged_evidence(path: Path, data: st.DataObject) -> None:
    """With spoilt nodes, torn bytes, or both."""
    content = TEXT.encode()
    kind = data.draw(st.sampled_from(["nodes", "bytes", "both"]))
    if kind != "bytes":
        content = text_of(data.draw(spoilt(json.loads(TEXT))))
    outcome(path, content if kind == "nodes" else data.draw(torn(content)))


@THOROUGH
@given(JSON)
def test_any_json(path: Path, record: Any) -> None:
    assert isinstance(outcome(path, text_of(record)), str)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "complete JSON"),
        (b"null", "`object`"),
        (b"\xef\xbb\xbf" + TEXT.encode(), "complete JSON"),
        (TEXT.encode("utf-16"), "UTF-8 text"),
        (TEXT.replace("\u2212", "\xdf").encode("latin-1", "replace"), "UTF-8 text"),
        (TEXT.replace("0.9812", "NaN").encode(), "complete JSON"),
        (TEXT.encode() + b"\0" * 100, "complete JSON"),
        (TEXT.encode() * 2, "complete JSON"),
        (TEXT.replace('"first": 0,', '"first": null,').encode(), "`int` at `$.variants[...].sessions[0].first`"),
        (TEXT.replace("0.9812", "0.9813").encode(), "it was edited or merged by hand"),
        (TEXT.replace('"steps": 2', '"steps": 1').encode(), "it was edited or merged by hand"),
        (TEXT.replace('"first": 0,', '"first": 0, "first": 1,').encode(), "it was edited or merged by hand"),
    ],
)
def test_named_damage(path: Path, content: bytes, said: str) -> None:
    assert said in str(outcome(path, content))


def test_what_is_no_damage(path: Path) -> None:
    """Git on Windows may put in its line ends. A trial may lack a value."""
    assert outcome(path, TEXT.replace("\n", "\r\n").encode()) == evidence()
    read_again = outcome(path, TEXT.encode())
    assert isinstance(read_again, Evidence)
    assert read_again.variants["적절한 −0.1"].trials[1].metrics["val_accuracy"] is None


def test_nothing_huge_is_read_and_nothing_too_large_to_be_read_back_is_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with path.open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(SuiteError, match=f"at most {json_file.MOST_BYTES} bytes"):
        read(path)
    path.unlink()
    monkeypatch.setattr(json_file, "MOST_BYTES", len(TEXT.encode()) - 1)
    with pytest.raises(SuiteError, match=r"Cannot write evidence .* at most"):
        write(path, evidence())
    assert not path.exists()
    monkeypatch.setattr(json_file, "MOST_BYTES", len(TEXT.encode()))
    write(path, evidence())
    assert read(path) == evidence()


def read_elsewhere(path: Path, prefix: Sequence[str] = ()) -> str:
    """The last line of a process that reads the file and does not catch what is raised."""
    code = "import sys, pathlib; from harness.check.evidence import read; read(pathlib.Path(sys.argv[1]))"
    command = [*prefix, sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=20, check=False)
    return done.stderr.splitlines()[-1]


@contextlib.contextmanager
def in_place(path: Path, kind: str) -> Iterator[None]:
    if kind == "pipe":
        os.mkfifo(path)
        yield
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as made, contextlib.chdir(path.parent):
            made.bind(path.name)
            yield
    else:
        os.symlink({"device": "/dev/zero", "loop": path.name}[kind], path)
        yield


@pytest.mark.skipif(os.name != "posix", reason="has no such things")
@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "loop"])
def test_what_would_never_end(path: Path, kind: str) -> None:
    """In a process of its own, so that this one does not hang."""
    with in_place(path, kind):
        said = read_elsewhere(path)
    assert said.startswith(f"harness.errors.SuiteError: Invalid evidence {path}. Expected: a ")


@NEEDS_WEAK
def test_a_file_that_may_not_be_read(path: Path) -> None:
    write(path, evidence())
    path.chmod(0)
    said = read_elsewhere(path, AS_ANYBODY)
    assert said.startswith(f"harness.errors.SuiteError: Invalid evidence {path}. Expected: a readable file. Received: ")
    assert "Permission denied" in said


# The file of a run.


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A run file with everything that a report has to cope with."""
    return full_run(tmp_path_factory.mktemp("full")).read_bytes()


def spoil(data: st.DataObject, content: bytes) -> bytes:
    """One or two lines with spoilt nodes, or the whole with spoilt bytes, or lines deleted, doubled or exchanged."""
    lines = content.splitlines(keepends=True)
    kind = data.draw(st.sampled_from(["nodes", "nodes", "nodes", "bytes", "lines"]))
    if kind == "bytes":
        return data.draw(torn(content))
    for _ in range(data.draw(st.integers(1, 2))):
        at = data.draw(st.integers(0, len(lines) - 1))
        if kind == "nodes":
            lines[at] = text_of(data.draw(spoilt(json.loads(lines[at])))) + b"\n"
        else:
            other = data.draw(st.integers(0, len(lines) - 1))
            taken = lines.pop(at)
            lines[other:other] = data.draw(st.sampled_from([[], [taken, taken], [taken]]))
    return b"".join(lines)


def run_of(path: Path, content: bytes) -> Run | str:
    """The run, or the text of the error; any other exception is a failure."""
    path.write_bytes(content)
    try:
        return read_run(path)
    except SuiteError as error:
        text = str(error)
        assert str(path) in text
        assert len(text) < 2000
        return text


@THOROUGH
@given(st.data())
def test_a_damaged_run(tmp_path: Path, content: bytes, data: st.DataObject) -> None:
    run_of(tmp_path / "run.jsonl", spoil(data, content))


@pytest.mark.slow
@settings(THOROUGH, max_examples=25, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # shrinking takes minutes
@given(st.data())
def test_the_report_of_a_damaged_run(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str], data: st.DataObject
) -> None:
    run, out = tmp_path / "run.jsonl", tmp_path / "out"
    run.write_bytes(spoil(data, content))
    status = command.main(["--run", str(run), "--out", str(out)])
    shown = capsys.readouterr()
    if status == 0:
        json.loads((out / "report.json").read_text("utf-8"))
        assert (out / "REPORT.md").read_text("utf-8").startswith("# ")
    else:
        assert (status, shown.out, shown.err.count("\n")) == (2, "", 1)
        assert shown.err.startswith("reports: ")
        assert len(shown.err) < 2000


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        *(("trial", {"trial": {"variant": value, "seed": 1}}) for value in (0.5, "\ud800", None)),
        *(("trial", {"trial": {"variant": "a", "seed": value}}) for value in ("1", 1.5)),
        ("trial", {"trial": {"variant": "a", "seed": 1, "metrics": {"loss": 10**400}}}),
        *(("trial", {"experiment": value}) for value in (3, "\udcff", ["a"])),
        ("claim", {"key": ["a"]}),
    ],
)
def test_the_line_of_a_wrong_value_is_named(
    tmp_path: Path, content: bytes, kind: str, changes: dict[str, object]
) -> None:
    lines, run = content.splitlines(keepends=True), tmp_path / "run.jsonl"
    at = next(index for index, line in enumerate(lines) if json.loads(line)["kind"] == kind)
    lines[at] = text_of(json.loads(lines[at]) | changes) + b"\n"
    assert str(run_of(run, b"".join(lines))).startswith(f"Invalid line {at + 1} of {run}.")


def test_a_line_nested_too_deeply(tmp_path: Path, content: bytes) -> None:
    assert "Expected: a record." in str(run_of(tmp_path / "run.jsonl", content + b"[" * 200_000 + b"\n"))
