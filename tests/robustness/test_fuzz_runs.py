"""Whatever a run file holds, reading it gives a run or one SuiteError, and `python -m reports` a report or one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from harness.errors import SuiteError
from harness.record.run import Run, read_run
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
    ("kind", "changes"),
    [
        *(("trial", {"trial": {"variant": value, "seed": 1}}) for value in (0.5, "\ud800", None)),
        *(("trial", {"trial": {"variant": "a", "seed": value}}) for value in ("1", 1.5)),
        ("trial", {"trial": {"variant": "a", "seed": 1, "metrics": {"loss": 10**400}}}),
        *(("trial", {"experiment": value}) for value in (3, "\udcff", ["a"])),
        ("experiment", {"id": ["a"]}),
        ("experiment", {"size": {"epochs": -1, "batch_size": 8}}),
        ("claim", {"key": ["a"]}),
    ],
)
def test_the_line_of_a_wrong_value_is_named(path: Path, content: bytes, kind: str, changes: dict[str, object]) -> None:
    lines = content.splitlines(keepends=True)
    at = next(index for index, line in enumerate(lines) if json.loads(line)["kind"] == kind)
    lines[at] = text_of(json.loads(lines[at]) | changes) + b"\n"
    path.write_bytes(b"".join(lines))
    found = outcome(path)
    assert isinstance(found, str)
    assert found.startswith(f"Invalid line {at + 1} of {path}.")


def test_a_line_nested_too_deeply(path: Path, content: bytes) -> None:
    path.write_bytes(content + b"[" * 200_000 + b"\n")
    assert "Expected: a record." in str(outcome(path))
