"""``python -m reports``: writes the report of a run or of a stack's evidence, or pushes runs. Trains nothing."""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness.course import choose, course
from harness.errors import SuiteError
from harness.record.run_file import latest_run
from reports.folders import out_of, runs_folder


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
        help="write TREND.md: the newest run against all earlier ones of FOLDER/runs or of --store",
    )
    made.add_argument(
        "--compare",
        nargs=2,
        metavar=("A", "B"),
        help="print what differs from run A to run B, and write COMPARE.md; each is a run file, a run's id or commit "
        "(in FOLDER/runs or --store), or evidence:STACK; the exit status is 1 if something regressed",
    )
    made.add_argument(
        "--stacks",
        nargs="+",
        metavar="STACK",
        help="write STACKS.md: the verdicts on these stacks side by side, and where their trainings differ from those "
        "of the first",
    )
    made.add_argument("--catalogue", metavar="FOLDER", help="the course of the runs or evidence (default: cases/)")
    made.add_argument("--evidence", metavar="STACK", help="report the stored trials of this stack instead of a run")
    made.add_argument(
        "--baseline-dir", type=Path, metavar="DIR", help="with --evidence (default: baselines/, or that of the course)"
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
        help="the report's folder (default: reports/out, or courses/NAME in it; with --evidence: evidence/STACK there)",
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 2 with one line on stderr for bad input, 1 for a regression (--compare), else 0."""
    options = parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a path may contain letters that the terminal cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        chosen = choose(options.catalogue)
        options.baseline_dir = options.baseline_dir or chosen.baselines
        if options.push:
            push(options)
            return 0
        if options.trend:
            print(f"Trend: {trend(options)}")
            return 0
        if options.compare:
            return compare(options)
        if options.stacks:
            print(f"Stacks: {compare_stacks(options)}")
            return 0
        if options.evidence is not None:
            _print(f"the evidence of {options.evidence}", evidence(options))
            return 0
        if options.readme is not None:
            raise SuiteError("--readme needs --evidence STACK: findings come from stored trials. Add --evidence STACK.")
        from reports.write import write_report

        options.out = options.out or out_of(course())
        with tempfile.TemporaryDirectory() as folder:
            if options.store is None:
                run = options.run or newest(options.out)
            else:
                run = from_store(options.store, options.run and str(options.run), Path(folder))
            _print(str(run if options.store is None else run.stem), write_report(run, options.out))
    except SuiteError as error:
        print("reports:", " ".join(str(error).split()), file=sys.stderr)
        return 2
    return 0


def _print(what: str, report: Path) -> None:
    """Prints the paths of a report and of its page."""
    from reports.page.page import PAGE

    print(f"Report of {what}: {report}\nPage: {report.with_name(PAGE)}")


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
        from reports.write import write_findings

        write_findings(run, options.readme)
    return write(run, options.out or out_of(course()) / "evidence" / options.evidence)


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

    folder = runs_folder(options.out or out_of(course()))
    print("\n".join(push_all(Address(options.store), folder)) or f"Nothing to push in {folder}.")


def trend(options: argparse.Namespace) -> Path:
    """Writes the trend of the finished runs and returns the path of TREND.md.

    Raises SuiteError if the options contradict each other, there is no run, or the database cannot be reached.
    """
    if options.run or options.evidence or options.readme or options.compare:
        raise SuiteError("--trend contradicts --run, --compare, --evidence and --readme: it is about all runs.")
    from harness.record.address import Address
    from reports.folders import check_writable, write_atomic
    from reports.history import FILE, History, markdown, runs_of

    out = options.out or out_of(course())
    check_writable(out)
    history = History.of(runs_of(Address(options.store) if options.store else None, with_runs(out)))
    write_atomic(out / FILE, markdown(history).encode())
    return out / FILE


def compare(options: argparse.Namespace) -> int:
    """Prints what differs between two runs, writes COMPARE.md, and returns 1 if something regressed, else 0.

    Raises SuiteError if the options contradict each other, or a run cannot be found or read, or is of another course.
    """
    if options.run or options.evidence or options.readme:
        raise SuiteError(
            "--compare contradicts --run, --evidence and --readme. Evidence is --compare evidence:STACK B."
        )
    from harness.check.compare import compare
    from harness.record.address import Address
    from reports.changes import find, markdown
    from reports.folders import check_course, write_atomic

    out, store = options.out or out_of(course()), Address(options.store) if options.store else None
    then, now = (find(asked, with_runs(out), store, options.baseline_dir) for asked in options.compare)
    for run in (then, now):
        check_course(run.header)
    changes = compare(now, then)
    text = markdown(changes)
    write_atomic(out / "COMPARE.md", text.encode())
    print(text)
    return int(changes.regressed)


def compare_stacks(options: argparse.Namespace) -> Path:
    """Writes the comparison of stacks and returns the path of STACKS.md. SuiteError if they cannot be compared."""
    if options.run or options.evidence or options.readme or options.store:
        raise SuiteError("--stacks contradicts --run, --store, --evidence and --readme: it compares stored evidence.")
    from reports.folders import write_atomic
    from reports.stacks import FILE, markdown, stacks

    path = (options.out or out_of(course())) / FILE
    write_atomic(path, markdown(stacks(options.baseline_dir, options.stacks)).encode())
    return path


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
    return latest_run(with_runs(out))


def with_runs(out: Path) -> Path:
    """The folder of run files of a report folder, or the default one where that has none."""
    return runs_folder(out if any(runs_folder(out).glob("*.jsonl")) else out_of(course()))


if __name__ == "__main__":
    sys.exit(main())
