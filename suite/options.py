"""The suite's command-line options: declared, checked together, and given names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.errors import SuiteError, invalid, nearest
from harness.experiment import SETTINGS
from harness.training.backend import BACKENDS
from harness.training.train import ENGINES

if TYPE_CHECKING:
    from suite.run import SuiteRun

ROOT = Path(__file__).resolve().parent.parent
RUN: pytest.StashKey[SuiteRun] = pytest.StashKey()
ENGINE_NAMES = ("auto", *ENGINES)
MOST_SEEDS = 100_000


@dataclass(frozen=True)
class Options:
    """What was asked for, checked. ``seeds`` is None for each experiment's own number; ``update`` is the reason given
    to --update-baselines, or None; ``backend_from`` says where the choice of backend came from; ``strict`` is pytest's
    own --strict: here it also makes changed bits red."""

    setting: str
    seeds: int | None
    backend: str
    backend_from: str
    engine: str
    baselines: Path
    reports: Path
    update: str | None
    require_baselines: bool
    require_gpu: bool
    strict: bool


def add(parser: pytest.Parser) -> None:
    """Declares the options in a group of their own. Their values are checked by ``check``, with the nearest name."""
    group = parser.getgroup("claims", "claims of the lecture")
    group.addoption("--setting", default="quick", metavar="NAME", help="quick (default) or lecture: the slides' sizes")
    group.addoption("--seeds", default=None, metavar="N", help="trials per variant: seeds 0 to N − 1")
    group.addoption("--backend", default=None, metavar="NAME", help="Keras backend: tensorflow (default), jax, torch")
    group.addoption("--engine", default="auto", metavar="NAME", help="auto (default), fit or compiled")
    group.addoption("--update-baselines", default=None, metavar="REASON", help="store this run as the new baselines")
    group.addoption("--require-baselines", action="store_true", help="red where no baseline is stored for this stack")
    group.addoption("--require-gpu", action="store_true", help="fail where no GPU is visible or in use")
    group.addoption("--baseline-dir", default=str(ROOT / "baselines"), metavar="DIR", help="default: baselines/")
    group.addoption("--report-dir", default=str(ROOT / "reports" / "out"), metavar="DIR", help="default: reports/out/")


def check(config: pytest.Config, environ: Mapping[str, str] = os.environ) -> Options:
    """The options, checked; SuiteError names the option, what was expected, what was received and the nearest name."""
    backend, source = _backend(config.getoption("--backend"), environ.get("KERAS_BACKEND"))
    reason = config.getoption("--update-baselines")
    if reason is not None and not reason.strip():
        raise invalid("--update-baselines", expected="a reason, in words", received=repr(reason))
    return Options(
        setting=_one_of("--setting", config.getoption("--setting"), SETTINGS),
        seeds=_seeds(config.getoption("--seeds")),
        backend=backend,
        backend_from=source,
        engine=_one_of("--engine", config.getoption("--engine"), ENGINE_NAMES),
        baselines=_folder("--baseline-dir", config.getoption("--baseline-dir")),
        reports=_folder("--report-dir", config.getoption("--report-dir")),
        update=reason,
        require_baselines=config.getoption("--require-baselines"),
        require_gpu=config.getoption("--require-gpu"),
        strict=bool(config.getoption("strict")),
    )


def check_one_process(config: pytest.Config) -> None:
    """SuiteError under pytest-xdist: a backend uses every core, and a run has one record, report and set of baselines,
    and one exit code, which the workers would each write, or lose."""
    if config.getoption("dist", "no") != "no" or config.getoption("numprocesses", None):
        raise invalid(
            "option -n (pytest-xdist)",
            expected="one process",
            received=f"-n {config.getoption('numprocesses', None)}",
            fix="The backend uses every core already, and a run has one record. Leave -n out.",
        )


def _one_of(option: str, value: str, names: tuple[str, ...]) -> str:
    if value not in names:
        raise invalid(option, expected=f"one of {', '.join(names)}", received=repr(value), fix=nearest(value, names))
    return value


def _seeds(text: str | None) -> int | None:
    if text is None:
        return None
    count = int(text) if re.fullmatch("0*[0-9]{1,6}", text) else 0
    if not 1 <= count <= MOST_SEEDS:
        shown = text if len(text) <= 40 else f"{text[:39]}…"
        raise invalid("--seeds", expected=f"a whole number from 1 to {MOST_SEEDS}", received=repr(shown))
    return count


def _folder(option: str, text: str) -> Path:
    if not text.strip():
        raise invalid(option, expected="the name of a folder", received=repr(text))
    if os.path.exists(text) and not os.path.isdir(text):
        raise invalid(option, expected="a folder", received=f"the file {text}")
    return Path(text)


def _backend(option: str | None, environment: str | None) -> tuple[str, str]:
    if option is not None:
        said = f"--backend, over KERAS_BACKEND={environment}" if environment not in (None, "", option) else "--backend"
        return _one_of("--backend", option, BACKENDS), said
    if environment:
        return _one_of("KERAS_BACKEND", environment, BACKENDS), "KERAS_BACKEND"
    return "tensorflow", "default"


def usage(error: SuiteError) -> pytest.UsageError:
    """The error as pytest prints it: one plain line, exit code 4."""
    return pytest.UsageError(str(error))
