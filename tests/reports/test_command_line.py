"""`python -m reports` and its messages for bad input: one sentence, exit status 2, no traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import SuiteError
from reports import __main__ as command
from reports.folders import check_writable, write_atomic
from tests.reports.full import full_run
from tests.reports.synthetic import Recorder

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    """A run file with a claim and nothing to draw."""
    return Recorder(tmp_path).end()


def fails(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line on stderr of a call that must end with status 2."""
    assert command.main([str(argument) for argument in arguments]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("reports: ")
    assert shown.count("\n") == 1
    return shown


def test_latest_run_of_the_folder_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for day in ("20261124", "20261126", "20261125"):
        Recorder(tmp_path, id=f"{day}T000000-run", started=f"{day[:4]}-11-{day[6:]}").end()
    assert command.main(["--out", str(tmp_path)]) == 0
    assert "20261126T000000-run.jsonl" in capsys.readouterr().out
    assert "2026-11-26" in (tmp_path / "REPORT.md").read_text(encoding="utf-8").splitlines()[0]


def test_named_run(sparse: Path, tmp_path: Path) -> None:
    assert command.main(["--run", str(sparse), "--out", str(tmp_path / "elsewhere")]) == 0
    assert (tmp_path / "elsewhere" / "REPORT.md").exists()


def test_no_run_yet(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.folders.OUT", tmp_path / "default")
    assert "Run `pytest suite/` first" in fails(capsys, "--out", tmp_path)


def test_run_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nowhere.jsonl" in fails(capsys, "--run", tmp_path / "nowhere.jsonl", "--out", tmp_path)


def edited(path: Path, edit: tuple[str, str, object]) -> Path:
    """The run file with one field of one record changed: (kind, key, value), the value ... for deleting it."""
    kind, key, value = edit
    changed = []
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["kind"] == kind:
            record[key] = value
            if value is ...:
                del record[key]
        changed.append(json.dumps(record, ensure_ascii=False))
    path.write_text("\n".join(changed) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (("run", "schema", 99), "99"),
        (("run", "command", ...), "command"),
        (("run", "fingerprint", "cpu"), "fingerprint"),
        (("run", "schema", 1), "an earlier version of the suite"),
        (("run", "gpu", {"driver": 570}), "$.gpu.driver"),
        (("trial", "trial", ...), "trial"),
        (("training", "seconds", {"total": "long"}), "$.seconds.total"),
        (("training", "outcome", None), "$.outcome"),
        (("claim", "decision", {"verdict": "MAYBE", "reason": ""}), "$.decision.verdict"),
        (("claim", "alongside", {}), "$.alongside"),
        (("claim", "variants", {"a": {"mean": 1}}), "$.variants[...]"),
        (("end", "interrupted", "no"), "$.interrupted"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_damaged_record(
    edit: tuple[str, str, object], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = edited(full_run(tmp_path), edit)
    shown = fails(capsys, "--run", path, "--out", tmp_path)
    assert named in shown
    assert not (tmp_path / "REPORT.md").exists()


@pytest.mark.parametrize("content", [b"", b"not json\n", b"\xff\xfe\n", b"[1]\n", b'{"kind": "claim"}\n', b"{}\n"])
def test_file_that_is_no_run(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(content)
    assert "run.jsonl" in fails(capsys, "--run", path, "--out", tmp_path)


def test_folder_that_cannot_be_written(sparse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    assert "Cannot write the report to" in fails(capsys, "--run", sparse, "--out", file)
    assert "Cannot write the report to" in fails(capsys, "--run", sparse, "--out", file / "below")
    assert file.read_text() == "in the way"


@pytest.mark.parametrize("below", ["", "a/b"])
def test_check_writable(tmp_path: Path, below: str) -> None:
    check_writable(tmp_path / below)
    assert list((tmp_path / below).iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a file system that refuses even root")
def test_check_writable_refuses_where_permission_bits_would_not() -> None:
    with pytest.raises(SuiteError, match="Cannot write the report to /proc"):
        check_writable(Path("/proc/self"))


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "REPORT.md"
    write_atomic(path, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SuiteError, match="No space left"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_runs_are_pushed_to_a_database_and_reported_from_it(
    sparse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ["--store", f"sqlite:///{tmp_path / 'runs.sqlite'}"]
    for said in (sparse.stem, f"Nothing to push in {tmp_path / 'runs'}."):
        assert command.main(["--push", *store, "--out", str(tmp_path)]) == 0
        assert said in capsys.readouterr().out
    assert not (tmp_path / "REPORT.md").exists()
    sparse.unlink()
    assert command.main([*store, "--run", sparse.stem, "--out", str(tmp_path / "out")]) == 0
    assert f"Report of {sparse.stem}: " in capsys.readouterr().out
    assert (tmp_path / "out" / "REPORT.md").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--push", "--push needs --store URL"),
        ("--push --store sqlite:///a --run b", "--push contradicts --run"),
        ("--push --store a", "Expected: sqlite:///FILE"),
        ("--readme README.md", "--readme needs --evidence"),
        ("--trend --run x", "--trend contradicts --run"),
        ("--compare a b --run c", "--compare contradicts --run"),
        ("--stacks a b --evidence c", "--stacks contradicts --evidence"),
        ("--stacks a b --store sqlite:///c", "--stacks contradicts --store"),
        ("--evidence a --store sqlite:///c", "--evidence contradicts --store"),
        ("--evidence a --run b", "--evidence contradicts --run"),
        ("--trend --no-charts", "--trend contradicts --no-charts"),
    ],
)
def test_options_that_contradict_each_other(arguments: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in fails(capsys, *arguments.split())


def test_unknown_option_and_light_import(tmp_path: Path) -> None:
    wrong = subprocess.run(
        [sys.executable, "-m", "reports", "--runs", "x", "--frobnicate"], cwd=ROOT, capture_output=True, text=True
    )
    assert wrong.returncode == 2
    assert "unrecognized arguments" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    heavy = "import sys, reports, reports.write; print({'pandas', 'altair', 'scipy'} & set(sys.modules))"
    light = subprocess.run([sys.executable, "-c", heavy], cwd=ROOT, capture_output=True, text=True, check=True)
    assert light.stdout.strip() == "set()"
