"""What differs between versions of Keras: ``python -m benchmarks.versions FOLDER``.

It writes ``reports/published/versions/``. FOLDER has a folder for each environment (``tox -e keras30-jax``), with
the run of a check there, ``defaults.json`` of ``benchmarks.defaults``, or both. Folders of equal versions are
one column. Its file in ``columns/`` is renewed, row by row: a run of other claims adds to it. The page has all columns
of that folder. A row is a claim, an erratum, a self-check, a training or a default. ``changes.toml`` names each change,
with the release that made it and the rows that show it. A row that no named change explains is reported as unexplained.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import msgspec

from benchmarks.defaults import Defaults
from harness.check.compare import results
from harness.course import ROOT
from harness.errors import SuiteError, invalid
from harness.record.run import Run, read_run
from harness.record.run_file import latest_run
from harness.training.backends import named
from reports.folders import write_files
from reports.text import code, cut, escape, table
from reports.words import plural

T = TypeVar("T")

OUT = ROOT / "reports" / "published" / "versions"
COLUMNS = "columns"
KINDS = ("claim", "erratum", "self-check", "training")
GREEN, ABSENT, NOT_RUN = "✔", "absent", "not run"
LONGEST = 150
"""Characters of a reason, and of a default."""


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The results of an environment: the content of a file in ``columns/``.

    Attributes:
        rows: kind and name of a row, such as "erratum decay" or "default SGD: momentum" -> its state: GREEN, another
            state, or the value of a default.
        reasons: a row that is not green -> why.
    """

    keras: str
    backend: str
    backend_version: str
    numpy: str
    rows: dict[str, str]
    reasons: dict[str, str] = {}

    @property
    def release(self) -> tuple[int, ...]:
        return release(self.keras)

    @property
    def name(self) -> str:
        """The minor version, or "nightly"."""
        return "nightly" if "dev" in self.keras else ".".join(self.keras.split(".")[:2])

    @property
    def series(self) -> tuple[str, str]:
        """Columns of a series differ in Keras alone."""
        return self.backend, self.backend_version

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"keras-{self.keras}-{self.backend}-{self.backend_version}-numpy-{self.numpy}.json"

    def state(self, row: str) -> str | None:
        """The state of a row; None if this environment did not run it."""
        found = self.rows.get(row)
        if found is None and row.startswith("default ") and any(name.startswith("default ") for name in self.rows):
            return ABSENT
        return found

    def renewed(self, newer: Column) -> Column:
        """This column with the rows of ``newer`` in place of its own. Defaults are replaced all together."""
        probed = any(row.startswith("default ") for row in newer.rows)
        kept = [row for row in self.rows if row not in newer.rows and not (probed and row.startswith("default "))]
        rows = {row: self.rows[row] for row in kept} | newer.rows
        reasons = {row: self.reasons[row] for row in kept if row in self.reasons} | newer.reasons
        return msgspec.structs.replace(self, rows=dict(sorted(rows.items())), reasons=dict(sorted(reasons.items())))


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change between versions.

    Attributes:
        release: the first release with it: "3.14.0"; "" for a change of another package.
        whose: "Keras", the name of another package, or "ours".
        what: what changed, in sentences.
        rows: the rows that show it; "*" stands for any text.
        reference: the place that says so, or the source that shows it; "" for none.
    """

    release: str
    whose: str
    what: str
    rows: tuple[str, ...]
    reference: str = ""

    def explains(self, row: str) -> bool:
        return any(re.fullmatch(re.escape(one).replace(r"\*", ".*"), row) for one in self.rows)


class Changes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of changes.toml."""

    change: tuple[Change, ...] = ()


def numbers_of(version: str) -> tuple[int, ...]:
    """The numbers of a version, in order."""
    return tuple(map(int, re.findall(r"\d+", version)))


def release(version: str) -> tuple[int, ...]:
    """The three numbers of a version. SuiteError if it has fewer."""
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    if found is None:
        raise invalid("version", expected="three numbers, such as 3.14.0", received=repr(version))
    return tuple(map(int, found.groups()))


def read(path: Path, kind: type[T]) -> T:
    """The typed content of a JSON or TOML file. SuiteError if it cannot be read as that."""
    try:
        content = path.read_bytes()
        if path.suffix == ".toml":
            return msgspec.convert(tomllib.loads(content.decode()), kind)
        return msgspec.json.decode(content, type=kind)
    except (OSError, ValueError) as error:
        fix = "Run its environment again, or move the folder away."
        raise invalid(str(path), expected=f"a {kind.__name__}", received=str(error), fix=fix) from error


def of_run(run: Run) -> Column:
    """The column of a run: its results against what is stored. A training without evidence has no row."""
    rows, reasons = {}, {}
    for (kind, name), result in results(run).items():
        if kind == "training" and not result.ran:
            continue
        wrong = "✘" if kind in ("erratum", "self-check") else result.state
        rows[f"{kind} {name}"] = GREEN if not result.red else wrong if result.ran else NOT_RUN
        if result.red:
            reasons[f"{kind} {name}"] = cut(result.reason, LONGEST)
    keras, backend, version, numpy = (
        str(run.header.fingerprint[key]) for key in ("keras", "backend", "backend_version", "numpy")
    )
    return column(keras, backend, version, numpy, rows, reasons)


def of_defaults(found: Defaults) -> Column:
    """The column of what ``benchmarks.defaults`` wrote."""
    rows = {f"default {name}": cut(value, LONGEST) for name, value in found.rows.items()}
    return column(found.keras, found.backend, found.backend_version, found.numpy, rows, {})


def column(keras: str, backend: str, version: str, numpy: str, rows: dict[str, str], reasons: dict[str, str]) -> Column:
    """A column. "2.13.0+cpu" and "2.13.0+cu130" are builds of one version of PyTorch."""
    return Column(keras, backend, version.partition("+")[0], numpy, rows, reasons)


def columns(folder: Path, before: Path) -> tuple[Column, ...]:
    """The columns stored in ``before``, renewed by those of all environments below ``folder``.

    Raises:
        SuiteError: ``folder`` has no environment, or a file cannot be read.
    """
    fresh = [of_run(read_run(latest_run(path))) for path in sorted(folder.glob("*/runs"))]
    fresh += [of_defaults(read(path, Defaults)) for path in sorted(folder.glob("*/defaults.json"))]
    if not fresh:
        fix = "Run the environments first: tox -e keras30-jax,keras315-jax."
        raise invalid(str(folder), expected="a folder for each environment", received="no results", fix=fix)
    found = {one.file: one for one in stored(before)}
    for one in fresh:
        found[one.file] = found.get(one.file, one).renewed(one)
    return in_order(found.values())


def stored(folder: Path) -> tuple[Column, ...]:
    """The columns of a folder of files. SuiteError if one cannot be read."""
    return in_order(read(path, Column) for path in folder.glob("*.json"))


def in_order(found: Iterable[Column]) -> tuple[Column, ...]:
    """By backend, its version, and release."""
    return tuple(sorted(found, key=lambda one: (one.backend, numbers_of(one.backend_version), one.release, one.numpy)))


def backends(found: Iterable[Column]) -> list[str]:
    return list(dict.fromkeys(one.backend for one in found))


def states(found: Iterable[Column], row: str, backend: str) -> set[str]:
    """The states of a row in the columns of a backend."""
    return {state for one in found if one.backend == backend and (state := one.state(row))}


def shows(found: Iterable[Column], row: str, backend: str) -> bool:
    """Whether the columns of a backend differ in a row, or one is red."""
    there = states(found, row, backend)
    return len(there) > 1 or (not row.startswith("default ") and bool(there - {GREEN}))


def unexplained(found: Sequence[Column], row: str, changes: Iterable[Change]) -> list[str]:
    """The places of a row's differences that no change explains: "3.12.4 → 3.14.1 (jax 0.5.3)".

    Neighbours of a series, and neighbours of two series of a backend, are compared. A change of Keras explains their
    difference if its release lies between. A change of another package explains a difference between two series.
    """
    mine = [change for change in changes if change.explains(row)]
    places = []
    for backend in backends(found):
        held = sorted((one for one in found if one.backend == backend and one.state(row)), key=lambda one: one.release)
        series = [[one for one in held if one.series == which] for which in dict.fromkeys(one.series for one in held)]
        pairs = [pair for one in series for pair in pairwise(one)]
        pairs += [(a, b) for a, b in pairwise(held) if a.series != b.series]
        for a, b in pairs:
            of_keras = any(a.release < release(one.release) <= b.release for one in mine if one.release)
            of_others = a.series != b.series and any(not one.release for one in mine)
            if len(states((a, b), row, backend)) > 1 and not (of_keras or of_others):
                versions = " → ".join(dict.fromkeys((a.backend_version, b.backend_version)))
                places.append(f"{a.keras} → {b.keras} ({backend} {versions})")
    return places


def markdown(found: Sequence[Column], changes: Sequence[Change]) -> str:
    """The page. It has the rows that differ between columns of a backend, or are red."""
    every = dict.fromkeys(name for column in found for name in column.rows)
    rows = [name for name in every if any(shows(found, name, backend) for backend in backends(found))]
    numbers = {row: [n for n, change in enumerate(changes, 1) if change.explains(row)] for row in rows}
    gaps = [(row, place) for row in rows for place in unexplained(found, row, changes)]
    results = [row for row in rows if not row.startswith("default ")]
    defaults = [row for row in rows if row.startswith("default ")]
    parts = [
        INTRODUCTION,
        "## The environments",
        environments(found),
        "## What changed",
        table(
            ("", "release", "whose", "what changed", "rows", "reference"),
            [
                (
                    number,
                    change.release or "–",
                    change.whose,
                    escape(change.what),
                    sum(number in held for held in numbers.values()),
                    escape(change.reference) or "–",
                )
                for number, change in enumerate(changes, 1)
            ],
            right=("rows",),
        ),
        "\n".join(f"- **Unexplained**: {escape(row)}, {escape(place)}" for row, place in gaps)
        or "Every difference below is explained by one of these changes.",
        "## Claims, errata, self-checks, trainings",
        "✔: as the evidence and the catalogue say. An empty cell was not run, or has nothing to compare with. The last "
        "column has the number of the change. The reasons stand below the tables.",
        *tables(found, results, numbers),
        "\n".join(reasons(found, results)),
        "## Defaults and small computations",
        f"{len([row for row in every if row.startswith('default ')])} were compared. ″: as on the left. {ABSENT}: this "
        "Keras has no such argument.",
        *tables(found, defaults, numbers),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


INTRODUCTION = """# What differs between versions of Keras

Columns are environments, rows are claims, errata, self-checks, trainings and defaults. A row is shown if it differs
between versions of one backend, or is red. Columns with one version of the backend differ in Keras alone: a difference
between them is Keras' own. JAX 0.5.3, TensorFlow 2.16 and NumPy 1.26 are used because every Keras 3 runs on them.

`tox -e keras30-jax` checks one environment, `python -m benchmarks.versions reports/out/versions` writes this page. The
changes are named by hand in [`changes.toml`](changes.toml). A difference is explained if a change names its row and
was released between the two columns; a difference that no change explains is listed as unexplained. None is ours:
where the suite itself needed a newer Keras or JAX, it was repaired, and runs on all of them."""


def environments(found: Sequence[Column]) -> str:
    """The table of the columns: versions, and green rows of all."""
    head = ("Keras", "backend", "NumPy", "claims", "errata", "self-checks", "trainings")
    lines = []
    for one in found:
        ran = [[state for row, state in one.rows.items() if row.startswith(f"{kind} ")] for kind in KINDS]
        shares = [f"{states.count(GREEN)} of {len(states)}" if states else "" for states in ran]
        lines.append((one.keras, f"{label(one)} {one.backend_version}", one.numpy, *shares))
    return table(head, lines, right=head[3:])


def label(column: Column) -> str:
    return named(column.backend).facts.label


def tables(found: Sequence[Column], rows: Sequence[str], numbers: dict[str, list[int]]) -> Iterator[str]:
    """A table for each backend of the rows that differ there, or are red."""
    for backend in backends(found):
        shown = [row for row in rows if shows(found, row, backend)]
        held = [one for one in found if one.backend == backend and any(one.state(row) for row in shown)]
        if not shown:
            continue
        several = len({one.backend_version for one in held}) > 1
        heads = [f"{one.name} ({one.backend_version})" if several else one.name for one in held]
        alike: dict[tuple[str, ...], list[str]] = {}
        for row in shown:
            alike.setdefault((*cells(held, row), ", ".join(map(str, numbers[row]))), []).append(row)
        lines = [(names(together), *line) for line, together in alike.items()]
        yield f"### {label(held[0])}"
        yield table(("", *heads, "change"), lines)


def cells(held: Sequence[Column], row: str) -> Iterator[str]:
    """The text of each cell of a row."""
    left = None
    for one in held:
        state = one.state(row)
        if state is None or not row.startswith("default "):
            yield state or ""
        else:
            yield "″" if state == left else state if state == ABSENT else code(state)
        left = state


def names(rows: Sequence[str]) -> str:
    """The names of rows that are alike: the first two, and the number of the others."""
    shown = [code(row.partition(" ")[2]) if row.startswith("default ") else escape(row) for row in rows[:2]]
    return ", ".join(shown) + (f" and {len(rows) - 2} more" if len(rows) > 2 else "")


def reasons(found: Sequence[Column], rows: Sequence[str]) -> Iterator[str]:
    """A line for each reason, with the rows that have it and the environments that gave it."""
    alike: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        where: dict[str, dict[str, list[str]]] = {}
        for one in found:
            if row in one.reasons:
                where.setdefault(one.reasons[row], {}).setdefault(label(one), []).append(one.name)
        for reason, places in where.items():
            shown = "; ".join(f"{backend} {', '.join(dict.fromkeys(names))}" for backend, names in places.items())
            alike.setdefault((reason, shown), []).append(row)
    for (reason, shown), together in alike.items():
        yield f"- {names(together)} ({escape(shown)}): {escape(reason)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, 1 for an unexplained difference, or 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.versions", description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder of results for each environment: reports/out/versions")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="default: reports/published/versions")
    options = parser.parse_args(arguments)
    try:
        found = columns(options.folder, options.out / COLUMNS)
        page = markdown(found, read(options.out / "changes.toml", Changes).change)
        files = {
            options.out / COLUMNS / one.file: msgspec.json.format(msgspec.json.encode(one), indent=1) + b"\n"
            for one in found
        }
        write_files({**files, options.out / "README.md": page.encode()})
    except SuiteError as error:
        print("versions:", error, file=sys.stderr)
        return 2
    count = Counter("**Unexplained**" in line for line in page.splitlines())[True]
    print(f"{options.out / 'README.md'}: {len(found)} environments, {plural(count, 'unexplained difference')}")
    return int(bool(count))


if __name__ == "__main__":
    sys.exit(main())
