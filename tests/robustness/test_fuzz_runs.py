"""Whatever a run file holds: a run or one SuiteError from the reader, a report or one line from `python -m reports`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from harness.errors import SuiteError
from harness.store import Run, read_run
from reports import __main__ as command
from tests.reports.full import full_run
from tests.robustness.mutations import spoilt, text_of, torn

THOROUGH = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A run file with everything that a report has to cope with."""
    return full_run(tmp_path_factory.mktemp("full")).read_bytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


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


def outcome(path: Path) -> Run | str:
    """The run, or the text of the error; any other exception is a failure."""
    try:
        return read_run(path)
    except SuiteError as error:
        return str(error)


@THOROUGH
@given(st.data())
def test_the_reader(path: Path, content: bytes, data: st.DataObject) -> None:
    path.write_bytes(spoil(data, content))
    found = outcome(path)
    assert isinstance(found, Run) or (str(path) in found and len(found) < 2000)


@pytest.mark.slow
@settings(THOROUGH, max_examples=25, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # shrinking takes minutes
@given(st.data())
def test_the_report(path: Path, content: bytes, capsys: pytest.CaptureFixture[str], data: st.DataObject) -> None:
    spoilt_content = spoil(data, content)
    path.write_bytes(spoilt_content)
    out = path.parent / "out"
    status = command.main(["--run", str(path), "--out", str(out)])
    shown = capsys.readouterr()
    if status == 0:
        json.loads((out / "report.json").read_text("utf-8"))
        assert (out / "REPORT.md").read_text("utf-8").startswith("# ")
    else:
        assert status == 2
        assert shown.err.startswith("reports: ")
        assert shown.err.count("\n") == 1
        assert len(shown.err) < 2000
        assert shown.out == ""


@pytest.mark.parametrize(
    ("field", "value"),
    [("variant", 0.5), ("variant", "\ud800"), ("variant", None), ("experiment", 3), ("experiment", "\udcff"),
     ("experiment", ["a"]), ("seed", "1"), ("seed", 1.5), ("metrics", {"loss": 10**400})],
)  # fmt: skip
def test_a_trial_that_would_break_a_figure(path: Path, content: bytes, field: str, value: object) -> None:
    lines = content.splitlines(keepends=True)
    at = next(index for index, line in enumerate(lines) if b'"kind": "trial"' in line)
    lines[at] = text_of(json.loads(lines[at]) | {field: value}) + b"\n"
    path.write_bytes(b"".join(lines))
    found = outcome(path)
    assert isinstance(found, str)
    assert found.startswith(f"Invalid trial in {path}")


@pytest.mark.parametrize(("kind", "field"), [("experiment", "id"), ("claim", "key")])
def test_a_name_that_is_a_list(path: Path, content: bytes, kind: str, field: str) -> None:
    lines = content.splitlines(keepends=True)
    at = next(index for index, line in enumerate(lines) if f'"kind": "{kind}"'.encode() in line)
    lines[at] = text_of(json.loads(lines[at]) | {field: ["a"]}) + b"\n"
    path.write_bytes(b"".join(lines))
    assert str(path) in str(outcome(path))
    assert isinstance(outcome(path), str)


def test_a_line_nested_too_deeply(path: Path, content: bytes) -> None:
    path.write_bytes(content + b"[" * 200_000 + b"\n")
    assert "a JSON record with a kind" in str(outcome(path))
