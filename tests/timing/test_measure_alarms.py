"""The instrument that measures alarms: its table, from synthetic lines, and the slowdown that it injects."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.training import compiled
from harness.training.engines import Measurements
from harness.training.fit import Clock
from tests.timing.measure_alarms import main, table
from tests.timing.slowdown import slowed

EPOCH = 0.02


def line(case: str, state: str, slowdown: float = 1.0, **changes: Any) -> dict[str, Any]:
    known = {"noise": "quiet", "ratio": 1.02, "limit": 1.05, "contention": 0.01}
    return {"slowdown": slowdown, "case": case, "state": state} | known | changes


def test_each_slowdown_noise_and_case_has_a_row_and_all_cases_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        line("a/fit", "within"),
        line("a/fit", "slower", ratio=1.2),
        line("a/compiled", "disturbed", contention=None),
        line("a/fit", "slower", 1.1),
        line("a/fit", "faster", noise="as it is"),
    ]
    rows = [tuple(text.split()[:7]) for text in table(lines).splitlines()[2:]]
    assert ("1.0", "quiet", "a/fit", "2", "1", "0", "0") in rows
    assert ("1.0", "quiet", "all", "3", "1", "1", "0") in rows
    assert len(rows) == 7
    assert "1.02 1.11 1.20" in table(lines)
    (tmp_path / "alarms.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    main([str(tmp_path), "--table"])
    assert capsys.readouterr().out.strip() == table(lines)
    assert [path.name for path in tmp_path.iterdir()] == ["alarms.jsonl"]


def test_epochs_and_launches_take_longer_inside_and_as_long_as_before_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    def launch(*_: Any) -> str:
        time.sleep(EPOCH)
        return "curves"

    monkeypatch.setattr(compiled, "load_program", lambda *_: SimpleNamespace(launch=launch))
    plain = compiled.load_program, Clock.end
    setup = SimpleNamespace(experiment=SimpleNamespace(inference=False, halves=False, follow={}, observe=None))
    measured = Measurements({})
    clock = Clock(setup, 0, measured, print)
    with slowed(3.0):
        program = compiled.load_program(None)
        begin = time.perf_counter()
        assert program.launch(None, 0.0) == "curves"
        assert time.perf_counter() - begin >= 3 * EPOCH
        clock.begin(None, 0, None)
        time.sleep(EPOCH)
        clock.end(None, 0, None)
    assert measured.launches[0] >= 3 * EPOCH
    assert (compiled.load_program, Clock.end) == plain
