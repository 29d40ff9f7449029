"""The suite itself, in this process, with a fault in it: ``pytest suite/`` as anybody runs it, up to the first red."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from unittest import mock

import numpy as np
import pytest

from baselines.files import path_of, read
from harness.experiment import Experiment
from harness.training.configuration import variant_digest
from harness.trial import Trial
from suite.catalogue import CLAIMS, EXPERIMENTS, TRAININGS
from suite.options import ROOT
from tests.faults.fault import Fault, injected

STAGES: dict[str, tuple[str, ...]] = {
    "exact": (),
    "tiny": (
        "example-1",
        "example-2",
        "example-2-clipped",
        "gradient-descent",
        "rate-sweep",
        "double-well",
        "long-valley",
        "far-target",
        "scale-gap",
        "centring",
    ),
    "errata": (),
    "small": (
        "covariate-shift",
        "small-rate-gradients",
        "batch-normalization-rates",
        "batch-normalization-examples",
        "example-3",
        "more-data",
    ),
    "rest": ("example-4-softmax", "fewer-features", "deep-gradients", "optimizers", "example-4", "regularization"),
}
"""What runs one after the other, until something is red; with its experiments."""
PLACE = {experiment: list(STAGES).index(stage) for stage, names in STAGES.items() for experiment in names}
LIKELY = {
    "optimizer": ("training linear", "training relu-adam", "training normalised", "adam-rule", "amsgrad-rule", "clip"),
    "initialisers": ("initial weights",),
    "losses and metrics": ("training relu-adam", "training linear", "functions"),
    "data": ("images of an epoch", "images", "training relu-adam"),
    "callbacks": ("callbacks",),
    "determinism": ("initial weights", "training relu-adam", "dropout"),
    "written after the checks": ("training relu-adam", "training normalised", "initial weights", "images"),
    "numerics": ("training relu-adam", "functions"),
}
"""Exact cases that come first, by class of fault: what is caught is the same, and found sooner."""
OF_YARDSTICK = {
    ("example-4", "dropout 0.2"): ("dropout",),
    ("example-4", "l1 1e-4"): ("training penalised",),
    ("regularization", "l2 0.001"): ("training normalised",),
    ("batch-normalization-rates", "normalised, rate 0.1"): ("training normalised",),
    ("batch-normalization-examples", "rnn"): ("training recurrent",),
    ("batch-normalization-examples", "cnn"): ("training convolutional",),
    ("batch-normalization-rates", "plain, rate 0.1"): ("training relu-adam",),
}
"""The same for layers and engines, by the training in which a fault acts."""
LAST_BIT = 2.0**-23


@dataclasses.dataclass(frozen=True)
class Outcome:
    """``by``: the first red case, "" where there was none; ``reason``: what it said; ``cases``: how many had run."""

    by: str
    reason: str
    cases: int
    seconds: float

    @property
    def caught(self) -> bool:
        return bool(self.by)


@functools.cache
def definitions() -> dict[tuple[str, str], str]:
    """Every variant's definition without a fault: a fault at run time is not to be seen by its source."""
    return {(e, v): variant_digest(EXPERIMENTS[e], v, "quick") for e, v in TRAININGS}


def defined(experiment: Experiment, variant: str, setting: str) -> str:
    return definitions()[experiment.id, variant]


@functools.cache
def stored(backend: str, experiment: str) -> dict[str, tuple[Trial, ...]]:
    """The stored trials of each variant, as many as a run of ``quick`` trains."""
    baseline = read(path_of(ROOT / "baselines", "quick", f"{backend}-cpu", experiment))
    assert baseline is not None, experiment
    seeds = range(EXPERIMENTS[experiment].size("quick").seeds)
    return {name: tuple(t for t in v.trials if t.seed in seeds) for name, v in baseline.variants.items()}


class Watcher:
    """A pytest plugin: puts the items in the order of the stages, and keeps the first red one."""

    def __init__(self, stages: Sequence[str], likely: Sequence[str]) -> None:
        self.stages, self.likely, self.red, self.cases = stages, likely, ("", ""), 0

    def _order(self, item: pytest.Item) -> tuple[int, ...]:
        stage, *rest = _place(item)
        name = item.name.partition("[")[2]
        hope = next((i for i, start in enumerate(self.likely) if name.startswith(start)), len(self.likely))
        return stage, hope if stage == 0 else 0, *rest

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        # Not before: the level at which a variant is red is that of all the variants of a run.
        wanted = {list(STAGES).index(stage) for stage in self.stages}
        kept = [item for item in session.items if _place(item)[0] in wanted]
        session.items[:] = sorted(kept, key=self._order)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.cases += report.when == "call"
        if report.failed and not self.red[0]:
            text = str(report.longrepr)
            self.red = report.nodeid.rpartition("::")[2], text if len(text) < 600 else f"{text[:400]} … {text[-200:]}"

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and not self.red[0]:
            self.red = report.nodeid, str(report.longrepr)[-400:]


def _place(item: pytest.Item) -> tuple[int, int, int]:
    """Stage, experiment, and trainings before claims."""
    kind = getattr(item, "originalname", "")
    params = getattr(item, "callspec", None)
    if kind == "test_errata":
        return list(STAGES).index("errata"), 0, 0
    if kind in ("test_training", "test_claims") and params is not None:
        experiment = params.params.get("experiment") or _experiment_of(params.params["key"])
        return PLACE[experiment], list(EXPERIMENTS).index(experiment), int(kind == "test_claims")
    return 0, 0, int(kind == "test_exact")


@functools.cache
def _experiment_of(key: str) -> str:
    (claim,) = [claim for claim in CLAIMS if claim.key == key]
    assert claim.experiment is not None
    return claim.experiment.id


def nudged(original: Callable[..., None], model: Any, seed: int, *how: Any) -> None:
    """Initial weights with the last bit of each up, down or left alone: so that rounding errors run as elsewhere.

    Not as a perturbed trial has them, by which the rounding that drift allows for was measured.
    """
    original(model, seed, *how)
    for number, variable in enumerate(model.trainable_variables):
        value = np.asarray(variable.value, "float32")
        rng = np.random.default_rng([seed, number, zlib.crc32(str(value.shape).encode())])
        variable.assign((value * (1 + LAST_BIT * rng.integers(-1, 2, value.shape))).astype("float32"))


@contextlib.contextmanager
def elsewhere() -> Iterator[None]:
    """As on another machine: the fingerprint is another one, and the last bits are."""
    from harness.training import task
    from suite import lifecycle

    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(task, "initialise", functools.partial(nudged, task.initialise)))
        prints = lifecycle.run_fingerprint

        def other(options: Any, device: Any) -> dict[str, Any]:
            return {**prints(options, device), "device_model": "another machine", "instruction_set": "another"}

        stack.enter_context(mock.patch.object(lifecycle, "run_fingerprint", other))
        yield


@contextlib.contextmanager
def at_hand(backend: str, trains: bool) -> Iterator[None]:
    """Definitions as without a fault; where no training is touched, its stored trials in the place of trained ones."""

    def recalled(
        experiment: Experiment,
        variant: str,
        seeds: Any,
        setting: str,
        engine: str,
        on_epoch: Any,
        keep: Any,
        **how: Any,
    ) -> tuple[Trial, ...]:
        trials = stored(backend, experiment.id)[variant]
        for trial in trials:
            keep(trial)
        return trials

    with contextlib.ExitStack() as stack:
        for module in ("suite.stored", "suite.trials"):
            stack.enter_context(mock.patch(f"{module}.variant_digest", defined))
        stack.enter_context(mock.patch("reports.write.write_report", return_value="none"))
        if not trains:
            for experiment in EXPERIMENTS:
                stored(backend, experiment)
            stack.enter_context(mock.patch("suite.trials.train", recalled))
        yield


def suite_with(fault: Fault, backend: str, stages: Sequence[str], *, same_machine: bool) -> Outcome:
    """Runs the suite with the fault until a case is red.

    Args:
        fault: put in for this run.
        backend: "jax" or "tensorflow"; one process has one.
        stages: of ``STAGES``.
        same_machine: bits count (``--strict``); else as on another machine.
    """
    from harness.training.backend import choose_backend, start_backend

    choose_backend(backend)
    start_backend()
    definitions()
    likely = LIKELY.get(fault.group) or (OF_YARDSTICK.get(fault.yardstick, ()) if fault.yardstick else ())
    watcher = Watcher(stages, likely)
    clock = time.perf_counter()
    trains = fault.yardstick is not None or not fault.patches
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        stack.enter_context(at_hand(backend, trains))
        stack.enter_context(injected(fault))
        if not same_machine:
            stack.enter_context(elsewhere())
        said = stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        options = ["--backend", backend, "--report-dir", folder, "--maxfail=1", "-q", "--no-header", "--tb=short"]
        plugins = ["no:benchmark", "no:randomly", "no:cacheprovider", "no:xdist"]
        # --strict is pytest's own, too: it makes changed bits red
        options += [word for name in plugins for word in ("-p", name)] + (["--strict"] if same_machine else [])
        code = pytest.main([str(ROOT / "suite"), "--rootdir", str(ROOT), *options], plugins=[watcher])
    by, reason = watcher.red
    if not by and code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        by, reason = f"exit code {int(code)}", said.getvalue()[-400:]
    return Outcome(by, reason, watcher.cases, time.perf_counter() - clock)
