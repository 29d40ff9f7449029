"""The page's file: its size, its data, the code of the claims."""

from __future__ import annotations

import dataclasses
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from cases import CLAIMS
from harness.check.compare import compare
from harness.check.difference import MedianRatio
from harness.errors import SuiteError
from harness.record.outcomes import TimeComparison, TimeState
from reports.cards import cards
from reports.charts_data import FEW
from reports.history import History, Speed
from reports.page import data, page, views
from reports.page.sources import sources
from reports.words import elapsed
from tests.make import timed
from tests.reports.page import runs
from tests.reports.runs import run as made_run

MOST_BYTES = 3_000_000


def embedded(path: Path) -> dict[str, Any]:
    """The data in a page."""
    [text] = re.findall(r'<script type="application/json" id="page-data">(.*?)</script>', path.read_text("utf-8"), re.S)
    return json.loads(text)


def runs_page(out: Path) -> str:
    """The text of a page with charts."""
    run = runs.large(1, 2)
    return page.write_page(run, cards(run), out).read_text(encoding="utf-8")


def test_the_page_is_one_file_that_names_no_other(full: Path) -> None:
    text = full.read_text(encoding="utf-8")
    markup = re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.S)
    assert not re.findall(r'(?:src|href)="(?!#|data:,)[^"]*"', markup)
    assert "@import" not in text
    assert "@font-face" not in text


def test_a_page_of_the_full_run_is_under_three_megabytes(full: Path) -> None:
    assert full.stat().st_size < MOST_BYTES


@pytest.mark.slow
def test_100_claims_of_1000_seeds_make_a_page_under_20_seconds_and_3_megabytes(tmp_path: Path) -> None:
    run = runs.large(100, 1000)
    shown = cards(run)
    start = time.process_time()
    path = page.write_page(run, shown, tmp_path)
    assert time.process_time() - start < 20
    assert path.stat().st_size < MOST_BYTES


def test_a_page_without_charts_has_no_chart_library(tmp_path: Path) -> None:
    run = runs.without_trainings(tmp_path)
    text = page.write_page(run, cards(run), tmp_path).read_text(encoding="utf-8")
    assert embedded(tmp_path / page.PAGE)["claims"] == {}
    assert "window.vegaEmbed=" not in text
    assert "window.vegaEmbed=" in runs_page(tmp_path / "drawn")


def test_many_curves_have_fewer_points(tmp_path: Path) -> None:
    few, many = (runs.large(claims, 6, epochs=500) for claims in (1, 60))
    lengths = []
    for run in (few, many):
        shown = cards(run)
        found = data.page_data(run, shown, page.unique(shown), None)
        curve = found["experiments"]["experiment-000"]["curves"]["val_accuracy"]["variants"]["variant 0"]
        lengths.append(len(curve["epochs"]))
        assert (curve["epochs"][0], curve["epochs"][-1], len(curve["seeds"])) == (1, 500, FEW)
    assert data.FEWEST_POINTS <= lengths[1] < lengths[0] <= data.MOST_POINTS


def test_an_experiment_of_two_claims_stands_in_the_page_once(full: Path) -> None:
    found = embedded(full)
    pair = [found["claims"][name]["experiment"] for name in ("tips-dropout-helps", "tips-dropout-rate")]
    assert pair == ["deep-dropout"] * 2
    rows = [row for name in ("tips-dropout-helps", "tips-dropout-rate") for row in found["claims"][name]["rows"]]
    values = [row["values"] for row in rows if row["variant"] == "dropout 0.2"]
    assert len(set(values)) == 1 < len(values)


def test_more_than_100_seeds_are_100_quantiles() -> None:
    assert data.dots([float(seed) for seed in range(100)])[3] == 3
    thinned = data.dots([float(seed) for seed in range(1001)])
    assert len(thinned) == 100
    assert thinned[0] == 5
    assert thinned[-1] == 995
    assert data.dots([None] * 200) == []


@pytest.mark.parametrize(
    ("value", "short"), [(0.98217, 0.9822), (12345.6, 12350), (1.23456e30, 1.235e30), (5.0, 5), (None, None)]
)
def test_numbers_have_four_digits(value: float | None, short: float | None) -> None:
    assert data.rounded(value) == short
    assert data.rounded(float("inf")) is None


def test_data_cannot_end_their_script() -> None:
    text = data.to_json({"</script>": "<!--"})
    assert "<" not in text
    assert json.loads(text) == {"</script>": "<!--"}


def test_claims_of_the_same_anchor_have_ids_of_their_own(tmp_path: Path) -> None:
    card = next(iter(cards(runs.everything(tmp_path)).values()))
    shown = {key: dataclasses.replace(card, record=replace(card.record, key=key)) for key in ("a b", "a/b", "a-b")}
    ids = page.unique(shown)
    assert len(set(ids.values())) == 3
    assert all(id.startswith("a-b") for id in ids.values())


def test_every_claim_of_the_catalogue_has_its_code() -> None:
    ids = {claim.id for claim in CLAIMS}
    found = sources(ids)
    assert found.keys() == ids
    for name, begins in (
        ("tips-dropout-rate", "DROPOUT_RATE = Claim("),
        ("tips-dropout-helps", "DROPOUT_HELPS = tip("),
    ):
        source = found[name]
        assert source.path == "cases/examples/mnist_tips.py"
        assert source.code.startswith(begins)
        assert f'"{name}"' in source.code
        lines = (Path(__file__).parents[3] / source.path).read_text(encoding="utf-8").splitlines()
        assert lines[source.line - 1] == begins
    assert 'id=f"bn-{variant}-example"' in found["bn-mlp-example"].code


def test_a_case_that_cannot_be_parsed_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "broken.py").write_text("def (")
    (tmp_path / "cases" / "good.py").write_text('A = Claim(id="a", slide="b")\n')
    assert list(sources(["a", "b"], tmp_path / "cases")) == ["a"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.41, "0.4 s"), (42.3, "42 s"), (247, "4 min 7 s"), (12_000, "3 h 20 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert elapsed(seconds) == text


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SuiteError, match="Cannot write the report"):
        runs.write(runs.empty(tmp_path), tmp_path / "file")


def test_the_time_tile_without_an_earlier_run(tmp_path: Path) -> None:
    run = runs.one_seed(tmp_path)
    assert views.time_tile(run, None) == views.Tile("Time", "3 min 32 s", "no earlier run to compare with")


def test_the_time_tile_compares_with_earlier_runs(tmp_path: Path) -> None:
    run = runs.everything(tmp_path)
    run.timings.clear()
    tile = views.time_tile(run, runs.over_weeks(run))
    assert (tile.text, tile.look) == ("1.30 × slower than before, within chance", "")
    assert views.compared_time(run, runs.over_weeks(run, runs=1)) == ("no earlier run to compare with", "")


def test_the_time_tile_compares_with_stored_times(tmp_path: Path) -> None:
    run = runs.everything(tmp_path)
    text, look = views.compared_time(run, None)
    assert text == "1.30 × slower than stored, 1 slower and 0 faster of 1 training"
    assert look == "bad"


@pytest.mark.parametrize(
    ("states", "look"),
    [
        (["within", "within"], ""),
        (["within", "faster"], "good"),
        (["faster", "slower"], "bad"),
        (["disturbed", "within"], ""),
    ],
)
def test_times_are_green_only_where_a_change_is_shown(states: list[str], look: str, tmp_path: Path) -> None:
    run = runs.one_seed(tmp_path)
    for place, state in enumerate(states):
        found = TimeComparison(TimeState(state), "made up", 1.46, 1.1)
        run.add(timed(f"work {place}", [0.1, 0.2], comparison=found, red=state == "slower"))
    assert views.compared_time(run, None)[1] == look


@pytest.mark.parametrize(
    ("ratio", "beyond", "look", "mark"),
    [
        (1.46, None, "", "1.46 × slower"),
        (1.46, False, "", "1.46 × slower"),
        (1.46, True, "bad", "⚠ 1.46 × slower"),
        (0.8, False, "", "1.25 × faster"),
        (0.8, True, "good", "✔ 1.25 × faster"),
    ],
)
def test_a_mark_stands_only_where_chance_is_ruled_out(
    ratio: float, beyond: bool | None, look: str, mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.one_seed(tmp_path)
    earlier = runs.over_weeks(run)
    monkeypatch.setattr(History, "speed", lambda *_: Speed(MedianRatio(ratio, None, None, 3), 19, beyond))
    assert views.compared_time(run, earlier)[1] == look
    page_text = runs.write(run, tmp_path, earlier).read_text("utf-8")
    answer = page_text.split("Slower than before?</dt>")[1].split("</dd>")[0]
    assert answer.partition(">")[2].strip().startswith(mark)


@pytest.mark.parametrize(("shift", "says"), [(0.0, "✔ Nothing regressed."), (0.2, "⚠ Regressed: 1 training moved.")])
def test_since_the_last_run(shift: float, says: str) -> None:
    now, then = (made_run(day, {"a": [0.9 + by, 0.91 + by, 0.92 + by]}) for day, by in ((1, 0.0), (0, shift)))
    text = page.html(now, {}, History.of([then, now]), compare(now, then)).decode()
    answer = text.split("Since the last run, 2026-01-01</dt>")[1].split("</dd>")[0]
    assert says in answer
