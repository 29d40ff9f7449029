"""The lines that a timing run prints at its end, and what it stores, from synthetic times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from harness.errors import SuiteError
from harness.record import timings as stored_times
from harness.record.run import Run
from harness.record.timings import Timings
from harness.timing.slower import WIDE
from harness.training.backend import Device
from suite.session import timing
from suite.session.timing import engines_of, lines, measured, update
from tests.make import MACHINE, measurement
from tests.record.made import HEADER

SOFTMAX, DEEP = "example-4/softmax", "example-4/5 relu xavier"
ROUNDS = {"fit": 4, "compiled": 8}
GOLDEN = Path(__file__).with_name("lines.txt")


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A run without a backend that times ``works``. ``times``: seconds per epoch of fit and compiled; ``again``: those
    of a series that is to confirm them; ``contention``: what others cost; ``here``: changes of the fingerprint.
    """
    monkeypatch.setattr(timing, "PAUSE", 0.0)

    def start(
        *works: str,
        times: tuple[float, float] = (0.4, 0.1),
        device: str = "cpu",
        contention: float | None = 0.01,
        again: tuple[float, float] | None = None,
        here: dict[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        chosen = {"backend": "jax", "engine": "auto", "update": None, "gate_timing": False, "require_baselines": False}
        chosen |= {"require_gpu": False, **options}
        series: list[str] = []

        def measure(experiment: Any, variant: str, engines: list[str], provenance: Any) -> Any:
            seconds = dict(zip(ROUNDS, again if again and series else times, strict=True))
            series.append(variant)
            return {
                engine: replace(
                    measurement([seconds[engine] * (1 + 0.001 * n) for n in range(ROUNDS[engine])]),
                    epochs=experiment.size.epochs, images=60000, first_training=2.0, training=1.0,
                    fit=seconds["fit"] if engine != "fit" and "fit" in engines else None,
                    contention=contention, trained_on=f"{device}: AMD EPYC", provenance=provenance,
                )
                for engine in engines
            }  # fmt: skip

        monkeypatch.setattr(timing, "measure", measure)
        record = Run(tmp_path, HEADER)
        run = SimpleNamespace(
            options=SimpleNamespace(**chosen),
            device=Device(device, "AMD EPYC", "float32"),
            header=SimpleNamespace(fingerprint={**MACHINE, **(here or {}), "engine": "compiled"}, commit="a03a743"),
            file=SimpleNamespace(append=record.add),
            run=record,
            stored=SimpleNamespace(root=tmp_path, stack="jax-cpu"),
            progress=SimpleNamespace(note=lambda name: None),
            series=series,
        )
        for work in works:
            measured(run, work)
        return run

    return start


def states(run: Any) -> list[str]:
    return [str(record.comparison.state) for record in run.run.timings.values()]


def red(run: Any) -> list[str]:
    return [record.engine for record in run.run.timings.values() if record.red]


def store(begin: Callable[..., Any], repeats: int = 1, **options: Any) -> None:
    for _ in range(repeats):
        list(update(begin(SOFTMAX, update="first", **options)))


def held(tmp_path: Path) -> Timings:
    stored = stored_times.read(stored_times.path_of(tmp_path, "jax-cpu"))
    assert stored is not None
    return stored


def test_a_work_is_measured_once_and_recorded(begin: Callable[..., Any]) -> None:
    run = begin(SOFTMAX, SOFTMAX, DEEP)
    records = list(run.run.timings.values())
    cases = [f"{work}/{engine}" for work in (SOFTMAX, DEEP) for engine in ("fit", "compiled")]
    assert ([record.case for record in records], len(run.series)) == (cases, 2)
    assert "engine" not in records[0].measured.provenance.fingerprint
    assert engines_of(begin(engine="compiled")) == ["compiled"]


def told(begin: Callable[..., Any], tmp_path: Path) -> str:
    """What runs say and store, one after another, on one file of times."""
    path, gone = stored_times.path_of(tmp_path, "jax-cpu"), measurement([1.0])
    text = []

    def run(title: str, *works: str, columns: int = 200, **options: Any) -> None:
        made = begin(*(works or (SOFTMAX,)), **options)
        text.extend([f"# {title}", *lines(made, columns)])
        if "update" in options:
            text.extend(update(made))
        text.append("")

    run("nothing is stored")
    run("the first repeat", update="first")
    run("a narrow terminal", DEEP, columns=60)
    run("too coarse to show ten percent", update="second")
    run("a third repeat", update="third")
    run("a new Python: a program is compared, a loop is not", here={"python": "3.13"}, update="python")
    run("another machine, twice as slow", times=(0.8, 0.2), here={"device_model": "Intel Xeon"}, update="new machine")
    run("other threads", here={"threads": 16})
    run("slower on purpose", times=(0.8, 0.6), here={"device_model": "Intel Xeon"}, update="on purpose")
    run("disturbed", times=(0.8, 1.2), contention=0.6, here={"device_model": "Intel Xeon"}, update="busy")
    stored_times.update(path, lambda old: held(tmp_path).added("gone/x/fit", gone, replaces=True))
    run("another work, and one that is gone", DEEP, update="deep")
    return "\n".join(text)


def test_what_is_said_and_stored(begin: Callable[..., Any], tmp_path: Path) -> None:
    """``lines.txt``: remove it, and the test writes it anew, and fails."""
    text = told(begin, tmp_path)
    if not GOLDEN.exists():
        GOLDEN.write_text(text, "utf-8")
        pytest.fail("lines.txt was missing and has been written")
    assert text == GOLDEN.read_text("utf-8")
    assert set(held(tmp_path).cases) == {f"{work}/{engine}" for work in (SOFTMAX, DEEP) for engine in ROUNDS}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["timing"]  # accuracy is not touched
    assert not list(lines(begin()))
    assert not list(update(begin()))


@pytest.mark.parametrize(
    ("options", "state", "expected"),
    [
        ({"times": (0.4, 0.1 * WIDE * 1.3)}, "slower", []),
        ({"times": (0.4, 0.2), "gate_timing": True}, "slower", ["compiled"]),
        ({"times": (0.4, 0.2), "device": "gpu"}, "slower", ["compiled"]),
        ({"times": (0.4, 0.2), "gate_timing": True, "update": "meant"}, "slower", []),
        ({"times": (0.4, 0.05), "gate_timing": True}, "faster", []),
        ({"times": (0.4, 0.2), "contention": 0.6, "gate_timing": True}, "disturbed", []),
        ({"times": (0.4, 0.2), "again": (0.4, 0.1), "gate_timing": True}, "within", []),  # not confirmed
        ({"times": (0.8, 0.1), "again": (0.4, 0.2), "gate_timing": True}, "within", []),
        ({"times": (0.4, 0.2), "again": (0.4, 0.21), "gate_timing": True}, "slower", ["compiled"]),
        ({"times": (0.4, 0.2), "here": {"keras": "4.0"}, "gate_timing": True}, "slower", []),  # in epochs of fit
    ],
)
def test_what_is_red(begin: Callable[..., Any], options: dict[str, Any], state: str, expected: list[str]) -> None:
    """Slower in seconds, found twice: on a GPU, and on a CPU where asked for."""
    store(begin, 3)
    run = begin(SOFTMAX, **options)
    assert states(run) == ["not comparable" if "here" in options else "within", state]
    assert red(run) == expected
    assert len(run.series) == (1 if state == "disturbed" else 2)
    said = "\n".join(lines(run))
    assert ("(advisory" in said) is (state == "slower" and not expected)
    if state != "within":
        assert f"  {state}: example-4/softmax/compiled: " in said


def test_required_baselines_are_required_here_too(begin: Callable[..., Any]) -> None:
    assert red(begin(SOFTMAX, require_baselines=True)) == ["fit", "compiled"]
    store(begin)
    assert not red(begin(SOFTMAX, require_baselines=True))


def test_a_damaged_file_stops_before_anything_is_measured(begin: Callable[..., Any], tmp_path: Path) -> None:
    path = stored_times.path_of(tmp_path, "jax-cpu")
    path.parent.mkdir()
    path.write_text("{")
    run = begin()
    with pytest.raises(SuiteError, match="Invalid timings"):
        measured(run, SOFTMAX)
    assert (run.series, run.run.timings) == ([], {})


def test_a_gpu_that_did_not_compute_is_an_error(begin: Callable[..., Any]) -> None:
    with pytest.raises(SuiteError, match="--require-gpu: the trained weights are on the CPU"):
        begin(SOFTMAX, device="cpu", require_gpu=True)
    assert begin(SOFTMAX, device="gpu", require_gpu=True).run.timings
