"""The table of measured alarms, from synthetic lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.timing.measure_alarms import main, table


def line(case: str, state: str, slowdown: float = 1.0, **changes: Any) -> dict[str, Any]:
    known = {"noise": "quiet", "ratio": 1.02, "limit": 1.05, "contention": 0.01}
    return {"slowdown": slowdown, "case": case, "state": state} | known | changes


LINES = [
    line("a/fit", "within"),
    line("a/fit", "slower", ratio=1.2),
    line("a/compiled", "disturbed", contention=None),
    line("a/fit", "slower", 1.1),
    line("a/fit", "faster", noise="as it is"),
]


def test_each_slowdown_noise_and_case_has_a_row_and_all_cases_one() -> None:
    rows = [tuple(text.split()[:7]) for text in table(LINES).splitlines()[2:]]
    assert ("1.0", "quiet", "a/fit", "2", "1", "0", "0") in rows
    assert ("1.0", "quiet", "a/compiled", "1", "0", "1", "0") in rows
    assert ("1.0", "quiet", "all", "3", "1", "1", "0") in rows
    assert ("1.1", "quiet", "all", "1", "1", "0", "0") in rows
    assert len(rows) == 7
    assert "1.02 1.11 1.20" in table(LINES)


def test_the_table_of_a_folder_measures_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "alarms.jsonl").write_text("".join(json.dumps(one) + "\n" for one in LINES))
    main([str(tmp_path), "--table"])
    assert capsys.readouterr().out.strip() == table(LINES)
    assert [path.name for path in tmp_path.iterdir()] == ["alarms.jsonl"]
