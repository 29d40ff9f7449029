"""pytest-xdist (``-n``): what a run of several workers may be, and how they divide the machine.

The controller collects nothing and trains nothing; each worker collects everything and runs what it is handed. Their
run is one (``suite.exchange``), and the controller ends it from its record.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from harness import gpu
from harness.errors import SuiteError, invalid

KEY = "claims"
"""Where in xdist's ``workerinput`` a worker finds its part of the run: id, started, command, locks."""


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is a worker of pytest-xdist."""
    return hasattr(config, "workerinput")


def is_controller(config: pytest.Config) -> bool:
    """Whether this process hands its items out to workers."""
    return not is_worker(config) and config.getoption("dist", "no") != "no" and bool(config.getoption("tx", None))


def shared_input(config: pytest.Config) -> dict[str, Any]:
    """What the controller tells this worker."""
    return dict(config.workerinput[KEY])  # type: ignore[attr-defined] # xdist's, on its workers alone


def check(config: pytest.Config) -> None:
    """SuiteError for a distribution in which trials would be trained twice, elsewhere, or timed side by side."""
    if not is_controller(config):
        return
    dist, places = config.getoption("dist", "no"), _places(config)
    if dist == "each":
        fix = "Leave --dist out."
        raise invalid("--dist", expected="each item in one worker", received="each", fix=fix)
    elsewhere = [place for place in places if place.split("//")[0] != "popen"]
    if elsewhere:
        fix = "Use -n: the workers of a run share its record on disk."
        raise invalid("--tx", expected="workers on this machine", received=repr(elsewhere[0]), fix=fix)
    if "timing" in (config.option.markexpr or ""):
        fix = "Leave -n out: workers that share a machine spoil each other's times."
        raise invalid("-n with -m timing", expected="one process", received=f"-n {len(places)}", fix=fix)


def check_full(config: pytest.Config, full: bool, update: bool) -> None:
    """SuiteError for workers in a check, which takes minutes in one process, and where evidence is to be stored."""
    if is_controller(config) and (update or not full):
        raise SuiteError(
            "-n needs --full, without --update-baselines: a check, and a run that stores evidence, train in one "
            "process. Leave -n out."
        )


def prepare(config: pytest.Config) -> None:
    """Has pytest-benchmark keep quiet instead of warning, and items handed out singly: trainings last long."""
    if config.pluginmanager.hasplugin("benchmark"):
        config.option.benchmark_disable = True
    if is_controller(config) and config.getoption("maxschedchunk", None) is None:
        config.option.maxschedchunk = 1


def count(config: pytest.Config) -> int:
    """How many workers share the run; 1 without pytest-xdist."""
    if is_worker(config):
        return int(config.workerinput["workercount"])  # type: ignore[attr-defined] # as above
    return len(_places(config)) if is_controller(config) else 1


def _places(config: pytest.Config) -> list[str]:
    """Where the workers are to run, one entry each: "2*popen" is two of them."""
    asked = [place.rpartition("*") for place in config.getoption("tx", None) or []]
    return [place for number, _, place in asked for _ in range(int(number) if number.isdigit() else 1)]


def divide_machine(config: pytest.Config) -> None:
    """Gives this worker its share of the cores, and one GPU; to be called before a backend starts its threads."""
    name = str(config.workerinput["workerid"])  # type: ignore[attr-defined] # as above
    index = int("".join(filter(str.isdigit, name)) or 0)
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, share(cores, index, count(config)))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    gpus = visible.split(",") if visible is not None else [str(index) for index in range(gpu.count())]
    if gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[index % len(gpus)]


def share(cores: list[int], index: int, workers: int) -> list[int]:
    """The cores of one of several workers: every one belongs to a worker; with more workers than cores, one each."""
    return cores[index % workers :: workers] or [cores[index % len(cores)]]
