"""The lines that a timing run prints at its end, and what it stores, from synthetic times."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from harness.check import timings as files
from harness.check.slowdown import WIDE
from harness.errors import SuiteError
from harness.record.run import PeakMeasured, Timed
from harness.record.timings import Timings
from harness.timing.alternation import EngineTimes, WorkTimes
from harness.training.devices import Device
from suite.session import times as suite_times
from suite.session.time_lines import lines, update
from suite.session.times import engines_of, measured
from tests.timing.make import FINGERPRINT, PEAK, repeat

SOFTMAX, DEEP = "example-4/softmax", "example-4/5 relu xavier"


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A run without a backend: ``times`` gives the seconds per epoch of fit and compiled, ``again`` those of a series
    that is to confirm them, ``peak`` the machine's peak after the work, ``contention`` what others may have cost."""
    monkeypatch.setattr(suite_times, "measure_peak", lambda device: PEAK)
    monkeypatch.setattr(suite_times, "PAUSE", 0.0)

    def start(
        times: tuple[float, float] = (0.4, 0.1),
        device: str = "cpu",
        peak: float = 200.0,
        memory: Any = 7,
        contention: float | None = 0.01,
        again: tuple[float, float] | None = None,
        **options: Any,
    ) -> Any:
        chosen = {"backend": "jax", "engine": "auto", "update": None, "gate_timing": False, "require_baselines": False}
        chosen |= {"require_gpu": False, **options}

        series: list[str] = []

        def alternate(experiment: Any, variant: str, engines: list[str], *_: Any, **__: Any) -> WorkTimes:
            found = []
            chosen = again or times if series else times
            series.append(variant)
            for engine in engines:
                epoch = chosen[engine != "fit"]
                steady = [epoch * (1 + 0.001 * n) for n in range(4 if engine == "fit" else 8)]
                found.append(EngineTimes(engine, steady, steady, [2.0], 1.0, None, memory, f"{device}: AMD EPYC"))
            return WorkTimes(
                experiment.size.epochs, 60000, 1e9, tuple(found), 4, (0.1, 0.1), contention, {"copy": 0.001}
            )

        monkeypatch.setattr(suite_times, "alternate", alternate)
        monkeypatch.setattr(
            suite_times, "measure_again", lambda device, before: replace(PEAK, gflops=peak, sustained=peak)
        )
        return SimpleNamespace(
            options=SimpleNamespace(**chosen),
            device=Device(device, "AMD EPYC", "float32"),
            header=SimpleNamespace(fingerprint={**FINGERPRINT, "engine": "compiled"}, commit="a03a743"),
            file=[],
            stored=SimpleNamespace(root=tmp_path, stack="jax-cpu"),
            progress=SimpleNamespace(note=lambda name: None),
            timed=[],
            series=series,
        )

    return start


def run_of(begin: Callable[..., Any], *works: str, **options: Any) -> Any:
    run = begin(**options)
    for work in works or (SOFTMAX,):
        measured(run, work)
    return run


def states(run: Any) -> list[str]:
    return [str(comparison.state) for timed in run.timed for comparison in timed.comparisons.values()]


def red(run: Any, engine: str) -> bool:
    found: bool = run.timed[0].records[engine].red
    return found


def store(begin: Callable[..., Any], repeats: int = 1, **options: Any) -> list[str]:
    said: list[str] = []
    for _ in range(repeats):
        said = list(update(run_of(begin, update="first", **options)))
    return said


def test_what_is_too_coarse_to_show_ten_percent_is_named(begin: Callable[..., Any]) -> None:
    store(begin, 2)
    (line,) = [line for line in lines(run_of(begin)) if "would not be seen" in line]
    assert line.startswith(
        f"  a slowdown of 10% would not be seen in {SOFTMAX}/fit (only 1.5x, with 2 stored), {SOFTMAX}/compiled (only "
    )
    store(begin, 1)  # three alike
    assert not [line for line in lines(run_of(begin)) if "would not be seen" in line]


def test_a_narrow_terminal_gets_fewer_columns(begin: Callable[..., Any]) -> None:
    run = run_of(begin, DEEP)
    wide, narrow = (list(lines(run, columns))[1:5] for columns in (200, 80))
    assert wide[0].split()[:4] == ["work", "engine", "compile", "epoch"]
    assert narrow[0].split() == ["work", "engine", "epoch", "images/s", "stored"]
    assert [line.split()[-1] for line in narrow[2:]] == [line.split()[-1] for line in wide[2:]] == ["new", "new"]
    assert max(map(len, narrow)) <= 80 < max(map(len, wide))


def test_a_work_is_measured_once_and_recorded(begin: Callable[..., Any]) -> None:
    run = run_of(begin, SOFTMAX, SOFTMAX, DEEP)
    assert [timed.work for timed in run.timed] == [SOFTMAX, DEEP]
    assert [type(record) for record in run.file] == [
        PeakMeasured,
        PeakMeasured,
        Timed,
        Timed,
        PeakMeasured,
        Timed,
        Timed,
    ]
    peaks = [record.when for record in run.file if isinstance(record, PeakMeasured)]
    assert peaks == ["before", f"after {SOFTMAX}", f"after {DEEP}"]
    fit, compiled = run.file[2:4]
    assert (fit.engine, compiled.engine) == ("fit", "compiled")
    assert compiled.images_per_second == pytest.approx(60000 / compiled.steady_epoch)
    assert compiled.gflops == pytest.approx(1 / compiled.steady_epoch)
    assert compiled.share_of_peak == pytest.approx(compiled.gflops / 200)
    [ratio] = fit.ratios
    assert (ratio.of, compiled.ratios) == ("steady epoch", ())
    assert ratio.low <= ratio.estimate == pytest.approx(4, rel=0.01)


def test_only_whole_trainings_are_compared_as_a_whole(begin: Callable[..., Any]) -> None:
    run = run_of(begin, "example-1/rate 0.1")
    assert [row.of for row in run.timed[0].ratios] == [
        "steady epoch",
        "training, compilation counted",
        "training of a further seed",
    ]


def test_the_engine_that_was_asked_for_is_timed_alone(begin: Callable[..., Any]) -> None:
    assert engines_of(begin()) == ["fit", "compiled"]
    assert engines_of(begin(engine="compiled")) == ["compiled"]
    assert engines_of(begin(backend="torch")) == ["fit", "compiled"]
    run = run_of(begin, engine="fit")
    assert run.timed[0].ratios == ()


def test_a_first_run_says_that_nothing_is_stored(begin: Callable[..., Any]) -> None:
    said = "\n".join(lines(run_of(begin)))
    assert "no time is stored on jax-cpu for 2 of 2 cases" in said
    assert '-m timing --update-baselines "reason"' in said
    assert re.search(
        r"softmax, steady epoch: compiled (3\.99|4)x as fast as fit; fit / compiled \S+ \[3\.9\d, 4(\.0\d)?\]",
        said,
    )
    assert "unstable" not in said
    assert not list(lines(begin()))
    assert not list(update(begin()))


def test_an_update_appends_while_nothing_moves(begin: Callable[..., Any], tmp_path: Path) -> None:
    said = store(begin)
    assert said == [
        "timings (jax-cpu):",
        "  example-4/softmax/fit: new, repeat 1, 0.40 s per epoch",
        "  example-4/softmax/compiled: new, repeat 1, 0.10 s per epoch",
    ]
    said = store(begin)
    assert said[1] == "  example-4/softmax/fit: within, repeat 2, 0.40 s → 0.40 s per epoch"
    held = files.read(files.path_of(tmp_path, "jax-cpu"))
    assert held is not None
    [one, _] = held.cases["example-4/softmax/fit"]
    assert "engine" not in one.provenance.fingerprint
    assert (one.reference, one.contention) == ({"copy": 0.001}, 0.01)
    assert one.provenance.reason == "first"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["timing"]  # accuracy is not touched


def test_an_update_begins_anew_where_something_moved(begin: Callable[..., Any], tmp_path: Path) -> None:
    store(begin, 3)
    said = list(update(run_of(begin, times=(0.4, 0.3), update="slower on purpose")))
    assert said[1] == "  example-4/softmax/fit: within, repeat 4, 0.40 s → 0.40 s per epoch"
    assert said[2] == "  example-4/softmax/compiled: slower, begins anew, 0.10 s → 0.30 s per epoch"
    held = files.read(files.path_of(tmp_path, "jax-cpu"))
    assert held is not None
    assert [len(repeats) for repeats in held.cases.values()] == [4, 1]


def test_a_slowdown_is_advisory_on_a_cpu_and_red_where_asked_for(begin: Callable[..., Any]) -> None:
    store(begin, 3)
    slow = run_of(begin, times=(0.4, 0.1 * WIDE * 1.3))
    assert states(slow) == ["within", "slower"]
    assert not red(slow, "compiled")
    assert "(advisory on a CPU: --gate-timing)" in "\n".join(lines(slow))
    gated = run_of(begin, times=(0.4, 0.2), gate_timing=True)
    assert red(gated, "compiled")
    assert not red(gated, "fit")
    assert "advisory" not in "\n".join(lines(gated))
    assert red(run_of(begin, times=(0.4, 0.2), device="gpu"), "compiled")
    assert not red(run_of(begin, times=(0.4, 0.2), gate_timing=True, update="meant"), "compiled")
    fast = run_of(begin, times=(0.4, 0.05), gate_timing=True)
    assert states(fast) == ["within", "faster"]
    assert not red(fast, "compiled")


def test_a_change_is_measured_a_second_time_and_has_to_be_there_again(begin: Callable[..., Any]) -> None:
    store(begin, 3)
    assert len(run_of(begin, times=(0.4, 0.1)).series) == 1
    gone = run_of(begin, times=(0.4, 0.2), again=(0.4, 0.1), gate_timing=True)
    assert (len(gone.series), states(gone)) == (2, ["within", "within"])
    assert "A series before it was slower: not confirmed." in gone.timed[0].comparisons["compiled"].reason
    assert gone.timed[0].repeats["compiled"].median == pytest.approx(0.1, rel=0.01)
    assert states(run_of(begin, times=(0.8, 0.1), again=(0.4, 0.2))) == ["within", "within"]
    there = run_of(begin, times=(0.4, 0.2), again=(0.4, 0.21), gate_timing=True)
    assert (len(there.series), states(there)) == (2, ["within", "slower"])
    assert red(there, "compiled")


def test_what_others_explain_is_said_and_never_red(begin: Callable[..., Any]) -> None:
    store(begin, 3)
    run = run_of(begin, times=(0.4, 0.2), contention=0.6, gate_timing=True)
    assert (len(run.series), states(run)) == (1, ["within", "disturbed"])
    assert not red(run, "compiled")
    assert run.timed[0].records["compiled"].contention == 0.6
    said = "\n".join(lines(run))
    assert "disturbed: example-4/softmax/compiled: its fastest round 2.00x slower" in said
    assert "other programs may have held this one up for 60% of the time" in said
    stored = list(update(run_of(begin, times=(0.4, 0.2), contention=0.6, update="busy")))
    assert stored[2] == "  example-4/softmax/compiled: disturbed, repeat 4, 0.10 s → 0.20 s per epoch"


def test_required_baselines_are_required_here_too(begin: Callable[..., Any]) -> None:
    assert red(run_of(begin, require_baselines=True), "fit")
    store(begin)
    assert not red(run_of(begin, require_baselines=True), "fit")


def test_another_machine_is_not_compared_and_an_update_replaces(begin: Callable[..., Any]) -> None:
    store(begin, 2)
    run = begin(update="a new machine")
    run.header.fingerprint["threads"] = 16
    measured(run, SOFTMAX)
    said = "\n".join(lines(run))
    assert "not comparable: example-4/softmax/fit, example-4/softmax/compiled" in said
    assert "threads 2 then, 16 now" in said
    assert [line.split(": ")[1] for line in list(update(run))[1:]] == [
        "not comparable, begins anew, 0.40 s → 0.40 s per epoch",
        "not comparable, begins anew, 0.10 s → 0.10 s per epoch",
    ]


def test_cases_on_one_side_only_are_shown(begin: Callable[..., Any], tmp_path: Path) -> None:
    store(begin)
    path, none = files.path_of(tmp_path, "jax-cpu"), Timings(stack="jax-cpu", cases={})
    files.update(
        path,
        lambda old: (old or none).with_repeat("gone/x/fit", repeat([1.0]), replaces=True),
    )
    run = run_of(begin, DEEP)
    said = "\n".join(lines(run))
    assert "missing: gone/x/fit has stored times and is no longer timed" in said
    assert "not timed in this run, although stored: example-4/softmax/compiled, example-4/softmax/fit" in said
    changed = list(update(run))
    assert changed[-1] == "  gone/x/fit: removed, no longer timed"
    held = files.read(path)
    assert held is not None
    assert set(held.cases) == {f"{work}/{engine}" for work in (SOFTMAX, DEEP) for engine in ("fit", "compiled")}


def test_an_unstable_machine_is_named_with_what_to_try(begin: Callable[..., Any]) -> None:
    said = list(lines(run_of(begin, peak=90.0)))
    assert "  The result may be unstable:" in said
    assert any("peak went from 200 to 90 GFLOP/s" in line for line in said)
    assert sum(line.startswith("  try: ") for line in said) == 1


def test_a_damaged_file_stops_before_anything_is_measured(begin: Callable[..., Any], tmp_path: Path) -> None:
    path = files.path_of(tmp_path, "jax-cpu")
    path.parent.mkdir()
    path.write_text("{")
    run = begin()
    with pytest.raises(SuiteError, match="Invalid timings"):
        measured(run, SOFTMAX)
    assert run.file == []


def test_a_gpu_that_did_not_compute_is_an_error(begin: Callable[..., Any]) -> None:
    with pytest.raises(SuiteError, match="--require-gpu: the trained weights are on the CPU"):
        run_of(begin, device="cpu", require_gpu=True)
    assert run_of(begin, device="gpu", require_gpu=True).timed
