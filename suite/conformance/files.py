"""What is written of a run and read again: trials, baselines, the run's record."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from baselines.files import path_of, write
from baselines.record import Baseline, ExpectedVerdict, Provenance, VariantBaseline
from harness.store import RunLog, read_run
from harness.training.configuration import variant_digest
from harness.trial import Divergence, Seconds, Trial
from harness.verdict import Verdict
from suite.catalogue import EXPERIMENTS, TRAINING_CLAIMS
from suite.conformance.finding import Finding
from suite.stored import Stored, file_of

POINTS = 40  # of a curve; a baseline stores 32 of them


def trials() -> tuple[Trial, ...]:
    """Seven of them, with numbers that need all their digits; one diverged."""
    return tuple(
        Trial(
            "a",
            seed,
            metrics={"loss": None if seed == 3 else 0.1 + seed / 3, "val_accuracy": 1 / (seed + 1.7)},
            history={"loss": tuple(1 / (point + seed + 0.3) for point in range(POINTS))},
            divergence=Divergence("nan", epoch=2, step=17) if seed == 3 else None,
            seconds=Seconds(1.25),
        )
        for seed in range(7)
    )


def check(engine: str, setting: str) -> Iterator[Finding]:
    """Written, read again, and the same; whatever is expected of a claim is that of its own."""
    given = trials()
    for trial in given:
        of = f"trial of seed {trial.seed}"
        record = json.loads(json.dumps(trial.to_json()))
        yield Finding(f"{of}, written", record["metrics"], dict(trial.metrics))
        yield from same(f"{of}, read again", Trial.from_json(record), trial)
        curve, thin = trial.history["loss"], trial.thinned().history["loss"]
        ends = (len(thin), thin[0], thin[-1])
        yield Finding(f"{of}, thinned: points, first, last", ends, (32, curve[0], curve[-1]))
    with tempfile.TemporaryDirectory() as folder:
        yield from check_baselines(Path(folder), given)
        yield from check_record(Path(folder) / "runs", given)


def same(of: str, obtained: Trial, expected: Trial) -> Iterator[Finding]:
    for field in ("variant", "seed", "divergence"):
        yield Finding(f"{of}, {field}", repr(getattr(obtained, field)), repr(getattr(expected, field)))
    for field in ("metrics", "history"):
        yield Finding(f"{of}, {field}", dict(getattr(obtained, field)), dict(getattr(expected, field)))


def check_baselines(root: Path, given: tuple[Trial, ...]) -> Iterator[Finding]:
    """A baseline through its file, as a run of the suite reads it."""
    decided = (Verdict.SUPPORTED, Verdict.REFUTED, Verdict.INCONCLUSIVE)
    experiment = "example-4"
    claims = [claim for claim in TRAINING_CLAIMS.values() if file_of(claim) == experiment]
    verdicts = {
        claim.key: ExpectedVerdict(decided[number % 3], "2026-01-01", "conformance")
        for number, claim in enumerate(claims)
    }
    origin = Provenance({"backend": "none"}, "unknown", "2026-01-01", "conformance")
    rounding = {"loss, first epoch": (1e-7, -2e-7 / 3)}
    held = VariantBaseline(given, "0" * 16, origin, rounding)
    write(
        path_of(root, "quick", "none-cpu", experiment),
        Baseline(experiment, "quick", "none-cpu", {"a": held}, verdicts),
    )
    stored = Stored(root, "none-cpu")
    found = stored.get(experiment, "quick")
    read = found.variants["a"].trials if found else ()
    yield Finding("stored rounding", dict(found.variants["a"].rounding) if found else None, rounding)
    yield Finding("stored seeds", tuple(trial.seed for trial in read), tuple(trial.seed for trial in given))
    for one, other in zip(read, given, strict=True):
        yield from same(f"stored trial of seed {other.seed}", one, other)
    yield from check_comparison(root, origin)
    for claim in claims:
        expected = stored.expected(claim, "quick")
        yield Finding(
            f"expected verdict of {claim.key}", expected and expected.verdict, str(verdicts[claim.key].verdict)
        )


def check_comparison(root: Path, origin: Provenance) -> Iterator[Finding]:
    """A variant of the catalogue beside its baseline, as a run of the suite compares it: equal, and moved."""
    declared = EXPERIMENTS["example-3"]
    (variant,) = (one.name for one in declared.variants)
    definition = variant_digest(declared, variant, "quick")
    names = [one.name for one in declared.metrics]
    first, every = {names[0]}, set(names)
    same, red = ("identical", False), ("drifted", True)
    for of, moved, seeds, expected in (
        ("equal", set(), range(6), same),
        ("moved by 0.1", every, range(6), red),
        ("moved by 0.1 in the primary metric, on other seeds", first, range(10, 16), red),
        ("moved by 0.1 in all others, on other seeds", every - first, range(10, 16), ("within", False)),
    ):
        held = tuple(measured(variant, seed, dict.fromkeys(names, 0.0)) for seed in range(6))
        ours = tuple(measured(variant, seed, {name: 0.1 * (name in moved) for name in names}) for seed in seeds)
        known = VariantBaseline(held, definition, origin)
        write(
            path_of(root, "quick", "none-cpu", declared.id),
            Baseline(declared.id, "quick", "none-cpu", {variant: known}, {}),
        )
        found = Stored(root, "none-cpu").compare(
            declared, variant, ours, setting="quick", fingerprint={"backend": "none"}, comparisons=100
        )
        yield Finding(f"a variant that is {of}: state, red", (str(found.state), found.red), expected)


def measured(variant: str, seed: int, moved: Mapping[str, float]) -> Trial:
    """A trial that differs a little from seed to seed, its metrics ``moved`` by so much."""
    step = seed % 10
    return Trial(variant, seed, {name: 0.5 + step / 97 + by * (1 + step / 50) for name, by in moved.items()})


def check_record(folder: Path, given: tuple[Trial, ...]) -> Iterator[Finding]:
    """A run's record through its file."""
    log = RunLog(folder, {"id": "conformance"})
    for trial in given:
        log.append("trial", {"experiment": "e", **trial.to_json()})
    for turn in ("first", "second"):
        log.append("training", {"experiment": "e", "variant": "a", "turn": turn})
        log.append("claim", {"key": "k", "turn": turn})
        log.append("erratum", {"id": "i", "turn": turn})
        log.append("timing", {"work": "w", "engine": "fit", "turn": turn})
        log.append("conformance", {"name": "n", "turn": turn})
    log.append("claim", {"key": "another", "turn": "only"})
    log.close()
    run = read_run(log.path)
    for of, records, expected in (
        ("training", run.trainings, ("second",)),
        ("claim", run.claims, ("second", "only")),
        ("erratum", run.errata, ("second",)),
        ("timing", run.timings, ("second",)),
        ("conformance check", run.conformance, ("second",)),
    ):
        yield Finding(f"records of a {of} that count", tuple(record["turn"] for record in records), expected)
    read = run.trials.get(("e", "a"), ())
    yield Finding("recorded seeds", tuple(trial.seed for trial in read), tuple(trial.seed for trial in given))
    for one, other in zip(read, given, strict=True):
        yield from same(f"recorded trial of seed {other.seed}", one, other)
