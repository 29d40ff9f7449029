"""Synthetic run files, written by the real RunFile with values as in a real run."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import pytest
from msgspec.structs import replace

from harness import course
from harness.check.claims import compare_verdict
from harness.claim import Claim, experiments
from harness.course import Course, read
from harness.erratum import Differs, Erratum, ErratumChecked, ErratumState, Fails, When
from harness.model import (
    Divergence,
    DivergenceKind,
    Experiment,
    Metric,
    Published,
    Seconds,
    Size,
    Trial,
    Variant,
)
from harness.plots import Plots
from harness.record.evidence import Expected
from harness.record.outcomes import ClaimState, Here, TrainingOutcome, TrainingState, VerdictComparison, VerdictState
from harness.record.run import (
    AnyRecord,
    ClaimDecided,
    RunEnded,
    RunStarted,
    Summary,
    TrainingCompared,
    TrialDone,
)
from harness.record.run_file import RunFile
from harness.rules import Exact
from harness.verdict import Basis, Decision, Effect, Kind, Verdict

ACCURACY = Metric("val_accuracy", "higher", "fraction", 0.0005)
LOSS = Metric("loss", "lower", "nats", 0.01)
SEEDS = (0, 1, 2, 3, 4)

HEADER = RunStarted(
    id="20261124T101500-full-tensorflow",
    started="2026-11-24T10:15:00+00:00",
    command="pytest suite/ --full --seeds 5",
    full=True,
    seeds=5,
    backend="tensorflow",
    engine="auto",
    fingerprint={
        "python": "3.11",
        "keras": "3.12.0",
        "backend": "tensorflow",
        "backend_version": "2.20.0",
        "jaxlib": None,
        "numpy": "2.3.4",
        "device": "cpu",
        "device_model": "AMD EPYC 7B13",
        "engine": "compiled",
        "instruction_set": "avx2",
        "threads": 2,
        "precision": "float32",
        "system": "Linux x86_64",
    },
    commit="a03a743",
    stack="tensorflow-cpu",
)

NASTY = "<script>alert(1)</script> | `x` \n# h ![a](b) $y$ \u202e" + "w" * 10_000
"""A text from outside that must stay inert."""


T = TypeVar("T")


def unchecked(kind: type[T]) -> type[T]:
    """The class without its checks, for experiments, claims and errata of any names and texts."""
    return type(f"Any{kind.__name__}", (kind,), {"__post_init__": lambda self: None})


AnyExperiment, AnyClaim, AnyErratum = unchecked(Experiment), unchecked(Claim), unchecked(Erratum)
EXPERIMENTS: dict[str, Experiment] = {}
"""What ``experiment`` has declared, by id."""


def experiment(id: str, variants: Sequence[str | Variant], **changes: Any) -> Experiment:
    """An experiment of the made-up course. ``changes``: its fields, and those of its plots."""
    plots = {field.name: changes.pop(field.name) for field in dataclasses.fields(Plots) if field.name in changes}
    fields: dict[str, Any] = {"size": Size(epochs=5, batch_size=512, train=10000), "metrics": (ACCURACY,), "loss": ""}
    known = tuple(Variant(variant) if isinstance(variant, str) else variant for variant in variants)
    EXPERIMENTS.pop(id, None)  # the order is that of the last declarations
    EXPERIMENTS[id] = AnyExperiment(id=id, variants=known, plots=Plots(**plots), **(fields | changes))
    return EXPERIMENTS[id]


def trial(variant: str, seed: int, end: float, epochs: int = 5, noise: float = 0.0008) -> Trial:
    """A classifier whose validation accuracy approaches ``end``."""
    rng = random.Random(f"{variant}/{seed}")
    shift = rng.gauss(0, noise)
    accuracy = [end + shift - (end - 0.55) * math.exp(-1.1 * e) * 0.7 + rng.gauss(0, noise / 2) for e in range(epochs)]
    loss = [0.05 + 1.2 * math.exp(-0.9 * e) * (1 + shift * 50) for e in range(epochs)]
    history: dict[str, tuple[float | None, ...]] = {
        "val_accuracy": tuple(accuracy),
        "loss": tuple(loss),
        "accuracy": tuple(a + 0.004 for a in accuracy),
        "val_loss": tuple(v + 0.03 + 0.004 * e for e, v in enumerate(loss)),
    }
    return Trial(variant, seed, {"val_accuracy": accuracy[-1]}, history, None, Seconds(3.1, 1.9, 0.4, 0.25), "compiled")


def diverged(variant: str, seed: int, finite: int = 2, epochs: int = 10, kind: DivergenceKind = "inf") -> Trial:
    """Example 2 without scaling: the loss explodes, then is not finite any more."""
    loss = [4.9e11 * (1 + seed) * 1e20**e if e < finite else None for e in range(epochs)]
    how = Divergence(kind, finite + 1, 3)
    return Trial(variant, seed, {"loss": None}, {"loss": tuple(loss)}, how, Seconds(0.2, 0.1, 0.01, 0.01), "compiled")


def effect(of: str, estimate: float | None, low: float | None, high: float | None, **changes: Any) -> Effect:
    """An effect named as ``Effect.of`` does: "a − b", "a / b", "a: seeds that converged", "a, one more run"."""
    kinds: dict[str, Kind] = {
        ": seeds that ": "seeds",
        ", one ": "prediction",
        " − ": "difference",
        " / ": "difference",
    }
    sign = next((sign for sign in kinds if sign in of), " − ")
    a, _, b = of.partition(sign)
    kind: Kind = kinds[sign] if b else "error"
    b = f"one {b}" if kind == "prediction" else b
    made = Effect(kind, a, b, "val_accuracy", "fraction", estimate, low, high, p=0.003, n=5)
    return replace(made, **({"details": {"detectable_effect": 0.0011}} | changes))


def decision(
    verdict: str,
    effects: Sequence[Effect] = (),
    reason: str = "the interval lies above 0",
    basis: Basis | None = None,
    **parts: Any,
) -> Decision:
    """A decision of a rule. A test shows it, with the least p of its effects, unless it says another basis."""
    of, tested = Verdict(verdict), [effect.p for effect in effects if effect.p is not None]
    parts = {name: tuple(known) for name, known in parts.items()}
    shown = {"p": min(tested, default=None), "basis": basis or Basis.SHOWN} if of.decided else {"basis": basis}
    return Decision(of, reason, tuple(effects), **parts, **shown)


def compared(verdict: str, expected: str | None = None) -> VerdictComparison:
    """A verdict against the expected one."""
    before = Expected(verdict=expected, date="2026-11-20", reason="first") if expected else None
    return compare_verdict(Verdict(verdict), before, drifted=False)


def red(state: VerdictState, verdict: str, reason: str) -> VerdictComparison:
    """A verdict that is not the expected one, and makes its claim red."""
    return VerdictComparison(state, Verdict.SUPPORTED, Verdict(verdict), True, reason)


class AnyRule(Exact):
    """A rule of any description."""

    def __init__(self, description: str) -> None:
        self.describe = lambda: description  # type: ignore[method-assign]


CLAIMS: dict[str, Claim] = {}
"""What ``claim`` has declared, by key."""
OF_CLAIM = {"case", "slide", "statement", "rule", "published", "deviations", "notes"}


def claim(id: str, found: str | Decision, effects: Sequence[Effect] = (), **changes: Any) -> ClaimDecided:
    """The record of a claim.

    Args:
        id: of the claim.
        found: its decision, or the verdict of one that rests on the effects; red as its comparison says.
        effects: as said.
        changes: fields of the record, and of the claim in the made-up course; ``exact``: a computation decides it;
            ``rules``: those alongside.
    """
    exact, rules = changes.pop("exact", False), changes.pop("rules", ())
    texts: dict[str, Any] = {"slide": "Example 4", "statement": f"Statement of {id}.", "rule": "a > b (val_accuracy)"}
    texts |= {name: changes.pop(name) for name in OF_CLAIM & set(changes)}
    texts |= {"rule": AnyRule(texts["rule"]), "alongside": tuple(map(AnyRule, rules))}
    declared = AnyClaim(id=id, **texts)
    CLAIMS[declared.key] = declared
    decided = (
        found if isinstance(found, Decision) else decision(found, effects, basis=Basis.COMPUTED if exact else None)
    )
    comparison = changes.pop("comparison", compared(decided.verdict))
    made = ClaimDecided.of(declared, decided, comparison, red=comparison.red)
    return replace(made, **({"experiment": None if exact else "elsewhere"} | changes))


def here(state: ClaimState | None = ClaimState.CONFIRMED, **changes: Any) -> Here:
    """What a claim's record says of the evidence."""
    return replace(Here(state, "a: 10 seeds to the end.", "tensorflow-cpu", 30, Verdict.SUPPORTED), **changes)


ERRATA: dict[str, Erratum] = {}
"""What ``erratum`` has declared, by id."""


class MadeUp(Course):
    """A course, and what the builders of this module have declared."""

    @classmethod
    def of(cls, course: Course) -> MadeUp:
        return cls(**{field.name: getattr(course, field.name) for field in dataclasses.fields(course)})

    @property
    def experiments(self) -> Mapping[str, Experiment]:
        return {**{experiment.id: experiment for experiment in experiments(self.claims)}, **EXPERIMENTS}

    def claim(self, key: str) -> Claim | None:
        declared, made = super().claim(key), CLAIMS.get(key)
        same = declared is not None and made is not None and declared.definition == made.definition
        return declared if same else made or declared

    def erratum(self, id: str) -> Erratum | None:
        return ERRATA.get(id) or super().erratum(id)


@contextlib.contextmanager
def made_up() -> Iterator[None]:
    """The course has what the builders of this module declare in here, and nothing of it before or afterwards."""
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as declared:
        for declarations in (CLAIMS, EXPERIMENTS):
            declared.enter_context(mock.patch.dict(declarations, clear=True))
        patch.setattr(course, "read", functools.cache(lambda folder: MadeUp.of(read(folder))))
        yield


def erratum(id: str, **changes: Any) -> ErratumChecked:
    """The record of an erratum that holds. ``changes``: its fields, and those of the erratum in the made-up course."""
    fields: dict[str, Any] = {
        "slide": "4. Optimizers | usage",
        "statement": "lr is called learning_rate.",
        "given": "from keras import optimizers",
        "printed": "sgd = optimizers.SGD(lr=0.1)",
        "modern": "sgd = optimizers.SGD(learning_rate=0.1)",
        "check": "float(sgd.learning_rate)",
        "gives": 0.1,
        "outcome": Fails("ValueError", "lr", When.CONSTRUCTION),
    }
    own = {field.name for field in dataclasses.fields(Erratum)} & set(changes)
    ERRATA[id] = AnyErratum(id=id, **(fields | {name: changes.pop(name) for name in own}))
    made = ErratumChecked(
        id=id,
        when="at construction",
        error="ValueError: Argument(s) not recognized: {'lr': 0.1}",
        replacement=0.1,
        state=ErratumState.HOLDS,
        reason="ValueError saying 'lr', at construction",
        seconds=0.01,
    )
    return replace(made, **changes)


LONG = erratum(
    "long",
    printed="\n".join(["for a in x | y:", *(f"    f(a, {i})" for i in range(8))]),
    modern="g(" + ", ".join(f"argument_{i}=`{i}`" for i in range(20)) + ")",
    outcome=Differs([1, "a|b"], None),
    when="",
    error="",
    warning="Do not | pass <this>.",
    replacement=[1, "a|b"],
    state=ErratumState.BROKEN,
    reason="modern form: expected a | b",
)
"""An erratum with all that could break a table."""


def published(variant: str, printed: str, metric: str = "val_accuracy") -> Published:
    return Published({variant: printed}, metric)


def training(
    id: str, trials: Sequence[Trial], metric: str, state: TrainingState = TrainingState.IDENTICAL, **changes: Any
) -> TrainingCompared:
    """What a run says of a variant that it trained to the end."""
    outcome = TrainingOutcome(state, "made up", to_the_end=True, seeds=5)
    made = TrainingCompared(
        experiment=id,
        variant=trials[0].variant,
        engine=trials[0].engine,
        backend="tensorflow",
        device="cpu",
        device_model="AMD EPYC 7B13",
        precision="float32",
        seeds=tuple(t.seed for t in trials),
        seconds=Seconds(total=15.512, compile=1.9, first_epoch=0.4, steady_epoch=0.2512),
        images_per_second=39808.9,
        summary=Summary.of(metric, trials),
        outcome=outcome,
        red=outcome.red,
    )
    return replace(made, **changes)


class Recorder:
    """Writes a run file record by record."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.file = RunFile.begin(folder / "runs", replace(HEADER, **changes))
        self.path = self.file.path
        self.means: dict[str, Summary] = {}

    def append(self, *records: AnyRecord) -> None:
        for record in records:
            self.file.append(record)

    def train(
        self,
        experiment: Experiment,
        trials: Sequence[Trial],
        metric: str,
        state: TrainingState = TrainingState.IDENTICAL,
    ) -> None:
        self.append(*(TrialDone(experiment=experiment.id, definition="made up", trial=one) for one in trials))
        self.append(training(experiment.id, trials, metric, state))
        self.means[trials[0].variant] = Summary.of(metric, trials)

    def end(self, **changes: Any) -> Path:
        self.append(replace(RunEnded(exit_status=0, seconds=212.4), **changes))
        return self.close()

    def close(self) -> Path:
        self.file.close()
        return self.path
