"""Builds of one package in an environment that differs in nothing else: made with uv, kept, and asked what they do."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from packaging.version import Version

from harness.course import ROOT, VARIABLE, course
from harness.environment.fingerprint import version as version_of
from harness.errors import SuiteError, invalid
from harness.record.files import replace_file

DISTRIBUTIONS = {"keras": ("keras",), "jax": ("jax", "jaxlib"), "tensorflow": ("tensorflow",), "torch": ("torch",)}
"""By package, what is installed in the version that is looked at."""
NIGHTLY = {"keras": "keras-nightly"}
NUMPY = "numpy==1.26.4"
BACKENDS = {"jax": "jax==0.5.3", "tensorflow": "tensorflow==2.16.2", "torch": "torch==2.13.0"}
"""What every Keras 3 imports: the environments of ``tox -e keras30-jax`` have the same."""
NEEDED = ("msgspec", "scipy", "psutil", "filelock")
"""What ``suite.probe`` imports, beside Keras, the backend and NumPy."""
LOCKED = "3.15"
"""From this Keras on the backend, the NumPy and the Python that are installed here are used."""
PYTHONS = ("3.12", "3.11")
"""NumPy 1.26 has no wheel for a newer one."""
CODE = ("harness", "suite", "reports", "cases", "benchmarks", "baselines")
LONGEST = 600
"""Seconds after which a build that does not answer is skipped."""


@dataclass(frozen=True)
class Build:
    """A version of the package: "3.14.0", a nightly build "3.16.0.dev2026102704", or a commit of ``clone``."""

    version: str
    clone: Path | None = None

    def __str__(self) -> str:
        return self.version[:12] if self.clone else self.version


@dataclass
class Builds:
    """Looks at builds of a package, each once: what it said is kept in ``folder``.

    Attributes:
        package: "keras", "jax", "tensorflow" or "torch": what differs.
        backend: Keras' backend.
        names: what is looked at: what ``suite.probe`` takes.
        folder: of environments, builds and answers.
        since: the oldest version that is looked at.
        wrong: by build, why it could not be looked at.
        seconds: by build, what looking at it took.
    """

    package: str
    backend: str
    names: Sequence[str]
    folder: Path
    since: str = "3.0"
    wrong: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.package not in DISTRIBUTIONS:
            expected = f"a package of {', '.join(DISTRIBUTIONS)}"
            raise invalid("package of a search", expected=expected, received=repr(self.package))
        if self.backend not in BACKENDS:
            raise invalid("backend", expected=f"one of {', '.join(BACKENDS)}", received=repr(self.backend))
        self.uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent)) or ""
        if not self.uv:
            raise SuiteError("uv is not here. It makes the environments of a search: python -m pip install uv.")

    @cached_property
    def base(self) -> Path:
        """The Python of the environment that all builds share; it is made if it is not there.

        Raises SuiteError if it cannot be made: uv's last line says why.
        """
        fixed, pythons = [NUMPY, BACKENDS[self.backend]], list(PYTHONS)
        numpy, keras, backend = map(version_of, ("numpy", "keras", self.backend))
        if self.package != "keras":
            fixed = [f"numpy=={numpy}", f"keras=={keras}", self.package]
        elif Version(self.since) >= Version(LOCKED) and backend:
            fixed = [f"numpy=={numpy}", f"{self.backend}=={backend}"]
        if fixed[0] != NUMPY:
            pythons = [f"{sys.version_info[0]}.{sys.version_info[1]}"]
        wanted, errors = sorted({*fixed, "keras", *NEEDED}), []
        for version in pythons:
            name = "-".join(["py" + version, *(text.replace("==", "-") for text in fixed)])
            made = self.folder / f"environment-{name}"
            if not (made / "made").exists():
                shutil.rmtree(made, ignore_errors=True)
                said = _command(self.uv, "venv", "--seed", "--quiet", "--python", version, str(made))
                said = said or _command(self.uv, "pip", "install", "--quiet", "--python", str(_python(made)), *wanted)
                if said:
                    shutil.rmtree(made, ignore_errors=True)
                    errors.append(f"Python {version}: {said}")
                    continue
                (made / "made").touch()
            return _python(made)
        raise SuiteError(f"The environment of a search cannot be made ({', '.join(fixed)}). {' '.join(errors)}")

    @property
    def environment(self) -> str:
        """ "jax 0.5.3, numpy 1.26.4, Python 3.11"."""
        words = self.base.parent.parent.name.removeprefix("environment-py").split("-")
        pairs = ", ".join(" ".join(pair) for pair in zip(words[1::2], words[2::2], strict=False))
        return f"{pairs}, Python {words[0]}"

    def versions(self, distribution: str, nightly: bool = False) -> list[str]:
        """The versions of a distribution that this Python can install, in order. SuiteError without an index."""
        command = [str(self.base), "-m", "pip", "index", "versions", distribution, *["--pre"] * nightly]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        line = re.search(r"Available versions: (.*)", ran.stdout)
        if line is None:
            raise SuiteError(f"The versions of {distribution} are not to be had: {_last(ran.stderr)}")
        return sorted((each for each in line[1].split(", ") if nightly or not Version(each).is_prerelease), key=Version)

    def releases(self, good: str, bad: str) -> list[Build]:
        """The releases from ``good`` to ``bad``, which may be nightly builds. "3.15" is its newest release.

        SuiteError if one does not exist, or they are in no order.
        """
        known = self.versions(self.package)
        nightlies = (
            self.versions(NIGHTLY[self.package], True) if self.package in NIGHTLY and "dev" in good + bad else []
        )
        first, last = (_whole(version, known, nightlies, self.package) for version in (good, bad))
        if Version(first) >= Version(last):
            raise invalid("range of versions", expected="an older one first", received=f"{good}..{bad}")
        between = [version for version in known if Version(first) < Version(version) < Version(last)]
        return [Build(version) for version in (first, *between, last)]

    def nightlies(self, before: Build, after: Build) -> list[Build]:
        """The nightly builds between two releases, or none if the package has no such builds."""
        if self.package not in NIGHTLY:
            return []
        every = self.versions(NIGHTLY[self.package], nightly=True)
        first, last = Version(before.version), Version(after.version)
        if not first.is_devrelease:  # builds after 3.3.3 are called 3.3.3.dev…, too
            first = Version(f"{first}.dev0")
        return [Build(version) for version in every if "dev" in version and first < Version(version) < last]

    def look(self, build: Build) -> Mapping[str, Any] | None:
        """By name, the stages of a build; None if it does not install, import, or answer: ``wrong`` says why."""
        answer = self.folder / "answers" / self._key(build)
        kept = _json(answer)
        if kept is None:
            clock, path = time.perf_counter(), self._path(build)
            if not path.exists() and (wrong := self._install(build, path)):
                self.wrong[str(build)] = wrong  # not kept: the index may answer another time
                return None
            sides, wrong = self._asked(path)
            kept = {"sides": sides, "wrong": wrong, "seconds": time.perf_counter() - clock}
            answer.parent.mkdir(parents=True, exist_ok=True)
            replace_file(answer, json.dumps(kept).encode())
        self.seconds[str(build)] = kept["seconds"]
        if kept["wrong"]:
            self.wrong[str(build)] = kept["wrong"]
        return kept["sides"]

    def _path(self, build: Build) -> Path:
        return self.folder / "builds" / f"{self.package}-{build.version}"

    def _install(self, build: Build, path: Path) -> str:
        """Why a build cannot be installed; "" if it was."""
        beside = path.with_name(f"{path.name}.new")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        if build.clone:
            archive = subprocess.run(
                ["git", "-C", str(build.clone), "archive", build.version, self.package],
                capture_output=True,
                check=False,
            )
            said = _last(archive.stderr.decode()) if archive.returncode else ""
            said = said or _command("tar", "-x", "-C", str(beside), stdin=archive.stdout)
        else:
            nightly = "dev" in build.version
            what = (NIGHTLY[self.package],) if nightly else DISTRIBUTIONS[self.package]
            options = ["--quiet", "--python", str(self.base), "--target", str(beside)]
            options += ["--no-deps"] if self.package != "torch" else []  # whose CUDA libraries are of its own version
            said = _command(self.uv, "pip", "install", *options, *(f"{name}=={build.version}" for name in what))
        if not said:
            beside.replace(path)
        return said

    def printed(self, build: Build, script: str) -> str:
        """The last line that a script prints under a build that was looked at; its error if it ends with one."""
        try:
            ran = self._run(self._path(build), "-c", script)
        except subprocess.TimeoutExpired:
            return f"no line in {LONGEST} s"
        return _last(ran.stderr if ran.returncode else ran.stdout)

    def _asked(self, path: Path) -> tuple[Any, str]:
        """What a build says, and why it says nothing."""
        try:
            ran = self._run(path, "-m", "suite.probe", self.backend, *self.names)
        except subprocess.TimeoutExpired:
            return None, f"it gave no answer in {LONGEST} s"
        if ran.returncode:
            return None, _last(ran.stderr)
        return json.loads(ran.stdout.splitlines()[-1]), ""

    def _run(self, path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs Python with a build. Our own packages come first: some builds have a package called benchmarks."""
        variables = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "KERAS_"))}
        variables |= {"PYTHONPATH": f"{self.code}{os.pathsep}{path}", "TF_CPP_MIN_LOG_LEVEL": "3"}
        variables |= {"PYTHONPYCACHEPREFIX": str(self.folder / "bytecode")}  # and not beside our code
        variables |= {"PYTHONHASHSEED": "0", "KERAS_BACKEND": self.backend}
        variables.pop("JAX_COMPILATION_CACHE_DIR", None)  # JAX 0.5.3 on a CPU computes otherwise with what it kept
        if not course().default:
            variables[VARIABLE] = str(course().folder)
        options: dict[str, Any] = {"cwd": self.folder, "capture_output": True, "text": True, "timeout": LONGEST}
        return subprocess.run([str(self.base), *arguments], env=variables, check=False, **options)

    @cached_property
    def code(self) -> Path:
        """A folder with our packages alone: beside an installed one lies another Keras."""
        made = self.folder / "code"
        made.mkdir(parents=True, exist_ok=True)
        for name in CODE:
            link, target = made / name, ROOT / name
            if link.is_symlink() and link.readlink() != target:
                link.unlink()
            if target.exists() and not link.exists():
                link.symlink_to(target)
        return made

    @cached_property
    def _code_as_it_is(self) -> str:
        """A digest of what answers, not of what asks."""
        files = [path for name in ("harness", "suite", "cases") for path in (ROOT / name).rglob("*.py")]
        asking = [Path(__file__).with_name(f"{name}.py") for name in ("builds", "script", "search")]
        return hashlib.sha256(b"".join(path.read_bytes() for path in sorted({*files} - {*asking}))).hexdigest()

    def _key(self, build: Build) -> str:
        """The file of an answer: of this build, in this environment, to these names, by this code."""
        parts = [self.package, build.version, self.base.parent.parent.name, self.backend, *self.names]
        parts.append(self._code_as_it_is)
        return f"{self.package}-{build}-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:12]}.json"


def commits(clone: Path, before: Build, after: Build) -> list[Build]:
    """The commits of a clone's branch between two nightly builds, whose versions end with year, month, day and hour.

    SuiteError if it is no clone, or one of them is no nightly build.
    """
    dates = []
    for build in (before, after):
        stamp = re.search(r"\.dev(\d{4})(\d\d)(\d\d)(\d\d)$", build.version)
        if stamp is None:
            raise SuiteError(f"The commits between {before} and {after} are not known: {build} is no nightly build.")
        dates.append("{}-{}-{}T{}:59:59Z".format(*stamp.groups()))
    command = ["git", "-C", str(clone), "log", "--first-parent", "--reverse", "--format=%H"]
    ran = subprocess.run(
        [*command, f"--after={dates[0]}", f"--before={dates[1]}"], capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise invalid("--clone", expected="a clone of the package's repository", received=_last(ran.stderr))
    return [Build(commit, clone) for commit in ran.stdout.split()]


def _whole(version: str, releases: Sequence[str], nightlies: Sequence[str], package: str) -> str:
    """The version, or the newest release of a series: "3.15"."""
    series = [each for each in releases if each.startswith(f"{version}.")]
    if version in (*releases, *nightlies):
        return version
    if series:
        return series[-1]
    near = [each for each in releases if each.startswith(f"{version.rpartition('.')[0]}.")][-3:] or releases[-3:]
    raise invalid(
        f"version of {package}", expected="a release", received=repr(version), fix=f"Near it: {', '.join(near)}."
    )


def _python(environment: Path) -> Path:
    return environment / ("Scripts" if os.name == "nt" else "bin") / "python"


def _command(*command: str, stdin: bytes | None = None) -> str:
    """Runs a command. Returns "", or the last line of its errors if it failed."""
    ran = subprocess.run(command, input=stdin, capture_output=True, check=False)
    return _last(ran.stderr.decode(errors="replace")) or f"exit status {ran.returncode}" if ran.returncode else ""


def _json(file: Path) -> dict[str, Any] | None:
    """A kept answer; None if there is none, or the file is damaged: the build is asked."""
    try:
        return dict(json.loads(file.read_text("utf-8")))
    except (FileNotFoundError, ValueError):
        return None


def _last(text: str) -> str:
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
