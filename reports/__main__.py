"""``python -m reports``: the report of the latest run, from its record or a store; trains nothing."""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness.errors import SuiteError
from harness.store import latest_run
from reports.folders import OUT, runs_folder


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m reports",
        description="Writes REPORT.md, report.json and figures from a recorded run of `pytest suite/`. Trains nothing.",
    )
    made.add_argument(
        "--run",
        type=Path,
        metavar="FILE",
        help="the run file (default: the newest in FOLDER/runs, or in reports/out/runs where that has none); "
        "with --store a run's id",
    )
    made.add_argument(
        "--store", metavar="URL", help="take the run from this database, as `pytest suite/ --store` fills it"
    )
    made.add_argument(
        "--out", type=Path, metavar="FOLDER", default=OUT, help="where the report is written (default: reports/out)"
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 for a report, 2 with one sentence on stderr for input it cannot use."""
    options = parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a path may have letters that this output cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        from reports.write import write_report

        with tempfile.TemporaryDirectory() as folder:
            if options.store is None:
                run = options.run or newest(options.out)
            else:
                run = from_store(options.store, options.run and str(options.run), Path(folder))
            print(f"Report of {run if options.store is None else run.stem}: {write_report(run, options.out)}")
    except SuiteError as error:
        print("reports:", " ".join(str(error).split()), file=sys.stderr)
        return 2
    return 0


def from_store(url: str, run: str | None, folder: Path) -> Path:
    """The file of a run that a store has, made in the folder; SuiteError where the store or the run is not there."""
    from harness.store.address import Address
    from harness.store.opening import stored_run

    name, content = stored_run(Address(url), run)
    path = folder / f"{name}.jsonl"
    path.write_bytes(content)
    return path


def newest(out: Path) -> Path:
    """The newest run of a report folder, or of the default one where the folder has none; SuiteError without any."""
    if any(runs_folder(out).glob("*.jsonl")):
        return latest_run(runs_folder(out))
    return latest_run(runs_folder(OUT))


if __name__ == "__main__":
    sys.exit(main())
