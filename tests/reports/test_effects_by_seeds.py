"""The figures that are computed: effects by the number of seeds, the closed form, the slide's figures among ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from cases.examples.normalization import SHARES
from cases.lecture import BY_SEEDS
from harness.domain.trial import Divergence, Trial
from harness.domain.verdict import Verdict
from harness.record.declared import experiment_declared
from harness.record.run import Run
from reports.figures import by_seeds, closed_form, slide_and_seeds
from reports.figures.by_seeds import Growth, growth_of
from reports.sections.effects import effects_by_relevance
from tests.reports.synthetic import HEADER, claim, effect, experiment, published
from tests.reports.test_figures import evidence, words_of

KEY = BY_SEEDS[0]


def of_differences(differences: list[float], evidence: bool = False) -> Run:
    """A run whose claim rests on a − b; the seeds of b are all 0.9."""
    record = experiment("deep", ["a", "b"])
    trials = {
        ("deep", "a"): [Trial("a", seed, {"val_accuracy": 0.9 + one}) for seed, one in enumerate(differences)],
        ("deep", "b"): [Trial("b", seed, {"val_accuracy": 0.9}) for seed in range(len(differences))],
    }
    one = claim(KEY, "SUPPORTED", [effect("a − b", 0.01, 0.0, 0.02)], experiment="deep")
    return Run(Path("run"), replace(HEADER, evidence=evidence), {"deep": record}, trials, claims={KEY: one})


@pytest.mark.parametrize("key", BY_SEEDS)
def test_the_last_interval_is_the_one_that_decides(key: str) -> None:
    growth = growth_of(evidence(), evidence().claims[key])
    assert growth is not None
    effect = effects_by_relevance(evidence().claims[key])[0]
    assert growth.seeds[-1] == effect.n
    found = [growth.value[-1], growth.low[-1], growth.high[-1]]
    np.testing.assert_allclose(found, [effect.estimate, effect.low, effect.high], atol=1e-9)
    assert (growth.closed is not None) is evidence().claims[key].verdict.decided


def test_later_looks_have_narrower_intervals() -> None:
    growth = growth_of(evidence(), evidence().claims["tips-dropout-rate"])
    assert growth is not None
    widths = [growth.high[-1] - growth.low[-1], *(high - low for _, low, high in growth.later)]
    assert [size for size, _, _ in growth.later] == [100, 300, 1000]
    assert widths == sorted(widths, reverse=True)
    assert growth.text == "would exclude 0 at 1,000 seeds"


def test_when_an_interval_closes() -> None:
    seeds, zero = np.arange(5, 9), np.zeros(4)
    one = claim("c", "SUPPORTED")

    def growth(low: list[float], later: tuple[tuple[int, float, float], ...] = ()) -> Growth:
        return Growth(one, None, seeds, zero, np.array(low), np.full(4, 1.0), later)

    assert growth([-1, 0.1, 0.1, 0.1]).text == "excludes 0 from 6 seeds on"
    assert growth([0.1, -1, 0.1, 0.1]).closed == 7
    assert growth([0.1] * 4).closed == 5
    assert growth([-1] * 4).text == "contains 0"
    assert growth([-1] * 4, ((100, -0.1, 1.0), (300, 0.1, 0.9))).text == "would exclude 0 at 300 seeds"


def test_a_run_with_few_seeds_has_no_such_figure() -> None:
    assert by_seeds.picture(of_differences([0.01, 0.02, 0.01, 0.03, 0.02])) is None
    assert by_seeds.picture(Run(Path("run"), HEADER)) is None
    assert by_seeds.picture(of_differences([0.01] * 10)) is None  # no spread, no interval


def test_a_runs_own_seeds_are_at_the_plain_level_without_further_looks() -> None:
    spread = [0.01, 0.02, 0.01, 0.03, 0.02, 0.01, 0.02]
    plain, strict = (
        by_seeds.growth_of(run, run.claims[KEY]) for run in (of_differences(spread), of_differences(spread, True))
    )
    assert plain is not None
    assert strict is not None
    assert plain.later == ()
    assert (plain.high - plain.low < strict.high - strict.low).all()
    drawn = by_seeds.picture(of_differences(spread))
    assert drawn is not None
    assert "further look" not in drawn.caption


def test_failed_seeds_are_left_out_of_the_effect() -> None:
    run = of_differences([0.01, 0.02, 0.01, 0.03, 0.02, 0.01, 0.02])
    run.trials["deep", "a"][0] = Trial("a", 0, {"val_accuracy": 0.1}, {}, Divergence("stuck at chance", 1))
    growth = growth_of(run, run.claims[KEY])
    assert growth is not None
    assert growth.seeds[-1] == 6
    assert growth.low.min() > -0.5


def test_the_closed_form_is_that_of_the_claims() -> None:
    run = Run(Path("run"), HEADER)
    drawn = closed_form.picture(run, experiment_declared(SHARES, 0), {})
    assert drawn is not None
    said = words_of(drawn.content)
    assert {"printed 4.888e11", "printed 5.370e32", "rate 0.01", "rate 0.0098", "rate 0.0102"} <= set(said)
    assert "= 1.099e21, so that the third exceeds" in drawn.caption
    worst = float(drawn.alt.rsplit(" by at most ", 1)[1].rstrip(".").replace("e−", "e-"))
    assert worst <= 0.5e-4
    assert closed_form.picture(run, experiment("deep", ["a"]), {}) is None


def slides(verdict: str = "SUPPORTED", **changes: object) -> tuple[Run, dict[str, list[Trial]]]:
    names = ["a", "b", "c"]
    record = experiment("deep", names)
    trials = {name: [Trial(name, s, {"val_accuracy": 0.98 + 0.001 * s}) for s in range(5)] for name in names}
    claims = {n: claim(f"f-{n}", verdict, experiment="deep", published=(published(n, "0.9815"),)) for n in names}
    return Run(Path("run"), HEADER, {"deep": record}, claims=claims), trials


@pytest.mark.parametrize(("verdict", "colour"), [("SUPPORTED", "#0072b2"), ("REFUTED", "#d55e00")])
def test_the_slides_figure_has_the_colour_of_its_verdict(verdict: str, colour: str) -> None:
    run, trials = slides(verdict)
    drawn = slide_and_seeds.picture(run, run.experiments["deep"], trials)
    assert drawn is not None
    assert colour in drawn.content.decode().lower()
    assert {"0.9815", "0.9820 ± 0.0016"} <= set(words_of(drawn.content))
    assert Verdict(verdict) in {one.verdict for one in run.claims.values()}


def test_networks_without_a_trained_seed_say_so() -> None:
    run, trials = slides()
    trials["c"] = [Trial("c", s, {"val_accuracy": 0.1}, {}, Divergence("stuck at chance", 1)) for s in range(5)]
    drawn = slide_and_seeds.picture(run, run.experiments["deep"], trials)
    assert drawn is not None
    assert "5 of 5 collapsed" in words_of(drawn.content)


def test_fewer_than_three_figures_or_no_trained_network_make_no_picture() -> None:
    run, trials = slides()
    assert slide_and_seeds.picture(run, run.experiments["deep"], {"a": trials["a"], "b": trials["b"]}) is None
    assert slide_and_seeds.picture(run, run.experiments["deep"], {name: [Trial(name, 0)] for name in trials}) is None
