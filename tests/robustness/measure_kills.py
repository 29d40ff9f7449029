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
from tests.robustness.kills import KINDS, Chain, chain
from tests.robustness.watched import undisturbed

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
    server, chains = Server(where), list[Chain]()
    try:
        with tempfile.TemporaryDirectory() as folder:
            stores = {"sqlite": sqlite, "postgresql": lambda _: server.new()}
            for workers in (1, 2):
                chains += measure(Path(folder) / str(workers), workers, stores, -(-asked.kills // 4), asked.seed)
    finally:
        server.remove()
    print(table(chains))
    wrong = [problem for each in chains for problem in problems(each)]
    print("\n".join(wrong or ["nothing was wrong"]))
    return int(bool(wrong))


def sqlite(folder: Path) -> str:
    return f"sqlite:///{folder}/store.sqlite"


def measure(
    folder: Path, workers: int, stores: Mapping[str, Callable[[Path], str]], kills: int, seed: int
) -> list[Chain]:
    """Chains, until there are so many kills for each store: a function that gives the URL of a new one."""
    chains: list[Chain] = []
    whole = undisturbed(folder / "undisturbed", workers)
    for name, new in stores.items():
        struck = 0
        while struck < kills:
            number = len(chains)
            place = folder / f"{name} {number}"
            place.mkdir(parents=True)
            made = chain(place, whole, workers, new(place), min(kills - struck, EACH), seed + number)
            chains.append(made)
            struck += len(made.kills)
            print(f"{made.way}, seed {made.seed}: {made.kills} {problems(made)}", file=sys.stderr, flush=True)
    return chains


def problems(made: Chain) -> list[str]:
    """In words, with what repeats the chain's kills."""
    return [f"{made.way}, seed {made.seed}: {kind}: {text}" for kind, text in made.wrong]


def table(chains: Sequence[Chain]) -> str:
    """A row for each way."""
    rows = []
    for way in dict.fromkeys(each.way for each in chains):
        those = [each for each in chains if each.way == way]
        kills = [kill for each in those for kill in each.kills]
        whom, phases = (_counted(words) for words in zip(*kills, strict=True))
        wrong = Counter(kind for each in those for kind, _ in each.wrong)
        staked = sum(each.at_stake for each in those)
        rows.append([way, len(kills), whom, phases, len(those), staked, *(wrong[kind] for kind in KINDS)])
    return tabulate(rows, ("", "kills", "of", "while it", "chains", "finished before", *KINDS))


def _counted(words: Iterable[str]) -> str:
    return ", ".join(f"{word} {count}" for word, count in sorted(Counter(words).items()))


if __name__ == "__main__":
    sys.exit(main())
