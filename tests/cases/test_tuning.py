"""``benchmarks.tune_rates``: the search over the grid, on known costs."""

import json
import math

import pytest

from benchmarks import tune_rates
from benchmarks.tune_rates import RATES, SEARCHES, main, read, tune
from cases.optimizers.race import PRINTED, TUNED


def distance_from(best, calls=None):
    def measure(value):
        if calls is not None:
            calls.append(value)
        return [abs(math.log10(value / best))] * 3

    return measure


@pytest.mark.parametrize("best", [1e-6, 3e-4, 1e-3, 0.01, 30.0])
def test_the_walk_ends_at_the_least_and_looks_beyond_it(best):
    calls = []
    costs = tune(SEARCHES["adam"], distance_from(best, calls))
    found = min(costs, key=costs.get)
    assert found == pytest.approx(best)
    assert {SEARCHES["adam"].neighbour(found, by) for by in (-1, 1)} <= set(costs)
    assert len(calls) == len(set(calls))


def test_the_grid_is_half_decades():
    search = SEARCHES["rmsprop"]
    assert [search.neighbour(0.001, by) for by in range(-3, 4)] == [3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2]
    assert [search.neighbour(0.3, by) for by in (-1, 1, 2)] == [0.1, 1.0, 3.0]


def test_every_tuned_rate_is_on_the_grid_of_its_printed_one():
    for name, rate in TUNED.items():
        search = SEARCHES[name]
        assert search.start == PRINTED[name]
        assert rate in {search.neighbour(search.start, by) for by in range(-8, 9)}


def test_the_catalogue_has_what_the_rule_finds_in_the_measured_trainings():
    known = read(RATES)
    for name, value in TUNED.items():
        costs = tune(SEARCHES[name], lambda at, name=name: known[f"tensorflow, {name}, {at:g}"])
        assert min(costs, key=costs.get) == value


def test_a_failed_training_is_the_worst():
    costs = tune(SEARCHES["adam"], lambda value: [1.0, None, 1.0] if value > 0.001 else [0.002 - value] * 3)
    assert costs[0.003] == math.inf
    assert min(costs, key=costs.get) == 0.001


@pytest.fixture
def trained(monkeypatch):
    """What would be trained, with a known cost and no backend."""
    asked = []

    def train_value(search, value):
        asked.append(value)
        return [abs(math.log10(value / 0.003))] * 3

    monkeypatch.setattr(tune_rates, "train_value", train_value)
    monkeypatch.setattr("harness.training.backend.choose_backend", lambda name: None)
    monkeypatch.setattr("harness.training.backend.start_backend", lambda: None)
    return asked


def test_it_goes_on_from_its_file(trained, tmp_path, capsys):
    file = tmp_path / "rates.json"
    arguments = ["--only", "adam", "--out", str(file)]
    assert main(arguments) == 0
    assert capsys.readouterr().out.startswith("adam: 0.003  (")
    first = len(trained)
    assert first == len(json.loads(file.read_text("utf-8"))) == 4
    assert main(arguments) == 0
    assert len(trained) == first


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_file_that_is_another(trained, tmp_path, capsys, content):
    file = tmp_path / "rates.json"
    file.write_text(content, encoding="utf-8")
    assert main(["--out", str(file)]) == 2
    assert "tune_rates: Invalid file" in capsys.readouterr().err
    assert file.read_text("utf-8") == content
