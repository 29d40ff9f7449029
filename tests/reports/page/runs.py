"""Runs whose pages the tests look at, and the pages themselves."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from harness.model import Seconds, Trial
from harness.record.outcomes import ClaimState, TimeComparison, TimeState
from harness.record.run import ClaimDecided, Run, Summary, read_run
from harness.verdict import Verdict
from reports.cards import cards
from reports.history import History
from reports.page.page import PAGE, html
from reports.write import in_order
from tests.make import timed
from tests.reports.full import full_run
from tests.reports.synthetic import (
    HEADER,
    LONG,
    SEEDS,
    Recorder,
    claim,
    decision,
    diverged,
    effect,
    erratum,
    experiment,
    here,
    published,
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
    run = read_run(full_run(folder))
    together = {"within": "lr", "despite": "zscore-formula"}
    run.errata["momentum"] = erratum(
        "momentum", slide=f"{SLIDE}, Usage", statement="Sequential has to be imported.", **together
    )
    slower = TimeComparison(TimeState.SLOWER, "1.30 × the stored seconds", 1.3, 1.1, 0.001, 5)
    for one in (timed("softmax", [0.1, 0.2]), timed("dropout", [0.4, 0.5], comparison=slower, red=True)):
        run.add(one)
    for key, state in (("tips-dropout-rate", ClaimState.CONFIRMED), ("activity-l1-value", ClaimState.START_CONFIRMED)):
        known = run.claims[key]
        run.claims[key] = replace(known, here=here(state, verdict=known.verdict))
    run.claims["tips-dropout-helps"] = replace(
        run.claims["tips-dropout-helps"], here=here(ClaimState.CONFIRMED, verdict=Verdict.SUPPORTED)
    )
    return run


def over_weeks(run: Run, runs: int = 20) -> History:
    """The history of a run and of as many earlier ones, a day apart; the last eight are slower, with a newer Keras."""
    found = []
    for index in range(runs):
        ago = runs - 1 - index
        slower = 1.3 if ago < 8 else 1.0
        started = datetime.datetime.fromisoformat(run.header.started) - datetime.timedelta(days=ago)
        header = replace(
            run.header,
            id=f"earlier-{index}" if ago else run.header.id,
            started=started.isoformat(),
            fingerprint=run.header.fingerprint | {"keras": "3.12.0" if ago < 8 else "3.11.0"},
        )
        jitter = 1 + 0.002 * (index % 3)
        trainings = {
            key: replace(one, seconds=replace(one.seconds, steady_epoch=one.seconds.steady_epoch * slower * jitter))
            for key, one in run.trainings.items()
        }
        found.append(dataclasses.replace(run, header=header, trainings=trainings))
    return History.of(found)


def hostile(folder: Path) -> Run:
    """Every text from outside is hostile, and one statement has 10,000 characters."""
    run = Recorder(folder, command=HOSTILE, stack=HOSTILE, commit=HOSTILE)
    record = experiment("evil", [HOSTILE, "plain"])
    for name in (HOSTILE, "plain"):
        run.train(record, [trial(name, seed, 0.9) for seed in SEEDS], "val_accuracy")
    texts: dict[str, Any] = {
        "slide": HOSTILE,
        "statement": HOSTILE,
        "rule": HOSTILE,
        "deviations": (HOSTILE,),
        "notes": (HOSTILE, LONGEST),
        "experiment": "evil",
        "published": (published(HOSTILE, "0.91"),),
        "variants": {name: run.means[name] for name in (HOSTILE, "plain")},
    }
    effects = [effect(f"{HOSTILE} − plain", -0.01, -0.02, -0.005)]
    run.append(claim("evil", decision("REFUTED", effects, HOSTILE), case=HOSTILE, **texts))
    run.append(claim("long", "INCONCLUSIVE", effects, **texts | {"statement": LONGEST}))
    run.append(erratum("evil", statement=HOSTILE, printed=HOSTILE, modern=HOSTILE, slide=SLIDE), LONG)
    return read_run(run.end())


def empty(folder: Path) -> Run:
    """A run that did nothing."""
    return read_run(Recorder(folder).end())


def killed(folder: Path) -> Run:
    """A run that was killed before its first result."""
    return read_run(Recorder(folder).close())


def without_trainings(folder: Path) -> Run:
    """One computed claim."""
    run = Recorder(folder)
    run.append(claim("zscore-formula", "SUPPORTED", exact=True, slide="2.3 Mean, std normalization"))
    return read_run(run.end())


def failed(folder: Path) -> Run:
    """A claim all of whose seeds diverged at once: no value and no finite curve."""
    run = Recorder(folder)
    record = experiment("lost", ["raw"], accuracy=False)
    run.train(record, [diverged("raw", seed, finite=0) for seed in SEEDS], "loss")
    run.append(claim("all-diverge", "NOT_RUN", experiment="lost", variants={"raw": run.means["raw"]}))
    return read_run(run.end())


def one_seed(folder: Path) -> Run:
    """A claim of a single seed."""
    run = Recorder(folder)
    record = experiment("single", ["only"])
    run.train(record, [trial("only", 0, 0.9)], "val_accuracy")
    run.append(claim("single-seed", "INCONCLUSIVE", experiment="single", variants={"only": run.means["only"]}))
    return read_run(run.end())


def large(claims: int, seeds: int, variants: int = 3, epochs: int = 20) -> Run:
    """Claims of an experiment each, with curves of every seed."""
    run = Run(Path("large.jsonl"), HEADER)
    for number in range(claims):
        names = [f"variant {place}" for place in range(variants)]
        record = experiment(f"experiment-{number:03}", names)
        run.add(record)
        for place, name in enumerate(names):
            curves = [rising(0.9 + 0.0137 * place + 0.00071 * seed, epochs) for seed in range(min(seeds, 97))]
            run.trials[record.id, name] = [trained(name, seed, curves[seed % 97]) for seed in range(seeds)]
        summaries = {name: Summary.of("val_accuracy", run.trials[record.id, name]) for name in names}
        effects = [effect("variant 1 − variant 0", 0.0137, 0.01, 0.02)]
        made = claim(f"claim-{number:03}", "SUPPORTED", effects, experiment=record.id, variants=summaries, slide=SLIDE)
        run.add(made)
    return run


def rising(end: float, epochs: int) -> tuple[float | None, ...]:
    """A curve that approaches ``end``."""
    return tuple(end - 0.3 / (1 + epoch) for epoch in range(epochs))


def trained(variant: str, seed: int, curve: tuple[float | None, ...]) -> Trial:
    """A trial all of whose curves are this one."""
    history = dict.fromkeys(("val_accuracy", "loss", "val_loss"), curve)
    return Trial(variant, seed, {"val_accuracy": curve[-1]}, history, None, Seconds(1.0))


def refuted(one: ClaimDecided) -> ClaimDecided:
    """The claim with the opposite verdict."""
    return replace(one, decision=replace(one.decision, verdict=Verdict.REFUTED))
