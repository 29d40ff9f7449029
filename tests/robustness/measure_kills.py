"""How many trials are lost in N kills? Real runs: python -m tests.robustness.measure_kills --kills 50.

Half of the kills strike a run of one process, half one of two workers; ``kills`` says how. Prints a table, and whatever
was wrong; ends with 1 if anything was.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from tabulate import tabulate

from tests.robustness.kills import WAYS, Chain, chain
from tests.robustness.watched import undisturbed

HEADERS = ("", "kills", "of", "while it", "chains", "finished before", "lost", "trained twice", "torn", "other reports")
EACH = 6
"""Kills in a chain, at most."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.robustness.measure_kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="in all (default: 50)")
    parser.add_argument("--way", choices=WAYS, action="append", help="only this one (default: half of each)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the moments (default: of the clock)")
    asked = parser.parse_args(arguments)
    ways = asked.way or list(WAYS)
    with tempfile.TemporaryDirectory() as folder:
        found = [one for way in ways for one in measure(Path(folder), way, -(-asked.kills // len(ways)), asked.seed)]
    print(table(found))
    wrong = [problem for one in found for problem in problems(one)]
    print("\n".join(wrong or ["nothing was wrong"]))
    return int(bool(wrong))


def measure(folder: Path, way: str, kills: int, seed: int) -> list[Chain]:
    """Chains, until there are so many kills."""
    found: list[Chain] = []
    whole = undisturbed(folder / f"{way}, undisturbed", way == "two workers")
    while (left := kills - sum(len(one.kills) for one in found)) > 0:
        number = len(found)
        found.append(chain(folder / f"{way} {number}", whole, way, min(left, EACH), seed + number))
        print(f"{way}, seed {seed + number}: {found[-1].kills} {problems(found[-1])}", file=sys.stderr, flush=True)
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
