"""The pytest plugin of the installed package: two fixtures and one option; and the suite where a command names it.

It is loaded in every pytest run of an environment. So it imports nothing of ours until a fixture is used, and its name
is that of no folder that somebody else's project may have.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from suite.checks import ClaimCheck, TrainingCheck

UPDATE, MOVED = "--training-update", "what moved first"
"""An option and a property of a test."""
SUITE = "suite.plugin"


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    option = parser.getgroup("training", "checks of trainings").addoption
    option(UPDATE, action="store_true", help="training_check and claim_check store what they measure anew")
    config = pluginmanager.get_plugin("pytestconfig")
    assert isinstance(config, pytest.Config)
    if _asks_for_the_suite([os.fspath(argument) for argument in config.invocation_params.args]):
        pluginmanager.import_plugin(SUITE)


def _asks_for_the_suite(arguments: list[str]) -> bool:
    """Whether a command names the installed suite, as a package or by its folder, or a course for it."""
    if any(argument.partition("=")[0] == "--catalogue" for argument in arguments):
        return True
    names = [argument.partition("::")[0] for argument in arguments if not argument.startswith("-")]
    if "--pyargs" in arguments:
        return any(name.partition(".")[0] == "suite" for name in names)
    spec = importlib.util.find_spec("suite") if any(Path(name).exists() for name in names) else None
    folders = [Path(folder).resolve() for folder in (spec and spec.submodule_search_locations) or ()]
    return any(Path(name).resolve().is_relative_to(folder) for name in names for folder in folders)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Prints what was stored anew, and the checks that moved at one place: they have one cause."""
    lines, alike = list[str](), dict[str, list[str]]()
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        for name, value in getattr(report, "user_properties", ()) if getattr(report, "when", "") == "call" else ():
            if name == UPDATE:
                lines.append(value)
            elif name == MOVED:
                alike.setdefault(value, []).append(report.nodeid)
    lines += [f"{len(ids)} checks moved at {at}: {', '.join(ids)}" for at, ids in alike.items() if len(ids) > 1]
    if lines:
        terminalreporter.section("checks of trainings")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def training_check(request: pytest.FixtureRequest) -> TrainingCheck:
    """Checks that a Keras model still trains as it did: ``training_check(build_model, data, optimizer=…, loss=…)``.

    The first run stores the training beside the test file and fails; later runs compare, step by step.
    """
    from suite.checks import TrainingCheck

    return TrainingCheck(request)


@pytest.fixture
def claim_check(request: pytest.FixtureRequest) -> ClaimCheck:
    """Checks a claim on functions of a seed: ``claim_check.exceeds(with_dropout, without, metric=…, seeds=10, …)``.

    The first run stores the numbers and the verdict beside the test file and fails; later runs decide it again.
    """
    from suite.checks import ClaimCheck

    return ClaimCheck(request)
