"""Measures how many trials are lost in N kills of real runs: python -m tests.robustness.measure_kills --kills 50.

Runs have one process or two workers, and push to SQLite or to a PostgreSQL server of their own; each of the four
combinations gets a quarter of the kills. See ``kills``. Prints a table and every error; the exit status is 1 if there
was one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from tabulate import tabulate

from tests.postgresql import ADVICE, Server, programs
from tests.robustness.kills import Chain, chain
from tests.robustness.watched import undisturbed

HEADERS = ("", "kills", "of", "while it", "chains", "finished before", "lost", "trained twice", "torn", "other reports")
EACH = 6
"""Kills in a chain, at most."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.robustness.measure_kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="in all (default: 50)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the moments (default: of the clock)")
    asked = parser.parse_args(arguments)
    where = programs()
    if where is None:
        parser.error(ADVICE)
    each, found = -(-asked.kills // 4), list[Chain]()
    server = Server(where)
    try:
        with tempfile.TemporaryDirectory() as folder:
            stores = {"sqlite": sqlite, "postgresql": lambda _: server.new()}
            for workers in (1, 2):
                found += measure(Path(folder) / str(workers), workers, stores, each, asked.seed)
    finally:
        server.remove()
    print(table(found))
    wrong = [problem for one in found for problem in problems(one)]
    print("\n".join(wrong or ["nothing was wrong"]))
    return int(bool(wrong))


def sqlite(folder: Path) -> str:
    return f"sqlite:///{folder}/store.sqlite"


def measure(
    folder: Path, workers: int, stores: Mapping[str, Callable[[Path], str]], kills: int, seed: int
) -> list[Chain]:
    """Chains, until there are so many kills for each store: a function that gives the URL of a new one."""
    found: list[Chain] = []
    whole = undisturbed(folder / "undisturbed", workers)
    for name, new in stores.items():
        struck = 0
        while struck < kills:
            number = len(found)
            place = folder / f"{name} {number}"
            place.mkdir(parents=True)
            found.append(chain(place, whole, workers, new(place), min(kills - struck, EACH), seed + number))
            struck += len(found[-1].kills)
            said = f"{found[-1].way}, seed {seed + number}: {found[-1].kills} {problems(found[-1])}"
            print(said, file=sys.stderr, flush=True)
    return found


def problems(found: Chain) -> list[str]:
    """In words, with what repeats the chain's kills."""
    said = [*found.faults]
    said += [f"lost: {key}" for key in sorted(found.lost)] + [f"trained twice: {key}" for key in sorted(found.twice)]
    said += found.differing
    return [f"{found.way}, seed {found.seed}: {text}" for text in said]


def table(chains: Sequence[Chain]) -> str:
    """A row for each way."""
    rows = []
    for way in dict.fromkeys(one.way for one in chains):
        those = [one for one in chains if one.way == way]
        kills = [kill for one in those for kill in one.kills]
        rows.append(
            [
                way,
                len(kills),
                _counted(whom for whom, _ in kills),
                _counted(phase for _, phase in kills),
                len(those),
                sum(one.at_stake for one in those),
                *(sum(len(getattr(one, name)) for one in those) for name in ("lost", "twice", "faults")),
                sum(bool(one.differing) for one in those),
            ]
        )
    return tabulate(rows, HEADERS)


def _counted(words: Iterable[str]) -> str:
    return ", ".join(f"{word} {count}" for word, count in sorted(Counter(words).items()))


if __name__ == "__main__":
    sys.exit(main())
