"""``python -m reports``: writes the report of a run or of a stack's evidence, or pushes runs. Trains nothing."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.check import compare as check
from harness.course import choose, course
from harness.errors import SuiteError
from harness.record.run import Run, read_run
from reports import changes, history, moves, stacks
from reports.folders import Runs, check_course, check_writable, find, out_of, runs_folder, write_atomic
from reports.page.page import PAGE
from reports.stored import stored_run
from reports.write import write, write_findings


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m reports",
        description="Writes REPORT.md, report.json and figures of a recorded run, or pushes recorded runs to a "
        "database. Trains nothing.",
    )
    made.add_argument(
        "--run",
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
        "of the first; the page of every run says so from then on",
    )
    made.add_argument(
        "--why",
        nargs="*",
        metavar="TRAINING",
        help="say which part of a step does otherwise than its formula: in the trainings of the run that moved, or in "
        "these, each experiment/variant; computes one step of each on the run's backend. FILE.py::TEST: in the "
        "training_check of a test",
    )
    made.add_argument(
        "--against",
        metavar="BACKEND",
        help="with --why: the first stage in which a training does otherwise on this backend, or in a file that python "
        "-m suite.probe BACKEND TRAINING printed elsewhere",
    )
    made.add_argument(
        "--bisect",
        nargs="?",
        const="",
        metavar="[PACKAGE:]GOOD..BAD",
        help="with --why: which release, nightly build and commit changed it, among the versions of Keras (or jax, "
        "tensorflow, torch) between these two; default: from the evidence's to the run's. A name of --why is then also "
        "a claim about Keras, a self-check or an erratum; needs uv and a package index",
    )
    made.add_argument("--clone", type=Path, metavar="DIR", help="with --bisect: the package's clone, for its commits")
    made.add_argument(
        "--script",
        action="store_true",
        help="with --bisect: write for each change a script of plain Keras that shows it, as small as it gets, and the "
        "text of an issue",
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
    made.add_argument(
        "--no-charts", action="store_true", help="a page without charts, 800 kB smaller: their library is left out"
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 2 with a line on stderr for bad input, 1 for a regression (--compare), else 0."""
    options = parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a path may contain letters that the terminal cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        chosen = choose(options.catalogue)
        options.baseline_dir = options.baseline_dir or chosen.baselines
        return ACTIONS[asked(options)](options)
    except SuiteError as error:
        print("reports:", " ".join(str(error).split()), file=sys.stderr)
        return 2


def asked(options: argparse.Namespace) -> str:
    """What is to be done: a name in ACTIONS. SuiteError if the options contradict each other, or one is missing."""
    if options.readme and not options.evidence:
        raise SuiteError("--readme needs --evidence STACK: findings come from stored trials. Add --evidence STACK.")
    if options.push and not options.store:
        raise SuiteError("--push needs --store URL: the database to push to.")
    if options.against and (options.why is None or options.bisect is not None):
        raise SuiteError("--against needs --why, without --bisect: python -m reports --why TRAINING --against jax.")
    if (options.bisect is not None and options.why is None) or (
        (options.clone or options.script) and options.bisect is None
    ):
        raise SuiteError(
            "--bisect needs --why; --clone and --script need --bisect: python -m reports --why --bisect 3.1..3.2."
        )
    given = [name for name in ACTIONS if getattr(options, name) not in (None, False)] or ["run"]
    if given == ["why", "run"]:
        given = ["why"]
    others = given[1:] + ["store"] * bool(options.store and given[0] in ("stacks", "evidence"))
    others += ["no-charts"] * (options.no_charts and given[0] not in ("run", "evidence"))  # which write a page
    if others:
        raise SuiteError(
            f"--{given[0]} contradicts {', '.join(f'--{name}' for name in others)}: leave one of them out."
        )
    return given[0]


def push(options: argparse.Namespace) -> int:
    """Pushes the finished runs of the report folder, and prints a line for each."""
    from harness.record.database import Database

    folder = runs_folder(options.out or out_of(course()))
    print("\n".join(Database(options.store).push_all(folder)) or f"Nothing to push in {folder}.")
    return 0


def trend(options: argparse.Namespace) -> int:
    """Writes TREND.md."""
    path = _out(options) / history.FILE
    check_writable(path.parent)
    write_atomic(path, history.markdown(history.History.of(_runs(options).of_course())).encode())
    print(f"Trend: {path}")
    return 0


def compare(options: argparse.Namespace) -> int:
    """Prints what differs between two runs, and writes COMPARE.md. 1 if something regressed."""
    then, now = (find(word, _runs(options), options.baseline_dir) for word in options.compare)
    for run in (then, now):
        check_course(run.header)
    compared = check.compare(now, then)
    text = changes.markdown(compared)
    write_atomic(_out(options) / "COMPARE.md", text.encode())
    print(text)
    return int(compared.regressed)


def why(options: argparse.Namespace) -> int:
    """Prints which part of a step does otherwise than its formula, or which build changed it. 1 if one is found."""
    if options.bisect is not None:
        from reports.which import searched

        return searched(options, lambda: _run(options))
    if options.against:
        from reports.which import against

        return against(options, lambda: _run(options))
    from reports.why import explained, of_tests

    if tests := [name for name in options.why if name.partition("::")[0].endswith(".py")]:
        return of_tests(tests)
    lines, status = explained(_run(options), options.why, options.baseline_dir)
    for line in lines:
        print(line, flush=True)
    return status


def compare_stacks(options: argparse.Namespace) -> int:
    """Writes STACKS.md, and stores beside the evidence what the page says of stacks."""
    path = _out(options) / stacks.FILE
    write_atomic(path, stacks.markdown(stacks.stacks(options.baseline_dir, options.stacks)).encode())
    moves.store(options.baseline_dir, stacks=stacks.moves(options.baseline_dir, options.stacks))
    print(f"Stacks: {path}\nFor the page: {options.baseline_dir / moves.FILE}")
    return 0


def evidence(options: argparse.Namespace) -> int:
    """Writes the report of a stack's evidence, and the findings of --readme. 2 if a file of it cannot be read."""
    run = stored_run(options.baseline_dir, options.evidence)
    out = options.out or out_of(course()) / "evidence" / options.evidence
    unread = list(dict.fromkeys(claim.error for claim in run.claims.values() if claim.error))
    if options.readme is not None and not unread:
        write_findings(run, options.readme)
    _report(f"the evidence of {options.evidence}", run, out, not options.no_charts)
    for error in unread:
        print("reports:", " ".join(error.split()), file=sys.stderr)
    if options.readme is not None and unread:
        print(f"reports: {options.readme} is as it was, as findings are missing.", file=sys.stderr)
    return 2 if unread else 0


def report(options: argparse.Namespace) -> int:
    """Writes the report of a run."""
    run = _run(options)
    return _report(run.path.stem if options.store else str(run.path), run, _out(options), not options.no_charts)


def _run(options: argparse.Namespace) -> Run:
    """The run of --run, or the newest."""
    file = options.run and not options.store
    return read_run(Path(options.run)) if file else _runs(options).read(options.run)


ACTIONS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "push": push,
    "trend": trend,
    "compare": compare,
    "stacks": compare_stacks,
    "why": why,
    "evidence": evidence,
    "run": report,
}
"""What can be asked for, by option; --run's is the default."""


def _out(options: argparse.Namespace) -> Path:
    return options.out or out_of(course())


def _runs(options: argparse.Namespace) -> Runs:
    """The runs of --store; else of the report folder, or of the default one where that has none."""
    folder = runs_folder(_out(options))
    if not any(folder.glob("*.jsonl")):
        folder = runs_folder(out_of(course()))
    if not options.store:
        return Runs(folder)
    from harness.record.database import Database

    return Runs(folder, Database(options.store))


def _report(what: str, run: Run, out: Path, charts: bool) -> int:
    path = write(run, out, charts)
    print(f"Report of {what}: {path}\nPage: {path.with_name(PAGE)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
