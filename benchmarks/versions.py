"""What differs between versions of Keras: ``python -m benchmarks.versions FOLDER``.

It writes ``reports/published/versions/``, and what the page says of versions into ``baselines/moves.json``. FOLDER has
a folder for each environment (``tox -e keras30-jax``), with the run of a check there, ``defaults.json`` of
``benchmarks.defaults``, or both. Folders of equal versions are one column. Its file in ``columns/`` is renewed, row by
row: a run of other claims adds to it. The page has all columns of that folder. A row is a claim, an erratum, a self-
check, a training or a default. ``changes.toml`` names each change, with the release that made it and the rows that show
it. A row that no named change explains is reported as unexplained.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from benchmarks.defaults import Defaults
from harness.check.compare import results
from harness.course import ROOT, course
from harness.errors import SuiteError, invalid
from harness.record.run import Run, read_run
from harness.record.run_file import latest_run
from harness.training.backends import named
from reports.folders import write_files
from reports.moves import Release, store
from reports.words import code, cut, escape, folded, plural, release, table

T = TypeVar("T")

OUT = ROOT / "reports" / "published" / "versions"
COLUMNS = "columns"
KINDS = ("claim", "erratum", "self-check", "training")
DEFAULT = "default "
"""How the name of a row begins that is a default, or a small computation."""
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
        return numbers(self.keras)

    @property
    def name(self) -> str:
        """The minor version, or "nightly"."""
        return "nightly" if "dev" in self.keras else ".".join(self.keras.split(".")[:2])

    @property
    def series(self) -> tuple[str, str]:
        """Columns of a series differ in Keras alone."""
        return self.backend, self.backend_version

    @property
    def label(self) -> str:
        return named(self.backend).facts.label

    @property
    def file(self) -> str:
        return f"keras-{self.keras}-{self.backend}-{self.backend_version}-numpy-{self.numpy}.json"

    @property
    def probed(self) -> bool:
        """Whether it has the defaults of its Keras."""
        return any(row.startswith(DEFAULT) for row in self.rows)

    def state(self, row: str) -> str | None:
        """The state of a row; None if this environment did not run it."""
        return self.rows.get(row, ABSENT if row.startswith(DEFAULT) and self.probed else None)

    def renewed(self, newer: Column) -> Column:
        """This column with the rows of ``newer`` in place of its own. Defaults are replaced all together."""
        gone = {row for row in self.rows if row in newer.rows or (newer.probed and row.startswith(DEFAULT))}

        def both(old: dict[str, str], new: dict[str, str]) -> dict[str, str]:
            return dict(sorted(({row: text for row, text in old.items() if row not in gone} | new).items()))

        rows, reasons = both(self.rows, newer.rows), both(self.reasons, newer.reasons)
        return msgspec.structs.replace(self, rows=rows, reasons=reasons)


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
        return any(re.fullmatch(re.escape(name).replace(r"\*", ".*"), row) for name in self.rows)

    def lies_between(self, a: Column, b: Column) -> bool:
        """Whether it can explain a difference between two neighbours: by its release, or by another package."""
        return a.release < numbers(self.release) <= b.release if self.release else a.series != b.series


class Changes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of changes.toml."""

    change: tuple[Change, ...] = ()


def numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version, in order. SuiteError if they are fewer than three."""
    parts = tuple(map(int, re.findall(r"\d+", version)))
    if len(parts) < 3:
        raise invalid("version", expected="three numbers, such as 3.14.0", received=repr(version))
    return parts


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


def of_defaults(probed: Defaults) -> Column:
    """The column of what ``benchmarks.defaults`` wrote."""
    rows = {f"{DEFAULT}{name}": cut(value, LONGEST) for name, value in probed.rows.items()}
    return column(probed.keras, probed.backend, probed.backend_version, probed.numpy, rows)


def column(keras: str, backend: str, version: str, numpy: str, *rows: dict[str, str]) -> Column:
    """A column. "2.13.0+cpu" and "2.13.0+cu130" are builds of one version of PyTorch."""
    return Column(keras, backend, version.partition("+")[0], numpy, *rows)


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
    known = {column.file: column for column in stored(before)}
    for column in fresh:
        known[column.file] = known.get(column.file, column).renewed(column)
    return in_order(known.values())


def stored(folder: Path) -> tuple[Column, ...]:
    """The columns of a folder of files. SuiteError if one cannot be read."""
    return in_order(read(path, Column) for path in folder.glob("*.json"))


def in_order(columns: Iterable[Column]) -> tuple[Column, ...]:
    """By backend, its version, and release."""
    return tuple(sorted(columns, key=lambda c: (c.backend, numbers(c.backend_version), c.release, c.numpy)))


def by_backend(columns: Iterable[Column]) -> dict[str, list[Column]]:
    every = list(columns)
    return {
        backend: [column for column in every if column.backend == backend]
        for backend in dict.fromkeys(column.backend for column in every)
    }


def shows(columns: Iterable[Column], row: str) -> bool:
    """Whether columns of a backend differ in a row, or one is red."""
    states = {state for column in columns if (state := column.state(row))}
    return len(states) > 1 or (not row.startswith(DEFAULT) and bool(states - {GREEN}))


def unexplained(columns: Iterable[Column], row: str, changes: Iterable[Change]) -> Iterator[str]:
    """The places of a row's differences that no change explains: "3.12.4 → 3.14.1 (jax 0.5.3)".

    Neighbours of a series, and neighbours of two series of a backend, are compared. A change of Keras explains their
    difference if its release lies between. A change of another package explains a difference between two series.
    """
    mine = [change for change in changes if change.explains(row)]
    for backend, own in by_backend(columns).items():
        ran = sorted((column for column in own if column.state(row)), key=lambda column: column.release)
        series = dict.fromkeys(column.series for column in ran)
        pairs = [pair for which in series for pair in pairwise(c for c in ran if c.series == which)]
        pairs += [(a, b) for a, b in pairwise(ran) if a.series != b.series]
        for a, b in pairs:
            if a.state(row) != b.state(row) and not any(change.lies_between(a, b) for change in mine):
                versions = " → ".join(dict.fromkeys((a.backend_version, b.backend_version)))
                yield f"{a.keras} → {b.keras} ({backend} {versions})"


def markdown(columns: Sequence[Column], changes: Sequence[Change]) -> str:
    """The page. It has the rows that differ between columns of a backend, or are red."""
    every = dict.fromkeys(name for column in columns for name in column.rows)
    rows = [name for name in every if any(shows(own, name) for own in by_backend(columns).values())]
    explained = {row: [n for n, change in enumerate(changes, 1) if change.explains(row)] for row in rows}
    defaults = [row for row in rows if row.startswith(DEFAULT)]
    gaps = [f"{escape(row)}, {escape(place)}" for row in rows for place in unexplained(columns, row, changes)]
    newest = max(column.release for column in columns if "dev" not in column.keras)
    out = [change.release for change in changes if change.release and numbers(change.release) <= newest]
    parts = [
        INTRODUCTION,
        "## The environments",
        environments(columns),
        "## What changed",
        table(
            ("", "since", "what changed", "rows"),
            [
                (
                    number,
                    release(change.release) if change.release in out else f"{change.whose} {change.release}".strip(),
                    escape(change.what) + (f"<br>*{referred(change.reference)}*" if change.reference else ""),
                    sum(number in those for those in explained.values()),
                )
                for number, change in enumerate(changes, 1)
            ],
            right=("rows",),
        ),
        "\n".join(f"- **Unexplained**: {gap}" for gap in gaps)
        or "Every difference below is explained by one of these changes.",
        "## Claims, errata, self-checks, trainings",
        "✔: as the evidence and the catalogue say. From one version to another means those that were run; in brackets: "
        "the version of the backend. The last column has the number of the change. The reasons stand below the tables.",
        *tables(columns, [row for row in rows if row not in defaults], explained),
        folded("The reasons", "\n".join(reasons(columns, rows))),
        "## Defaults and small computations",
        f"{sum(row.startswith(DEFAULT) for row in every)} were compared. {ABSENT}: this Keras has no such argument.",
        *tables(columns, defaults, explained),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def referred(reference: str) -> str:
    """A reference, with a link to each pull request and issue of Keras."""
    link = r"[\1](https://github.com/keras-team/keras/issues/\2)"
    return re.sub(r"keras-team/keras, (\w[\w ]* (\d+))", "Keras, " + link, escape(reference))


INTRODUCTION = """# What differs between versions of Keras

Rows are claims, errata, self-checks, trainings and defaults. A row is shown if it differs between versions of one
backend, or is red. Environments with one version of the backend differ in Keras alone: a difference between them is
Keras' own. JAX 0.5.3, TensorFlow 2.16 and NumPy 1.26 are used because every Keras 3 runs on them.

`tox -e keras30-jax` checks one environment, `python -m benchmarks.versions reports/out/versions` writes this page. The
changes are named by hand in [`changes.toml`](changes.toml). A difference is explained if a change names its row and
was released between the two environments; a difference that no change explains is listed as unexplained. None is ours:
where the suite itself needed a newer Keras or JAX, it was repaired, and runs on all of them. Totals are
those of the catalogue when an environment was run."""


def environments(columns: Iterable[Column]) -> str:
    """The table of the columns: versions, and green rows of all."""
    head = ("Keras", "backend", "NumPy", "claims", "errata", "self-checks", "trainings")
    lines = []
    for column in columns:
        ran = [[state for row, state in column.rows.items() if row.startswith(f"{kind} ")] for kind in KINDS]
        shares = [f"{states.count(GREEN)} of {len(states)}" if states else "" for states in ran]
        lines.append(
            (
                release(column.keras).replace("Keras ", "", 1),
                release(column.backend_version, column.label),
                column.numpy,
                *shares,
            )
        )
    return table(head, lines, right=head[3:])


def tables(columns: Iterable[Column], rows: Sequence[str], explained: dict[str, list[int]]) -> Iterator[str]:
    """A table for each backend of the rows that differ there, or are red."""
    for own in by_backend(columns).values():
        shown = [row for row in rows if shows(own, row)]
        ran = [column for column in own if any(column.state(row) for row in shown)]
        if not shown:
            continue
        alike: dict[tuple[str, str], list[str]] = {}
        for row in shown:
            alike.setdefault((by_version(ran, row), ", ".join(map(str, explained[row]))), []).append(row)
        yield f"### {ran[0].label}"
        yield table(("", "by version of Keras", "change"), [(names(of), *line) for line, of in alike.items()])


def by_version(columns: Sequence[Column], row: str) -> str:
    """The state of a row from version to version: "3.0 to 3.13: ✘<br>3.14, 3.15: ✔"."""
    several = len({column.backend_version for column in columns}) > 1
    lines: list[tuple[str, tuple[str, str], list[str]]] = []
    for column in columns:
        state = column.state(row)
        if state is None:
            continue
        if not lines or lines[-1][:2] != (state, column.series):
            lines.append((state, column.series, []))
        lines[-1][2].append(column.name)
    texts = []
    for state, (_, version), of in lines:
        span = ", ".join(of) if len(of) < 3 else f"{of[0]} to {of[-1]}"
        shown = code(state) if row.startswith(DEFAULT) and state != ABSENT else state
        texts.append(f"{span}{f' ({version})' if several else ''}: {shown}")
    return "<br>".join(texts)


def names(rows: Sequence[str]) -> str:
    """The names of rows that are alike: the first two, and the number of the others."""
    shown = [code(row.removeprefix(DEFAULT)) if row.startswith(DEFAULT) else escape(row) for row in rows[:2]]
    return ", ".join(shown) + (f" and {len(rows) - 2} more" if len(rows) > 2 else "")


def reasons(columns: Iterable[Column], rows: Sequence[str]) -> Iterator[str]:
    """A line for each reason, with the rows that have it and the environments that gave it."""
    every = list(columns)
    alike: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for reason in dict.fromkeys(column.reasons[row] for column in every if row in column.reasons):
            gave: dict[str, dict[str, None]] = {}
            for column in every:
                if column.reasons.get(row) == reason:
                    gave.setdefault(column.label, {})[column.name] = None
            where = "; ".join(f"{label} {', '.join(names)}" for label, names in gave.items())
            alike.setdefault((reason, where), []).append(row)
    for (reason, where), together in alike.items():
        yield f"- {names(together)} ({escape(where)}): {escape(reason)}"


def releases(columns: Iterable[Column], changes: Iterable[Change]) -> dict[str, Any]:
    """What the page says of versions of Keras: the fields of ``Moves``."""
    every = list(columns)
    versions = sorted({column.keras for column in every}, key=numbers)
    rows = dict.fromkeys(name for column in every for name in column.rows)
    shown = [(change, [row for row in rows if change.explains(row)]) for change in changes]
    return {
        "versions": tuple(versions),
        "changes": tuple(
            Release(
                change.whose,
                change.release,
                sum(numbers(version) < numbers(change.release) for version in versions) if change.release else None,
                change.what,
                tuple(row for row in own if not row.startswith(DEFAULT)),
                sum(row.startswith(DEFAULT) for row in own),
                change.reference,
            )
            for change, own in shown
        ),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, 1 for an unexplained difference, or 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.versions", description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder of results for each environment: reports/out/versions")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="default: reports/published/versions")
    parser.add_argument("--baselines", type=Path, default=course().baselines, metavar="DIR", help="default: baselines")
    options = parser.parse_args(arguments)
    try:
        every = columns(options.folder, options.out / COLUMNS)
        changes = read(options.out / "changes.toml", Changes).change
        page = markdown(every, changes)
        files = {
            options.out / COLUMNS / column.file: msgspec.json.format(msgspec.json.encode(column), indent=1) + b"\n"
            for column in every
        }
        write_files({**files, options.out / "README.md": page.encode()})
        store(options.baselines, **releases(every, changes))
    except SuiteError as error:
        print("versions:", error, file=sys.stderr)
        return 2
    count = page.count("- **Unexplained**")
    print(f"{options.out / 'README.md'}: {len(every)} environments, {plural(count, 'unexplained difference')}")
    return int(bool(count))


if __name__ == "__main__":
    sys.exit(main())
