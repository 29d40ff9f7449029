"""The suite's command-line options: their declarations, their checks, and their values as ``Options``."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.course import VARIABLE, choose, course
from harness.errors import SuiteError, invalid, nearest
from harness.record.run import AsNeeded
from harness.rules.levels import FEWEST_SEEDS
from harness.training.backend import PRECISIONS, default_backend
from harness.training.backends import NAMES
from harness.training.engines import ENGINES
from reports.folders import out_of

if TYPE_CHECKING:
    from harness.record.database import Database

ENGINE_NAMES = ("auto", *ENGINES)
MOST_SEEDS = 100_000
LAST_SEED = 2**31 - 1
FULL_SEEDS = 10
"""Seeds of each variant with --full, by default."""
MOST_AS_NEEDED = 30
"""The most seeds of a claim with ``--seeds auto``, by default."""
MOST_WORKERS = 1024
AS_GIVEN = ("full", "require_baselines", "require_gpu", "reuse", "dry_run", "gate_timing", "resume", "cluster")
"""Options whose values need no check."""
MARKERS = {
    "exact": "what needs no trial: a claim that is a formula or a count, and the self-checks",
    "training": "a claim decided from trained trials",
    "errata": "code of the lecture that no longer runs, or does something else than the slide says",
    "timing": "explicit rounds and warm-up, for a quiet machine; only with -m timing",
}


@dataclass(frozen=True)
class Options:
    """The checked options of a run.

    Attributes:
        full: train to the end and decide anew; otherwise the run checks the evidence.
        seeds: trials per variant with --full; None for the default.
        more_seeds: (experiment, trials per variant) of experiments with a number of their own.
        as_needed: the limit of ``--seeds auto``, or None.
        backend_from: where the choice of backend came from, in words.
        update: the reason given to --update-baselines, or None.
        every_anchor: whether a check trains every anchor of what is selected, and on from each late state: with
            ``--anchors all``, ``-k`` or a test. Else it takes the last state: what began earlier still acts there.
        strict: pytest's own --strict, which here also makes changed bits red.
        timing: whether -m asks for the timing runs.
        resume: the run to resume; "" for the newest, None for a new run.
        workers: number of processes that train; None for as many as save time.

    The others are described in ``add``.
    """

    full: bool
    seeds: int | None
    more_seeds: tuple[tuple[str, int], ...]
    as_needed: AsNeeded | None
    first_seed: int
    backend: str
    backend_from: str
    engine: str
    precision: str
    baselines: Path
    reports: Path
    update: str | None
    every_anchor: bool
    require_baselines: bool
    require_gpu: bool
    strict: bool
    timing: bool
    reuse: bool
    dry_run: bool
    gate_timing: bool
    store: Database | None
    resume: str | None
    workers: int | None
    cluster: str

    @property
    def mode(self) -> str:
        """What the run does, in words: "check against the evidence"."""
        if not self.full:
            return "check against the evidence"
        seeds = f"{self.seeds or FULL_SEEDS}"
        if self.as_needed:
            seeds = f"as needed (at most {self.as_needed.max_seeds})"
        more = [f"{count} of {name}" for name, count in self.more_seeds]
        first = f" from {self.first_seed} on" if self.first_seed else ""
        return f"to the end, seeds {', '.join([seeds, *more])}{first}"

    def seeds_of(self, experiment: str) -> int:
        """Trials per variant of an experiment with --full; with ``--seeds auto``, those of the first look."""
        own = FEWEST_SEEDS if self.as_needed else FULL_SEEDS
        return dict(self.more_seeds).get(experiment, self.seeds or own)


def add(parser: pytest.Parser) -> None:
    """Declares the options in a group of their own; ``check`` checks their values."""
    option = parser.getgroup("claims", "claims of the lecture").addoption
    option("--catalogue", metavar="FOLDER", help="run this course (default: cases/)")
    option("--full", action="store_true", help="train to the end, and decide each claim anew")
    seeds = "with --full: trials per variant (default: 10), as 5 or 5,ID=30; auto:N: as needed, at most N (default: 30)"
    option("--seeds", metavar="N", help=seeds)
    option("--first-seed", default="0", metavar="N", help="seeds count up from here (default: 0)")
    option("--backend", metavar="NAME", help="Keras backend: tensorflow (default), jax, torch")
    option("--engine", default="auto", metavar="NAME", help="auto (default), fit, compiled, vectorized")
    option("--precision", default="default", metavar="NAME", help="of products on a GPU: default or highest")
    option("--update-baselines", metavar="REASON", help="store this run as the new baselines")
    option(
        "--anchors",
        default="usual",
        metavar="NAME",
        help="anchors and late states of a check: usual (default) or all",
    )
    option("--require-baselines", action="store_true", help="red where no baseline is stored for this stack")
    option("--require-gpu", action="store_true", help="fail where no GPU is visible or in use")
    option("--gate-timing", action="store_true", help="with -m timing: a slowdown is red on a CPU too")
    option("--reuse", action="store_true", help="take trials of earlier runs where nothing has changed")
    resume = "take the trials of runs that were killed or interrupted"
    option("--resume", nargs="?", const="", metavar="RUN", help=resume)
    option("--store", metavar="URL", help="push finished runs to this database")
    option(
        "--workers",
        metavar="N",
        help="processes that train; 1: only this one (default: one per core if that saves time)",
    )
    option("--cluster", default="", metavar="ADDRESS", help="train on the workers of this Dask scheduler")
    option("--dry-run", action="store_true", help="list what would be trained, and about how long it takes")
    option("--baseline-dir", metavar="DIR", help="default: baselines/, or that of the course")
    option("--report-dir", metavar="DIR", help="default: reports/out/, or courses/NAME/ in it")


def choose_course(arguments: Sequence[str | os.PathLike[str]]) -> None:
    """Makes the course of ``--catalogue``, or of ``SUITE_CATALOGUE``, that of this process, before anything uses it.

    SuiteError if it cannot be read.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--catalogue", nargs="?")  # pytest says that the folder is missing
    given = parser.parse_known_args([os.fspath(argument) for argument in arguments])[0].catalogue
    if given is not None or os.environ.get(VARIABLE):
        choose(given)


def check(config: pytest.Config, environ: Mapping[str, str] = os.environ) -> Options:
    """The checked options. Raises SuiteError for an invalid value, and for options that contradict each other."""
    given = config.getoption
    if given("--catalogue") is not None and Path(given("--catalogue")).resolve() != course().folder:
        raise SuiteError(
            f"--catalogue {given('--catalogue')} came too late: give it on the command line, not in a file or variable."
        )
    backend, source = _backend(given("--backend"), environ.get("KERAS_BACKEND"))
    reason = given("--update-baselines")
    if reason is not None and not reason.strip():
        raise invalid("--update-baselines", expected="a reason, in words", received=repr(reason))
    seeds, more, as_needed = _seeds(given("--seeds"))
    options = Options(
        **{name: given(name) for name in AS_GIVEN},
        seeds=seeds,
        more_seeds=more,
        as_needed=as_needed,
        first_seed=_whole("--first-seed", given("--first-seed"), 0, LAST_SEED - MOST_SEEDS),
        backend=backend,
        backend_from=source,
        engine=_known("--engine", given("--engine"), ENGINE_NAMES),
        precision=_known("--precision", given("--precision"), PRECISIONS),
        baselines=_folder("--baseline-dir", given("--baseline-dir"), course().baselines, reason is not None),
        reports=_folder("--report-dir", given("--report-dir"), config.rootpath / out_of(course()), True),
        update=reason,
        every_anchor=_known("--anchors", given("--anchors"), ("usual", "all")) == "all" or _chosen(config),
        strict=bool(given("strict")),
        timing=bool(re.search(r"(?<!not )\btiming\b", config.option.markexpr or "")),
        store=_database(given("--store")),
        workers=None if given("--workers") is None else _whole("--workers", given("--workers"), 1, MOST_WORKERS),
    )
    _check_together(options)
    if options.timing and not config.pluginmanager.hasplugin("benchmark"):
        raise SuiteError("-m timing needs the plugin pytest-benchmark. Leave -p no:benchmark out, or install it.")
    if given("dist", "no") != "no" or given("tx", None):
        raise SuiteError(
            "pytest-xdist's -n, --dist and --tx do not work with this suite, which has worker processes of its own. "
            "Use --workers N."
        )
    return options


def _chosen(config: pytest.Config) -> bool:
    """Whether the command line names claims or tests."""
    return bool(config.option.keyword) or any("::" in argument for argument in config.args)


def _database(url: str | None) -> Database | None:
    if url is None:
        return None
    from harness.record.database import Database

    return Database(url)


OWN_TRIALS = "baselines and reproducibility checks need trials of this very run"
DISTURBED = "processes that share a machine spoil each other's times"
CONTRADICTIONS = (
    ("--reuse", "--update-baselines", OWN_TRIALS),
    ("--reuse", "--require-baselines", OWN_TRIALS),
    ("--reuse", "--strict", OWN_TRIALS),
    ("--reuse", "--dry-run", "only the backend can find out which trials are reusable, and a dry run starts none"),
    ("--resume", "--dry-run", "a dry run records nothing"),
    ("--update-baselines", "--seeds auto", "a baseline needs a number of seeds that is fixed beforehand"),
    ("--update-baselines", "--first-seed", "a baseline begins with seed 0; runs are compared with it seed by seed"),
    ("--workers", "--cluster", "a cluster brings its own workers"),
    ("--engine vectorized", "-m timing", "-m timing times engines that train one seed after another"),
    ("--resume", "-m timing", "times are measured in one go"),
    ("--cluster", "-m timing", DISTURBED),
    ("--workers", "-m timing", DISTURBED),
)
"""Two options, and why they contradict each other."""


def _check_together(options: Options) -> None:
    """Raises SuiteError if two options contradict each other."""
    given = {
        "--seeds": options.seeds is not None or bool(options.more_seeds) or options.as_needed is not None,
        "--seeds auto": options.as_needed is not None,
        "--first-seed": bool(options.first_seed),
        "--reuse": options.reuse,
        "--update-baselines": options.update is not None,
        "--require-baselines": options.require_baselines,
        "--strict": options.strict,
        "--dry-run": options.dry_run,
        "--resume": options.resume is not None,
        "--cluster": bool(options.cluster),
        "--workers": options.workers is not None and not (options.timing and options.workers == 1),
        "--engine vectorized": options.engine == "vectorized",
        "-m timing": options.timing,
    }
    for name in ("--seeds", "--first-seed", "--reuse"):
        if given[name] and not options.full:
            raise SuiteError(
                f"{name} needs --full: a check trains the seeds and steps that are stored, and reuses no trials. "
                f"Add --full to train to the end, or leave {name} out."
            )
    for name, other, why in CONTRADICTIONS:
        if given[name] and given[other]:
            raise SuiteError(f"{name} and {other} contradict each other: {why}. Leave one of them out.")


def _known(option: str, value: str, names: tuple[str, ...]) -> str:
    if value not in names:
        shown = repr(_short(value))
        raise invalid(option, expected=f"one of {', '.join(names)}", received=shown, fix=nearest(value, names))
    return value


def _seeds(text: str | None) -> tuple[int | None, tuple[tuple[str, int], ...], AsNeeded | None]:
    """The parts of --seeds: "5,depth=30" is (5, (("depth", 30),), None). Raises SuiteError for anything else."""
    if text is None:
        return None, (), None
    word, colon, most = text.partition(":")
    if word == "auto":
        limit = _whole("--seeds auto", most, FEWEST_SEEDS, MOST_SEEDS) if colon else MOST_AS_NEEDED
        return None, (), AsNeeded(limit)
    counts: dict[str, int] = {}
    for part in text.split(","):
        name, equals, number = part.rpartition("=")
        count = _whole("--seeds", number, 1, MOST_SEEDS, ", auto, auto:30, or 5,ID=30 for an experiment")
        if equals and name not in course().experiments:
            expected, fix = "the id of an experiment before =", nearest(name, course().experiments)
            raise invalid("--seeds", expected=expected, received=repr(_short(name)), fix=fix)
        if name in counts:
            what = name or "all experiments"
            raise invalid("--seeds", expected=f"one number for {what}", received=repr(_short(text)))
        counts[name] = count
    return counts.pop("", None), tuple(counts.items()), None


def _whole(option: str, text: str, least: int, most: int, other: str = "") -> int:
    count = int(text) if re.fullmatch("0*[0-9]{1,10}", text) else -1
    if not least <= count <= most:
        raise invalid(option, expected=f"a whole number from {least} to {most}{other}", received=repr(_short(text)))
    return count


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"


def _folder(option: str, text: str | None, default: Path, new: bool) -> Path:
    """The folder of an option; ``new``: it need not exist."""
    if text is None:
        return default
    if not text.strip():
        raise invalid(option, expected="the name of a folder", received=repr(text))
    if os.path.exists(text) and not os.path.isdir(text):
        raise invalid(option, expected="a folder", received=f"the file {text}")
    if not new and not os.path.isdir(text):
        raise invalid(option, expected="a folder with evidence", received=f"{_short(text)!r}, which does not exist")
    return Path(text)


def _backend(option: str | None, environment: str | None) -> tuple[str, str]:
    """The backend's name, and where it comes from in words."""
    if option is not None:
        overridden = environment not in (None, "", option)
        source = f"--backend, over KERAS_BACKEND={environment}" if overridden else "--backend"
        return _known("--backend", option, NAMES), source
    if environment:
        return _known("KERAS_BACKEND", environment, NAMES), "KERAS_BACKEND"
    return default_backend()


def usage(error: SuiteError) -> pytest.UsageError:
    """The error as one that pytest prints without a traceback and that ends it with exit code 4."""
    return pytest.UsageError(str(error))
