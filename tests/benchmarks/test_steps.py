"""The steps of ``benchmarks.measure_gpu``: selected, stopped, resumed, and their results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import measure_gpu
from benchmarks.gpu.steps import Step, all_steps, finished, perform
from tests.benchmarks.results import write_all

WRITES = 'import sys; open(sys.argv[1], \'w\').write(\'{"name": "x", "measured": {}}\')'


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


def test_a_step_is_done_once_it_has_a_result(tmp_path: Path) -> None:
    one = step(WRITES)
    assert not finished(one, tmp_path)
    assert perform(one, tmp_path, 30) == "done"
    assert finished(one, tmp_path)


def test_a_step_that_fails_is_told_and_tried_again(tmp_path: Path) -> None:
    said = perform(step("raise SystemExit('no GPU today')"), tmp_path, 30)
    assert said.startswith("failed: it ended with status 1")
    assert "no GPU today" in (tmp_path / "x.log").read_text()
    assert not finished(step(""), tmp_path)


def test_a_step_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    assert "took longer than 1 s" in perform(step("import time; time.sleep(60)"), tmp_path, 1)


def test_a_backend_that_is_absent_is_no_failure(tmp_path: Path) -> None:
    absent = 'import sys; open(sys.argv[1], \'w\').write(\'{"name": "x", "absent": "torch is not installed"}\')'
    assert perform(step(absent), tmp_path, 30) == "absent: torch is not installed"
    assert finished(step(absent), tmp_path)


def test_a_run_of_the_suite_that_ended_is_done(tmp_path: Path) -> None:
    one = step(end(), suite=True)
    assert perform(one, tmp_path, 30) == "done"
    assert json.loads((tmp_path / "x.json").read_text()) == {"run": "r1", "status": 6}


def test_a_red_run_is_done_and_says_so(tmp_path: Path) -> None:
    said = perform(step(end(exit_status=1), suite=True), tmp_path, 30)
    assert said.startswith("done, with exit code 1: nothing is stored")


@pytest.mark.parametrize("more", [{"interrupted": True}, {"reported": False}])
def test_a_run_that_did_not_end_goes_on(more: dict[str, bool], tmp_path: Path) -> None:
    assert perform(step(end(**more) + "; sys.exit(2)", suite=True), tmp_path, 30).startswith("stopped")
    assert not finished(step(""), tmp_path)


def test_a_run_of_the_suite_hears_ctrl_c(tmp_path: Path) -> None:
    waiting = f"{end(interrupted=True)}\nimport time\ntry: time.sleep(60)\nexcept KeyboardInterrupt: sys.exit(2)"
    assert perform(step(waiting, suite=True), tmp_path, 2).startswith("stopped: time was up")


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


def test_names_of_steps_are_names_of_files(tmp_path: Path) -> None:
    files = [step.file(tmp_path).name for step in all_steps("full")]
    assert len(set(files)) == len(files)
    assert not any(" " in name or "," in name for name in files)


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
    write_all(tmp_path)
    assert measure_gpu.main(["--out", str(tmp_path), "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "done  machine" in lines
    assert "      full" in lines


def test_time_that_is_left_decides_what_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [Step(name, step(WRITES).command) for name in ("a", "b")]
    monkeypatch.setattr(measure_gpu, "perform", lambda step, out, room: "done")
    monkeypatch.setattr(measure_gpu.time, "monotonic", iter([0, 0, 0, 0, 100, 100]).__next__)
    assert measure_gpu.run(made, tmp_path, 2) == ["b"]
