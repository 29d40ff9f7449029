"""``benchmarks.tune_rates``: the search over the grid, on known costs."""

import json
import math

import pytest

from benchmarks import tune_rates
from benchmarks.measured import Measured
from benchmarks.tune_rates import RATES, main, neighbour, tune
from cases.optimizers.race import PRINTED, TUNED


@pytest.mark.parametrize("best", [1e-6, 3e-4, 1e-3, 0.01, 30.0])
def test_the_walk_ends_at_the_least_and_looks_beyond_it(best):
    calls = []

    def distance(rate):
        calls.append(rate)
        return [abs(math.log10(rate / best))] * 3

    costs = tune(PRINTED["adam"], distance)
    assert min(costs, key=costs.get) == pytest.approx(best)
    assert {neighbour(best, by) for by in (-1, 1)} <= set(costs)
    assert len(calls) == len(set(calls))


def test_the_grid_is_half_decades():
    assert [neighbour(0.001, by) for by in range(-3, 4)] == [3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2]
    assert [neighbour(0.3, by) for by in (-1, 1, 2)] == [0.1, 1.0, 3.0]


@pytest.mark.parametrize(("name", "rate"), TUNED.items())
def test_the_catalogue_has_what_the_rule_finds_in_the_measured_trainings(name, rate):
    assert rate in {neighbour(PRINTED[name], by) for by in range(-8, 9)}
    known = Measured(RATES).results
    costs = tune(PRINTED[name], lambda at: known[f"tensorflow, {name}, {at:g}"])
    assert min(costs, key=costs.get) == rate


def test_a_failed_training_is_the_worst():
    costs = tune(0.001, lambda value: [1.0, None, 1.0] if value > 0.001 else [0.002 - value] * 3)
    assert costs[0.003] == math.inf
    assert min(costs, key=costs.get) == 0.001


@pytest.fixture
def trained(monkeypatch):
    """What would be trained, with a known cost and no backend."""
    asked = []

    def losses(name, rate):
        asked.append(rate)
        return [abs(math.log10(rate / 0.003))] * 3

    monkeypatch.setattr(tune_rates, "losses", losses)
    monkeypatch.setattr("harness.training.backend.choose_backend", lambda name: None)
    monkeypatch.setattr("harness.training.backend.start_backend", lambda: None)
    return asked


def test_it_goes_on_from_its_file(trained, tmp_path, capsys):
    file = tmp_path / "rates.json"
    arguments = ["--only", "adam", "--out", str(file)]
    assert main(arguments) == 0
    assert capsys.readouterr().out.startswith("adam: 0.003  (")
    assert len(trained) == len(json.loads(file.read_text("utf-8"))) == 4
    assert main(arguments) == 0
    assert len(trained) == 4


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_file_that_is_another(trained, tmp_path, capsys, content):
    file = tmp_path / "rates.json"
    file.write_text(content, encoding="utf-8")
    assert main(["--out", str(file)]) == 2
    assert "tune_rates: Invalid file" in capsys.readouterr().err
    assert file.read_text("utf-8") == content
