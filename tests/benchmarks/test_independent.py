"""``benchmarks.independent``: its gradients, its Adam, and the coverage of its intervals."""

import json

import numpy as np
import pytest

from benchmarks import independent
from benchmarks.independent import NETWORKS, Adam, agreeing, compared, initial, loss_and_gradients, main


def weights(name):
    return [array.astype("float64") for array in initial(NETWORKS[name], np.random.default_rng(0))]


@pytest.mark.parametrize("name", ["softmax", "2 linear", "2 relu xavier", "dropout 0.2"])
def test_gradients_are_those_of_finite_differences(name):
    random = np.random.default_rng(1)
    x, labels, drawn = random.random((7, 784)), random.integers(0, 10, 7), weights(name)

    def loss():
        return loss_and_gradients(NETWORKS[name], drawn, x, labels, np.random.default_rng(2))

    _, gradients = loss()
    for array, gradient in zip(drawn, gradients, strict=True):
        place = np.unravel_index(np.abs(gradient).argmax(), array.shape)
        before = array[place]
        array[place] = before + 1e-6
        above, _ = loss()
        array[place] = before - 1e-6
        below, _ = loss()
        array[place] = before
        assert gradient[place] == pytest.approx((above - below) / 2e-6, rel=1e-4)
        assert abs(gradient[place]) > 1e-6


def test_dropout_keeps_the_mean_and_draws_other_masks():
    random, drawn = np.random.default_rng(1), weights("dropout 0.2")
    x, labels = random.random((50, 784)), random.integers(0, 10, 50)
    losses = {loss_and_gradients(NETWORKS["dropout 0.2"], drawn, x, labels, random)[0] for _ in range(5)}
    assert len(losses) == 5


def test_adam_is_that_of_the_paper():
    adam, weight = Adam(), [np.array([1.0], "float32")]
    m = v = 0.0
    expected = 1.0
    for t, gradient in enumerate([0.3, -0.1, 0.2], 1):
        adam.update(weight, [np.array([gradient], "float32")])
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        expected -= 0.001 * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)) ** 0.5 + 1e-7)
    assert weight[0][0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.slow
def test_equal_networks_are_rarely_told_apart_and_others_are():
    """Five seeds against thirty, standard deviation 1: nominal 5 %; a difference of 3 is seen."""
    random = np.random.default_rng(0)
    inside = seen = 0
    for _ in range(1000):
        ours, stored = random.normal(size=5), random.normal(size=30)
        _, low, high = compared(ours, stored, 0.05)
        inside += low <= 0 <= high
        _, low, high = compared(ours + 3, stored, 0.05)
        seen += low > 0
    assert 0.93 <= inside / 1000 <= 0.97
    assert seen / 1000 > 0.95


def test_the_table_says_whether_all_agree():
    stored = independent.files.read(
        independent.files.path_of(independent.ROOT / "baselines", "tensorflow-cpu", "example-4")
    )
    trials = stored.variants["softmax"].trials
    same = [{name: trial.metrics[name] for name in independent.METRICS} for trial in trials[:5]]
    text, agree = agreeing({"softmax": same})
    assert agree
    assert len(text.splitlines()) == 4
    _, agree = agreeing({"softmax": [trial | {"val_loss": trial["val_loss"] + 0.01} for trial in same]})
    assert not agree


def test_a_call_goes_on_with_what_is_measured(tmp_path, monkeypatch, capsys):
    trained = []

    def short(network, seed):
        trained.append(seed)
        return {"val_accuracy": 0.925 + seed % 2 / 1000, "val_loss": 0.2689 + seed % 2 / 1000}

    monkeypatch.setattr(independent, "trained", short)
    out = tmp_path / "measured.json"
    assert main(["--seeds", "2", "--only", "softmax", "--out", str(out)]) == 0
    assert main(["--seeds", "3", "--only", "softmax", "--out", str(out)]) == 0
    assert trained == [10_000, 10_001, 10_002]
    assert len(json.loads(out.read_text())["softmax"]) == 3
    out.write_text("{")
    assert main(["--seeds", "3", "--only", "softmax", "--out", str(out)]) == 2
    assert "independent: " in capsys.readouterr().err
