"""``python -m reports``: the report of the latest run, or of a stack's evidence; trains nothing."""

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
    made.add_argument("--store", metavar="URL", help="take the run from this database; with --push: the one to push to")
    made.add_argument(
        "--push", action="store_true", help="write no report: push the finished runs of FOLDER/runs that --store lacks"
    )
    made.add_argument("--evidence", metavar="STACK", help="of no run, but of the stored trials of this stack")
    made.add_argument(
        "--baseline-dir", type=Path, metavar="DIR", default=BASELINES, help="with --evidence (default: baselines/)"
    )
    made.add_argument(
        "--readme", type=Path, metavar="FILE", help="with --evidence: write the findings between the marks of this page"
    )
    made.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="the report's folder (default: reports/out; with --evidence reports/out/evidence/STACK)",
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 for a report or a push, 2 with one line on stderr for input it cannot use."""
    options = parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a path may have letters that this output cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        if options.push:
            push(options)
            return 0
        if options.evidence is not None:
            print(f"Report of the evidence of {options.evidence}: {evidence(options)}")
            return 0
        if options.readme is not None:
            raise SuiteError("--readme needs --evidence STACK: the findings are those of stored trials.")
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
    """Writes the report of a stack's evidence; the path of REPORT.md."""
    if options.run or options.store:
        raise SuiteError("--evidence contradicts --run and --store: it is the report of no run. Leave one out.")
    from reports.stored import stored_run
    from reports.write import write

    run = stored_run(options.baseline_dir, options.evidence)
    if options.readme is not None:
        from reports.sections.findings import write_findings

        write_findings(run, options.readme)
    return write(run, options.out or OUT / "evidence" / options.evidence)


def push(options: argparse.Namespace) -> None:
    """Pushes the finished runs of the report folder; prints a line for each. SuiteError where the store is away."""
    if options.run or options.evidence or options.readme:
        raise SuiteError("--push contradicts --run, --evidence and --readme: it pushes runs. Leave one of them out.")
    if options.store is None:
        raise SuiteError("--push needs --store URL: the database to push to.")
    from harness.record.address import Address
    from harness.record.database import push_all

    folder = runs_folder(options.out or OUT)
    print("\n".join(push_all(Address(options.store), folder)) or f"Nothing to push in {folder}.")


def from_store(url: str, run: str | None, folder: Path) -> Path:
    """The file of a run that a store has, made in the folder; SuiteError where the store or the run is not there."""
    from harness.record.address import Address
    from harness.record.database import stored_run

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
