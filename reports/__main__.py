"""``python -m reports``: writes the report of a run or of a stack's evidence, or pushes runs. Trains nothing."""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness.errors import SuiteError
from harness.record.run_file import latest_run
from reports.folders import OUT, runs_folder

BASELINES = Path(__file__).resolve().parents[1] / "baselines"


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m reports",
        description="Writes REPORT.md, report.json and figures of a recorded run, or pushes recorded runs to a "
        "database. Trains nothing.",
    )
    made.add_argument(
        "--run",
        type=Path,
        metavar="FILE",
        help="the run file (default: the newest in FOLDER/runs, or in reports/out/runs where that has none); "
        "with --store a run's id",
    )
    made.add_argument("--store", metavar="URL", help="read the run from this database; with --push: push to it")
    made.add_argument(
        "--push", action="store_true", help="write no report: push the finished runs of FOLDER/runs that --store lacks"
    )
    made.add_argument(
        "--trend",
        action="store_true",
        help="write TREND.md, trend.svg and trend.json: accuracy and time over the runs of FOLDER/runs or of --store",
    )
    made.add_argument("--evidence", metavar="STACK", help="report the stored trials of this stack instead of a run")
    made.add_argument(
        "--baseline-dir", type=Path, metavar="DIR", default=BASELINES, help="with --evidence (default: baselines/)"
    )
    made.add_argument(
        "--readme",
        type=Path,
        metavar="FILE",
        help="with --evidence: write the findings between this page's two markers",
    )
    made.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="the report's folder (default: reports/out; with --evidence reports/out/evidence/STACK)",
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 for a report or a push, 2 with one line on stderr for bad input."""
    options = parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a path may contain letters that the terminal cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        if options.push:
            push(options)
            return 0
        if options.trend:
            print(f"Trend: {trend(options)}")
            return 0
        if options.evidence is not None:
            print(f"Report of the evidence of {options.evidence}: {evidence(options)}")
            return 0
        if options.readme is not None:
            raise SuiteError("--readme needs --evidence STACK: findings come from stored trials. Add --evidence STACK.")
        from reports.write import write_report

        options.out = options.out or OUT
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


def evidence(options: argparse.Namespace) -> Path:
    """Writes the report of a stack's evidence and returns the path of REPORT.md."""
    if options.run or options.store:
        raise SuiteError(
            "--evidence contradicts --run and --store: it reports stored trials, not a run. Leave one out."
        )
    from reports.stored import stored_run
    from reports.write import write

    run = stored_run(options.baseline_dir, options.evidence)
    if options.readme is not None:
        from reports.sections.findings import write_findings

        write_findings(run, options.readme)
    return write(run, options.out or OUT / "evidence" / options.evidence)


def push(options: argparse.Namespace) -> None:
    """Pushes the finished runs of the report folder and prints one line for each.

    Raises SuiteError if the options contradict each other or the database cannot be reached.
    """
    if options.run or options.evidence or options.readme:
        raise SuiteError("--push contradicts --run, --evidence and --readme: it pushes runs. Leave one of them out.")
    if options.store is None:
        raise SuiteError("--push needs --store URL: the database to push to.")
    from harness.record.address import Address
    from harness.record.database import push_all

    folder = runs_folder(options.out or OUT)
    print("\n".join(push_all(Address(options.store), folder)) or f"Nothing to push in {folder}.")


def trend(options: argparse.Namespace) -> Path:
    """Writes the trend of the finished runs and returns the path of TREND.md.

    Raises SuiteError if the options contradict each other, there is no run, or the database cannot be reached.
    """
    if options.run or options.evidence or options.readme:
        raise SuiteError("--trend contradicts --run, --evidence and --readme: it is about all runs. Leave one out.")
    from harness.record.address import Address
    from reports.trend import trend
    from reports.trend_files import runs_of, write_trend

    out = options.out or OUT
    folder = runs_folder(out if any(runs_folder(out).glob("*.jsonl")) else OUT)
    return write_trend(trend(runs_of(Address(options.store) if options.store else None, folder)), out)


def from_store(url: str, run: str | None, folder: Path) -> Path:
    """Writes a stored run to a file in ``folder`` and returns its path; ``run`` is a run's id, None for the newest.

    Raises SuiteError if the database cannot be reached or lacks the run.
    """
    from harness.record.address import Address
    from harness.record.database import stored_run

    name, content = stored_run(Address(url), run)
    path = folder / f"{name}.jsonl"
    path.write_bytes(content)
    return path


def newest(out: Path) -> Path:
    """The newest run file of a report folder, else of the default folder. Raises SuiteError if neither has one."""
    if any(runs_folder(out).glob("*.jsonl")):
        return latest_run(runs_folder(out))
    return latest_run(runs_folder(OUT))


if __name__ == "__main__":
    sys.exit(main())
