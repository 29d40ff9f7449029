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
HERE = Path(__file__).resolve().parent
"""Its packages lie beside this file."""


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    option = parser.getgroup("training", "checks of trainings").addoption
    option(UPDATE, action="store_true", help="training_check and claim_check store what they measure anew")
    config = pluginmanager.get_plugin("pytestconfig")
    assert isinstance(config, pytest.Config)
    if _asks_for_the_suite([os.fspath(argument) for argument in config.invocation_params.args]) and not in_the_way():
        pluginmanager.import_plugin(SUITE)


def _asks_for_the_suite(arguments: list[str]) -> bool:
    """Whether a command names the installed suite, as a package or by its folder, or a course for it."""
    if any(argument.partition("=")[0] == "--catalogue" for argument in arguments):
        return True
    names = [argument.partition("::")[0] for argument in arguments if not argument.startswith("-")]
    if "--pyargs" in arguments:
        return any(name.partition(".")[0] == "suite" for name in names)
    return any(Path(name).resolve().is_relative_to(HERE / "suite") for name in names)


def in_the_way() -> Path | None:
    """A module or folder that Python imports in place of one of ours."""
    for name in ("suite", "harness", "reports"):
        spec = importlib.util.find_spec(name)
        file = Path(spec.origin or name).resolve() if spec else HERE / name / "__init__.py"
        if file.parent != HERE / name:
            return file.parent if file.name == "__init__.py" else file
    return None


def _check_ours() -> None:
    """Fails the test with a sentence if something else has the name of one of our packages."""
    if other := in_the_way():
        pytest.fail(
            f"training_check and claim_check cannot be used here: Python imports {other} in place of "
            f"{HERE / other.stem}, which they need. Give it another name, or keep it off Python's path.", pytrace=False
        )  # fmt: skip


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
    _check_ours()
    from suite.checks import TrainingCheck

    return TrainingCheck(request)


@pytest.fixture
def claim_check(request: pytest.FixtureRequest) -> ClaimCheck:
    """Checks a claim on functions of a seed: ``claim_check.exceeds(with_dropout, without, metric=…, seeds=10, …)``.

    The first run stores the numbers and the verdict beside the test file and fails; later runs decide it again.
    """
    _check_ours()
    from suite.checks import ClaimCheck

    return ClaimCheck(request)
