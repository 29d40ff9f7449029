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
from harness.record.outcomes import TimeComparison, TimeState
from reports.cards import cards
from reports.charts_data import FEW
from reports.history import History, Speed
from reports.page import data, page
from reports.page.data import sources
from reports.page.page import Tile, compared_time, time_tile
from tests.make import timed
from tests.reports.page import runs
from tests.reports.runs import run as made_run

MOST_BYTES = 3_000_000


def embedded(text: str) -> dict[str, Any]:
    """The data in a page."""
    [found] = re.findall(r'<script type="application/json" id="page-data">(.*?)</script>', text, re.S)
    return json.loads(found)


def test_the_page_is_one_small_file_that_names_no_other(full: Path) -> None:
    text = full.read_text(encoding="utf-8")
    markup = re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.S)
    assert not re.findall(r'(?:src|href)="(?!#|data:,)[^"]*"', markup)
    assert "@import" not in text
    assert "@font-face" not in text
    assert full.stat().st_size < MOST_BYTES


@pytest.mark.slow
def test_100_claims_of_1000_seeds_make_a_page_under_20_seconds_and_3_megabytes() -> None:
    run = runs.large(100, 1000)
    shown = cards(run)
    start = time.process_time()
    content = page.html(run, shown)
    assert time.process_time() - start < 20
    assert len(content) < MOST_BYTES


def test_only_a_page_with_charts_has_the_chart_library(full: Path) -> None:
    run = runs.without_trainings()
    text = page.html(run, cards(run)).decode()
    assert embedded(text)["claims"] == {}
    trained = runs.large(1, 3)
    without = page.html(trained, cards(trained), charts=False).decode()
    assert embedded(without) == {}
    for each in (text, without):
        assert "window.vegaEmbed=" not in each
    assert "window.vegaEmbed=" in full.read_text("utf-8")


def test_many_curves_have_fewer_points() -> None:
    lengths = []
    for run in (runs.large(claims, 6, epochs=500) for claims in (1, 60)):
        shown = cards(run)
        curve = data.page_data(run, shown, page.unique(shown), None)["experiments"]["experiment-000"]["curves"]["loss"]
        epochs = curve["bands"][0]["epoch"]
        lengths.append(len(epochs))
        assert (epochs[0], epochs[-1], len(curve["bands"]), len(curve["seeds"])) == (1, 500, 3, 3 * FEW)
    assert data.FEWEST_POINTS <= lengths[1] < lengths[0] <= data.MOST_POINTS


def test_an_experiment_of_two_claims_stands_in_the_page_once(full: Path) -> None:
    made = embedded(full.read_text("utf-8"))
    pair = [made["claims"][name] for name in ("tips-dropout-helps", "tips-dropout-rate")]
    assert [of["experiment"] for of in pair] == ["deep-dropout"] * 2
    assert [[row["variant"] for row in of["slides"]] for of in pair] == [
        ["no dropout", "dropout 0.2"],
        ["dropout 0.1", "dropout 0.2", "dropout 0.3"],
    ]
    assert [len(row["value"]) for row in pair[0]["seeds"]] == [5, 5]


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
    known = sources(ids)
    assert known.keys() == ids
    for name, begins in (("tips-dropout-rate", "Claim("), ("tips-dropout-helps", "tip(")):
        source = known[name]
        assert source.path == "cases/examples/mnist_tips.py"
        assert source.code.startswith(begins)
        assert f'"{name}"' in source.code
        lines = (Path(__file__).parents[3] / source.path).read_text(encoding="utf-8").splitlines()
        assert lines[source.line - 1].strip() == begins
    assert 'id=f"bn-{variant}-example"' in known["bn-mlp-example"].code


def test_a_case_that_cannot_be_parsed_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "broken.py").write_text("def (")
    (tmp_path / "cases" / "good.py").write_text('A = Claim(id="a", slide="b")\n')
    assert list(sources(["a", "b"], tmp_path / "cases")) == ["a"]


def test_how_times_compare(tmp_path: Path) -> None:
    run = runs.everything(tmp_path)
    stored = compared_time(run, None)
    assert stored == ("1.30 × slower than stored, 1 slower and 0 faster of 1 training", "bad")
    run.timings.clear()
    nothing = "no earlier run to compare with"
    assert time_tile(run, None) == Tile("Time", "3 min 32 s", nothing)
    tile = time_tile(run, runs.over_weeks(run).speed_of(run))
    assert (tile.text, tile.look) == ("1.30 × slower than before, within chance", "")
    assert compared_time(run, runs.over_weeks(run, runs=1).speed_of(run)) == (nothing, "")


@pytest.mark.parametrize(
    ("states", "look"),
    [("within within", ""), ("within faster", "good"), ("faster slower", "bad"), ("disturbed within", "")],
)
def test_times_are_green_only_where_a_change_is_shown(states: str, look: str) -> None:
    made = {state: TimeComparison(TimeState(state), "made up", 1.46, 1.1) for state in states.split()}
    timings = [timed(state, [0.1, 0.2], comparison=of, red=state == "slower") for state, of in made.items()]
    assert compared_time(made_run(0, timings=timings), None)[1] == look


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
    ratio: float, beyond: bool | None, look: str, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, speed = made_run(0), Speed(MedianRatio(ratio, None, None, 3), 19, beyond)
    monkeypatch.setattr(History, "speed_of", lambda *_: speed)
    assert compared_time(run, speed)[1] == look
    answer = page.html(run, {}, History()).decode().split("Slower than before?</dt>")[1].split("</dd>")[0]
    assert answer.partition(">")[2].strip().startswith(mark)


@pytest.mark.parametrize(("shift", "says"), [(0.0, "✔ Nothing regressed."), (0.2, "⚠ Regressed: 1 training moved.")])
def test_since_the_last_run(shift: float, says: str) -> None:
    now, then = (made_run(day, {"a": [0.9 + by, 0.91 + by, 0.92 + by]}) for day, by in ((1, 0.0), (0, shift)))
    text = page.html(now, {}, History.of([then, now]), [compare(now, then)]).decode()
    answer = text.split("Since the last run, 2026-01-01</dt>")[1].split("</dd>")[0]
    assert says in answer
