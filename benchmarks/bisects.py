"""Which build made each change of Keras that alters results: ``python -m benchmarks.bisects`` writes the page of it.

Each change is searched as a reader would, ``python -m reports --why NAME --bisect GOOD..BAD --script``, and stands
beside what ``changes.toml`` says by hand. Builds and answers are kept: an interrupted run goes on. It takes an hour.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.versions import OUT, Change, Changes, read
from harness.course import ROOT
from reports.folders import write_atomic
from reports.words import fenced

FILE = "BISECTS.md"
FOLDER = ROOT / "reports" / "out" / "bisects"


class Search(NamedTuple):
    """A search: the beginning of what ``changes.toml`` says of the change, and what is asked."""

    what: str
    backend: str
    names: tuple[str, ...]
    versions: str


SEARCHES = (
    Search("On JAX, fit and evaluate counted", "jax", ("l2-loss-formula", "regularization/l2 0.001"), "3.1.1..3.3.0"),
    Search("The loss that fit and evaluate report weights", "jax", ("example-4-softmax/as printed",), "3.1.1..3.3.0"),
    Search("RMSprop with use_ema", "jax", ("default optimizers.RMSprop: ema_overwrite_frequency",), "3.2.1..3.4.1"),
    Search(
        "get_config of Dense holds its activity regularizer",
        "jax",
        ("default layers.Dense: activity_regularizer after from_config(get_config())", "example-4/l1 1e-6"),
        "3.3.3..3.5.0",
    ),
    Search("On PyTorch fit shuffles", "torch", ("example-4-softmax/as printed",), "3.6.0..3.8.0"),
    Search("An activity regularizer's penalty", "jax", ("example-4/l1 1e-6",), "3.13.2..3.14.1"),
    Search("The order in which fit shuffles", "jax", ("example-4-softmax/as printed",), "3.15.1..3.16.0.dev2026102704"),
)
INTRODUCTION = """# Which build changed it

Seven changes of Keras alter results. Each was found by hand first ([`changes.toml`](changes.toml)), and then by one
command. Its output is below: the release, the first nightly build, the first stage that differs, and a script, if plain
Keras shows it. `python -m benchmarks.bisects` writes this page. Stages that follow from the first are counted only.
"""


def main() -> int:
    changes = read(OUT / "changes.toml", Changes).change
    parts = [INTRODUCTION, *(section(search, changes) for search in SEARCHES)]
    write_atomic(OUT / FILE, "\n".join(parts).encode())
    print(OUT / FILE)
    return 0


def section(search: Search, changes: tuple[Change, ...]) -> str:
    """What was written by hand, the command, its output, and the scripts."""
    by_hand = next(change for change in changes if change.what.startswith(search.what))
    said = "\n".join(output(search))
    scripts = [Path(path) for path in re.findall(r"^  (/.*\.py) \(", said, re.MULTILINE)]
    names = " ".join(f'"{name}"' if " " in name else name for name in search.names)
    command = f"KERAS_BACKEND={search.backend} python -m reports --why {names} --bisect {search.versions} --script"
    short = re.sub(rf"{re.escape(str(FOLDER))}/", "", said)
    shown = "\n".join(f"\n`{path.name}`:\n\n{fenced(path.read_text('utf-8'))}" for path in scripts)
    return f"## {by_hand.release}\n\nBy hand: {by_hand.what}\n\n{fenced(command + chr(10) + short, 'text')}\n{shown}\n"


def output(search: Search) -> Iterator[str]:
    """The lines of a search, which are shown as they come."""
    command = [sys.executable, "-m", "reports", "--why", *search.names, "--bisect", search.versions, "--script"]
    environment = {**os.environ, "KERAS_BACKEND": search.backend}
    with subprocess.Popen(
        [*command, "--out", str(FOLDER)], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            print(line, end="", flush=True)
            yield line.rstrip()
    if running.returncode not in (0, 1):
        raise SystemExit("A search could not be made, so no page is written.")


if __name__ == "__main__":
    sys.exit(main())
