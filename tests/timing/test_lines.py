"""The lines that a timing run prints at its end, and what it stores, from synthetic times."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from harness.errors import SuiteError
from harness.record.run import Timed
from harness.record.timings import Timings
from harness.timing import stored_times
from harness.timing.slower import WIDE
from harness.training.backend import Device
from suite.session import timing
from suite.session.timing import engines_of, lines, measured, update
from tests.make import MACHINE, measurement

SOFTMAX, DEEP = "example-4/softmax", "example-4/5 relu xavier"
ROUNDS = {"fit": 4, "compiled": 8}


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A run without a backend: ``times`` gives the seconds per epoch of fit and compiled, ``again`` those of a series
    that is to confirm them, ``contention`` what others may have cost, ``here`` changes to the fingerprint."""
    monkeypatch.setattr(timing, "PAUSE", 0.0)

    def start(
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
        return SimpleNamespace(
            options=SimpleNamespace(**chosen),
            device=Device(device, "AMD EPYC", "float32"),
            header=SimpleNamespace(fingerprint={**MACHINE, **(here or {}), "engine": "compiled"}, commit="a03a743"),
            file=[],
            stored=SimpleNamespace(root=tmp_path, stack="jax-cpu"),
            progress=SimpleNamespace(note=lambda name: None),
            timed={},
            series=series,
        )

    return start


def run_of(begin: Callable[..., Any], *works: str, **options: Any) -> Any:
    run = begin(**options)
    for work in works or (SOFTMAX,):
        measured(run, work)
    return run


def states(run: Any) -> list[str]:
    return [str(record.comparison.state) for record in run.timed.values()]


def red(run: Any) -> list[str]:
    return [record.engine for record in run.timed.values() if record.red]


def store(begin: Callable[..., Any], repeats: int = 1, **options: Any) -> list[str]:
    said: list[str] = []
    for _ in range(repeats):
        said = list(update(run_of(begin, update="first", **options)))
    return said


def held(tmp_path: Path) -> Timings:
    stored = stored_times.read(stored_times.path_of(tmp_path, "jax-cpu"))
    assert stored is not None
    return stored


def test_a_work_is_measured_once_and_recorded(begin: Callable[..., Any]) -> None:
    run = run_of(begin, SOFTMAX, SOFTMAX, DEEP)
    assert [(type(record), record.case) for record in run.file] == [
        (Timed, f"{work}/{engine}") for work in (SOFTMAX, DEEP) for engine in ("fit", "compiled")
    ]
    assert list(run.timed.values()) == run.file
    assert "engine" not in run.file[0].measured.provenance.fingerprint


def test_the_engine_that_was_asked_for_is_timed_alone(begin: Callable[..., Any]) -> None:
    assert engines_of(begin()) == ["fit", "compiled"]
    assert engines_of(begin(engine="compiled")) == ["compiled"]
    assert "as fast as" not in "\n".join(lines(run_of(begin, engine="fit")))


def test_a_first_run_says_that_nothing_is_stored(begin: Callable[..., Any]) -> None:
    said = "\n".join(lines(run_of(begin)))
    assert "no time is stored on jax-cpu for 2 of 2 cases" in said
    assert '-m timing --update-baselines "reason"' in said
    assert re.search(
        r"softmax, steady epoch: compiled (3\.99|4) × as fast as fit; fit / compiled \S+ \[3\.9\d, 4(\.0\d)?\]", said
    )
    assert re.search(r"softmax, first training of \d+ epochs, with compilation: compiled 1 × as fast as fit;", said)
    assert not list(lines(begin()))
    assert not list(update(begin()))


def test_what_is_too_coarse_to_show_ten_percent_is_named(begin: Callable[..., Any]) -> None:
    store(begin, 2)
    (line,) = [line for line in lines(run_of(begin)) if "would not be seen" in line]
    assert line.startswith(
        f"  a slowdown of 10% would not be seen in {SOFTMAX}/fit (only 1.5 ×, with 2 stored), {SOFTMAX}/compiled (only "
    )
    store(begin, 1)  # three alike
    assert not [line for line in lines(run_of(begin)) if "would not be seen" in line]


def test_a_narrow_terminal_gets_fewer_columns(begin: Callable[..., Any]) -> None:
    store(begin)
    run = run_of(begin, DEEP)
    wide, narrow = (list(lines(run, columns))[1:5] for columns in (200, 60))
    assert wide[0].split() == ["work", "engine", "compile", "epoch", "images/s", "stored"]
    assert narrow[0].split() == ["work", "engine", "epoch", "images/s", "stored"]
    assert max(map(len, narrow)) <= 60 < max(map(len, wide))


def test_an_update_appends_while_nothing_moves_and_begins_anew_where_something_did(
    begin: Callable[..., Any], tmp_path: Path
) -> None:
    assert store(begin) == [
        "timings (jax-cpu):",
        "  example-4/softmax/fit: new, repeat 1, 0.40 s per epoch",
        "  example-4/softmax/compiled: new, repeat 1, 0.10 s per epoch",
    ]
    assert store(begin)[1] == "  example-4/softmax/fit: within, repeat 2, 0.40 s → 0.40 s per epoch"
    store(begin)
    assert held(tmp_path).cases["example-4/softmax/fit"][0].provenance.reason == "first"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["timing"]  # accuracy is not touched
    said = list(update(run_of(begin, times=(0.4, 0.3), update="slower on purpose")))
    assert said[1] == "  example-4/softmax/fit: within, repeat 4, 0.40 s → 0.40 s per epoch"
    assert said[2] == "  example-4/softmax/compiled: slower, begins anew, 0.10 s → 0.30 s per epoch"
    assert [len(stored) for stored in held(tmp_path).cases.values()] == [4, 1]


@pytest.mark.parametrize(
    ("options", "found", "expected"),
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
def test_what_is_red(begin: Callable[..., Any], options: dict[str, Any], found: str, expected: list[str]) -> None:
    """Slower in seconds, found twice: on a GPU, and on a CPU where asked for."""
    store(begin, 3)
    run = run_of(begin, **options)
    assert states(run) == ["not comparable" if "here" in options else "within", found]
    assert red(run) == expected
    assert len(run.series) == (1 if found == "disturbed" else 2)
    said = "\n".join(lines(run))
    assert ("(advisory" in said) is (found == "slower" and not expected)
    if found != "within":
        assert f"  {found}: example-4/softmax/compiled: " in said


def test_what_others_explain_is_stored(begin: Callable[..., Any]) -> None:
    store(begin, 3)
    said = list(update(run_of(begin, times=(0.4, 0.2), contention=0.6, update="busy")))
    assert said[2] == "  example-4/softmax/compiled: disturbed, repeat 4, 0.10 s → 0.20 s per epoch"


def test_required_baselines_are_required_here_too(begin: Callable[..., Any]) -> None:
    assert red(run_of(begin, require_baselines=True)) == ["fit", "compiled"]
    store(begin)
    assert not red(run_of(begin, require_baselines=True))


def test_a_new_python_leaves_a_program_comparable(begin: Callable[..., Any]) -> None:
    store(begin, 3, here={"python": "3.11"})
    run = run_of(begin, here={"python": "3.13"}, update="a new Python")
    assert states(run) == ["not comparable", "within"]
    assert "not comparable: example-4/softmax/fit: Stored under other conditions: python 3.11 then" in "\n".join(
        lines(run)
    )
    assert [line.split(": ")[1] for line in list(update(run))[1:]] == [
        "not comparable, begins anew, 0.40 s → 0.40 s per epoch",
        "within, repeat 4, 0.10 s → 0.10 s per epoch",
    ]


def test_on_another_machine_epochs_of_fit_are_compared_and_an_update_replaces(begin: Callable[..., Any]) -> None:
    store(begin, 2)
    run = run_of(begin, times=(0.8, 0.2), here={"device_model": "Intel Xeon"}, update="a new machine")
    assert states(run) == ["not comparable", "within"]
    said = "\n".join(lines(run))
    assert re.search(r"softmax +compiled .*no change shown \(as fast, in epochs of fit\)", said)
    assert [line.split(": ")[1] for line in list(update(run))[1:]] == [
        "not comparable, begins anew, 0.40 s → 0.80 s per epoch",
        "within, begins anew, 0.10 s → 0.20 s per epoch",
    ]
    threads = "\n".join(lines(run_of(begin, here={"threads": 16})))
    assert "not comparable: example-4/softmax/fit, example-4/softmax/compiled" in threads
    assert "threads 2 then, 16 now" in threads


def test_cases_on_one_side_only_are_shown(begin: Callable[..., Any], tmp_path: Path) -> None:
    store(begin)
    path, none = stored_times.path_of(tmp_path, "jax-cpu"), Timings(stack="jax-cpu", cases={})
    stored_times.update(path, lambda old: (old or none).added("gone/x/fit", measurement([1.0]), replaces=True))
    run = run_of(begin, DEEP)
    said = "\n".join(lines(run))
    assert "missing: gone/x/fit has stored times and is no longer timed" in said
    assert "not timed in this run, although stored: example-4/softmax/compiled, example-4/softmax/fit" in said
    assert list(update(run))[-1] == "  gone/x/fit: removed, no longer timed"
    assert set(held(tmp_path).cases) == {f"{work}/{engine}" for work in (SOFTMAX, DEEP) for engine in ROUNDS}


def test_a_damaged_file_stops_before_anything_is_measured(begin: Callable[..., Any], tmp_path: Path) -> None:
    path = stored_times.path_of(tmp_path, "jax-cpu")
    path.parent.mkdir()
    path.write_text("{")
    run = begin()
    with pytest.raises(SuiteError, match="Invalid timings"):
        measured(run, SOFTMAX)
    assert run.file == run.series == []


def test_a_gpu_that_did_not_compute_is_an_error(begin: Callable[..., Any]) -> None:
    with pytest.raises(SuiteError, match="--require-gpu: the trained weights are on the CPU"):
        run_of(begin, device="cpu", require_gpu=True)
    assert run_of(begin, device="gpu", require_gpu=True).timed
