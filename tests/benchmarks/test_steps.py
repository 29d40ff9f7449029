"""The steps of ``benchmarks.measure_gpu``: selected, stopped, resumed, and their results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import measure_gpu
from benchmarks.gpu.steps import Step, all_steps, finished, perform
from tests.benchmarks.results import write_all


def writes(**more: object) -> str:
    return f"import sys; open(sys.argv[1], 'w').write({json.dumps({'name': 'x', **more})!r})"


def step(code: str, *, suite: bool = False) -> Step:
    """A step that runs a line of Python."""

    def command(out: Path) -> Sequence[str]:
        (out / "code.py").write_text(code, encoding="utf-8")
        return ["tests.benchmarks.running", str(out / "code.py"), str(made.file(out))]

    made = Step("x", command, suite=suite)
    return made


def end(**more: object) -> str:
    """Code that leaves a run with this end, as ``pytest suite/`` does."""
    line = json.dumps({"kind": "end", "exit_status": 6, "interrupted": False, "reported": True, **more})
    return (
        "import pathlib, sys; folder = pathlib.Path(sys.argv[1]).parent / 'x' / 'runs'; "
        f"folder.mkdir(parents=True, exist_ok=True); (folder / 'r1.jsonl').write_text({line!r} + chr(10))"
    )


WAITS = f"{end(interrupted=True)}\nimport time\ntry: time.sleep(60)\nexcept KeyboardInterrupt: sys.exit(2)"
"""A run that hears Ctrl-C."""


@pytest.mark.parametrize(
    ("code", "suite", "seconds", "said", "done"),
    [
        (writes(measured={}), False, 30, "done", True),
        (writes(absent="torch is not installed"), False, 30, "absent: torch is not installed", True),
        ("raise SystemExit('no GPU today')", False, 30, "failed: it ended with status 1", False),
        ("import time; time.sleep(60)", False, 1, "failed: it took longer than 1 s", False),
        (end(), True, 30, "done", True),
        (end(exit_status=1), True, 30, "done, with exit code 1: nothing is stored", True),
        (end(interrupted=True) + "; sys.exit(2)", True, 30, "stopped", False),
        (end(reported=False) + "; sys.exit(2)", True, 30, "stopped", False),
        (WAITS, True, 2, "stopped: time was up", False),
    ],
)
def test_a_step_is_done_once_it_has_a_result(
    code: str, suite: bool, seconds: int, said: str, done: bool, tmp_path: Path
) -> None:
    made = step(code, suite=suite)
    assert not finished(made, tmp_path)
    assert perform(made, tmp_path, seconds).startswith(said)
    assert finished(made, tmp_path) is done
    if suite and done:
        assert json.loads((tmp_path / "x.json").read_text()) == {"run": "r1", "status": 1 if "code" in said else 6}
    if "no GPU" in code:
        assert "no GPU today" in (tmp_path / "x.log").read_text()


def test_a_run_that_ended_unseen_is_not_begun_again(tmp_path: Path) -> None:
    """The script itself was killed after the run's end."""
    perform(step(end(), suite=True), tmp_path, 30)
    (tmp_path / "x.json").unlink()
    assert perform(step("raise SystemExit(9)", suite=True), tmp_path, 30) == "done"


@pytest.mark.parametrize("torn", ["", '{"kind": "tri'])
def test_a_torn_record_is_resumed(torn: str, tmp_path: Path) -> None:
    full = next(step for step in all_steps("full") if step.name == "full")
    assert "--resume" not in full.command(tmp_path)
    runs = tmp_path / "full" / "runs"
    runs.mkdir(parents=True)
    (runs / "r1.jsonl").write_text(torn, encoding="utf-8")
    assert "--resume" in full.command(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--only", "ful"], ["Invalid --only", "'ful'", "Did you mean 'full'"]),
        (["--minutes", "0"], ["Invalid --minutes", "above 0"]),
        (["--out", "/proc/nowhere"], ["/proc/nowhere"]),
    ],
)
def test_bad_input(arguments: list[str], parts: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert measure_gpu.main(["--out", str(tmp_path), "--scale", "small", *arguments]) == 2
    said = capsys.readouterr().err
    assert [part for part in parts if part not in said] == []
    assert said.count("\n") == 1


def test_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [step.file(tmp_path).name for step in all_steps("full")]
    assert len(set(files)) == len(files)
    assert not any(" " in name or "," in name for name in files)
    write_all(tmp_path)
    assert measure_gpu.main(["--out", str(tmp_path), "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "done  machine" in lines
    assert "      full" in lines


def test_time_that_is_left_decides_what_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [Step(name, step(writes(measured={})).command) for name in ("a", "b")]
    monkeypatch.setattr(measure_gpu, "perform", lambda step, out, room: "done")
    monkeypatch.setattr(measure_gpu.time, "monotonic", iter([0, 0, 0, 0, 100, 100]).__next__)
    assert measure_gpu.run(made, tmp_path, 2) == ["b"]
