"""A database of many large runs, of synthetic records. ``python -m tests.reports.large URL RUNS CLAIMS SEEDS``."""

from __future__ import annotations

import datetime
import random
import sys

from msgspec.structs import replace

from harness.model import Seconds, Trial
from harness.record.database import Database
from harness.record.run import RunEnded, TrialDone, encode
from tests.reports.synthetic import HEADER, claim, experiment, training, trial

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def run_lines(index: int, claims: int, seeds: int) -> tuple[str, list[bytes]]:
    """The id and the lines of a run; one experiment and one variant for each claim. From the middle on, Keras is newer
    and the first experiment takes 1.3 times as long."""
    rng = random.Random(index)
    started = START + datetime.timedelta(days=index)
    name = f"{started:%Y-%m-%dT%H-%M-%S-%f}-1"
    newer = index >= 50
    keras = "3.16.0" if newer else "3.15.1"
    header = replace(
        HEADER, id=name, started=started.isoformat(), seeds=seeds, fingerprint={**HEADER.fingerprint, "keras": keras}
    )
    lines = [encode(header)]
    for number in range(claims):
        declared = experiment(f"experiment-{number:03}", ["plain"])
        first = trial("plain", 0, 0.98)
        line = encode(TrialDone(experiment=declared.id, definition="made up", trial=first))
        before, after = line.split(b'"seed":0', 1)
        lines.append(encode(declared))
        lines += [b'%b"seed":%d%b' % (before, seed, after) for seed in range(seeds)]
        done = [
            Trial("plain", s, {"val_accuracy": rng.gauss(0.98, 0.001)}, {}, None, Seconds(3.0)) for s in range(seeds)
        ]
        record = training(declared.id, done, "val_accuracy")
        epoch = 0.25 * rng.gauss(1, 0.02) * (1.3 if newer and not number else 1.0)
        lines.append(encode(replace(record, seconds=Seconds(15.0, 1.9, 0.4, epoch))))
        lines.append(encode(claim(f"claim-{number:03}", "SUPPORTED", experiment=declared.id)))
    lines.append(encode(RunEnded(exit_status=0, seconds=212.4)))
    return name, lines


def fill(database: Database, runs: int, claims: int, seeds: int) -> None:
    database.prepare()
    for index in range(runs):
        database.push(*run_lines(index, claims, seeds))


if __name__ == "__main__":
    fill(Database(sys.argv[1]), *map(int, sys.argv[2:]))
