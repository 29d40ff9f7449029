"""Measures false alarms and detected slowdowns of real timing runs: python -m tests.timing.measure_alarms FOLDER.

Each comparison is a process of its own, `pytest suite/ -m timing --gate-timing`. It is compared with repeats of the
same code on the same machine that other processes stored. With --slowdown 1.1 each epoch takes 1.1 times as long, so
that an alarm is a detection. FOLDER keeps the stored repeats and a line for each comparison (alarms.jsonl). The same
command continues where it stopped; one with another --slowdown or --noise adds rows.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from tabulate import tabulate

from harness.record.outcomes import TimeState
from harness.record.run import Timed
from harness.timing import stored_times
from tests.suite.command import PLAIN, Finished, suite
from tests.timing.slowdown import FACTOR

HEADERS = ("slowdown", "noise", "case", "n", "slower", "disturbed", "faster", "within", "ratio", "limit", "contention")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.timing.measure_alarms", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-k", default="rate", metavar="WORK", help="which works, as pytest selects (default: rate)")
    parser.add_argument("--backend", default="jax")
    parser.add_argument("--repeats", type=int, default=5, help="stored before the first comparison (default: 5)")
    parser.add_argument("--runs", type=int, default=100, help="processes per slowdown (default: 100)")
    parser.add_argument("--slowdown", type=float, nargs="+", default=[1.0], help="factors (default: 1, the same code)")
    parser.add_argument("--noise", default="as it is", help="a name for what else ran: a row of its own")
    parser.add_argument("--table", action="store_true", help="measure nothing, print what FOLDER has")
    asked = parser.parse_args(arguments)
    asked.folder.mkdir(parents=True, exist_ok=True)
    lines = asked.folder / "alarms.jsonl"
    if not asked.table:
        while stored_repeats(asked) < asked.repeats:
            run(asked, 1.0, "--update-baselines", f"repeat {stored_repeats(asked) + 1}")
        for turn in range(asked.runs):  # in turns, so that each slowdown meets the same noise
            for factor in asked.slowdown:
                if turn < len({line["run"] for line in read(lines) if key(line)[:2] == (factor, asked.noise)}):
                    continue
                finished = run(asked, factor, "--gate-timing")
                with lines.open("a", encoding="utf-8") as file:
                    for record in finished.record.timings.values():
                        file.write(json.dumps(line_of(record, factor, asked.noise, finished)) + "\n")
    print(table(read(lines)))


def run(asked: argparse.Namespace, factor: float, *options: str) -> Finished:
    """One process; an error of its own, rather than a red test, ends the measurement."""
    plugins = (*PLAIN, "-p", "tests.timing.slowdown")
    chosen = ("-m", "timing", "-k", asked.k, "--backend", asked.backend, *options)
    finished = suite(asked.folder, *chosen, plugins=plugins, env={FACTOR: str(factor)}, timeout=1200)
    if finished.code not in (0, 1, 6):
        raise SystemExit(f"A run ended with exit code {finished.code}:\n{finished.output}")
    return finished


def stored_repeats(asked: argparse.Namespace) -> int:
    """Of the case that has fewest; 0 where nothing is stored."""
    stored = stored_times.read(stored_times.path_of(asked.folder / "baselines", f"{asked.backend}-cpu"))
    return min(map(len, stored.cases.values())) if stored and stored.cases else 0


def line_of(record: Timed, factor: float, noise: str, finished: Finished) -> dict[str, Any]:
    return {
        "run": finished.record.header.id,
        "slowdown": factor,
        "noise": noise,
        "case": record.case,
        "rounds": record.measured.rounds,
        "epochs": record.measured.epochs,
        "contention": record.measured.contention,
        **msgspec.to_builtins(record.comparison),
    }


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def key(line: dict[str, Any]) -> tuple[float, str, str]:
    return line["slowdown"], line["noise"], line["case"]


def table(lines: Sequence[dict[str, Any]]) -> str:
    """A row for each slowdown, noise and case, and one for all cases of a slowdown and noise."""
    rows = []
    for factor, noise in sorted({key(line)[:2] for line in lines}):
        both = [line for line in lines if key(line)[:2] == (factor, noise)]
        for case in [*sorted({line["case"] for line in both}), ""]:
            those = [line for line in both if case in ("", line["case"])]
            states = [str(line["state"]) for line in those]
            counted = [states.count(TimeState(name)) for name in HEADERS[4:8]]
            spans = [_span([line[name] for line in those]) if case else "" for name in HEADERS[8:]]
            rows.append([factor, noise, case or "all", len(those), *counted, *spans])
    return tabulate(rows, HEADERS, disable_numparse=True)


def _span(values: Sequence[float | None]) -> str:
    """Least, median and greatest."""
    known = [value for value in values if value is not None]
    return f"{min(known):.2f} {statistics.median(known):.2f} {max(known):.2f}" if known else "–"


if __name__ == "__main__":
    main()
