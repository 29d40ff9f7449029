"""``python -m benchmarks.measure_gpu``: measures every figure of the GPU report, in steps that can be resumed.

    python -m benchmarks.measure_gpu --out FOLDER                 all steps that are not done yet, in order
    python -m benchmarks.measure_gpu --out FOLDER --minutes 9     stops after nine minutes

Only JAX is required; the report names backends that are not installed. No step takes longer than eight minutes. Runs of
the suite are stopped after that, and the next call resumes them. Nothing is read from the network, and nothing is
written outside FOLDER. ``--scale small`` tries the script itself on a CPU, in a minute or two.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.gpu.steps import Step, all_steps, finished, perform
from benchmarks.gpu.work import SCALES
from harness.errors import SuiteError, invalid, nearest
from reports.folders import check_writable, write_atomic

LONGEST, SHORTEST = 450.0, 45.0
"""The most seconds of a step, and the least that have to be left for a step to begin."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 if every chosen step is done, 1 if some are left or failed, 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.measure_gpu", description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="the folder of results and GPU.md")
    parser.add_argument("--scale", choices=sorted(SCALES), default="full", help="small: to try the script on a CPU")
    parser.add_argument("--minutes", type=float, default=None, metavar="N", help="stop after so many minutes")
    parser.add_argument(
        "--only", action="append", default=[], metavar="STEP", help="this step; may be given repeatedly"
    )
    parser.add_argument("--list", action="store_true", help="list the steps, and which are done")
    options = parser.parse_args(arguments)
    options.out = options.out.resolve()  # steps run in another folder
    try:
        steps = all_steps(options.scale)
        names = [step.name for step in steps]
        for name in options.only:
            if name not in names:
                raise invalid("--only", expected="the name of a step", received=repr(name), fix=nearest(name, names))
        steps = tuple(step for step in steps if not options.only or step.name in options.only)
        if options.minutes is not None and not options.minutes > 0:
            raise invalid("--minutes", expected="a number above 0", received=options.minutes)
        if options.list:
            for step in steps:
                print(f"{'done' if finished(step, options.out) else '    '}  {step.name}")
            return 0
        check_writable(options.out)
        left = run(steps, options.out, options.minutes)
        from benchmarks.gpu.text import gpu_report

        write_atomic(options.out / "GPU.md", gpu_report(options.out, options.scale).encode())
        print(f"report: {options.out / 'GPU.md'}")
    except SuiteError as error:
        print("measure_gpu:", " ".join(str(error).split()), file=sys.stderr)
        return 2
    if left:
        print(f"{len(left)} of {len(steps)} steps are left: {', '.join(left)}. Repeat the command to continue.")
    return 1 if left else 0


def run(steps: Sequence[Step], out: Path, minutes: float | None) -> list[str]:
    """Performs the steps that are not done, prints the result of each, and returns the names of those left."""
    begin = time.monotonic()
    most = LONGEST if minutes is None else minutes * 60
    left = []
    for step in steps:
        if finished(step, out):
            continue
        room = LONGEST if minutes is None else min(LONGEST, most - (time.monotonic() - begin))
        if room < min(SHORTEST, most):
            left.append(step.name)
            continue
        clock = time.monotonic()
        said = perform(step, out, room)
        print(f"{step.name}: {said} ({time.monotonic() - clock:.0f} s)", flush=True)
        if not said.startswith(("done", "absent")):
            left.append(step.name)
    return left


if __name__ == "__main__":
    sys.exit(main())
