"""report.json: the interface of DESIGN §1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reports.write import write_report
from tests.reports.synthetic import Recorder, claim, effect

CLAIM_KEYS = {"id", "case", "slide", "statement", "rule", "verdict", "expected_verdict", "reason", "effects"}
CLAIM_KEYS |= {"published", "variants", "baseline", "seconds"}
ERRATUM_KEYS = {"id", "slide", "printed", "modern", "when", "outcome", "error", "values", "state"}
EFFECT_KEYS = {"of", "metric", "unit", "estimate", "low", "high", "p", "p_adjusted", "n"}


def strict(path: Path) -> Any:
    """The file's content; fails on NaN and inf, which Python's parser would accept."""

    def refuse(name: str) -> None:
        pytest.fail(f"{name} in {path}")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def test_schema(folder: Path) -> None:
    report = strict(folder / "report.json")
    assert report["schema"] == 2
    assert list(report) == ["schema", "run", "claims", "timings", "errata", "conformance", "timing_runs", "figures"]
    assert report["timing_runs"] == {"cases": [], "peaks": []}
    assert report["run"]["fingerprint"]["device_model"] == "AMD EPYC 7B13"
    assert report["run"]["partial"] is False
    for one in report["claims"]:
        assert set(one) >= CLAIM_KEYS
        assert "state" in one["baseline"]
        assert all(set(e) >= EFFECT_KEYS for e in one["effects"])
        assert all(set(v) >= {"metric", "mean", "std", "n", "values"} for v in one["variants"].values())
    assert len(report["claims"]) == 9
    assert len(report["timings"]) == 19
    assert [one["id"] for one in report["errata"]] == ["lr", "long"]
    assert all(set(one) >= ERRATUM_KEYS for one in report["errata"])
    assert sorted(report["figures"]) == sorted(path.name for path in (folder / "figures").iterdir())


def test_not_finite_numbers_become_null(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    run.log.append("claim", claim("a", "INCONCLUSIVE", [effect("a − b", 12345.5, None, None)]))
    path = run.end()
    path.write_text(path.read_text(encoding="utf-8").replace("12345.5", "NaN"), encoding="utf-8")
    write_report(path, tmp_path)
    [one] = strict(tmp_path / "report.json")["claims"]
    assert one["effects"][0]["estimate"] is None
    assert "nan" not in (tmp_path / "REPORT.md").read_text(encoding="utf-8").lower()


def test_killed_run_is_partial(tmp_path: Path) -> None:
    write_report(Recorder(tmp_path).close(), tmp_path)
    assert (
        strict(tmp_path / "report.json")["run"] | {"end": None, "partial": True}
        == strict(tmp_path / "report.json")["run"]
    )
