"""Stored values edited: which tests become red, and what they say."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.suite.command import Finished, suite
from tests.suite.conftest import BROAD, JAX

pytestmark = pytest.mark.slow


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")


def tripled(variant: dict[str, Any]) -> None:
    """Every metric about three times as large: not exactly, for no two seeds change alike."""
    for trial in variant["trials"]:
        factor = 3 + trial["seed"] / 10
        trial["metrics"] = {name: None if v is None else v * factor for name, v in trial["metrics"].items()}


def last_bit(variant: dict[str, Any]) -> None:
    """Every curve's last value moved by the smallest step."""
    for trial in variant["trials"]:
        for curve in trial["history"].values():
            curve[:] = [math.nextafter(v, math.inf) if v is not None else None for v in curve]


def example_2(content: dict[str, Any]) -> None:
    raw, min_max, standardised = (content["variants"][name] for name in ("raw", "min-max", "standardised"))
    tripled(min_max)
    last_bit(raw)
    standardised["definition"] = "0" * len(standardised["definition"])
    gone = json.loads(json.dumps(raw))
    for trial in gone["trials"]:
        trial["variant"] = "gone"
    content["variants"]["gone"] = gone
    content["verdicts"]["raw-data-diverges"]["verdict"] = "REFUTED"
    for claim in ("zscore-fixes-divergence", "minmax-losses-reproduce"):
        now = content["verdicts"][claim]["verdict"]
        content["verdicts"][claim]["verdict"] = "SUPPORTED" if now == "INCONCLUSIVE" else "INCONCLUSIVE"


def scale_gap(content: dict[str, Any]) -> None:
    for trial in content["variants"]["raw"]["trials"]:
        del trial["metrics"][next(iter(trial["metrics"]))]
        trial["metrics"]["no_such_metric"] = 1.0
    last_bit(content["variants"]["min-max"])
    content["variants"]["min-max"]["provenance"]["fingerprint"]["numpy"] = "1.0"


def centring(content: dict[str, Any]) -> None:
    content["schema"] = 99


@pytest.fixture(scope="module")
def faulty(copied: Callable[[str], Path]) -> Finished:
    folder = copied("faulty")
    stack = folder / "baselines" / "quick" / "jax-cpu"
    edit(stack / "example-2.json", example_2)
    edit(stack / "scale-gap.json", scale_gap)
    edit(stack / "centring.json", centring)
    (stack / "exact.json").write_text("[]", "utf-8")
    lecture = folder / "baselines" / "lecture" / "jax-cpu"
    lecture.mkdir(parents=True)
    (lecture / "example-2.json").write_bytes(b'{"schema": 1,')
    return suite(folder, *JAX, "-k", BROAD)


def test_it_is_red_and_every_claim_still_has_its_verdict(faulty: Finished, stored: Finished) -> None:
    assert faulty.code == 1
    assert faulty.verdicts == stored.verdicts
    assert set(faulty.states) == set(stored.states)
    assert (faulty.folder / "report" / "REPORT.md").exists()


def test_drift_is_red(faulty: Finished) -> None:
    assert faulty.states["example-2/min-max"] == "drifted"
    assert "example-2/min-max" in faulty.red
    assert "example-2/min-max drifted: " in faulty.output


def test_another_definition_is_red(faulty: Finished) -> None:
    assert faulty.states["example-2/standardised"] == "not comparable"
    assert "example-2/standardised" in faulty.red
    assert "configuration is another one than when its baseline was stored" in faulty.output


def test_a_metric_on_one_side_only_is_red(faulty: Finished) -> None:
    assert faulty.states["scale-gap/raw"] == "missing"
    assert "scale-gap/raw" in faulty.red
    assert "no longer measured on every seed: no_such_metric" in faulty.output
    assert "not in the baseline: " in faulty.output


def test_a_variant_that_is_no_longer_declared_is_named(faulty: Finished) -> None:
    assert "missing: example-2/gone has a baseline and is no longer declared" in faulty.output


def test_other_bits_are_shown_and_green(faulty: Finished) -> None:
    assert faulty.states["example-2/raw"] == "changed"
    assert "example-2/raw" not in faulty.red


def test_other_bits_on_another_fingerprint_are_within(faulty: Finished) -> None:
    assert faulty.states["scale-gap/min-max"] == "within"
    assert "scale-gap/min-max" not in faulty.red


@pytest.mark.parametrize(
    ("red", "message"),
    [
        ({"centring/in [0, 1]", "centring/centred", "zero-centering-helps"}, "schema"),
        ({"minmax-table", "minmax-formula", "zscore-formula"}, "exact.json"),
    ],
)
def test_a_damaged_file_is_red_where_it_is_needed(red: set[str], message: str, faulty: Finished) -> None:
    assert red <= faulty.red
    told = [line for line in faulty.output.splitlines() if "Invalid baseline" in line and message in line]
    assert len(told) >= len(red)
    assert all("Expected: " in line and "Received: " in line and "git checkout" in line for line in told)


def test_a_damaged_file_of_the_other_setting_is_told_and_green(faulty: Finished) -> None:
    lecture = [line for line in faulty.output.splitlines() if "lecture/jax-cpu/example-2.json" in line]
    assert len(lecture) == 1
    assert "minmax-fixes-divergence" not in faulty.red


def test_a_flipped_verdict_is_red_and_a_weaker_one_is_not(faulty: Finished) -> None:
    states = {claim["key"]: claim["baseline"]["state"] for claim in faulty.record.claims}
    assert states["raw-data-diverges"] == "flipped"
    assert "raw-data-diverges" in faulty.red
    assert "REFUTED since" in faulty.output
    for claim in ("zscore-fixes-divergence", "minmax-losses-reproduce"):
        assert states[claim] in ("decided", "weakened")
    assert "zscore-fixes-divergence" not in faulty.red
    # the variant it rests on has drifted, which confirms the change
    assert "minmax-losses-reproduce" in faulty.red


@pytest.fixture(scope="module")
def demanding(copied: Callable[[str], Path]) -> Finished:
    """Other bits with --strict, and no stored verdict of an exact claim with --require-baselines."""
    folder = copied("demanding")
    stack = folder / "baselines" / "quick" / "jax-cpu"
    edit(stack / "example-2.json", lambda content: last_bit(content["variants"]["raw"]))
    (stack / "exact.json").unlink()
    return suite(folder, *JAX, "-k", "raw-data or minmax-table", "--strict", "--require-baselines")


def test_changed_bits_are_red_if_strict(demanding: Finished) -> None:
    assert demanding.code == 1
    assert demanding.states == {"example-2/raw": "changed"}
    assert "Other bits on 5 of 5 seeds, same fingerprint" in demanding.output
    assert demanding.red == {"example-2/raw", "minmax-table"}


def test_no_baseline_is_red_where_one_is_required(demanding: Finished) -> None:
    assert "minmax-table: No expected verdict is stored." in demanding.output
    assert demanding.verdicts == {"raw-data-diverges": "SUPPORTED", "minmax-table": "SUPPORTED"}
