"""Runs whose pages the tests look at, and the pages themselves."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from harness.model import Seconds, Trial
from harness.record.outcomes import ClaimState, TimeComparison, TimeState
from harness.record.run import Run, Summary, read_run
from harness.verdict import Verdict
from reports.cards import cards
from reports.history import History
from reports.page.page import PAGE, html
from reports.write import in_order
from tests.make import timed
from tests.reports.full import full_run
from tests.reports.runs import finished
from tests.reports.synthetic import (
    HEADER,
    LONG,
    SEEDS,
    claim,
    decision,
    diverged,
    effect,
    erratum,
    experiment,
    here,
    published,
    training,
    trial,
)

SLIDE = "4. Optimizers"
HOSTILE = (
    "</script><script>window.attacked = 1</script><img src=x onerror='window.attacked = 2'> \"quoted\" 'single' "
    "& &amp; {{ 7 * 7 }} ${7 * 7} `tick` | pipe\nnew line \u202e reversed \u202c مرحبا ]]> <!-- "
)
LONGEST = "x" * 10_000
SAY = "Say that one more training is expected at 0.6550."
"""What is said in place of the refuted claims of ``everything``, which the catalogue has no sentence for."""


def write(run: Run, folder: Path, earlier: History | None = None, say: str = "") -> Path:
    """The page of a run; ``say``: what to say instead of each claim that is not supported."""
    run = in_order(run)
    shown = cards(run)
    for card in shown.values() if say else ():
        card.__dict__["say_instead"] = say if card.open else ""  # a property that is computed once
    (folder / PAGE).write_bytes(html(run, shown, earlier))
    return folder / PAGE


def everything(folder: Path) -> Run:
    """The full synthetic run, and what it lacks: errata of a known slide, states on this machine, stored times."""
    run, errors = read_run(full_run(folder)), {"within": "lr", "despite": "zscore-formula"}
    slower = TimeComparison(TimeState.SLOWER, "1.30 × the stored seconds", 1.3, 1.1, 0.001, 5)
    for record in (
        erratum("momentum", slide=f"{SLIDE}, Usage", statement="Sequential has to be imported.", **errors),
        timed("softmax", [0.1, 0.2]),
        timed("dropout", [0.4, 0.5], comparison=slower, red=True),
    ):
        run.add(record)
    for key, state, verdict in (
        ("tips-dropout-rate", ClaimState.CONFIRMED, None),
        ("activity-l1-value", ClaimState.START_CONFIRMED, None),
        ("tips-dropout-helps", ClaimState.CONFIRMED, Verdict.SUPPORTED),
    ):
        known = run.claims[key]
        run.claims[key] = replace(known, here=here(state, verdict=verdict or known.verdict))
    return run


def over_weeks(run: Run, runs: int = 20) -> History:
    """The history of a run and of as many earlier ones, a day apart; the last eight are slower, with a newer Keras."""
    made = []
    for ago in reversed(range(runs)):
        started = datetime.datetime.fromisoformat(run.header.started) - datetime.timedelta(days=ago)
        facts = run.header.fingerprint | {"keras": "3.12.0" if ago < 8 else "3.11.0"}
        id = f"earlier-{ago}" if ago else run.header.id
        header = replace(run.header, id=id, started=started.isoformat(), fingerprint=facts)
        factor = (1.3 if ago < 8 else 1.0) * (1 + 0.002 * ((runs - 1 - ago) % 3))
        trainings = {
            key: replace(of, seconds=replace(of.seconds, steady_epoch=of.seconds.steady_epoch * factor))
            for key, of in run.trainings.items()
        }
        made.append(dataclasses.replace(run, header=header, trainings=trainings))
    return History.of(made)


def trained(experiment: str, metric: str, *trials: Sequence[Trial]) -> tuple[Run, dict[str, Summary]]:
    """A run that trained these variants of an experiment, and their summaries."""
    run = finished(*(training(experiment, of, metric) for of in trials))
    run.trials |= {(experiment, of[0].variant): [*of] for of in trials}
    return run, {of[0].variant: Summary.of(metric, of) for of in trials}


def hostile() -> Run:
    """Every text from outside is hostile, and one statement has 10,000 characters."""
    names = (HOSTILE, "plain")
    experiment("evil", names)
    run, variants = trained("evil", "val_accuracy", *([trial(name, seed, 0.9) for seed in SEEDS] for name in names))
    run.header = replace(run.header, command=HOSTILE, stack=HOSTILE, commit=HOSTILE)
    texts: dict[str, Any] = {
        **dict.fromkeys(("slide", "statement", "rule"), HOSTILE),
        "deviations": (HOSTILE,),
        "notes": (HOSTILE, LONGEST),
        "experiment": "evil",
        "published": (published(HOSTILE, "0.91"),),
        "variants": variants,
    }
    effects = [effect(f"{HOSTILE} − plain", -0.01, -0.02, -0.005)]
    for record in (
        claim("evil", decision("REFUTED", effects, HOSTILE), case=HOSTILE, **texts),
        claim("long", "INCONCLUSIVE", effects, **texts | {"statement": LONGEST}),
        erratum("evil", statement=HOSTILE, printed=HOSTILE, modern=HOSTILE, slide=SLIDE),
        LONG,
    ):
        run.add(record)
    return run


def killed() -> Run:
    """A run that was killed before its first result."""
    run = finished()
    run.end = None
    return run


def without_trainings() -> Run:
    """One computed claim."""
    return finished(claim("zscore-formula", "SUPPORTED", exact=True, slide="2.3 Mean, std normalization"))


def failed() -> Run:
    """A claim all of whose seeds diverged at once: no value and no finite curve."""
    experiment("lost", ["raw"], accuracy=False)
    run, variants = trained("lost", "loss", [diverged("raw", seed, finite=0) for seed in SEEDS])
    run.add(claim("all-diverge", "NOT_RUN", experiment="lost", variants=variants))
    return run


def one_seed() -> Run:
    """A claim of a single seed."""
    experiment("single", ["only"])
    run, variants = trained("single", "val_accuracy", [trial("only", 0, 0.9)])
    run.add(claim("single-seed", "INCONCLUSIVE", experiment="single", variants=variants))
    return run


def large(claims: int, seeds: int, variants: int = 3, epochs: int = 20, verdict: str = "SUPPORTED") -> Run:
    """Claims of an experiment each, with curves of every seed, which approach the accuracy of their variant."""
    run, names = Run(Path("large.jsonl"), HEADER), [f"variant {place}" for place in range(variants)]
    for number in range(claims):
        record, summaries = experiment(f"experiment-{number:03}", names), {}
        for place, name in enumerate(names):
            ends = [0.9 + 0.0137 * place + 0.00071 * seed for seed in range(min(seeds, 97))]
            curves = [tuple(end - 0.3 / (1 + epoch) for epoch in range(epochs)) for end in ends]
            histories = [dict.fromkeys(("val_accuracy", "loss", "val_loss"), curve) for curve in curves]
            run.trials[record.id, name] = [
                Trial(name, seed, {"val_accuracy": curves[seed % 97][-1]}, histories[seed % 97], None, Seconds(1.0))
                for seed in range(seeds)
            ]
            summaries[name] = Summary.of("val_accuracy", run.trials[record.id, name])
        effects = [effect("variant 1 − variant 0", 0.0137, 0.01, 0.02)]
        known = {"experiment": record.id, "variants": summaries, "slide": SLIDE}
        run.add(claim(f"claim-{number:03}", verdict, effects, **known))
    return run
