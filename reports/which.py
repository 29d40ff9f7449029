"""``--why --bisect``: which release, nightly build and commit of a package changed what a training or a check does."""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness.check.evidence import path_of, read
from harness.course import ROOT, VARIABLE, course
from harness.errors import SuiteError, invalid
from harness.record.outcomes import TrainingState
from harness.record.run import Run
from harness.training.backend import check_installed, choose_backend, default_backend
from harness.training.backends import NAMES
from harness.why.builds import Build, Builds, commits
from harness.why.search import changes, most_looks
from harness.why.side import OF_GENERATORS, alike
from reports.folders import check_course, out_of, write_atomic
from reports.words import cut, fenced, plural

FOLDER = "why"
"""In the report's folder: environments, builds and answers. It may be deleted."""
MOST = 4
"""So much of what was red in a run is looked at."""
SHOWN = 3
LONGEST = 160


def searched(options: argparse.Namespace, run: Callable[[], Run]) -> int:
    """Prints what was looked at and the changes that were found. Returns 1 if there is one, else 0.

    Interrupted, it says how to go on and returns 130. Raises SuiteError for bad input.
    """
    package, _, wanted = options.bisect.rpartition(":")
    known, names, backend = _asked(options, run, options.run or not options.why or not wanted)
    first, dots, last = wanted.partition("..")
    if not wanted:
        first, last = _versions(known)
    elif not (first and dots and last):
        raise invalid("--bisect", expected="two versions, such as 3.1.1..3.3.3", received=repr(options.bisect))
    folder = (options.out or out_of(course())).resolve() / FOLDER
    backend = package if package in NAMES else backend  # another package is searched as Keras' backend
    search = Search(Builds(package or "keras", backend, names, folder, first), options.clone, options.script)
    try:
        return int(search.run(first, last))
    except KeyboardInterrupt:
        say(f"Interrupted. What builds did is kept in {folder}: the same command goes on from there.")
        return 130
    except OSError as error:
        raise SuiteError(f"The search cannot go on: {error}. What builds did is kept in {folder}.") from error


def against(options: argparse.Namespace, run: Callable[[], Run]) -> int:
    """Prints the first stage in which trainings do otherwise on another backend here, or in a file of another place.

    Returns 1 if one does, else 0. Raises SuiteError for bad input.
    """
    _, names, backend = _asked(options, run, options.run or not options.why)
    file = Path(options.against)
    if options.against in NAMES:
        check_installed(options.against)
        theirs = probed(options.against, names)
    else:
        try:
            theirs = json.loads(file.read_text("utf-8"))
            if not isinstance(theirs, dict) or not all(isinstance(stages, dict) for stages in theirs.values()):
                raise ValueError("It has no stages by name.")
        except (OSError, ValueError) as error:
            expected = f"a backend ({', '.join(NAMES)}), or a file that `python -m suite.probe BACKEND NAME` printed"
            raise invalid("--against", expected=expected, received=str(file), fix=str(error)) from error
    ours = {
        name: {stage: value for stage, value in stages.items() if not stage.startswith(OF_GENERATORS)}
        for name, stages in probed(backend, names).items()
    }
    differing = 0
    for name, stages in ours.items():
        other = theirs.get(name)
        if other is None:
            say(f"{name}: not in {file}")
            continue
        places = [stage for stage in stages if not alike(stages[stage], other.get(stage), stage)]
        differing += bool(places)
        if places:
            old, new, more = stages[places[0]], other.get(places[0]), len(places) - 1
            say(f"{name}: {places[0]}: {_shown(old, new)} on {backend}, {_shown(new, old)} on {file}; {more} more")
        else:
            say(f"{name}: alike in {plural(len(stages), 'stage')}")
    return int(differing > 0)


def _asked(options: argparse.Namespace, run: Callable[[], Run], needed: object) -> tuple[Run | None, list[str], str]:
    """The run, if one is needed; what is looked at; and the backend: the run's, or that of the environment."""
    known = run() if needed else None
    if known:
        check_course(known.header)
    backend = known.header.backend if known else os.environ.get("KERAS_BACKEND") or default_backend()[0]
    return known, options.why or _red(known), backend


def probed(backend: str, names: Sequence[str]) -> dict[str, Any]:
    """What ``suite.probe`` says here on a backend."""
    command = [sys.executable, "-m", "suite.probe", backend, *names]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", VARIABLE: str(course().folder)}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SuiteError((ran.stderr.strip() or "no answer").splitlines()[-1])
    return dict(json.loads(ran.stdout.splitlines()[-1]))


def say(line: str) -> None:
    print(line, flush=True)


class Search:
    """A search among builds, which says what it looks at and finds. Builds that do the same have one kind."""

    def __init__(self, builds: Builds, clone: Path | None, script: bool) -> None:
        self.builds, self.clone, self.script = builds, clone, script
        self.kinds: list[Mapping[str, Any]] = []
        self.known: dict[str, int | None] = {}

    def run(self, first: str, last: str) -> bool:
        """Whether a change was found. SuiteError if an end does not exist, or cannot be looked at."""
        builds, package = self.builds, self.builds.package
        releases = builds.releases(first, last)
        ends = releases[0], releases[-1]
        say(f"{package} {ends[0]} to {ends[1]}, with {builds.environment}. Looked at: {', '.join(builds.names)}.")
        for end in ends:
            if self.kind(end) is None:
                raise SuiteError(
                    f"{package} {end} cannot be looked at, so nothing can be searched: {builds.wrong[str(end)]}"
                )
        if self.kind(ends[0]) == self.kind(ends[1]):
            say(f"{package} {ends[0]} and {ends[1]} do the same: nothing to search.")
            return False
        each, nightlies = statistics.fmean(builds.seconds.values()), len(builds.nightlies(*ends))
        looks = most_looks(len(releases)) + most_looks(nightlies // (len(releases) - 1))
        say(
            f"Between them: {plural(len(releases) - 2, 'release')}, {plural(nightlies, 'nightly build')}. "
            f"For one change about {looks} are looked at, {each:.0f} s each."
        )
        for before, after in self.between(releases):
            for start, end in self.between([before, *builds.nightlies(before, after), after]):
                self.change(start, end, after)
        return True

    def between(self, builds: Sequence[Build]) -> Iterator[tuple[Build, Build]]:
        """The neighbours that differ."""
        for change in changes(len(builds), lambda place: self.kind(builds[place])):
            yield builds[change.before], builds[change.after]

    def kind(self, build: Build) -> int | None:
        """Which of the kinds so far a build is; None if it cannot be looked at."""
        if str(build) in self.known:
            return self.known[str(build)]
        sides, number = self.builds.look(build), None
        if sides is None:
            say(f"  {build} is skipped: {self.builds.wrong[str(build)]}")
        else:
            numbers = (at for at, known in enumerate(self.kinds) if not any(differences(known, sides)))
            number = next(numbers, len(self.kinds))
            like = next((name for name, kind in self.known.items() if kind == number), None)
            if like is None:
                self.kinds.append(sides)
            word = f"does as {like}" if like else "differs from those above" if self.known else "is the first"
            say(f"  {build} {word} ({self.builds.seconds[str(build)]:.0f} s)")
        self.known[str(build)] = number
        return number

    def change(self, before: Build, after: Build, release: Build) -> None:
        """Says what changed from one build to the next: of each name the first stage, and how many follow."""
        then, now = (self.builds.look(build) or {} for build in (before, after))
        within = f", so in {release}" if after != release else ""
        say(f"Changed in {self.builds.package} {after}{within}; {before} is as before:")
        stages: dict[str, list[tuple[str, Any, Any]]] = {}
        for name, *place in differences(then, now):
            stages.setdefault(name, []).append((place[0], place[1], place[2]))
        for name, [(stage, old, new), *others] in stages.items():
            of = "" if stage == name else f"{stage}: "
            more = f"; {plural(len(others), 'stage')} more" if others else ""
            say(f"  {name}: {of}{_shown(old, new)} → {_shown(new, old)}{more}")
        commit = self.commit(before, after) if self.clone else ""
        if self.script:
            self.written(before, after, list(stages), commit)

    def commit(self, before: Build, after: Build) -> str:
        """The commit between two nightly builds that changed it; "" if none of the clone did."""
        assert self.clone is not None
        for start, end in self.between([before, *commits(self.clone, before, after), after]):
            if end.clone:
                say(f"  By commit {end.version}; {start} is as before.")
                return end.version
        say(f"  By no commit that is in {self.clone}.")
        return ""

    def written(self, before: Build, after: Build, changed: Sequence[str], commit: str) -> None:
        """Writes a script that shows the change in the first training that has it, and the text of an issue."""
        builds = self.builds
        training = next((name for name in changed if name.partition("/")[0] in course().experiments), None)
        if training is None:
            say("  No script: no training that was looked at changes here.")
            return
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        here = find_spec(builds.backend) is not None  # a model is described alike on every backend
        choose_backend(builds.backend if here else default_backend()[0])
        from harness.why.script import Sketch, shrunk

        def both(text: str) -> tuple[str, str]:
            with ThreadPoolExecutor(2) as pool:
                then, now = pool.map(lambda build: builds.printed(build, text), (before, after))
            return then, now

        name, _, variant = training.partition("/")
        sketch = shrunk(Sketch.of(course().experiments[name], variant), lambda text: differ(*both(text)))
        if sketch is None:
            say(f"  No script: plain Keras trains {training} alike with both.")
            return
        text, path = sketch.text(), builds.folder / f"{builds.package}-{after}.py"
        lines, again = both(text), both(text)
        if lines != again:
            say(f"  No script: the same build prints other figures when it runs again: {lines}, {again}.")
            return
        printed = [f"{builds.package} {build}: `{line}`" for build, line in zip((before, after), lines, strict=True)]
        by = f"The first commit with the second is {commit}.\n\n" if commit else ""
        issue = ISSUE.format(package=builds.package, before=before, after=after, environment=builds.environment)
        write_atomic(path, text.encode())
        write_atomic(path.with_suffix(".md"), f"{issue}- {printed[0]}\n- {printed[1]}\n\n{by}{fenced(text)}\n".encode())
        size = plural(text.count("\n"), "line")
        say(f"  {path} ({size}), and {path.stem}.md, the text of an issue. The script prints:")
        for line in printed:
            say(f"    {line}")


ISSUE = """# {package} {after} trains otherwise than {before}

The script below, with {environment}, prints:

"""


def differ(then: str, now: str) -> bool:
    """Whether two lines differ: in words, or in numbers by more than rounding."""
    (words, numbers), (others, these) = (
        (NUMBER.sub("", line), [float(text) for text in NUMBER.findall(line)]) for line in (then, now)
    )
    pairs = zip(numbers, these, strict=False)
    return words != others or not all(alike([a], [b]) for a, b in pairs)


NUMBER = re.compile(r"(?<![\w.])-?(?:\d+\.?\d*(?:e[+-]?\d+)?|nan|inf)(?![\w.])")


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, str, Any, Any]]:
    """(name, stage, then, now) for each stage in which two builds differ, in order."""
    for name in then:
        old, new = then[name], now.get(name, {})
        for stage in dict.fromkeys((*old, *new)):
            if not alike(old.get(stage), new.get(stage), stage):
                yield name, stage, old.get(stage), new.get(stage)


def _shown(value: Any, other: Any) -> str:
    """A text, or the first numbers that differ."""
    if value is None:
        return "none"
    if not isinstance(value, list):
        return cut(value, LONGEST)
    pairs = zip(value, other, strict=True) if isinstance(other, list) and len(other) == len(value) else None
    places = [a for a, b in pairs if not alike([a], [b])] if pairs else value
    return ", ".join(f"{number:.6g}" for number in (places or value)[:SHOWN])


def _red(run: Run | None) -> list[str]:
    """What was red in a run: errata, checks and claims about Keras first, as they take least; then trainings."""
    assert run is not None
    names = [erratum.id for erratum in run.errata.values() if erratum.red]
    names += [check.key for check in run.self_checks.values() if check.red]
    exact = {claim.key for claim in course().claims if claim.experiment is None}
    names += [claim.key for claim in run.claims.values() if claim.red and claim.key in exact]
    moved = [key for key, training in run.trainings.items() if training.outcome.state is TrainingState.MOVED]
    names = names[: MOST - 1] + ["/".join(key) for key in moved[:1]]
    if not names:
        raise SuiteError(f"Nothing moved in the run {run.header.id}. Name what to look at: --why NAME --bisect A..B.")
    return names


def _versions(run: Run | None) -> tuple[str, str]:
    """The Keras of the evidence, and that of a run."""
    assert run is not None
    keras = str(run.header.fingerprint["keras"])
    for name in course().experiments:
        evidence = read(path_of(course().baselines, run.header.stack, name))
        for variant in evidence.variants.values() if evidence else ():
            if variant.sessions:
                return str(variant.sessions[-1].fingerprint["keras"]), keras
    raise SuiteError(
        f"{run.header.stack} has no evidence, so no version to begin with. Name both: --bisect 3.1.1..{keras}."
    )
